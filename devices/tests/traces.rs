//! Traces: what is replayed is what was recorded, laws hold of it, mistakes are located.

use std::{fmt::Write, sync::Arc};

use fleetune_devices::{
    Availability, Fleet, FleetConfig, Profiles, Session, Sessions,
    availability::{
        Process,
        trace::{TraceConfig, TraceError, TraceSessions, Traces},
    },
    energy::Moment,
    streams::SeedTree,
};
use fleetune_units::Seconds;

use fleetune_validation::acceptance::accept;

const UP: f64 = 3.0; // [s]
const DOWN: f64 = 5.0; // [s]

fn seconds(s: f64) -> Seconds {
    Seconds::new(s).unwrap()
}

fn exponential() -> Availability {
    serde_yaml::from_str("exponential: { mean_on: 3 s, mean_off: 5 s }").unwrap()
}

fn read(text: &str, repeat: Option<f64>, keep: u32) -> Result<Arc<Traces>, TraceError> {
    Traces::read(text.as_bytes(), "fleet.csv", repeat.map(seconds), keep).map(Arc::new)
}

fn sessions(traces: &Arc<Traces>, process: Process, device: u32) -> TraceSessions {
    TraceSessions::new(traces, process, device).unwrap()
}

/// (online, length [s]), infinite lengths included.
fn periods(traces: &Arc<Traces>, process: Process, device: u32, take: usize) -> Vec<(bool, f64)> {
    let pair = |s: Session| (s.online, s.length.get());
    sessions(traces, process, device).take(take).map(pair).collect()
}

/// A trace of what a law does in `devices` devices up to `horizon`.
fn record(seeds: &SeedTree, devices: u64, horizon: f64) -> String {
    let mut text = "device,start,end\n".to_owned();
    for key in 0..devices {
        let mut now = Moment(0);
        for session in Sessions::stationary(exponential(), seeds, key) {
            let end = now.after(session.length).unwrap();
            if session.online {
                let (from, to) = (now.since(Moment(0)).get(), end.since(Moment(0)).get());
                if from >= horizon {
                    break;
                }
                writeln!(text, "{key},{from},{}", to.min(horizon)).unwrap();
            } else if end.since(Moment(0)).get() >= horizon {
                break;
            }
            now = end;
        }
    }
    text
}

#[test]
fn intervals_are_replayed_as_recorded() {
    let text = "device,start,end\n0,1.5,4\n0,10,12\n2,0,7\n";
    let traces = read(text, None, 100).unwrap();
    let inf = f64::INFINITY;
    let online = Process::Availability;
    assert_eq!(traces.devices(), 3);
    assert_eq!(
        periods(&traces, online, 0, 9),
        [(false, 1.5), (true, 2.5), (false, 6.0), (true, 2.0), (false, inf)]
    );
    assert_eq!(periods(&traces, online, 1, 9), [(false, inf)], "a gap is never there");
    assert_eq!(periods(&traces, online, 2, 9), [(true, 7.0), (false, inf)]);
    assert_eq!(periods(&traces, online, 3, 9), periods(&traces, online, 0, 9), "round again");
    assert!(traces.records(online) && !traces.records(Process::Charging));
    assert!(TraceSessions::new(&traces, Process::Wifi, 0).is_none());
}

#[test]
fn states_are_columns_and_touching_intervals_are_one() {
    let text = "state,end,start,device\nwifi,5,1,0\nonline,3,0,0\nonline,8,3,0\ncharging,9,8,1\n";
    let traces = read(text, None, 100).unwrap();
    let inf = f64::INFINITY;
    assert_eq!(periods(&traces, Process::Availability, 0, 9), [(true, 8.0), (false, inf)]);
    assert_eq!(periods(&traces, Process::Wifi, 0, 9), [(false, 1.0), (true, 4.0), (false, inf)]);
    assert_eq!(periods(&traces, Process::Charging, 0, 9), [(false, inf)]);
    assert_eq!(periods(&traces, Process::Wifi, 1, 9), [(false, inf)]);
    assert_eq!(
        periods(&traces, Process::Charging, 1, 9),
        [(false, 8.0), (true, 1.0), (false, inf)]
    );
}

#[test]
fn repetitions_join_where_they_should() {
    let online = Process::Availability;
    // Off at the seam.
    let apart = read("device,start,end\n0,1,3\n", Some(10.0), 9).unwrap();
    assert_eq!(
        periods(&apart, online, 0, 5),
        [(false, 1.0), (true, 2.0), (false, 8.0), (true, 2.0), (false, 8.0)]
    );
    // On at the seam: one period of 2 + 3, and none of no length.
    let joined = read("device,start,end\n0,0,3\n0,8,10\n", Some(10.0), 9).unwrap();
    assert_eq!(
        periods(&joined, online, 0, 5),
        [(true, 3.0), (false, 5.0), (true, 5.0), (false, 5.0), (true, 5.0)]
    );
    // There all the time, and never.
    let text = "device,start,end\n1,0,4\n1,4,10\n";
    let always = read(text, Some(10.0), 9).unwrap();
    assert_eq!(periods(&always, online, 1, 5), [(true, f64::INFINITY)]);
    assert_eq!(periods(&always, online, 0, 5), [(false, f64::INFINITY)]);
    assert_eq!(always.share(online, 1), Some(1.0));
    assert_eq!(joined.share(online, 0), Some(0.5));
    // A device that is there throughout a trace that does not repeat leaves at its end.
    let once = read(text, None, 9).unwrap();
    assert_eq!(periods(&once, online, 1, 5), [(true, 10.0), (false, f64::INFINITY)]);
}

#[test]
fn what_a_law_does_is_replayed_to_the_nanosecond() {
    let seeds = SeedTree::new(77);
    // A law has no end; a record of it has one.
    let horizon = 400.0;
    let traces = read(&record(&seeds, 50, horizon), None, 50).unwrap();
    for key in 0..50_u32 {
        let (mut a, mut b) = (Moment(0), Moment(0));
        let law = Sessions::stationary(exponential(), &seeds, u64::from(key));
        for (drawn, replayed) in law.zip(sessions(&traces, Process::Availability, key)) {
            a = a.after(drawn.length).unwrap();
            if a.since(Moment(0)).get() >= horizon {
                break;
            }
            b = b.after(replayed.length).unwrap();
            assert_eq!((drawn.online, a), (replayed.online, b), "device {key}");
        }
    }
}

#[test]
fn a1_availability_of_a_recorded_law() {
    let horizon = 20_000.0;
    let shares: Vec<f64> = (0..40)
        .map(|seed| {
            let traces = read(&record(&SeedTree::new(seed), 4, horizon), Some(horizon), 4).unwrap();
            let shares = (0..4).map(|device| traces.share(Process::Availability, device).unwrap());
            shares.sum::<f64>() / 4.0
        })
        .collect();
    accept("recorded", &shares, UP / (UP + DOWN));
}

/// The moments at which `m` devices that begin off come, sorted [s]: exponential with rate 1.
fn arrivals(seed: u64, m: u64) -> Vec<f64> {
    let seeds = SeedTree::new(seed);
    let law: Availability =
        serde_yaml::from_str("exponential: { mean_on: 1 s, mean_off: 1 s }").unwrap();
    let mut text = "device,start,end\n".to_owned();
    for key in 0..m {
        let mut periods = Sessions::starting_online(law, &seeds, key).skip(1);
        let start = periods.next().unwrap().length.get();
        writeln!(text, "{key},{start},{}", start + 1.0).unwrap();
    }
    let traces = read(&text, None, m as u32).unwrap();
    let first = |device| sessions(&traces, Process::Availability, device).next().unwrap();
    let mut all: Vec<f64> = (0..m as u32).map(|device| first(device).length.get()).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn harmonic(n: u64) -> f64 {
    (1..=n).map(|k| 1.0 / k as f64).sum()
}

#[test]
fn r1_and_r2_the_last_and_the_kth_of_recorded_devices() {
    // The last of n comes after H_n, the k-th of m after H_m - H_{m-k}.
    let mean = |of: &dyn Fn(u64) -> f64, seed: u64| {
        (0..100).map(|i| of(seed * 100 + i)).sum::<f64>() / 100.0
    };
    let last: Vec<f64> = (0..40).map(|seed| mean(&|s| arrivals(s, 100)[99], seed)).collect();
    accept("the last of 100", &last, harmonic(100));
    let kth: Vec<f64> = (0..40).map(|seed| mean(&|s| arrivals(s, 130)[99], seed)).collect();
    let theory = harmonic(130) - harmonic(30);
    assert!((theory - 1.4536).abs() < 5e-5, "validation.md's number");
    accept("the 100th of 130", &kth, theory);
}

#[test]
fn r4_recorded_devices_by_a_deadline() {
    // n = 10, rate 1, deadline 2: 8.6466 of them, and a round of 1.9041.
    let rounds: Vec<Vec<Vec<f64>>> =
        (0..40).map(|seed| (0..150).map(|i| arrivals(seed * 150 + i, 10)).collect()).collect();
    let mean = |of: &dyn Fn(&Vec<f64>) -> f64| {
        rounds.iter().map(|r| r.iter().map(of).sum::<f64>() / 150.0).collect::<Vec<_>>()
    };
    let in_time = mean(&|round| round.iter().filter(|at| **at <= 2.0).count() as f64);
    accept("arrivals", &in_time, 10.0 * (1.0 - libm::exp(-2.0)));
    accept("length", &mean(&|round| round[9].min(2.0)), 1.9041);
}

#[test]
fn only_what_the_fleet_needs_is_read() {
    // What comes after the devices kept is not even looked at.
    let text = "device,start,end\n0,0,1\n1,0,1\n1,2,3\n2,broken,1\n";
    let traces = read(text, None, 2).unwrap();
    assert_eq!(traces.devices(), 2);
    // Three intervals of two edges, and three bounds, of eight bytes.
    assert_eq!(traces.bytes(), 8 * (6 + 3));
    assert!(read(text, None, 3).is_err());
}

#[test]
fn mistakes_are_located_and_explained() {
    for (text, message) in [
        (
            "device,begin,end\n",
            "fleet.csv, line 1: expected the columns device, start, end and, if wanted, state; \
             found device, begin, end",
        ),
        ("device,start,end,colour\n", "found device, start, end, colour"),
        ("device,start,end\n", "fleet.csv: expected at least one row below the header; found none"),
        (
            "device,start,end\n0,0,1\n0,1,2,3\n",
            "fleet.csv, line 3: expected 3 fields as in the header; found 4",
        ),
        (
            "device,start,end\nphone,0,1\n",
            "fleet.csv, line 2, column device: expected a whole number of at least 0, as rows are \
             sorted by device; found \"phone\"",
        ),
        (
            "device,start,end\n4,0,1\n3,0,1\n",
            "fleet.csv, line 3, column device: expected a whole number of at least 4",
        ),
        (
            "device,start,end\n0,-1,1\n",
            "fleet.csv, line 2, column start: expected seconds from 0 to 3.2e9; found \"-1\"",
        ),
        ("device,start,end\n0,0,NaN\n", "line 2, column end: expected seconds"),
        ("device,start,end\n0,0,4e9\n", "line 2, column end: expected seconds"),
        (
            "device,start,end\n0,2,2\n",
            "line 2, column end: expected more than 2, its start; found \"2\"",
        ),
        (
            "device,start,end\n0,2,5\n0,4,6\n",
            "line 3, column start: expected at least 5, where the same device's interval before \
             it ends; found \"4\"",
        ),
        (
            "device,start,end,state\n0,2,5,asleep\n",
            "line 2, column state: expected online, charging or wifi; found \"asleep\"",
        ),
    ] {
        let error = read(text, None, 9).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let early = read("device,start,end\n0,0,11\n", Some(10.0), 9).unwrap_err().to_string();
    assert_eq!(
        early,
        "fleet.csv: expected to repeat after at least 11 s, its last end; found 10 s"
    );
    let config = TraceConfig { file: "/no/such/trace.csv".to_owned(), repeat: None };
    let error = Traces::load(&config, 9).unwrap_err().to_string();
    assert!(error.starts_with("/no/such/trace.csv: cannot be read: "), "{error}");
}

#[test]
fn a_file_is_read_as_its_text_is() {
    let file = format!("{}/two-devices.csv", env!("CARGO_TARGET_TMPDIR"));
    let text = "device,start,end,state\n0,1,2,online\n1,3,4.25,wifi\n";
    std::fs::write(&file, text).unwrap();
    let loaded = Traces::load(&TraceConfig { file, repeat: Some(seconds(10.0)) }, 5).unwrap();
    assert_eq!(loaded, read(text, Some(10.0), 5).unwrap());
}

#[test]
fn a_fleet_replays_what_is_recorded_and_draws_the_rest() {
    let yaml =
        "{ groups: [{ profile: phone-mid, count: 3 }], trace: { file: t.csv, repeat: 7 d } }";
    let config: FleetConfig = serde_yaml::from_str(yaml).unwrap();
    assert_eq!(config.trace.as_ref().unwrap().repeat, Some(seconds(7.0 * 86_400.0)));
    let back = serde_yaml::to_string(&config).unwrap();
    assert_eq!(serde_yaml::from_str::<FleetConfig>(&back).unwrap(), config, "{back}");
    let seeds = SeedTree::new(1);
    let traces = read("device,start,end\n0,1,2\n1,3,4\n", None, 3).unwrap();
    let profiles = Profiles::shipped().unwrap();
    let fleet = Fleet::draw(&config, &profiles, &seeds).unwrap();
    let first = |always: bool, device: usize, process| {
        let mode = if always { "always" } else { "profile" };
        let config =
            FleetConfig { availability: serde_yaml::from_str(mode).unwrap(), ..config.clone() };
        let fleet = Fleet::draw(&config, &profiles, &seeds).unwrap();
        fleet.devices[device].periods(process, &seeds, Some(&traces)).next().unwrap()
    };
    let online = Process::Availability;
    for (device, length) in [(0, 1.0), (1, 3.0), (2, 1.0)] {
        let expected = Session { online: false, length: seconds(length) };
        assert_eq!(first(false, device, online), expected);
    }
    assert!(first(true, 1, online).online, "the scenario has all devices always there");
    // Charging is not recorded, so the profile's law holds: none, so always.
    assert_eq!(first(false, 0, Process::Charging).ends_after(), None);
    let device = &fleet.devices[1];
    let eligible = device.eligible_sessions(config.eligibility, &seeds, Some(&traces));
    assert!(eligible.eq(device.periods(online, &seeds, Some(&traces))));
}

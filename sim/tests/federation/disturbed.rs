//! Devices that throttle or have other programs to run: when they are done, and what they had done
//! when they were not.

use fleetune::federation::{Fate, FederationConfig};
use fleetune_algorithms::protocol::Exchange;
use fleetune_devices::Workload;
use fleetune_units::{Flops, Seconds};
use fleetune_validation::acceptance::accept;

use super::{
    conservation::check,
    world::{SPEC, Script, Spec, always, config, fleet, run, run_traced, work},
};

/// Throttles after 2 s under load to half its speed, and is cool after idling for 4 s.
const HOT: Spec = Spec { extra: "throttle: { after: 2 s, factor: 0.5, recovery: 4 s }", ..SPEC };

/// Three seconds of computing on a cool device, and an upload of so many bytes at 1 MB/s.
fn three_seconds(upload: u64) -> Script {
    Script::new(move |_, _| work(3_000_000_000, 0, upload))
}

/// When each round closes, in milliseconds, which must be whole.
fn closings(spec: &Spec, upload: u64) -> Vec<u64> {
    let (_, diary) =
        run(&config(1), &fleet(std::slice::from_ref(spec)), 0, &mut three_seconds(upload));
    let at = diary.rounds.iter().map(|round| round.closed.as_nanos());
    at.map(|nanos| {
        assert!(nanos.is_multiple_of(1_000_000), "{nanos} ns");
        nanos / 1_000_000
    })
    .collect()
}

/// Two seconds at full speed, the last one takes two: 4 s. Without a pause the device stays hot and
/// takes 6 s; after 4 s of upload it is cool; after 3.9 s it is not, and heats up again.
#[test]
fn a_hot_device_takes_as_long_as_worked_out_by_hand() {
    let every = |first: u64, step: u64| (0..10).map(|n| first + n * step).collect::<Vec<_>>();
    assert_eq!(closings(&HOT, 0), every(4_000, 6_000));
    assert_eq!(closings(&HOT, 4_000_000), every(8_000, 8_000));
    assert_eq!(closings(&HOT, 3_900_000), every(7_900, 9_900));
    assert_eq!(closings(&SPEC, 0), every(3_000, 3_000));
    // Of the energy under load, 5 W, it bears 10 J: the same 2 s.
    let energy = Spec { extra: "throttle: { energy: 10 J, factor: 0.5, recovery: 4 s }", ..SPEC };
    assert_eq!(closings(&energy, 3_900_000), every(7_900, 9_900));
    let busy = Spec { extra: "background_load: { share: 0.75, running: always }", ..SPEC };
    assert_eq!(closings(&busy, 0), every(12_000, 12_000));
}

#[test]
fn a_computation_broken_off_counts_what_was_done() {
    // After 3.5 s: two seconds at full speed and 1.5 s at half of it.
    let traces = [always(), vec![(true, 3.5), (false, f64::INFINITY)]];
    let world = fleet(&[SPEC, HOT]);
    let (_, diary) = run_traced(&config(2), &world, &traces, &mut three_seconds(0)).unwrap();
    let lost = diary.rounds[0].clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!(lost.fate, Fate::Left);
    assert_eq!(lost.spent.wasted.device_flops, Flops::new(2_750_000_000));
    // A throttled device draws what a computing device draws.
    assert_eq!(lost.spent.wasted.energy.get(), 5.0 * 3.5);
    assert_eq!(lost.times.compute.as_nanos(), 3_500_000_000);
    // Of a nanosecond of work that is half done nothing counts.
    let traces = [always(), vec![(true, 2.000_000_001), (false, f64::INFINITY)]];
    let (_, diary) = run_traced(&config(2), &world, &traces, &mut three_seconds(0)).unwrap();
    assert_eq!(diary.rounds[0].spent().wasted.device_flops, Flops::new(2_000_000_000));
}

fn assigned(exchange: Exchange, client: u32) -> Workload {
    let n = u64::from(client) + exchange.round;
    work(u128::from(n % 5) * 300_000_001, (n % 3) * 200_003, (n % 4) * 100_007)
}

/// Never hot, and other programs that take nothing: not a nanosecond and not a bit is different.
#[test]
fn what_never_happens_changes_nothing() {
    let spec = |n: u32, extra| Spec {
        gflops: 0.3 + f64::from(n) / 7.0,
        means: Some((1.7, 0.9)),
        extra,
        ..SPEC
    };
    let fleet_with = |extra| fleet(&(0..9).map(|n| spec(n, extra)).collect::<Vec<_>>());
    let calm = "throttle: { after: 100000 h, factor: 0.1, recovery: 1 s }
background_load: { share: 0.9, running: never }
battery: { capacity: 1 GJ, charge_power: 1 W }
charging: never";
    let rules =
        FederationConfig { over_commitment: 1.5, deadline: Seconds::new(1.5).ok(), ..config(4) };
    let mut fates = Vec::new();
    for seed in 0..20 {
        let history = |extra| {
            let mut script = Script::new(assigned);
            let (outcome, diary) = run(&rules, &fleet_with(extra), seed, &mut script);
            (serde_json::to_string(&(outcome, &diary.rounds)).unwrap(), diary.rounds)
        };
        let (plain, rounds) = history("");
        assert_eq!(plain, history(calm).0, "seed {seed}");
        fates.extend(rounds.iter().flat_map(|round| round.clients.iter().map(|c| c.fate)));
    }
    assert!(fates.contains(&Fate::Left) && fates.contains(&Fate::Late));
}

/// Other programs run a share p = 2 / (2 + 3) of the time and take half of it: of what is computed
/// until a deadline the mean is 1 - p / 2, as the process is stationary.
#[test]
fn other_programs_take_their_share() {
    let extra = "background_load: { share: 0.5, running: { exponential: { mean_on: 2 s, mean_off: 3 s } } }";
    let devices = 3_000;
    let rules = FederationConfig { deadline: Seconds::new(4.0).ok(), ..config(devices) };
    let rules =
        FederationConfig { stop: fleetune::federation::Stop { rounds: 1, ..rules.stop }, ..rules };
    let world = fleet(&vec![Spec { extra, ..SPEC }; devices as usize]);
    let mut script = Script::new(|_, _| work(10_000_000_000, 0, 0));
    let (_, diary) = run(&rules, &world, 1, &mut script);
    let share = |client: &fleetune::federation::ClientOutcome| {
        client.spent.wasted.device_flops.get() as f64 / 4e9
    };
    let shares: Vec<f64> = diary.rounds[0].clients.iter().map(share).collect();
    accept("share of the computation", &shares, 1.0 - 0.4 * 0.5);
}

/// Everything at once, in random worlds: nothing is lost or invented.
#[test]
fn disturbed_worlds_keep_their_books() {
    let extra = "throttle: { after: 0.4 s, factor: 0.3, recovery: 0.7 s }
background_load: { share: 0.6, running: { exponential: { mean_on: 0.3 s, mean_off: 0.2 s } } }
battery: { capacity: 12 J, charge_power: 3 W, initial: 0.7, discharge_efficiency: 0.9 }
charging: { exponential: { mean_on: 4 s, mean_off: 2 s } }";
    let specs: Vec<_> = (0..10).map(|_| Spec { means: Some((3.0, 1.0)), extra, ..SPEC }).collect();
    let rules =
        FederationConfig { over_commitment: 1.3, deadline: Seconds::new(1.2).ok(), ..config(4) };
    let mut left = 0;
    for seed in 0..100 {
        let mut script = Script::new(assigned);
        let (outcome, diary) = run(&rules, &fleet(&specs), seed, &mut script);
        check(&outcome, &diary, &script, assigned);
        left += outcome.standing.dropped;
    }
    assert!(left > 100);
}

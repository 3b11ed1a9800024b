//! Other clocks than the roofline: what takes how long, what an algorithm is told of it, and what is
//! counted of what is broken off.

use fleetune::federation::{Clock, Conditions, Fate, Federation, FederationError};
use fleetune_devices::{CostMode, streams::SeedTree};
use fleetune_units::{Bytes, BytesPerSecond, Flops};

use super::diary::Diary;
use super::world::{
    SPEC, Script, Spec, always, config, fleet, run_traced_under, run_under, same, work,
};

/// Two batches of eight, of an algorithm that trains a million parameters.
fn by(mode: &str) -> Conditions {
    let mode: CostMode = serde_yaml::from_str(mode).unwrap();
    let algorithm = "fedavg".to_owned();
    let clock = Clock { mode, algorithm, batch: 8, steps: 2, trainable: 1_000_000 };
    Conditions { clock, ..Conditions::default() }
}

fn script() -> Script {
    Script::new(|_, _| work(7_000_000_000, 1_000_000, 3_000_000))
}

/// Download, computing and upload of every client of the first round, in nanoseconds; and that the
/// algorithm was told their sum.
fn times(conditions: &Conditions, devices: u32) -> Vec<[u64; 3]> {
    let mut script = script();
    let mut rules = config(devices);
    // A server that could not serve anybody: these clocks do not look at it.
    rules.server.uplink = BytesPerSecond::from_raw(1_000.0);
    rules.server.downlink = BytesPerSecond::from_raw(1_000.0);
    let (_, diary) = run_under(conditions, &rules, &same(devices as usize), 0, &mut script);
    let mut clients = diary.rounds[0].clients.clone();
    clients.sort_by_key(|client| client.client);
    let told = script.told.lock().unwrap();
    let of = |client: &fleetune::federation::ClientOutcome| {
        let times = client.times;
        let all =
            (times.download.as_nanos() + times.compute.as_nanos() + times.upload.as_nanos()) as f64;
        assert!((told[&client.client].get() * 1e9 - all).abs() <= 3.0, "told otherwise");
        [times.download, times.compute, times.upload].map(|span| span.as_nanos())
    };
    clients.iter().map(of).collect()
}

/// 3 x 8 x 2 x time per sample, and bytes over bandwidth, whoever else transfers.
#[test]
fn fedscales_clock_is_kept() {
    let table = "fedscale: { capacities: [{ per_sample: 31.25 ms, bandwidth: 1 MB/s }, { per_sample: 62.5 ms, bandwidth: 2 MB/s }] }";
    let slow = [1_000_000_000, 1_500_000_000, 3_000_000_000];
    let fast = [500_000_000, 3_000_000_000, 1_500_000_000];
    assert_eq!(times(&by(table), 3), [slow, fast, slow]);
}

/// Two batches of 308 ms; 2 x 4 MB at 10 x 2^20 bit/s, of which a quarter is the download's.
#[test]
fn fwdllms_clock_is_kept() {
    let transfer = 2.0 * 4e6 / (10.0 * 1_048_576.0 / 8.0);
    let nanos = |seconds: f64| (seconds * 1e9).ceil() as u64;
    let expected = [nanos(transfer / 4.0), 616_000_000, nanos(transfer * 0.75)];
    assert_eq!(times(&by("fwdllm: { step: 308 ms }"), 2), [expected, expected]);
}

#[test]
fn measured_steps_are_kept_and_the_network_decides_the_rest() {
    let table = "measured: [{ profile: device-0, algorithm: fedavg, batch: 8, step: 120 ms }]";
    let mut script = script();
    let (_, diary) = run_under(&by(table), &config(1), &same(1), 0, &mut script);
    let times = diary.rounds[0].clients[0].times;
    let nanos = [times.download, times.compute, times.upload].map(|span| span.as_nanos());
    assert_eq!(nanos, [1_000_000_000, 240_000_000, 3_000_000_000]);
    assert_eq!(script.told.lock().unwrap()[&0].get(), 4.24);
    // Nobody measured the second device's profile.
    let (fleet, mut diary) = (same(2), Diary::default());
    let federation =
        Federation::new(&config(2), &fleet, SeedTree::new(0), &mut script, &mut diary).unwrap();
    let error = federation.under(&by(table)).run().unwrap_err();
    assert!(matches!(error, FederationError::Unmeasured(_)), "{error}");
    assert!(error.to_string().contains("device-1"), "{error}");
}

/// What is not computed takes no time to compute, and what is not sent none to send.
#[test]
fn nothing_takes_no_time() {
    let mut script = Script::new(|_, _| work(0, 0, 2_000_000));
    let table = "fedscale: { capacities: [{ per_sample: 31.25 ms, bandwidth: 1 MB/s }] }";
    let (_, diary) = run_under(&by(table), &config(1), &same(1), 0, &mut script);
    assert_eq!(diary.rounds[0].clients[0].times.engaged().as_nanos(), 2_000_000_000);
}

/// A quarter of the download, a sixth of the computing, the third part of the upload.
#[test]
fn of_what_is_broken_off_the_elapsed_part_counts() {
    let table = "fedscale: { capacities: [{ per_sample: 31.25 ms, bandwidth: 1 MB/s }] }";
    for (leaves, down, flops, up) in [
        (0.25, 250_000, 0, 0),
        (1.25, 1_000_000, 1_166_666_666, 0),
        (3.5, 1_000_000, 7_000_000_000, 1_000_000),
    ] {
        let traces = [always(), vec![(true, leaves), (false, f64::INFINITY)]];
        let (_, diary) =
            run_traced_under(&by(table), &config(2), &same(2), &traces, &mut script()).unwrap();
        let lost = diary.rounds[0].clients.iter().find(|c| c.client == 1).unwrap();
        assert_eq!(lost.fate, Fate::Left);
        let wasted = lost.spent.wasted;
        assert_eq!((wasted.downlink, wasted.uplink), (Bytes::new(down), Bytes::new(up)));
        assert_eq!(wasted.device_flops, Flops::new(flops));
    }
}

/// These clocks are of an undisturbed device: one that throttles takes longer.
#[test]
fn a_hot_device_is_slower_by_any_clock() {
    let hot = Spec { extra: "throttle: { after: 100 ms, factor: 0.5, recovery: 1 h }", ..SPEC };
    let (_, diary) =
        run_under(&by("fwdllm: { step: 308 ms }"), &config(1), &fleet(&[hot]), 0, &mut script());
    let compute = diary.rounds[0].clients[0].times.compute;
    assert_eq!(compute.as_nanos(), 100_000_000 + 2 * 516_000_000);
}

//! C3: sum of maxima, linear in work, inverse in speed; misfits are refused, never slowed.

use fleetune_devices::{
    Device, Fleet, FleetConfig, Phase, PhaseKind, Precision, Profiles, Workload, streams::SeedTree,
};
use fleetune_units::{Bytes, Flops, Seconds};
use proptest::prelude::*;

/// 100 GFLOP/s x 0.5 in f32, 200 x 0.5 in f16, 10 GB/s x 0.8; 1 ms a phase; 32 MiB.
const PROFILE: &str = "
name: round-numbers
description: A device whose times can be computed by hand.
compute: { peak: { f32: 100 GFLOP/s, f16: 200 GFLOP/s }, efficiency: 0.5, overhead: 1 ms }
memory: { total: 64 MiB, budget: 32 MiB, bandwidth: 10 GB/s, efficiency: 0.8 }
link: { uplink: 1 MB/s, downlink: 2 MB/s, latency: 5 ms }
power: { idle: 1 W, compute: 5 W, transmit: 2 W, receive: 2 W }
sources: [{ of: [compute], basis: assumed, text: round numbers for a test }]
";

fn device(compute_sigma: f64, seed: u64) -> Device {
    let mut profiles = Profiles::empty();
    profiles.insert(serde_yaml::from_str(PROFILE).unwrap());
    let config: FleetConfig = serde_yaml::from_str(&format!(
        "{{ groups: [{{ profile: round-numbers, count: 1 }}], heterogeneity: {{ compute_sigma: {compute_sigma} }} }}"
    ))
    .unwrap();
    Fleet::draw(&config, &profiles, &SeedTree::new(seed)).unwrap().devices.remove(0)
}

fn phase(precision: Precision, flops: u128, traffic: u64) -> Phase {
    Phase {
        kind: PhaseKind::Forward,
        precision,
        flops: Flops::new(flops),
        traffic: Bytes::new(traffic),
    }
}

fn workload(phases: Vec<Phase>) -> Workload {
    Workload { phases, ..Default::default() }
}

fn close(a: Seconds, b: f64) {
    assert!((a.get() - b).abs() <= 1e-12 * b, "{a} against {b}");
}

#[test]
fn c3_each_phase_is_bound_by_arithmetic_or_by_memory() {
    let device = device(0.0, 1);
    close(device.phase_time(&phase(Precision::F32, 50_000_000_000, 1_000)), 1.001);
    close(device.phase_time(&phase(Precision::F32, 1_000, 8_000_000_000)), 1.001);
    close(device.phase_time(&phase(Precision::F16, 50_000_000_000, 0)), 0.501);
    close(device.phase_time(&phase(Precision::F32, 0, 0)), 0.001);
}

#[test]
fn formats_without_a_native_peak_run_in_f32() {
    let device = device(0.0, 1);
    for precision in [Precision::BF16, Precision::I8] {
        close(device.phase_time(&phase(precision, 50_000_000_000, 0)), 1.001);
    }
}

#[test]
fn c3_phases_are_sequential_so_maxima_are_summed() {
    let device = device(0.0, 1);
    let compute = phase(Precision::F32, 50_000_000_000, 0);
    let memory = phase(Precision::F32, 0, 8_000_000_000);
    let both = workload(vec![compute, memory]);
    close(device.compute_time(&both), 2.002);
    // Merged into one phase they would overlap.
    close(device.compute_time(&both.merged()), 1.001);
}

#[test]
fn c3_what_does_not_fit_is_refused() {
    let device = device(0.0, 1);
    let needs = |bytes| Workload { peak_memory: Bytes::new(bytes), ..Default::default() };
    assert!(device.can_run(&needs(32 << 20)));
    assert!(!device.can_run(&needs((32 << 20) + 1)));
}

#[test]
fn workloads_add_up() {
    let one = Workload {
        phases: vec![phase(Precision::F32, 5, 7)],
        peak_memory: Bytes::new(10),
        download: Bytes::new(3),
        upload: Bytes::new(4),
    };
    let two = Workload { peak_memory: Bytes::new(8), ..one.clone() };
    let sum = one.then(two);
    assert_eq!((sum.flops(), sum.traffic()), (Flops::new(10), Bytes::new(14)));
    assert_eq!(
        (sum.peak_memory, sum.download, sum.upload),
        (Bytes::new(10), Bytes::new(6), Bytes::new(8))
    );
    assert_eq!(sum.flops_of(PhaseKind::Backward), Flops::ZERO);
    let merged = sum.clone().merged();
    assert_eq!(merged.phases.len(), 1);
    assert_eq!((merged.flops(), merged.traffic()), (sum.flops(), sum.traffic()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn c3_time_is_linear_in_work_and_never_below_the_maximum_of_sums(
        phases in prop::collection::vec((0_u64..1_000_000_000_000, 0_u64..100_000_000_000), 1..10), times in 1_u64..20,
    ) {
        let device = device(0.4, 7);
        let make = |k: u64| workload(phases.iter().map(|(f, b)| phase(Precision::F32, u128::from(f * k), b * k)).collect());
        let overhead = 1e-3 * phases.len() as f64;
        let net = |w: &Workload| device.compute_time(w).get() - overhead;
        prop_assert!((net(&make(times)) - times as f64 * net(&make(1))).abs() <= 1e-9 * net(&make(times)).max(1.0));
        let sums = make(1).merged();
        prop_assert!(device.compute_time(&make(1)) >= device.compute_time(&sums) - Seconds::from_raw(1e-12));
    }

    #[test]
    fn c3_arithmetic_time_is_inverse_to_the_device_factor(seed in 0_u64..500, flops in 1_000_000_u64..1_000_000_000_000) {
        let (plain, drawn) = (device(0.0, seed), device(0.5, seed));
        prop_assert_eq!(plain.compute_factor(), 1.0);
        let work = phase(Precision::F32, u128::from(flops), 0);
        let net = |d: &Device| d.phase_time(&work).get() - 1e-3;
        prop_assert!((net(&drawn) * drawn.compute_factor() / net(&plain) - 1.0).abs() < 1e-9);
    }
}

//! C3: how long work takes on a device. The rest of the C series counts models and messages, and
//! is with the program.

use fleetune_devices::{
    Device, Fleet, FleetConfig, Phase, PhaseKind, Precision, Profiles, Workload,
    streams::{SeedTree, open_unit},
};
use fleetune_units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond};

use crate::{DeviceSpec, Dot, Experiment, Figure, Finding, Measurement, ValidationError, fleet};

/// The series, in order.
pub(crate) const EXPERIMENTS: [Experiment; 1] = [ROOFLINE];

const ROOFLINE: Experiment = Experiment {
    id: "C3",
    title: "The roofline",
    statement: "Each phase of work takes as long as its arithmetic or its memory traffic, \
                whichever is longer, on every shipped device; time is linear in the work and \
                inverse in the speed; a device without the memory is refused, never slowed.",
    closed_form: "t = Σ max(F/(η_c peak), bytes/(η_m bandwidth)) + overhead",
    measure: roofline,
};

/// Every shipped device, once.
fn shipped() -> Result<Fleet, ValidationError> {
    let profiles = Profiles::shipped().map_err(ValidationError::refused)?;
    let group = |name: &str| format!("{{ profile: {name}, count: 1 }}");
    let groups: Vec<String> = profiles.names().map(group).collect();
    let text = format!("groups: [{}]", groups.join(", "));
    let config: FleetConfig = serde_yaml::from_str(&text).map_err(ValidationError::refused)?;
    Fleet::draw(&config, &profiles, &SeedTree::new(0)).map_err(ValidationError::refused)
}

/// The closed form, from the profile's numbers [s].
fn form(device: &Device, work: &Workload) -> f64 {
    let profile = device.profile();
    let (compute, memory) = (&profile.compute, &profile.memory);
    let phase = |phase: &Phase| {
        let peak = match phase.precision {
            Precision::F32 => compute.peak.f32,
            Precision::F16 => compute.peak.f16.unwrap_or(compute.peak.f32),
            Precision::BF16 => compute.peak.bf16.unwrap_or(compute.peak.f32),
            Precision::I8 => compute.peak.i8.unwrap_or(compute.peak.f32),
        };
        let arithmetic = phase.flops.get() as f64 / (peak.get() * compute.efficiency.get());
        let bandwidth = memory.bandwidth.get() * memory.efficiency.get();
        arithmetic.max(phase.traffic.as_f64() / bandwidth) + compute.overhead.get()
    };
    work.phases.iter().map(phase).sum()
}

fn roofline(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut rng = seeds.stream("workloads", 0);
    let mut unit = || open_unit(&mut rng);
    let precisions = [Precision::F32, Precision::F16, Precision::BF16, Precision::I8];
    let fleet = shipped()?;
    let (mut worst, mut arithmetic, mut count) = (0.0_f64, 0_u32, 0_u32);
    for device in &fleet.devices {
        for _ in 0..200 {
            let mut phase = || Phase {
                kind: PhaseKind::Forward,
                precision: precisions[(unit() * 4.0) as usize],
                flops: Flops::new((1e11 * unit() * unit()) as u128),
                traffic: Bytes::new((1e10 * unit() * unit()) as u64),
            };
            let work =
                Workload { phases: (0..3).map(|_| phase()).collect(), ..Workload::default() };
            let expected = form(device, &work);
            worst = worst.max((device.compute_time(&work).get() / expected - 1.0).abs());
            let without = work.phases.iter().map(|p| Phase { traffic: Bytes::ZERO, ..*p });
            let without = Workload { phases: without.collect(), ..Workload::default() };
            arithmetic += u32::from(form(device, &without) == expected);
            count += 1;
        }
    }
    let what = format!(
        "largest relative distance, {count} workloads on {} devices, {arithmetic} bound by arithmetic alone",
        fleet.len()
    );
    let mut findings = vec![Finding::within(what, "", 0.0, worst, 1e-12)];
    findings.extend(scaling()?);
    let (more, figure) = intensity()?;
    findings.extend(more);
    Ok(Measurement { findings, figures: vec![figure] })
}

fn work(flops: u128, traffic: u64) -> Workload {
    let (kind, precision) = (PhaseKind::Forward, Precision::F32);
    let phase = Phase { kind, precision, flops: Flops::new(flops), traffic: Bytes::new(traffic) };
    Workload { phases: vec![phase], peak_memory: Bytes::new(1_000), ..Workload::default() }
}

/// Linear in the work, inverse in the speed, refused without the memory.
fn scaling() -> Result<Vec<Finding>, ValidationError> {
    let spec = |gflops: f64, memory: u64| DeviceSpec {
        speed: FlopsPerSecond::from_raw(gflops * 1e9),
        memory: Bytes::new(memory),
        ..DeviceSpec::default()
    };
    let devices = fleet(&[spec(1.0, 1_000), spec(4.0, 1_000), spec(4.0, 999)])?.devices;
    let time = |device: usize, flops| devices[device].compute_time(&work(flops, 8)).get();
    let within =
        |what: &str, expected, measured| Finding::within(what, "s", expected, measured, 1e-12);
    let needs = work(1, 8);
    Ok(vec![
        within("1 GFLOP at 1 GFLOP/s", 1.0, time(0, 1_000_000_000)),
        within("7 GFLOP at 1 GFLOP/s", 7.0, time(0, 7_000_000_000)),
        within("1 GFLOP at 4 GFLOP/s", 0.25, time(1, 1_000_000_000)),
        Finding::exact(
            "1000 B of work run in 1000 B of memory",
            "",
            1,
            devices[1].can_run(&needs).into(),
        ),
        Finding::exact(
            "1000 B of work run in 999 B of memory",
            "",
            0,
            devices[2].can_run(&needs).into(),
        ),
    ])
}

/// The roofline itself, at 4 GFLOP/s and 1 GB/s.
fn intensity() -> Result<(Vec<Finding>, Figure), ValidationError> {
    let spec = DeviceSpec {
        speed: FlopsPerSecond::from_raw(4e9),
        bandwidth: BytesPerSecond::from_raw(1e9),
        ..DeviceSpec::default()
    };
    let device = fleet(&[spec])?.devices.remove(0);
    let attained = |intensity: f64| intensity.min(4.0);
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (flops, traffic) in [(1, 4), (1, 2), (1, 1), (2, 1), (4, 1), (8, 1), (16, 1)] {
        let intensity = f64::from(flops) / f64::from(traffic);
        let scale = 1_000_000_u32;
        let time =
            device.compute_time(&work((flops * scale).into(), (traffic * scale).into())).get();
        let speed = f64::from(flops * scale) / time / 1e9;
        let what = format!("attained at {intensity} FLOP/B, 4 GFLOP/s and 1 GB/s");
        let finding = Finding::within(what, "GFLOP/s", attained(intensity), speed, 1e-9);
        dots.push(Dot::of(intensity, &finding));
        findings.push(finding);
    }
    let figure = Figure::new(
        "roofline",
        "What a device of 4 GFLOP/s and 1 GB/s attains",
        ("arithmetic per memory traffic, FLOP/B (logarithmic)", "attained, GFLOP/s"),
        "The line is the roofline: bandwidth times intensity up to the ridge at 4 FLOP/B, then the peak.",
    );
    let points = (0..=200).map(|i| 0.2 * libm::pow(100.0, f64::from(i) / 200.0));
    let line = points.map(|x| (x, attained(x))).collect();
    Ok((findings, figure.logarithmic().with("attained", line, dots)))
}

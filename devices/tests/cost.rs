//! Cost modes reproduce the clocks of the field, to the digits that were published.

use std::num::NonZeroU32;

use fleetune_devices::{
    CostMode, Device, DeviceId, Fleet, FleetConfig, Phase, PhaseKind, Precision, Profiles,
    Workload,
    cost::{Exchange, Fedscale, Fwdllm},
    streams::SeedTree,
};
use fleetune_units::{Bytes, Flops, Seconds};

fn devices(count: u32) -> Vec<Device> {
    let yaml = format!("groups: [{{ profile: phone-mid, count: {count} }}]");
    let config: FleetConfig = serde_yaml::from_str(&yaml).unwrap();
    Fleet::draw(&config, &Profiles::shipped().unwrap(), &SeedTree::new(1)).unwrap().devices
}

fn workload(download: u64, upload: u64) -> Workload {
    let phase = Phase {
        kind: PhaseKind::Forward,
        precision: Precision::F32,
        flops: Flops::new(3_000_000_000),
        traffic: Bytes::new(1_000_000),
    };
    Workload {
        phases: vec![phase],
        peak_memory: Bytes::ZERO,
        download: Bytes::new(download),
        upload: Bytes::new(upload),
    }
}

fn exchange(workload: &Workload, batch: u32, steps: u32) -> Exchange<'_> {
    Exchange { workload, algorithm: "mezo", batch, steps, trainable: 450_340 }
}

fn mode(yaml: &str) -> CostMode {
    serde_yaml::from_str(yaml).unwrap()
}

#[test]
fn fedscales_own_unit_test() {
    // A batch of one, one step, 1000 ms a sample, 1 + 1 kbit at 1 kbit/s: 3.0 s and 2.0 s.
    let table = "computation,communication\n1000,1\n";
    let clock = Fedscale::read(table.as_bytes(), "capacities.csv", NonZeroU32::MIN).unwrap();
    let work = workload(128, 128);
    let times = CostMode::Fedscale(clock).times(&devices(1)[0], &exchange(&work, 1, 1)).unwrap();
    assert_eq!(times.compute, Seconds::new(3.0).unwrap());
    assert_eq!(times.transfer, Some(Seconds::new(2.0).unwrap()));
    assert_eq!(times.total(), Seconds::new(5.0).unwrap());
}

#[test]
fn fedscales_formula_on_its_table() {
    // (ms a sample, kbit/s) of three devices; a fourth begins again at the first.
    let table = "id,computation,communication\n1, 25.5 ,5000\n2,140,1200.5\n3,8,90000\n";
    let clock = Fedscale::read(table.as_bytes(), "t.csv", NonZeroU32::MAX).unwrap();
    let mode = CostMode::Fedscale(clock.clone());
    let work = workload(2_000_000, 1_000_000);
    for (device, (ms, kbps)) in
        devices(4).iter().zip([(25.5, 5000.0), (140.0, 1200.5), (8.0, 90000.0), (25.5, 5000.0)])
    {
        let times = mode.times(device, &exchange(&work, 20, 30)).unwrap();
        let compute = 3.0 * 20.0 * 30.0 * ms / 1000.0;
        let transfer = (3_000_000.0 / 1024.0 * 8.0) / kbps;
        assert!((times.compute.get() / compute - 1.0).abs() < 1e-12, "{times:?}");
        assert!((times.transfer.unwrap().get() / transfer - 1.0).abs() < 1e-12, "{times:?}");
    }
    let two = Fedscale::read(table.as_bytes(), "t.csv", NonZeroU32::new(2).unwrap()).unwrap();
    assert_eq!(two.capacities, clock.capacities[..2]);
    assert_eq!(two.capacity(DeviceId(2)), clock.capacities[0]);
}

#[test]
fn a_broken_table_says_where() {
    for (table, hint) in [
        ("computation\n3\n", "t.csv, line 1: expected the columns computation and communication"),
        ("computation,communication\n", "t.csv, line 2: expected at least one row"),
        ("computation,communication\n1,1\n0,1\n", "t.csv, line 3: expected a computation above 0"),
        (
            "computation,communication\n1,x\n",
            "line 2: expected a communication above 0 [kbit/s]; found \"x\"",
        ),
        ("computation,communication\n1,1,1\n", "line 2: expected a row of CSV"),
    ] {
        let error = Fedscale::read(table.as_bytes(), "t.csv", NonZeroU32::MAX).unwrap_err();
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn fwdllms_minutes_of_distilbert_on_ag_news() {
    // (seconds a batch of 8, trainable parameters, rounds to 0.88, minutes as printed); 15 batches.
    for (name, step, trainable, rounds, minutes) in [
        ("FwdLLM on its NPU", 0.3085584, 450_340, 60.0, "25.243"),
        ("adapter", 4.1634, 450_340, 67.0, "92.757"),
        ("BitFit", 4.1634, 54_532, 96.0, "103.916"),
        ("full", 6.939, 66_365_956, 8.0, "418.944"),
    ] {
        let clock =
            Fwdllm { step: Seconds::new(step).unwrap(), perturbations: 1, evaluation_interval: 1 };
        let round = clock.round(15, trainable).total();
        assert_eq!(format!("{:.3}", round.get() * rounds / 60.0), minutes, "{name}");
    }
}

#[test]
fn fwdllm_scales_computation_by_the_interval_and_transfers_not() {
    let work = workload(1, 2);
    let asked = Exchange { steps: 15, ..exchange(&work, 8, 0) };
    let device = &devices(1)[0];
    let once = mode("fwdllm: { step: 300 ms }").times(device, &asked).unwrap();
    let more = mode("fwdllm: { step: 300 ms, perturbations: 2, evaluation_interval: 5 }")
        .times(device, &asked)
        .unwrap();
    assert!((once.compute.get() - 4.5).abs() < 1e-12);
    assert!((more.compute.get() - 45.0).abs() < 1e-12);
    assert_eq!(once.transfer, more.transfer);
    // 450,340 x 4 B at 10 x 2^20 bit/s, fifteen times.
    let sent = 15.0 * 450_340.0 * 4.0 * 8.0 / (10.0 * 1_048_576.0);
    assert!((once.transfer.unwrap().get() / sent - 1.0).abs() < 1e-12);
}

const TABLE: &str = "measured:
- { profile: phone-mid, algorithm: mezo, batch: 8, step: 120 ms }
- { profile: phone-mid, algorithm: mezo, batch: 16, step: 200 ms }
- { profile: phone-mid, algorithm: fedavg, batch: 8, step: 300 ms }
- { profile: laptop, algorithm: mezo, batch: 8, step: 30 ms }
";

#[test]
fn measured_steps_are_looked_up_and_never_guessed() {
    let table = mode(TABLE);
    let device = &devices(1)[0];
    let work = workload(1, 2);
    let times = table.times(device, &exchange(&work, 16, 5)).unwrap();
    assert_eq!((times.compute, times.transfer), (Seconds::new(1.0).unwrap(), None));
    let missing = |exchange| table.times(device, &exchange).unwrap_err().to_string();
    assert_eq!(
        missing(exchange(&work, 12, 5)),
        "no step time of algorithm \"mezo\" at batch size 12 was measured on profile \
         \"phone-mid\"; there are some at 8, 16"
    );
    assert_eq!(
        missing(Exchange { algorithm: "fedspzo", ..exchange(&work, 8, 5) }),
        "no step time of algorithm \"fedspzo\" was measured on profile \"phone-mid\"; there are \
         some of mezo, fedavg"
    );
    let laptops = mode("measured: [{ profile: laptop, algorithm: mezo, batch: 8, step: 30 ms }]");
    assert_eq!(
        laptops.times(device, &exchange(&work, 8, 5)).unwrap_err().to_string(),
        "no step time was measured on profile \"phone-mid\"; there are some on laptop"
    );
}

#[test]
fn the_roofline_is_the_default_and_todays() {
    let (device, work) = (&devices(1)[0], workload(5, 6));
    assert_eq!(CostMode::default(), CostMode::Roofline);
    let times = CostMode::Roofline.times(device, &exchange(&work, 8, 5)).unwrap();
    assert_eq!((times.compute, times.transfer), (device.compute_time(&work), None));
    let config: FleetConfig =
        serde_yaml::from_str("groups: [{ profile: laptop, count: 1 }]").unwrap();
    assert_eq!(config.cost, CostMode::Roofline);
    let written = serde_yaml::to_string(&config).unwrap();
    assert!(!written.contains("cost") && !written.contains("eligibility"), "{written}");
}

#[test]
fn the_spelling_round_trips_and_mistakes_are_explained() {
    let fedscale = "fedscale: { capacities: [{ per_sample: 25 ms, bandwidth: 5 Mbit/s }] }";
    for text in ["roofline", fedscale, "fwdllm: { step: 308 ms, perturbations: 3 }", TABLE] {
        let cost = mode(text);
        let yaml = serde_yaml::to_string(&cost).unwrap();
        assert_eq!(mode(&yaml), cost, "{yaml}");
        let json = serde_json::to_string(&cost).unwrap();
        assert_eq!(serde_json::from_str::<CostMode>(&json).unwrap(), cost, "{json}");
    }
    for (text, hint) in [
        ("guess", "unknown variant `guess`"),
        ("fedscale", "needs its devices"),
        ("fwdllm", "needs the time of a batch"),
        ("measured", "needs its table"),
        ("fedscale: { capacities: [] }", "at least one capacity"),
        ("fwdllm: { step: 1 s, perturbations: 0 }", "at least 1"),
        ("fwdllm: { step: 0 s }", "more than zero"),
        ("measured: []", "at least one step time"),
        (
            "measured: [{ profile: a, algorithm: b, batch: 1, step: 1 s }, { profile: a, algorithm: b, batch: 1, step: 2 s }]",
            "found two for a, b, 1",
        ),
        ("{}", "found none"),
        ("3", "expected `roofline`"),
    ] {
        let error = serde_yaml::from_str::<CostMode>(text).unwrap_err().to_string();
        assert!(error.contains(hint), "{text}: {error}");
    }
}

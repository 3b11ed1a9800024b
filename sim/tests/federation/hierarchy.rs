//! Device, edge, cloud: when the cloud hears of what, what its model becomes, and what crosses the backhaul.

use fleetune::federation::{End, Fate, FederationConfig, Policy, Stop};
use fleetune_algorithms::protocol::Exchange;
use fleetune_devices::{Workload, network::config::TopologyConfig};
use fleetune_units::{Bytes, Flops, Seconds};
use proptest::prelude::*;

use super::{
    parts::{MODEL, examples, run_parts},
    world::{SPEC, Script, Spec, always, config, fleet, run, same, uniform, work},
};

/// Edges of these uplinks, in MB/s, and twice that down; each with as many of the devices, in order.
fn edges(uplinks: &[f64], devices: usize) -> TopologyConfig {
    let each = devices / uplinks.len();
    let edge = |(i, rate): (usize, &f64)| {
        let (first, last) = (i * each, (i + 1) * each - 1);
        format!(
            "{{ name: edge-{i}, uplink: {rate} MB/s, downlink: {} MB/s, devices: [{first}-{last}] }}",
            2.0 * rate
        )
    };
    let edges: Vec<_> = uplinks.iter().enumerate().map(edge).collect();
    serde_yaml::from_str(&format!("two_tier: {{ aggregators: [{}] }}", edges.join(", "))).unwrap()
}

fn hierarchy(uplinks: &[f64], devices: usize, edge_rounds: u32, cohort: u32) -> FederationConfig {
    FederationConfig {
        policy: Policy::Hierarchical { edge_rounds },
        topology: edges(uplinks, devices),
        ..config(cohort)
    }
}

fn second(_: Exchange, _: u32) -> Workload {
    work(1_000_000_000, 0, 0)
}

/// The model of 1 MB goes down an edge's backhaul, the edge has its rounds, the model goes up again; the cloud waits for
/// the slowest. Two edges, one of 1 MB/s up and 2 down with devices of 1 s, one of 4 and 8 with devices of 2 s, three
/// rounds each: 0.5 + 3 + 1 = 4.5 s and 0.125 + 6 + 0.25 = 6.375 s.
#[test]
fn the_cloud_hears_of_the_slowest_edge_last() {
    let specs: Vec<_> = [1.0, 1.0, 0.5, 0.5].map(|gflops| Spec { gflops, ..SPEC }).into();
    let mut rules = hierarchy(&[1.0, 4.0], 4, 3, 2);
    rules.stop.rounds = 5;
    rules.evaluate_every = 1;
    let told = run_parts(&rules, &fleet(&specs), None, second);
    told.check();
    assert_eq!(told.outcome.end, End::Rounds);
    assert_eq!(told.outcome.standing.rounds, 5);
    assert_eq!(told.outcome.standing.time.as_nanos(), 5 * 6_375_000_000);
    for edge in 0..2 {
        assert_eq!(told.rounds_of(edge).len(), 15);
    }
    let first: Vec<_> = told.rounds_of(0).iter().map(|r| r.opened.as_nanos() / 1_000_000).collect();
    assert_eq!(first[..4], [500, 1_500, 2_500, 6_375 + 500]);
    let expected = Bytes::new(5 * 2 * MODEL);
    let backhaul = told.outcome.standing.backhaul;
    assert_eq!((backhaul.downlink, backhaul.uplink), (expected, expected));
    // Nothing of it is the devices'.
    assert_eq!(told.outcome.standing.ledger.total().uplink, Bytes::ZERO);
    // Rounds are told when the cloud has heard of them.
    let at: Vec<u64> = told.diary.standings.iter().map(|standing| standing.rounds).collect();
    assert!(at.iter().copied().eq((1..=5).flat_map(|version| [version; 6])));
    assert_eq!(told.diary.evaluated, [0, 1, 2, 3, 4, 5]);
}

/// HierFAVG: the mean of the edges' models by the examples behind them, each client counted once however often it took
/// part; and every edge goes on from it. Edge e adds 10^e a round.
#[test]
fn the_cloud_takes_the_mean_by_the_examples_of_those_who_took_part() {
    let mut rules = hierarchy(&[1.0, 1.0, 1.0], 6, 2, 2);
    rules.stop.rounds = 3;
    let told = run_parts(&rules, &same(6), None, second);
    told.check();
    let weights: Vec<f64> =
        (0..3).map(|edge| (examples(2 * edge) + examples(2 * edge + 1)) as f64).collect();
    let total: f64 = weights.iter().sum();
    let mut model = 0.0;
    for version in 0..3 {
        for part in &told.parts {
            let (_, _, before, _) = part.joined[2 * version];
            assert!((f64::from(before) - model).abs() <= 1e-5 * model, "{before}, not {model}");
        }
        let edge =
            |(e, weight): (usize, &f64)| weight / total * (model + 2.0 * 10_f64.powi(e as i32));
        model = weights.iter().enumerate().map(edge).sum();
    }
    let found = f64::from(told.global.value());
    assert!((found - model).abs() <= 1e-5 * model, "{found}, expected {model}");
}

/// With one edge that reports after every round, rounds are those of a synchronous federation; only the model's way over
/// the backhaul lies between them.
#[test]
fn one_edge_is_a_synchronous_federation_behind_a_backhaul() {
    let specs: Vec<_> = [1.0, 0.7, 0.5, 0.4].map(|gflops| Spec { gflops, ..SPEC }).into();
    let assigned = |exchange: Exchange, client| {
        let n = (uniform(3, exchange, client) * 1e6) as u64;
        work(u128::from(n) * 3_000, n % 300_000, (n * 7) % 300_000)
    };
    let mut rules = hierarchy(&[1.0], 4, 1, 2);
    rules.over_commitment = 1.5;
    rules.deadline = Some(Seconds::from_raw(1.5));
    let told = run_parts(&rules, &fleet(&specs), None, assigned);
    told.check();
    let mut script = Script::new(assigned);
    // Devices do not share anything on their way to the edge, and nothing behind it.
    let synchronous =
        FederationConfig { topology: TopologyConfig::Star, policy: Policy::Synchronous, ..rules };
    let (outcome, diary) = run(&synchronous, &fleet(&specs), 5, &mut script);
    assert_eq!(told.outcome.standing.ledger, outcome.standing.ledger);
    assert_eq!(told.diary.rounds.len(), diary.rounds.len());
    for (edge, round) in told.diary.rounds.iter().zip(&diary.rounds) {
        assert_eq!(edge.clients, round.clients);
        assert_eq!(edge.closing, round.closing);
        assert_eq!(edge.closed.since(edge.opened), round.closed.since(round.opened));
    }
    let backhauls = 10 * (500_000_000 + 1_000_000_000);
    assert_eq!(told.outcome.standing.time.as_nanos(), outcome.standing.time.as_nanos() + backhauls);
}

/// What the cloud has not heard of when the run ends is waste, and of a model on its way the bytes that were moved are
/// counted. Down 0.5 s, two rounds of 1 s, up 1 s: at 2.9 s two fifths are up.
#[test]
fn what_the_cloud_has_not_heard_of_is_waste() {
    let mut rules = hierarchy(&[1.0], 2, 2, 2);
    rules.stop =
        Stop { simulated_time: Some(Seconds::from_raw(2.9)), rounds: 9, device_flops: None };
    let told = run_parts(&rules, &same(2), None, second);
    told.check();
    assert_eq!(told.outcome.end, End::SimulatedTime);
    let ledger = told.outcome.standing.ledger;
    assert_eq!(ledger.useful.device_flops, Flops::ZERO);
    assert_eq!(ledger.wasted.device_flops, Flops::new(4_000_000_000));
    assert_eq!(told.outcome.standing.backhaul.uplink, Bytes::new(400_000));
    assert_eq!(told.outcome.standing.backhaul.downlink, Bytes::new(MODEL));
    assert!(told.clients().all(|client| client.fate == Fate::Interrupted));
    // It counts as a round, as what the end of any run breaks off does, so that the last evaluation is at this cost.
    assert_eq!(told.outcome.standing.rounds, 1);
    assert_eq!(told.diary.evaluated, [0, 1]);
    assert_eq!(told.global.value(), 0.0);
}

/// A limit of FLOPs is looked at after every round of an edge.
#[test]
fn a_limit_of_flops_ends_a_run_between_versions() {
    let mut rules = hierarchy(&[1.0], 2, 100, 2);
    rules.stop =
        Stop { simulated_time: None, rounds: 9, device_flops: Some(Flops::new(5_000_000_000)) };
    let told = run_parts(&rules, &same(2), None, second);
    told.check();
    assert_eq!(told.outcome.end, End::DeviceFlops);
    assert_eq!(told.outcome.standing.ledger.wasted.device_flops, Flops::new(6_000_000_000));
}

/// An edge whose devices have gone for good reports what it has, and the others go on without it; when all have gone the
/// run ends. Edge 1's devices leave in the second of its three rounds.
#[test]
fn a_deserted_edge_reports_what_it_has_and_is_left_out() {
    let mut rules = hierarchy(&[1.0, 1.0], 4, 3, 2);
    rules.stop.rounds = 3;
    let gone = vec![(true, 1.9), (false, f64::INFINITY)];
    let traces = [always(), always(), gone.clone(), gone];
    let told = run_parts(&rules, &same(4), Some(&traces), second);
    told.check();
    assert_eq!(told.outcome.end, End::Rounds);
    assert_eq!(told.parts[1].updates(), 2);
    // Both edges get and report the first version, and one edge the other two.
    let backhaul = told.outcome.standing.backhaul;
    assert_eq!(
        [backhaul.downlink, backhaul.uplink],
        [4, 4].map(|models| Bytes::new(models * MODEL))
    );
    assert_eq!(examples(0) + examples(1), 3);
    assert_eq!(examples(2) + examples(3), 4);
    let first = 3.0 / 7.0 * 3.0 + 4.0 / 7.0 * 10.0;
    let expected = first + 3.0 + 3.0;
    assert!((f64::from(told.global.value()) - expected).abs() <= 1e-5 * expected);

    let traces = vec![vec![(true, 1.9), (false, f64::INFINITY)]; 4];
    let told = run_parts(&rules, &same(4), Some(&traces), second);
    told.check();
    assert_eq!(told.outcome.end, End::NobodyComes);
    let expected = 3.0 / 7.0 + 4.0 / 7.0 * 10.0;
    assert!((f64::from(told.global.value()) - expected).abs() <= 1e-5 * expected);
    assert_eq!(told.outcome.standing.ledger.useful.device_flops, Flops::new(4_000_000_000));
}

/// An edge without a device that can take part is none; those of the others do not wait for it.
#[test]
fn an_edge_without_the_memory_is_left_out() {
    let mut specs = vec![SPEC; 4];
    (specs[2].memory, specs[3].memory) = (10, 10);
    let told = run_parts(&hierarchy(&[1.0, 1.0], 4, 1, 2), &fleet(&specs), None, second);
    told.check();
    assert_eq!(told.outcome.end, End::Rounds);
    assert_eq!(told.outcome.standing.backhaul.downlink, Bytes::new(10 * MODEL));
}

fn assigned(exchange: Exchange, client: u32) -> Workload {
    let n = u64::from(client) + exchange.round + u64::from(exchange.index);
    work(u128::from(n % 5) * 200_000_000 + 1, 100_000 * (n % 3), 300_000 + 50_000 * (n % 2))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_keeps_its_books_and_threads_change_nothing(
        devices in prop::collection::vec((1_u32..30, 1_u32..30, prop::option::of((1_u32..30, 1_u32..10))), 6),
        edge_count in 1_usize..4,
        edge_rounds in 1_u32..4,
        cohort in 1_u32..4,
        factor in 10_u32..20,
        deadline in prop::option::of(5_u32..60),
        seed in any::<u64>(),
    ) {
        let specs: Vec<_> = devices.iter().map(|&(speed, rate, means)| Spec {
            gflops: f64::from(speed) / 10.0,
            megabytes_per_second: f64::from(rate) / 10.0,
            means: means.map(|(on, off)| (f64::from(on) / 5.0, f64::from(off) / 5.0)),
            latency: 0.001,
            ..SPEC
        }).collect();
        let fleet = fleet(&specs);
        let mut rules = hierarchy(&vec![2.0; edge_count], 6, edge_rounds, cohort);
        rules.over_commitment = f64::from(factor) / 10.0;
        rules.deadline = deadline.map(|tenths| Seconds::from_raw(f64::from(tenths) / 10.0));
        rules.stop.simulated_time = Some(Seconds::from_raw(30.0));
        let work_of = move |exchange: Exchange, client: u32| {
            let n = (uniform(seed, exchange, client) * 1e6) as u64;
            let plain = assigned(exchange, client);
            Workload { download: Bytes::new(n % 300_000), ..plain }
        };
        let history = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let told = run_parts(&rules, &fleet, None, work_of);
                told.check();
                told.bytes()
            })
        };
        prop_assert_eq!(history(1), history(2));
    }
}

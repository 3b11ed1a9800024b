//! Rounds with deadlines of their own: who is stopped with what, what it is charged, and what is learnt of it.

use std::collections::{BTreeMap, BTreeSet};

use fleetune::federation::{
    Closing, Conditions, Deadlines, Fate, Federation, FederationConfig, FederationError,
    RoundDeadline, RoundOutcome, RunOutcome,
};
use fleetune_algorithms::protocol::{Exchange, Server};
use fleetune_devices::{Fleet, Workload, streams::SeedTree};
use fleetune_models::batch::Padding;
use fleetune_units::{Bytes, BytesPerSecond, Flops, Seconds};
use proptest::prelude::*;

use super::{
    conservation::check,
    diary::Diary,
    world::{SPEC, Script, Spec, always, config, first_layers, fleet, same, sessions, work},
};
use crate::learners::{CLIENTS, algorithm, bits, setup};

/// Layers of the script.
pub(super) const LAYERS: usize = 5;

/// The same deadline in every round, with nothing to correct.
pub(super) fn every(seconds: f64) -> Deadlines {
    Deadlines(vec![RoundDeadline { after: Seconds::from_raw(seconds), missed: vec![0.0; 9] }])
}

fn run(
    config: &FederationConfig,
    fleet: &Fleet,
    deadlines: Deadlines,
    server: &mut dyn Server,
) -> (RunOutcome, Diary) {
    let mut diary = Diary::default();
    let federation = Federation::new(config, fleet, SeedTree::new(3), server, &mut diary);
    let outcome = federation.unwrap().paced(deadlines).unwrap().run().unwrap();
    (outcome, diary)
}

fn one_round(cohort: u32) -> FederationConfig {
    let mut config = config(cohort);
    config.stop.rounds = 1;
    config
}

/// Of a client that was stopped in a script: the work that it did and that came to something.
pub(super) fn done(
    depths: BTreeMap<(u64, u32), usize>,
    work: impl Fn(Exchange, u32) -> Workload,
) -> impl Fn(Exchange, u32) -> Workload {
    move |exchange, client| {
        let whole = work(exchange, client);
        match depths.get(&(exchange.round, client)) {
            Some(&count) => first_layers(&whole, count, LAYERS),
            None => whole,
        }
    }
}

fn ten_seconds() -> Script {
    Script::new(|_, _| work(10_000_000_000, 1_000_000, 3_000_000)).layered(LAYERS)
}

/// 1 s down, 10 s of five layers, 3 s up. A deadline of 11 s stops computing at 8 s, after 7 s of it: three layers and a
/// half. Three are sent, in 1.8 s; the half is waste, with its energy.
#[test]
fn a_stopped_client_sends_its_layers_and_wastes_the_rest() {
    let mut script = ten_seconds();
    let (_, diary) = run(&one_round(1), &same(1), every(11.0), &mut script);
    let [round] = &diary.rounds[..] else { panic!("one round") };
    let [client] = round.clients[..] else { panic!("one client") };
    assert_eq!((client.fate, client.layers), (Fate::Aggregated, Some(3)));
    assert_eq!(round.closed.as_nanos(), 9_800_000_000);
    assert_eq!(client.times.compute.as_nanos(), 7_000_000_000);
    let (useful, wasted) = (client.spent.useful, client.spent.wasted);
    assert_eq!(useful.device_flops, Flops::new(6_000_000_000));
    assert_eq!(wasted.device_flops, Flops::new(1_000_000_000));
    assert_eq!((useful.uplink, wasted.uplink), (Bytes::new(1_800_000), Bytes::new(0)));
    assert_eq!((useful.downlink, wasted.downlink), (Bytes::new(1_000_000), Bytes::new(0)));
    // receive 2 W x 1 s + compute 5 W x 6 s + transmit 3 W x 1.8 s; compute 5 W x 1 s.
    assert!((useful.energy.get() - 37.4).abs() < 1e-9, "{useful:?}");
    assert!((wasted.energy.get() - 5.0).abs() < 1e-9, "{wasted:?}");
}

/// What is there exactly at the deadline is there: a layer, and the whole.
#[test]
fn what_is_done_exactly_at_the_deadline_counts() {
    for (after, layers) in [
        (4.0 - 1e-9, None),
        (6.0 - 1e-9, None),
        (6.0, Some(1)),
        (8.0 - 1e-9, Some(1)),
        (8.0, Some(2)),
        (14.0 - 1e-9, Some(4)),
        (14.0, None),
        (100.0, None),
    ] {
        let mut script = ten_seconds();
        let (outcome, diary) = run(&one_round(1), &same(1), every(after), &mut script);
        let client = diary.rounds[0].clients[0];
        assert_eq!(client.layers, layers, "{after}");
        let whole = after >= 14.0;
        let fate = if layers.is_some() || whole { Fate::Aggregated } else { Fate::Late };
        assert_eq!(client.fate, fate, "{after}");
        assert_eq!(script.joined_clients().concat().len(), usize::from(fate != Fate::Late));
        let expected =
            done(script.depths.clone(), |_, _| work(10_000_000_000, 1_000_000, 3_000_000));
        check(&outcome, &diary, &script, expected);
        if !whole {
            let stopped = 1_000_000_000 * (after - 3.0 - 1.0).max(0.0) as u64;
            let computed = client.times.compute.as_nanos();
            assert!(computed.abs_diff(stopped) <= 1_000_000_000, "{after}: {computed}");
        }
    }
}

/// A deadline within the download: the client is late with what it moved, and the round is void.
#[test]
fn who_still_downloads_has_nothing() {
    let mut script = ten_seconds();
    let (outcome, diary) = run(&one_round(2), &same(2), every(3.25), &mut script);
    let round = &diary.rounds[0];
    assert_eq!((round.closing, round.is_void()), (Closing::NobodyLeft, true));
    for client in &round.clients {
        assert_eq!(client.fate, Fate::Late);
        assert_eq!(client.spent.wasted.downlink, Bytes::new(250_000));
        assert!(client.spent.wasted.device_flops.is_zero());
    }
    assert_eq!(outcome.standing.void_rounds, 1);
    // Later than the upload alone would take, there is no time at all.
    let (_, diary) = run(&one_round(1), &same(1), every(2.0), &mut ten_seconds());
    assert_eq!(diary.rounds[0].closed.as_nanos(), 0);
}

/// A hot device has done what its speed allowed: of 7 s, 2 at full speed and 5 at half: two layers of 2 GFLOP, and half a
/// GFLOP beyond, which took it a second.
#[test]
fn a_disturbed_device_is_stopped_with_what_it_has() {
    let hot = Spec { extra: "throttle: { after: 2 s, factor: 0.5, recovery: 4 s }", ..SPEC };
    let (_, diary) = run(&one_round(1), &fleet(&[hot]), every(11.0), &mut ten_seconds());
    let client = diary.rounds[0].clients[0];
    assert_eq!(client.layers, Some(2));
    assert_eq!(client.spent.useful.device_flops, Flops::new(4_000_000_000));
    assert_eq!(client.spent.wasted.device_flops, Flops::new(500_000_000));
    // Pro rata of the work: 0.5 of 4.5 s of work took 7 s at 5 W.
    let wasted = client.spent.wasted.energy.get();
    assert!((wasted - 35.0 * 0.5 / 4.5).abs() < 1e-6, "{wasted}");
}

/// What the server believes is told with the round it belongs to; the last deadline holds for all rounds after it.
#[test]
fn every_round_has_its_deadline() {
    let of =
        |after: f64, p: f64| RoundDeadline { after: Seconds::from_raw(after), missed: vec![p] };
    let deadlines = Deadlines(vec![of(12.0, 0.1), of(8.0, 0.2), of(10.0, 0.3)]);
    let mut rules = config(1);
    rules.stop.rounds = 5;
    let mut script = ten_seconds();
    let (_, diary) = run(&rules, &same(1), deadlines, &mut script);
    let layers = diary.rounds.iter().map(|round| round.clients[0].layers);
    assert_eq!(layers.collect::<Vec<_>>(), [4, 2, 3, 3, 3].map(Some));
    assert_eq!(script.missed.concat(), [0.1, 0.2, 0.3, 0.3, 0.3]);
}

/// Who was stopped in a round of which nothing was joined is not taken for stopped in the next: both are stopped with four
/// layers and leave in mid-upload; back again, they have the time for all of it.
#[test]
fn a_void_round_leaves_no_trace() {
    let of = |after: f64| RoundDeadline { after: Seconds::from_raw(after), missed: vec![0.0] };
    let deadlines = Deadlines(vec![of(12.0), of(100.0)]);
    let mut rules = config(2);
    rules.stop.rounds = 2;
    let (fleet, mut diary, mut script) = (same(2), Diary::default(), ten_seconds());
    let away = vec![(true, 9.5), (false, 5.0), (true, f64::INFINITY)];
    let traces = [away.clone(), away];
    let sessions = sessions(&traces);
    let seeds = SeedTree::new(5);
    let federation =
        Federation::with_sessions(&rules, &fleet, sessions, seeds, &mut script, &mut diary);
    let outcome = federation.unwrap().paced(deadlines).unwrap().run().unwrap();
    assert!(diary.rounds[0].is_void() && !diary.rounds[1].is_void());
    assert!(script.depths.is_empty(), "{:?}", script.depths);
    check(&outcome, &diary, &script, |_, _| work(10_000_000_000, 1_000_000, 3_000_000));
}

/// A server that joins nothing but whole updates cannot be paced.
#[test]
fn who_cannot_be_stopped_is_refused() {
    let (fleet, mut diary) = (same(1), Diary::default());
    let mut script = Script::new(|_, _| work(1, 1, 1));
    let federation =
        Federation::new(&config(1), &fleet, SeedTree::new(3), &mut script, &mut diary).unwrap();
    let error = federation.paced(every(1.0)).err();
    assert!(matches!(error, Some(FederationError::Config(_))), "{error:?}");
}

fn fedavg() -> Box<dyn Server> {
    let json = r#"{"fedavg":{"train":"full","local_steps":1,"batch_size":4,"optimizer":"sgd","learning_rate":{"base":0.2}}}"#;
    algorithm(json).server(setup(3, Padding::Fixed, 9))
}

fn learners() -> Fleet {
    let spec = |i: u32| Spec { gflops: 0.001 * f64::from(i + 1), ..SPEC };
    fleet(&(0..CLIENTS).map(spec).collect::<Vec<_>>())
}

/// L1 with deadlines: one that nobody misses changes nothing at all, neither the model nor a nanosecond.
#[test]
fn deadlines_that_nobody_misses_are_fedavg_to_the_bit() {
    let mut rules = config(3);
    rules.stop.rounds = 4;
    rules.over_commitment = 1.5;
    let (mut plain, mut paced) = (fedavg(), fedavg());
    let mut diary = Diary::default();
    let fleet = learners();
    let federation =
        Federation::new(&rules, &fleet, SeedTree::new(3), plain.as_mut(), &mut diary).unwrap();
    let outcome = federation.run().unwrap();
    let (with, told) = run(&rules, &fleet, every(1e6), paced.as_mut());
    assert_eq!(with, outcome);
    assert_eq!(told.rounds, diary.rounds);
    assert_eq!(bits(&paced.weights().values), bits(&plain.weights().values));
    assert!(paced.weights().values != fedavg().weights().values, "something was learnt");
}

/// Layers of every client of one round, if it was stopped, all of them if it was not, none if it had none.
fn reached(round: &RoundOutcome, layers: u32) -> BTreeMap<u32, u32> {
    let of = |client: &fleetune::federation::ClientOutcome| match client.fate {
        Fate::Aggregated => client.layers.unwrap_or(layers + 1),
        _ => 0,
    };
    round.clients.iter().map(|client| (client.client, of(client))).collect()
}

/// Real training, stopped at forty deadlines: a later one never gives a client fewer layers; what is learnt is the join of
/// what those who were stopped have, and what they are charged is what that took.
#[test]
fn a_later_deadline_never_gives_fewer_layers_and_books_are_kept() {
    let (fleet, rules) = (learners(), one_round(CLIENTS));
    let (_, whole) = run(&rules, &fleet, every(1e6), fedavg().as_mut());
    let longest = whole.rounds[0].closed.as_seconds();
    let mut last: Option<BTreeMap<u32, u32>> = None;
    let mut seen = BTreeSet::new();
    for i in 1..=40 {
        let mut server = fedavg();
        let (outcome, diary) =
            run(&rules, &fleet, every(longest * f64::from(i) / 40.0), server.as_mut());
        let round = &diary.rounds[0];
        let now = reached(round, 5);
        seen.extend(now.values().copied());
        if let Some(last) = &last {
            assert!(now.iter().all(|(id, layers)| *layers >= last[id]), "{last:?} {now:?}");
        }
        // The same join by hand, and the same books.
        let mut other = fedavg();
        let at = Exchange::at(0, 0);
        let mut updates = Vec::new();
        let (mut flops, mut uplink) = (Flops::ZERO, Bytes::new(0));
        let mut order: Vec<_> =
            round.clients.iter().filter(|c| c.fate == Fate::Aggregated).collect();
        order.sort_by_key(|c| c.times.wait.as_nanos().wrapping_neg());
        for client in order {
            let layered = other.layered().unwrap();
            let (depth, assignment) = match client.layers {
                Some(n) => (
                    fleetune_algorithms::protocol::Depth::Last(n as usize),
                    layered.stopped(at, client.client, n as usize),
                ),
                None => (
                    fleetune_algorithms::protocol::Depth::Whole,
                    other.assign(at, client.client, &crate::learners::Spare),
                ),
            };
            flops += assignment.workload.flops();
            uplink += assignment.workload.upload;
            updates.push((client.client, depth, (assignment.job)()));
        }
        other.layered().unwrap().join_layers(at, updates, &[0.0; 9]).unwrap();
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * a.abs().max(1.0);
        assert!(server.weights().values.iter().zip(&other.weights().values).all(close));
        let ledger = outcome.standing.ledger;
        assert_eq!((ledger.useful.device_flops, ledger.useful.uplink), (flops, uplink));
        last = Some(now);
    }
    assert!(seen.len() == 7, "none, one to five layers, and the whole: {seen:?}");
}

/// Threads change nothing.
#[test]
fn the_number_of_threads_changes_no_bit() {
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut rules = config(4);
        rules.stop.rounds = 3;
        let mut server = fedavg();
        let (outcome, diary) =
            pool.install(|| run(&rules, &learners(), every(0.2), server.as_mut()));
        let told = serde_json::to_string(&(outcome, diary.rounds)).unwrap();
        (told, bits(&server.weights().values))
    };
    assert_eq!(of(1), of(2));
}

#[derive(Debug, Clone)]
struct World {
    specs: Vec<Spec>,
    config: FederationConfig,
    deadlines: Deadlines,
    seed: u64,
}

impl World {
    fn work(seed: u64) -> impl Fn(Exchange, u32) -> Workload + Send + Clone + 'static {
        move |exchange, client| {
            let n = u64::from(client) + exchange.round + seed % 7;
            work(u128::from(n % 5) * 300_000_001, (n % 3) * 200_003, (n % 4) * 100_007)
        }
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let disturbed = prop::sample::select(vec![
        "",
        "",
        "throttle: { after: 0.3 s, factor: 0.4, recovery: 2 s }",
        "background_load: { share: 0.5, running: always }",
    ]);
    let spec =
        (1_u32..30, 1_u32..30, 0_u32..50, prop::option::of((1_u32..30, 1_u32..10)), disturbed);
    let spec = spec.prop_map(|(speed, rate, latency, means, extra)| Spec {
        gflops: f64::from(speed) / 10.0,
        megabytes_per_second: f64::from(rate) / 10.0,
        latency: f64::from(latency) / 1000.0 + 0.001,
        means: means.map(|(on, off)| (f64::from(on) / 5.0, f64::from(off) / 5.0)),
        extra,
        ..SPEC
    });
    let fleet = prop::collection::vec(spec, 1..12);
    let deadlines = prop::collection::vec(1_u32..30, 1..12);
    (fleet, 1_u32..8, 10_u32..25, prop::option::of(1_u32..40), 1_u32..30, deadlines, any::<u64>())
        .prop_map(|(specs, cohort, factor, hard, capacity, deadlines, seed)| {
            let mut config = config(cohort);
            config.over_commitment = f64::from(factor) / 10.0;
            config.deadline = hard.map(|hard| Seconds::from_raw(f64::from(hard) / 10.0));
            config.server.uplink = BytesPerSecond::from_raw(f64::from(capacity) * 1e5);
            config.stop.simulated_time = Some(Seconds::from_raw(60.0));
            let after = |tenths: u32| RoundDeadline {
                after: Seconds::from_raw(f64::from(tenths) / 10.0),
                missed: vec![0.0; LAYERS],
            };
            let deadlines = Deadlines(deadlines.into_iter().map(after).collect());
            World { specs, config, deadlines, seed }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is lost and nothing invented, whoever is stopped, leaves, is throttled or shares the server's link; and the
    /// unfinished is waste.
    #[test]
    fn every_world_keeps_its_books(world in worlds()) {
        let mut script = Script::new(World::work(world.seed)).layered(LAYERS);
        let mut diary = Diary::default();
        let fleet = fleet(&world.specs);
        let federation =
            Federation::new(&world.config, &fleet, SeedTree::new(world.seed), &mut script, &mut diary);
        let outcome = federation.unwrap().paced(world.deadlines.clone()).unwrap().run().unwrap();
        check(&outcome, &diary, &script, done(script.depths.clone(), World::work(world.seed)));
        for round in &diary.rounds {
            for client in &round.clients {
                prop_assert!(client.layers.is_none_or(|n| (1..=LAYERS as u32).contains(&n)));
                prop_assert!(client.layers.is_none() || client.fate == Fate::Aggregated);
                let spent = client.spent;
                prop_assert!(spent.useful.energy.get() >= 0.0 && spent.wasted.energy.get() >= 0.0);
                if client.layers.is_none() && client.fate == Fate::Aggregated {
                    prop_assert!(spent.wasted.device_flops.is_zero());
                }
            }
        }
    }
}

fn swept(_: Exchange, client: u32) -> Workload {
    work(u128::from(client + 1) * 200_000_000, 400_000, 300_000 + u64::from(client) * 50_000)
}

/// Every device leaves at and between all dates of a small scenario with deadlines, for a while and for good.
#[test]
fn a_device_may_leave_at_any_instant() {
    let specs: Vec<_> = (0..4)
        .map(|i| Spec {
            gflops: 0.4 + 0.2 * f64::from(i % 3),
            latency: 0.01 * f64::from(i),
            ..SPEC
        })
        .collect();
    let fleet = fleet(&specs);
    let mut rules = FederationConfig { over_commitment: 1.3, ..config(3) };
    rules.server.uplink = BytesPerSecond::from_raw(1_500_000.0);
    rules.stop.rounds = 3;
    let run = |traces: &[Vec<(bool, f64)>]| {
        let mut script = Script::new(swept).layered(LAYERS);
        let mut diary = Diary::default();
        let federation = Federation::with_sessions(
            &rules,
            &fleet,
            sessions(traces),
            SeedTree::new(5),
            &mut script,
            &mut diary,
        );
        let federation = federation.unwrap().under(&Conditions::default());
        let outcome = federation.paced(every(1.5)).unwrap().run().unwrap();
        check(&outcome, &diary, &script, done(script.depths.clone(), swept));
        (diary, script.depths.len())
    };
    let undisturbed = vec![always(); specs.len()];
    let (calm, stopped) = run(&undisturbed);
    assert!(stopped >= 3, "{stopped} clients stopped prove too little");
    let mut dates = BTreeSet::new();
    for round in &calm.rounds {
        dates.extend([round.opened.as_nanos(), round.closed.as_nanos()]);
        for client in &round.clients {
            let times = client.times;
            let mut at = round.opened.as_nanos();
            for part in [times.download, times.compute, times.upload, times.wait] {
                at += part.as_nanos();
                dates.insert(at);
            }
        }
    }
    let dates: Vec<u64> = dates.into_iter().collect();
    let between = dates.windows(2).map(|pair| pair[0] + (pair[1] - pair[0]) / 2);
    let beside = dates.iter().flat_map(|&at| [at.saturating_sub(1), at, at + 1]);
    let instants: BTreeSet<u64> = beside.chain(between).collect();
    assert!(instants.len() > 80, "{} instants are too few to prove anything", instants.len());
    for device in 0..specs.len() {
        for &instant in &instants {
            for back in [0.0, 0.7, f64::INFINITY] {
                let mut traces = undisturbed.clone();
                let leaves = instant as f64 / 1e9;
                traces[device] = vec![(true, leaves), (false, back), (true, f64::INFINITY)];
                run(&traces);
            }
        }
    }
}

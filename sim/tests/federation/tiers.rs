//! Semi-synchronous tiers: who is in which, when each reports, and what the model becomes.

use fleetune::federation::{
    ClientOutcome, ConfigError, End, Fate, Federation, FederationConfig, FederationError, Policy,
    TierWeights,
};
use fleetune_algorithms::protocol::{Exchange, Server};
use fleetune_devices::{Workload, streams::SeedTree};
use fleetune_units::{BytesPerSecond, Flops, Seconds};
use proptest::prelude::*;

use super::{
    diary::Diary,
    parts::{Part, Told, WorkOf, run_parts},
    world::{SPEC, Spec, always, config, fleet, run, same, uniform, work},
};

fn tiers(count: u32, cohort: u32) -> FederationConfig {
    let policy = Policy::Tiers { count, weights: TierWeights::FedAt };
    FederationConfig { policy, ..config(cohort) }
}

fn speeds(gflops: &[f64]) -> Vec<Spec> {
    gflops.iter().map(|&gflops| Spec { gflops, ..SPEC }).collect()
}

fn second(_: Exchange, _: u32) -> Workload {
    work(1_000_000_000, 0, 0)
}

/// By speed, as many in each as in any other, or one more in the first ones.
#[test]
fn devices_of_like_speed_are_a_tier() {
    let fleet = fleet(&speeds(&[0.25, 4.0, 1.0, 2.0, 0.5, 8.0, 1.0]));
    let told = run_parts(&tiers(3, 3), &fleet, None, second);
    told.check();
    let names: Vec<_> = told.diary.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["tier 1, fastest", "tier 2", "tier 3, slowest"]);
    let devices: Vec<_> = told.diary.groups.iter().map(|group| group.devices).collect();
    assert_eq!(devices, [3, 2, 2]);
    for (tier, mut expected) in [(0, vec![5, 1, 3]), (1, vec![2, 6]), (2, vec![4, 0])] {
        let mut asked: Vec<u32> =
            told.rounds_of(tier)[0].clients.iter().map(|c| c.client).collect();
        asked.sort_unstable();
        expected.sort_unstable();
        assert_eq!(asked, expected, "tier {tier}");
    }
}

/// Tiers of 1, 2 and 4 s: each closes its rounds at its own multiples, whatever the others do.
#[test]
fn no_tier_waits_for_another() {
    let fleet = fleet(&speeds(&[1.0, 1.0, 0.5, 0.5, 0.25, 0.25]));
    let mut rules = tiers(3, 2);
    rules.stop = fleetune::federation::Stop {
        rounds: 1_000,
        simulated_time: Some(Seconds::from_raw(12.5)),
        device_flops: None,
    };
    let told = run_parts(&rules, &fleet, None, second);
    told.check();
    assert_eq!(told.outcome.end, End::SimulatedTime);
    for (tier, seconds) in [(0, 1), (1, 2), (2, 4)] {
        let closed = told.rounds_of(tier).iter().map(|r| r.closed.as_nanos()).collect::<Vec<_>>();
        let whole = closed.iter().take(closed.len() - 1);
        let expected = (1..).map(|n| n * seconds * 1_000_000_000);
        assert!(whole.copied().eq(expected.take(closed.len() - 1)), "tier {tier}: {closed:?}");
        assert_eq!(closed.len() as u64, 12 / seconds + 1, "and the one that the end broke off");
    }
}

/// FedAT, algorithm 1, computed again from what each tier reported and when: the global model is the mean of the tiers'
/// latest models, each weighed by the reports of the tier at the other end; and every round starts from the global model
/// as it is when it opens.
#[test]
fn the_model_is_the_tiers_mean_by_the_reports_of_their_mirror_images() {
    let fleet = fleet(&speeds(&[1.0, 0.6, 0.25, 0.15]));
    let mut rules = tiers(4, 1);
    rules.stop.rounds = 40;
    let told = run_parts(&rules, &fleet, None, second);
    told.check();
    let (mut latest, mut reports) = ([0.0_f64; 4], [0_u32; 4]);
    // Global models by the instant from which on they are there.
    let mut history = vec![(0, 0.0_f64)];
    let mut next = [0; 4];
    let full = told.diary.rounds.iter().filter(|round| !round.is_void());
    for round in full {
        let (tier, opened) = (round.group as usize, round.opened.as_nanos());
        let (_, _, before, after) = told.parts[tier].joined[next[tier]];
        next[tier] += 1;
        // Of several that report at one instant, each tier's own report comes before its next opening.
        let known: Vec<f64> = history
            .iter()
            .enumerate()
            .filter(|&(i, &(at, _))| {
                let until = history.get(i + 1).map_or(u64::MAX, |&(at, _)| at);
                at <= opened && opened <= until
            })
            .map(|(_, &(_, model))| model)
            .collect();
        let started = f64::from(before);
        assert!(
            known.iter().any(|model| (model - started).abs() <= 1e-4 * model.abs()),
            "{known:?}"
        );
        latest[tier] = f64::from(after);
        reports[tier] += 1;
        let total: u32 = reports.iter().sum();
        let weighed = (0..4).map(|m| f64::from(reports[3 - m]) / f64::from(total) * latest[m]);
        history.push((round.closed.as_nanos(), weighed.sum()));
    }
    assert!(reports.iter().all(|&count| count > 2), "{reports:?}");
    let (_, expected) = history[history.len() - 1];
    let found = f64::from(told.global.value());
    assert!((found - expected).abs() <= 1e-4 * expected.abs(), "{found}, expected {expected}");
}

/// FedAT does not move the global model until the slowest tier has reported; if tiers weigh alike it moves at once.
#[test]
fn the_slowest_tier_holds_fedats_model_back() {
    let fleet = fleet(&speeds(&[1.0, 0.1]));
    let value = |weights, seconds| {
        let mut rules =
            FederationConfig { policy: Policy::Tiers { count: 2, weights }, ..config(1) };
        rules.stop.rounds = 1_000;
        rules.stop.simulated_time = Some(Seconds::from_raw(seconds));
        run_parts(&rules, &fleet, None, second).global.value()
    };
    assert_eq!(value(TierWeights::FedAt, 9.5), 0.0);
    assert_eq!(value(TierWeights::Even, 9.5), 9.0);
    assert!(value(TierWeights::FedAt, 10.5) > 0.0);
}

/// A round that nobody's update reached is no report: of a tier that always misses the deadline FedAT never hears.
#[test]
fn a_void_round_is_no_report() {
    let mut rules = tiers(2, 1);
    rules.deadline = Some(Seconds::from_raw(5.0));
    rules.stop.rounds = 30;
    let told = run_parts(&rules, &fleet(&speeds(&[1.0, 0.1])), None, second);
    told.check();
    assert!(told.outcome.standing.void_rounds >= 4);
    assert_eq!(told.global.value(), 0.0);
    assert!(told.parts[0].updates() >= 24);
}

/// Tiers that report every t_i seconds: while a tier has a round, tier j reports t_i / t_j times in the mean, so its
/// staleness is the sum of these over the others. Times are such that no two reports ever fall together.
#[test]
fn staleness_counts_the_reports_of_the_others_in_between() {
    let times = [1.0, 2.0_f64.sqrt() * 1.3, 5.0_f64.sqrt() * 2.1];
    let fleet = fleet(&speeds(&times.map(|time| 1.0 / time)));
    let mut rules = tiers(3, 1);
    rules.stop.rounds = 1_000;
    let told = run_parts(&rules, &fleet, None, second);
    for (tier, own) in (0..).zip(times) {
        let rounds = told.rounds_of(tier).into_iter().flat_map(|round| &round.clients);
        let joined = rounds.filter(|client| client.fate == Fate::Aggregated);
        let found: Vec<u64> = joined.map(|client| client.staleness.unwrap()).collect();
        let mean = found.iter().sum::<u64>() as f64 / found.len() as f64;
        let expected: f64 = times.iter().map(|other| own / other).sum::<f64>() - 1.0;
        // Over all rounds of a tier the count of another's reports is right to within one.
        let error = 2.0 / found.len() as f64;
        assert!((mean - expected).abs() <= error, "tier {tier}: {mean}, expected {expected}");
    }
    let others = told.clients().filter(|client| client.fate != Fate::Aggregated);
    assert!(others.into_iter().all(|client| client.staleness.is_none()));
}

fn plain(client: &ClientOutcome) -> ClientOutcome {
    ClientOutcome { staleness: None, ..*client }
}

/// One tier is a synchronous federation, to the byte; but its updates have a staleness, which is none.
#[test]
fn one_tier_is_a_synchronous_federation() {
    let specs = speeds(&[1.0, 0.7, 0.5, 0.4, 0.3]);
    let fleet = fleet(&specs);
    let assigned = |exchange: Exchange, client| {
        let n = (uniform(3, exchange, client) * 1e6) as u64;
        work(u128::from(n) * 3_000, n % 300_000, (n * 7) % 300_000)
    };
    let mut rules = tiers(1, 3);
    rules.over_commitment = 1.3;
    rules.deadline = Some(Seconds::from_raw(2.0));
    let told = run_parts(&rules, &fleet, None, assigned);
    told.check();
    let mut script = super::world::Script::new(assigned);
    let synchronous = FederationConfig { policy: Policy::Synchronous, ..rules };
    let (outcome, diary) = run(&synchronous, &fleet, 5, &mut script);
    assert_eq!(told.outcome, outcome);
    for (tier, round) in told.diary.rounds.iter().zip(&diary.rounds) {
        let clients: Vec<_> = tier.clients.iter().map(plain).collect();
        assert_eq!(clients, round.clients);
        assert_eq!(
            (tier.opened, tier.closed, tier.closing),
            (round.opened, round.closed, round.closing)
        );
        let joined = tier.clients.iter().filter(|client| client.fate == Fate::Aggregated);
        assert!(joined.into_iter().all(|client| client.staleness == Some(0)));
    }
}

/// A tier whose devices have all gone for good holds nobody up.
#[test]
fn a_tier_without_devices_is_left_behind() {
    let fleet = fleet(&speeds(&[1.0, 1.0, 0.1, 0.1]));
    let gone = vec![(true, 3.0), (false, f64::INFINITY)];
    let traces = [always(), always(), gone.clone(), gone];
    let told = run_parts(&tiers(2, 2), &fleet, Some(&traces), second);
    told.check();
    assert_eq!(told.outcome.end, End::Rounds);
    // One of the ten rounds is the slow tier's, void as both had left.
    assert_eq!(told.outcome.standing.void_rounds, 1);
    assert_eq!(told.parts[1].updates(), 0);
}

#[test]
fn the_run_ends_when_nobody_comes_to_any_tier() {
    let gone = vec![(true, 3.5), (false, f64::INFINITY)];
    let traces = vec![gone; 4];
    let told = run_parts(&tiers(2, 2), &same(4), Some(&traces), second);
    told.check();
    assert_eq!(told.outcome.end, End::NobodyComes);
}

/// Devices without the memory are in no tier, and no tier is empty.
#[test]
fn tiers_are_of_those_who_can_take_part() {
    let mut specs = speeds(&[1.0, 2.0, 4.0, 8.0]);
    specs[1].memory = 10;
    specs[3].memory = 10;
    let told = run_parts(&tiers(3, 1), &fleet(&specs), None, second);
    told.check();
    let devices: Vec<_> = told.diary.groups.iter().map(|group| group.devices).collect();
    assert_eq!(devices, [1, 1]);
    assert_eq!(told.outcome.standing.excluded, 2);
    assert!(told.clients().all(|client| [0, 2].contains(&client.client)));
}

#[test]
fn a_server_that_goes_on_from_its_own_model_only_is_refused() {
    let work: WorkOf = std::sync::Arc::new(second);
    let (fleet, rules) = (same(2), tiers(1, 1));
    let refused = |part: Option<&mut Part>| {
        let (mut global, mut diary) = (Part::new(&work, 0.0), Diary::default());
        let seeds = SeedTree::new(1);
        let federation = Federation::new(&rules, &fleet, seeds, &mut global, &mut diary).unwrap();
        let parts = part.into_iter().map(|part| -> &mut dyn Server { part });
        federation.with_parts(parts.collect()).run().unwrap_err()
    };
    let mut part = Part::new(&work, 1.0);
    part.movable = false;
    let error = refused(Some(&mut part));
    assert!(matches!(error, FederationError::Config(ConfigError::NeedsOneServer)), "{error}");
    let error = refused(None);
    assert!(matches!(error, FederationError::Parts { expected: 1, found: 0 }), "{error}");
}

/// Tenths of GFLOP/s and of MB/s, and fifths of the mean seconds on and off of a device that comes and goes.
type Drawn = (u32, u32, Option<(u32, u32)>);

fn random(devices: &[Drawn], rules: &FederationConfig, seed: u64) -> Told {
    let spec = |&(speed, rate, means): &Drawn| Spec {
        gflops: f64::from(speed) / 10.0,
        megabytes_per_second: f64::from(rate) / 10.0,
        means: means.map(|(on, off)| (f64::from(on) / 5.0, f64::from(off) / 5.0)),
        latency: 0.001,
        ..SPEC
    };
    let specs: Vec<_> = devices.iter().map(spec).collect();
    run_parts(rules, &fleet(&specs), None, move |exchange, client| {
        let n = (uniform(seed, exchange, client) * 1e6) as u64;
        work(u128::from(n) * 1_000, n % 300_000, (n * 7) % 300_000)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_keeps_its_books_and_threads_change_nothing(
        devices in prop::collection::vec((1_u32..30, 1_u32..30, prop::option::of((1_u32..30, 1_u32..10))), 1..12),
        count in 1_u32..5,
        cohort in 1_u32..4,
        factor in 10_u32..20,
        deadline in prop::option::of(5_u32..60),
        flops in prop::option::of(1_u64..100),
        seed in any::<u64>(),
    ) {
        let mut rules = tiers(count, cohort);
        rules.over_commitment = f64::from(factor) / 10.0;
        rules.deadline = deadline.map(|tenths| Seconds::from_raw(f64::from(tenths) / 10.0));
        rules.server.downlink = BytesPerSecond::from_raw(1e6);
        rules.stop.rounds = 30;
        rules.stop.simulated_time = Some(Seconds::from_raw(30.0));
        rules.stop.device_flops = flops.map(|n| Flops::new(u128::from(n) * 100_000_000));
        let history = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let told = random(&devices, &rules, seed);
                told.check();
                told.bytes()
            })
        };
        prop_assert_eq!(history(1), history(2));
    }
}

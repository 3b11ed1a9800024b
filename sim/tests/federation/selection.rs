//! Whom a round asks, policy by policy, in whole runs.

use fleetune::federation::{Fate, FederationConfig, Policy, RoundOutcome, TierWeights};
use fleetune_algorithms::settings::Fraction;
use fleetune_devices::Fleet;
use fleetune_scenarios::schema::{
    AvailabilityConfig, EnergyConfig, EnergyMeasure, OortConfig, ResourcesConfig, SelectionConfig,
};
use fleetune_units::Seconds;

use super::{
    diary::Diary,
    parts::run_parts,
    world::{SPEC, Script, Spec, always, config, fleet, run, run_traced, same, uniform, work},
};

/// Every policy but the random one.
pub(super) fn all_selections() -> Vec<SelectionConfig> {
    let resources = ResourcesConfig { candidates: 2, ..ResourcesConfig::default() };
    vec![
        SelectionConfig::Availability(AvailabilityConfig::default()),
        SelectionConfig::Availability(AvailabilityConfig {
            rest: 0,
            ..AvailabilityConfig::default()
        }),
        SelectionConfig::Oort(OortConfig::default()),
        SelectionConfig::Oort(only_exploiting()),
        SelectionConfig::Resources(resources),
        SelectionConfig::Energy(EnergyConfig { by: EnergyMeasure::Joules }),
        SelectionConfig::Energy(EnergyConfig { by: EnergyMeasure::Battery }),
    ]
}

fn only_exploiting() -> OortConfig {
    let none = Fraction::new(0.0).unwrap();
    OortConfig { exploration: none, exploration_min: none, ..OortConfig::default() }
}

fn with(selection: SelectionConfig, cohort: u32, rounds: u64) -> FederationConfig {
    let mut config = FederationConfig { selection, ..config(cohort) };
    config.stop.rounds = rounds;
    config
}

fn asked(rounds: &[RoundOutcome]) -> Vec<Vec<u32>> {
    rounds.iter().map(|round| round.clients.iter().map(|c| c.client).collect()).collect()
}

/// Joules by device.
fn spent(diary: &Diary, devices: usize) -> Vec<f64> {
    let mut spent = vec![0.0; devices];
    for client in diary.rounds.iter().flat_map(|round| &round.clients) {
        spent[client.client as usize] += client.spent.total().energy.get();
    }
    spent
}

fn spread(spent: &[f64]) -> f64 {
    let ends = |of: fn(f64, f64) -> f64, from| spent.iter().copied().fold(from, of);
    ends(f64::max, f64::NEG_INFINITY) - ends(f64::min, f64::INFINITY)
}

/// Devices whose rounds cost from 5 to 20 J.
fn unequal(devices: usize) -> Fleet {
    let spec = |i| Spec { gflops: 1.0 / (1.0 + (i % 4) as f64), ..SPEC };
    fleet(&(0..devices).map(spec).collect::<Vec<_>>())
}

/// Whoever has spent the least is next, so no two devices are ever further apart than what one spends in a round, with
/// all of them there and no more asked than there are; after any number of rounds.
#[test]
fn energy_is_spent_evenly() {
    let by_energy = SelectionConfig::Energy(EnergyConfig::default());
    let run_with = |selection| {
        let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
        run(&with(selection, 3, 200), &unequal(20), 4, &mut script).1
    };
    let (even, random) = (run_with(by_energy), run_with(SelectionConfig::Random));
    let most = even.rounds.iter().flat_map(|round| &round.clients);
    let most = most.map(|client| client.spent.total().energy.get()).fold(0.0, f64::max);
    for rounds in [1, 10, 50, 200] {
        let part = Diary { rounds: even.rounds[..rounds].to_vec(), ..Diary::default() };
        let spread = spread(&spent(&part, 20));
        assert!(spread <= most + 1e-9, "{rounds} rounds: {spread} J; a round takes {most} J");
    }
    let [even, random] = [&even, &random].map(|diary| spread(&spent(diary, 20)));
    assert!(random > 10.0 * even, "{random} J at random, {even} J");
}

/// Of devices that differ in nothing but how full their batteries are, the fullest is asked until it is as empty as the
/// next, and then both in turn. A round takes 4 J more than idling, and 300 J are between them.
#[test]
fn full_batteries_are_drawn_on_first() {
    const EXTRA: [&str; 3] = [
        "battery: { capacity: 1000 J, charge_power: 5 W, initial: 0.9 }\ncharging: never",
        "battery: { capacity: 1000 J, charge_power: 5 W, initial: 0.6 }\ncharging: never",
        "battery: { capacity: 1000 J, charge_power: 5 W, initial: 0.3 }\ncharging: never",
    ];
    let fleet = fleet(&EXTRA.map(|extra| Spec { extra, ..SPEC }));
    let by = SelectionConfig::Energy(EnergyConfig { by: EnergyMeasure::Battery });
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let (_, diary) = run(&with(by, 1, 120), &fleet, 4, &mut script);
    let asked: Vec<u32> = asked(&diary.rounds).concat();
    assert!(asked[..74].iter().all(|&device| device == 0), "{asked:?}");
    assert!(asked[77..].contains(&1) && !asked.contains(&2), "{asked:?}");
    let [first, second] = [0, 1].map(|id| asked[77..].iter().filter(|&&d| d == id).count());
    assert!(first.abs_diff(second) <= 1, "{first} and {second} in turn");
}

/// With nothing shared and nobody leaving, devices' estimates are exact: nobody is late, whoever could have been.
#[test]
fn everyone_asked_is_done_by_the_deadline_if_estimates_are_exact() {
    let seconds = |exchange, client| 0.5 + 4.0 * uniform(9, exchange, client);
    let script = || {
        Script::new(move |exchange, client| {
            work((seconds(exchange, client) * 1e9) as u128, 100_000, 200_000)
        })
    };
    let late = |selection, seed| {
        let mut config = with(selection, 5, 60);
        config.deadline = Some(Seconds::from_raw(2.5));
        config.over_commitment = 1.2;
        let (outcome, diary) = run(&config, &same(24), seed, &mut script());
        assert!(diary.rounds.iter().all(|round| round.clients.len() == 6));
        (diary.rounds.iter().map(|r| r.count(Fate::Late)).sum::<u32>(), outcome.standing.time)
    };
    for seed in 0..5 {
        let random = late(SelectionConfig::Random, seed);
        for candidates in [1, 2, 4] {
            let config = ResourcesConfig { candidates, ..ResourcesConfig::default() };
            let chosen = late(SelectionConfig::Resources(config), seed);
            assert_eq!(chosen.0, 0, "seed {seed}, {candidates} candidates");
            assert!(chosen.1 < random.1, "seed {seed}, {candidates} candidates");
        }
        assert!(random.0 > 50, "{random:?}");
    }
}

/// Traces that agree up to an instant give the same choices up to there, whatever comes then.
#[test]
fn only_the_past_is_known() {
    const INSTANT: f64 = 60.0;
    let period = |device: usize, k: usize| 1.0 + ((7 * device + 3 * k) % 11) as f64;
    let traces: Vec<Vec<(bool, f64)>> =
        (0..12).map(|device| (0..60).map(|k| (k % 2 == 0, period(device, k))).collect()).collect();
    // Each trace up to the instant, and from then on the opposite of what it was.
    let changed: Vec<Vec<(bool, f64)>> = traces
        .iter()
        .map(|trace| {
            let (mut at, mut cut) = (0.0, Vec::new());
            for &(online, length) in trace {
                if at + length > INSTANT {
                    cut.push((online, INSTANT - at));
                    cut.push((!online, 1.5));
                    cut.push((online, f64::INFINITY));
                    break;
                }
                cut.push((online, length));
                at += length;
            }
            cut
        })
        .collect();
    let specs: Vec<_> = (0..12)
        .map(|i| Spec {
            gflops: 1.0 + f64::from(i % 3),
            extra: "battery: { capacity: 1 MJ, charge_power: 5 W, initial: 0.9 }\ncharging: never",
            ..SPEC
        })
        .collect();
    let fleet = fleet(&specs);
    let mut informed = 0;
    for selection in all_selections() {
        let run = |traces: &[Vec<(bool, f64)>], selection| {
            let mut script = Script::new(|_, _| work(500_000_000, 100_000, 100_000));
            script.utility = Some(|client| 1.0 + client as f32);
            let mut config = with(selection, 3, 300);
            config.deadline = Some(Seconds::from_raw(5.0));
            run_traced(&config, &fleet, traces, &mut script).unwrap().1
        };
        let [told, other] = [&traces, &changed].map(|traces| run(traces, selection));
        let before = |diary: &Diary| -> Vec<(u64, Vec<u32>)> {
            let rounds = diary.rounds.iter().zip(asked(&diary.rounds));
            let opened = rounds.map(|(round, asked)| (round.opened.as_nanos(), asked));
            opened.take_while(|(at, _)| (*at as f64) < INSTANT * 1e9).collect()
        };
        assert!(before(&told).len() > 20, "{selection:?}: {}", before(&told).len());
        assert_eq!(before(&told), before(&other), "{selection:?}");
        assert_ne!(told.rounds, other.rounds, "{selection:?}: the future differs");
        informed += u32::from(before(&told) != before(&run(&traces, SelectionConfig::Random)));
    }
    assert_eq!(informed as usize, all_selections().len(), "all differ from the random choice");
}

/// Half of the devices are seldom there: they are asked more often than at random when they are.
#[test]
fn those_seldom_there_are_asked_more_often() {
    let specs: Vec<_> = (0..40)
        .map(|i| Spec { means: Some(if i < 20 { (20.0, 180.0) } else { (400.0, 40.0) }), ..SPEC })
        .collect();
    let fleet = fleet(&specs);
    let seldom = |selection| {
        let mut script = Script::new(|_, _| work(2_000_000_000, 0, 0));
        let (_, diary) = run(&with(selection, 3, 600), &fleet, 6, &mut script);
        asked(&diary.rounds).concat().into_iter().filter(|&device| device < 20).count()
    };
    let availability = AvailabilityConfig { rest: 0, ..AvailabilityConfig::default() };
    let [first, random] =
        [SelectionConfig::Availability(availability), SelectionConfig::Random].map(seldom);
    assert!(2 * first > 3 * random, "{first} of 1800, {random} at random");
}

/// With the same histories the same choices: the losses that clients report decide, and nothing else.
#[test]
fn oort_follows_what_clients_report() {
    let shares = |utility: fn(u32) -> f32| {
        let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
        script.utility = Some(utility);
        let oort = SelectionConfig::Oort(OortConfig::default());
        let (_, diary) = run(&with(oort, 4, 300), &same(20), 6, &mut script);
        let all = asked(&diary.rounds).concat();
        let mut shares = [0_u32; 20];
        all.iter().for_each(|&device| shares[device as usize] += 1);
        shares
    };
    let rising = shares(|client| 1.0 + client as f32);
    let [low, high] = [&rising[..10], &rising[10..]].map(|half| half.iter().sum::<u32>());
    assert!(high > 2 * low, "{rising:?}");
    assert!(rising.iter().all(|&share| share > 0), "everybody is explored: {rising:?}");
    assert_eq!(rising, shares(|client| 1.0 + client as f32), "again");
}

/// Whatever the policy, a run is a pure function of its seed, and asks nobody who is not there.
#[test]
fn the_same_seed_gives_the_same_choices() {
    let specs: Vec<_> = (0..30)
        .map(|i| Spec {
            means: Some((30.0, 20.0)),
            gflops: 0.5 + f64::from(i % 5),
            extra: "battery: { capacity: 1 MJ, charge_power: 5 W, initial: 0.9 }\ncharging: never",
            ..SPEC
        })
        .collect();
    let fleet = fleet(&specs);
    for selection in all_selections() {
        let run = |seed| {
            let mut script = Script::new(|exchange, client| {
                work((3e9 * uniform(2, exchange, client)) as u128, 1000, 2000)
            });
            script.utility = Some(|client| 1.0 + (client % 7) as f32);
            let mut config = with(selection, 4, 60);
            config.deadline = Some(Seconds::from_raw(4.0));
            run(&config, &fleet, seed, &mut script).1.rounds
        };
        assert_eq!(run(1), run(1), "{selection:?}");
        assert_ne!(asked(&run(1)), asked(&run(2)), "{selection:?}");
    }
}

/// Devices that are always there, with policies that know nothing of them: today's random cohorts, value for value.
#[test]
fn the_first_round_is_the_random_one() {
    for selection in all_selections() {
        let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
        let rules = FederationConfig { over_commitment: 1.5, ..with(selection, 4, 1) };
        let traces = vec![always(); 100];
        let fleet = same(100);
        let (_, diary) = run(&rules, &fleet, 7, &mut script);
        assert_eq!(asked(&diary.rounds), [[71, 38, 65, 57, 62, 39]], "{selection:?}");
        assert!(run_traced(&rules, &fleet, &traces, &mut script).is_ok());
    }
}

/// Every tier asks its own, by what was seen of its own: the energy of each tier is even in itself. With one tier of all the
/// choices are those of synchronous rounds.
#[test]
fn groups_choose_among_their_own() {
    let extra = "battery: { capacity: 1 MJ, charge_power: 5 W, initial: 0.9 }\ncharging: never";
    let specs: Vec<_> =
        (0..24).map(|i| Spec { gflops: f64::from(1 + i % 3), extra, ..SPEC }).collect();
    let fleet = fleet(&specs);
    let second = |_, _| work(1_000_000_000, 0, 0);
    for selection in all_selections().into_iter().chain([SelectionConfig::Random]) {
        let tiers = |count| {
            let policy = Policy::Tiers { count, weights: TierWeights::Even };
            let mut config = FederationConfig { policy, ..with(selection, 2, 200) };
            config.deadline = Some(Seconds::from_raw(5.0));
            config
        };
        let told = run_parts(&tiers(3), &fleet, None, second);
        told.check();
        for tier in 0..3 {
            let rounds: Vec<RoundOutcome> = told.rounds_of(tier).into_iter().cloned().collect();
            assert!(rounds.len() > 10, "{selection:?}");
            let mine = |device: &u32| device % 3 == 2 - tier;
            assert!(asked(&rounds).concat().iter().all(mine), "{selection:?}, tier {tier}");
            if selection == SelectionConfig::Energy(EnergyConfig::default()) {
                let part = Diary { rounds, ..Diary::default() };
                let mine: Vec<f64> = (0..)
                    .zip(spent(&part, 24))
                    .filter(|(id, _)| mine(id))
                    .map(|(_, j)| j)
                    .collect();
                // A round takes at most 5 W for a second.
                assert!(spread(&mine) <= 5.0 + 1e-9, "tier {tier}: {mine:?}");
            }
        }
        let one = run_parts(&tiers(1), &fleet, None, second);
        let whole = FederationConfig { policy: Policy::Synchronous, ..tiers(1) };
        let mut script = Script::new(second);
        script.utility = Some(|client| 1.0 + client as f32);
        let (_, diary) = run(&whole, &fleet, 5, &mut script);
        assert_eq!(asked(&one.diary.rounds), asked(&diary.rounds), "{selection:?}");
    }
}

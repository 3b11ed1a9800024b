//! Each policy on a group whose every answer is known.

use fleetune_algorithms::settings::{Decay, Fraction};
use fleetune_scenarios::schema::{
    AvailabilityConfig, EnergyConfig, EnergyMeasure, OortConfig, ResourcesConfig,
};

use super::*;
use crate::{
    federation::{
        anatomy::Anatomy,
        ledger::{Ledger, Resources},
        outcome::{ClientOutcome, Closing, Fate},
    },
    kernel::SimDuration,
};

/// Devices that are all there, unless told otherwise.
struct Known {
    there: Vec<bool>,
    fits: Vec<bool>,
    estimates: Vec<f64>,
    taken: Vec<f64>,
    levels: Vec<f64>,
}

impl Known {
    fn of(devices: usize) -> Self {
        Self {
            there: vec![true; devices],
            fits: vec![true; devices],
            estimates: vec![1.0; devices],
            taken: vec![0.5; devices],
            levels: vec![0.5; devices],
        }
    }
}

impl Candidates for Known {
    fn devices(&self) -> u32 {
        self.there.len() as u32
    }

    fn is_member(&self, _: u32) -> bool {
        true
    }

    fn is_there(&self, device: u32) -> bool {
        self.there[device as usize]
    }

    fn is_able(&self, device: u32) -> bool {
        self.is_there(device)
    }

    fn estimate(&self, device: u32) -> Seconds {
        Seconds::from_raw(self.estimates[device as usize])
    }

    fn memory_taken(&self, device: u32) -> f64 {
        self.taken[device as usize]
    }

    fn battery(&self, device: u32) -> Option<(f64, Joules)> {
        Some((self.levels[device as usize], Joules::from_raw(100.0)))
    }

    fn admit(&mut self, device: u32) -> bool {
        self.fits[device as usize]
    }
}

fn ask(policy: &dyn Policy, candidates: &mut Known, round: u64, wanted: u32) -> Vec<u32> {
    ask_at(policy, candidates, (round, 0.0), wanted)
}

fn ask_at(
    policy: &dyn Policy,
    candidates: &mut Known,
    (round, now): (u64, f64),
    wanted: u32,
) -> Vec<u32> {
    let seeds = SeedTree::new(3);
    let deadline = Some(Seconds::from_raw(10.0));
    let call = Call { group: 0, seeds: &seeds, round, now: at(now), wanted, deadline };
    let asked = policy.select(&call, candidates);
    assert_eq!(asked, policy.select(&call, candidates), "to look again is to see the same");
    asked
}

fn at(seconds: f64) -> SimTime {
    SimTime::ZERO.after(span(seconds)).unwrap()
}

fn span(seconds: f64) -> SimDuration {
    SimDuration::from_seconds(seconds).unwrap()
}

/// A client that took so many seconds and joules.
fn client(client: u32, fate: Fate, seconds: f64, joules: f64) -> ClientOutcome {
    let spent = Resources { energy: Joules::from_raw(joules), ..Resources::default() };
    ClientOutcome {
        client,
        fate,
        staleness: None,
        layers: None,
        exchanges: 1,
        times: Anatomy { compute: span(seconds), ..Anatomy::default() },
        spent: Ledger { useful: spent, ..Ledger::default() },
    }
}

/// A round of ten seconds.
fn outcome(round: u64, clients: Vec<ClientOutcome>) -> RoundOutcome {
    RoundOutcome {
        group: 0,
        round,
        waited: SimDuration::ZERO,
        opened: at(10.0 * round as f64),
        closed: at(10.0 * (round + 1) as f64),
        closing: Closing::Full,
        exchanges: 1,
        excluded: 0,
        clients,
        tails: Vec::new(),
    }
}

/// All policies, knowing nothing.
fn all() -> Vec<Box<dyn Policy>> {
    [
        SelectionConfig::Random,
        SelectionConfig::Availability(AvailabilityConfig::default()),
        SelectionConfig::Oort(OortConfig::default()),
        SelectionConfig::Resources(ResourcesConfig::default()),
        SelectionConfig::Energy(EnergyConfig { by: EnergyMeasure::Joules }),
        SelectionConfig::Energy(EnergyConfig { by: EnergyMeasure::Battery }),
    ]
    .iter()
    .map(policy)
    .collect()
}

#[test]
fn the_number_asked_is_exact_in_decimals() {
    for (cohort, factor, expected) in [
        (8, 1.3, 11),
        (10, 1.3, 13),
        (100, 1.1, 110),
        (3, 1.0, 3),
        (7, 1.000_000_1, 8),
        (5, 2.5, 13),
    ] {
        assert_eq!(asked(cohort, factor), expected, "{cohort} x {factor}");
    }
    assert_eq!(asked(u32::MAX, 1e300), u32::MAX);
}

/// Whoever knows nothing asks whom the random policy asks: those with the least keys.
#[test]
fn without_knowledge_all_policies_are_the_random_one() {
    for round in 0..20 {
        let mut sorted: Vec<_> = ranking::keys(&SeedTree::new(3), round, 100).collect();
        sorted.sort_unstable();
        let least: Vec<u32> = sorted.into_iter().map(|(_, device)| device).take(7).collect();
        for policy in all() {
            assert_eq!(ask(policy.as_ref(), &mut Known::of(100), round, 7), least, "{policy:?}");
        }
    }
}

#[test]
fn all_policies_ask_those_who_are_there_and_fit_and_nobody_twice() {
    for policy in all() {
        let mut candidates = Known::of(40);
        for i in 0..40 {
            (candidates.there[i], candidates.fits[i]) = (i % 3 != 0, i % 4 != 0);
        }
        for wanted in [0, 1, 5, 19, 20, 21, 1000] {
            let mut asked = ask(policy.as_ref(), &mut candidates, 0, wanted);
            assert_eq!(asked.len(), wanted.min(20) as usize, "{policy:?}");
            asked.sort_unstable();
            asked.dedup();
            assert_eq!(asked.len(), wanted.min(20) as usize, "{policy:?}: nobody twice");
            let may = |device: &u32| !device.is_multiple_of(3) && !device.is_multiple_of(4);
            assert!(asked.iter().all(may), "{policy:?}: {asked:?}");
        }
        candidates.there = vec![false; 40];
        assert!(ask(policy.as_ref(), &mut candidates, 0, 5).is_empty(), "{policy:?}");
    }
}

/// The sum of squared deviations over expected counts.
fn chi_square(counts: &[u32], expected: impl Iterator<Item = f64>) -> f64 {
    let terms = counts.iter().zip(expected);
    terms.map(|(&count, expected)| (f64::from(count) - expected).powi(2) / expected).sum()
}

/// The first of a weighted draw is device i with probability w_i / Σ w. Over 20,000 rounds the sum of squared deviations,
/// over expected counts, is χ² of 3 degrees: above 21.1 once in 10,000 times.
#[test]
fn weighted_draws_are_in_proportion_to_the_weights() {
    const ROUNDS: u32 = 20_000;
    let weights = [1.0, 2.0, 3.0, 4.0];
    let mut counts = [0_u32; 4];
    for round in 0..ROUNDS.into() {
        let keys = ranking::keys(&SeedTree::new(8), round, 4);
        let clocks = keys.map(|(key, i)| (ranking::rings(key, weights[i as usize]), i));
        counts[clocks.collect::<ranking::Ranking<_>>().next().unwrap() as usize] += 1;
    }
    let expected = weights.map(|weight| weight / 10.0 * f64::from(ROUNDS));
    let chi = chi_square(&counts, expected.into_iter());
    assert!(chi < 21.1, "{counts:?}: {chi}");
    assert_eq!(ranking::rings(0, 0.0).0, f64::INFINITY);
    assert_eq!(ranking::rings(u64::MAX, 1.0).0, f64::INFINITY);
}

#[test]
fn the_least_joules_come_first_tails_included() {
    let mut energy = energy::Energy::new(EnergyConfig { by: EnergyMeasure::Joules });
    let spent = [5.0, 1.0, 4.0, 2.0];
    let clients = (0..).zip(spent).map(|(id, joules)| client(id, Fate::Left, 1.0, joules));
    let mut round = outcome(0, clients.collect());
    assert_eq!(ask(&energy, &mut Known::of(4), 1, 4).len(), 4);
    energy.observe(&round, &[]);
    assert_eq!(ask(&energy, &mut Known::of(4), 1, 4), [1, 3, 2, 0]);
    let tail = Resources { energy: Joules::from_raw(2.5), ..Resources::default() };
    round.clients.clear();
    round.tails = vec![(1, Ledger { wasted: tail, ..Ledger::default() })];
    energy.observe(&round, &[]);
    assert_eq!(ask(&energy, &mut Known::of(4), 1, 4), [3, 1, 2, 0]);
}

#[test]
fn the_battery_that_will_be_fullest_comes_first() {
    let mut energy = energy::Energy::new(EnergyConfig { by: EnergyMeasure::Battery });
    let mut candidates = Known::of(4);
    candidates.levels = vec![0.2, 0.9, 0.5, 0.6];
    assert_eq!(ask(&energy, &mut candidates, 0, 4), [1, 3, 2, 0]);
    // Of 100 J a round takes 40 of device 1 and 5 of device 3: 0.5 and 0.55 will be left.
    let round = |joules| {
        outcome(0, vec![client(1, Fate::Aggregated, 1.0, joules), client(3, Fate::Late, 1.0, 5.0)])
    };
    energy.observe(&round(30.0), &[]);
    energy.observe(&round(50.0), &[]);
    candidates.levels[2] = 0.4;
    assert_eq!(ask(&energy, &mut candidates, 0, 4), [3, 1, 2, 0]);
}

#[test]
fn those_done_soonest_come_first_and_nobody_who_will_be_late() {
    let config = ResourcesConfig { candidates: 1000, ..ResourcesConfig::default() };
    let mut candidates = Known::of(6);
    candidates.estimates = vec![9.0, 10.0, 2.0, 10.5, 5.0, 100.0];
    let all = resources::Resources::new(config);
    assert_eq!(ask(&all, &mut candidates, 0, 2), [2, 4]);
    assert_eq!(
        ask(&all, &mut candidates, 0, 6),
        [2, 4, 0, 1],
        "who takes all of the deadline is in time"
    );
    // From a pool of as many as are wanted it asks those who were drawn, and others for those who would be late.
    let one = resources::Resources::new(ResourcesConfig { candidates: 1, ..config });
    let mut drawn = ask(&random::Random, &mut candidates, 0, 6);
    drawn.retain(|&device| candidates.estimates[device as usize] <= 10.0);
    assert_eq!(ask(&one, &mut candidates, 0, 1), drawn[..1]);
    // Nobody can be done in time.
    candidates.estimates = vec![12.0, 11.0, 13.0, 14.0, 15.0, 16.0];
    assert_eq!(ask(&one, &mut candidates, 0, 3), [1]);
    // Of memory a share stays free.
    let spare = Decay::new(0.25).unwrap();
    let spare = resources::Resources::new(ResourcesConfig { memory_headroom: spare, ..config });
    candidates.estimates = vec![1.0; 6];
    candidates.taken = vec![0.8, 0.75, 0.76, 0.1, 1.0, 0.74];
    let mut asked = ask(&spare, &mut candidates, 0, 6);
    asked.sort_unstable();
    assert_eq!(asked, [1, 3, 5]);
}

/// Device 0 is there for 9 s and away for 1 s, device 1 the other way round; both are there now.
#[test]
fn those_seldom_there_come_first() {
    let rest = AvailabilityConfig { rest: 0, ..AvailabilityConfig::default() };
    let mut availability = availability::Availability::new(rest);
    for device in 0..2 {
        availability.moved(0, device, true, SimTime::ZERO);
    }
    for cycle in 0..5 {
        let start = 10.0 * f64::from(cycle);
        for (device, stays) in [(0, 9.0), (1, 1.0)] {
            availability.moved(0, device, false, at(start + stays));
            availability.moved(0, device, true, at(start + 10.0));
        }
    }
    let mut candidates = Known::of(2);
    let first = |policy: &dyn Policy, round| ask_at(policy, &mut Known::of(2), (round, 50.0), 1)[0];
    let rounds: Vec<u32> = (0..40).map(|round| first(&availability, round)).collect();
    assert!(rounds.contains(&0), "before any round has ended there is nothing to forecast for");
    availability.observe(&outcome(0, Vec::new()), &[]);
    assert!((0..40).all(|round| first(&availability, round) == 1));
    assert_eq!(ask_at(&availability, &mut candidates, (9, 50.0), 2), [1, 0]);
}

#[test]
fn who_was_asked_lately_rests() {
    let rest = AvailabilityConfig { rest: 3, ..AvailabilityConfig::default() };
    let mut availability = availability::Availability::new(rest);
    let mut candidates = Known::of(3);
    availability.observe(&outcome(4, vec![client(2, Fate::Left, 1.0, 1.0)]), &[]);
    for round in 5..8 {
        assert_eq!(ask(&availability, &mut candidates, round, 3)[2], 2, "round {round}");
    }
    assert!((8..40).any(|round| ask(&availability, &mut candidates, round, 3)[0] == 2));
}

/// Oort that has heard of devices: utility and seconds of each.
fn oort(config: OortConfig, told: &[(f32, f64)]) -> oort::Oort {
    let mut oort = oort::Oort::new(config);
    let reports: Vec<(u32, f32)> = (0..).zip(told).map(|(id, told)| (id, told.0)).collect();
    let clients = (0..).zip(told).map(|(id, told)| client(id, Fate::Aggregated, told.1, 1.0));
    oort.observe(&outcome(0, clients.collect()), &reports);
    oort
}

fn only_exploiting() -> OortConfig {
    let none = Fraction::new(0.0).unwrap();
    OortConfig { exploration: none, exploration_min: none, ..OortConfig::default() }
}

/// Of 20 wanted, `floor(20 ε)` are new ones, with `ε = max(0.9 0.98^r, 0.3)` in the r-th round, as long as there are so
/// many of both.
#[test]
fn the_share_of_new_devices_decays_to_its_floor() {
    let mut oort = oort(OortConfig::default(), &[(10.0, 1.0); 40]);
    for round in 1..80 {
        let asked = ask(&oort, &mut Known::of(100), round, 20);
        let epsilon = (1..=round + 1).fold(0.9_f64, |epsilon, _| (epsilon * 0.98).max(0.3));
        let new = asked.iter().filter(|&&device| device >= 40).count();
        assert_eq!(new, (20.0 * epsilon) as usize, "round {round}");
        // Nobody new is ever heard of.
        oort.observe(&outcome(round, vec![client(0, Fate::Aggregated, 1.0, 1.0)]), &[(0, 10.0)]);
    }
    let asked = ask(&oort, &mut Known::of(100), 90, 20);
    assert_eq!(asked.iter().filter(|&&device| device >= 40).count(), 6);
}

/// How often each of ten devices is asked in 2000 rounds of one.
fn shares(oort: &oort::Oort) -> [u32; 10] {
    let mut shares = [0; 10];
    for round in 0..2000 {
        shares[ask(oort, &mut Known::of(10), round, 1)[0] as usize] += 1;
    }
    shares
}

/// Utilities of 10, 20, ..., 100, all told in round 1 and of round 2: whoever is asked alone is device i in proportion to
/// `(U_i - 9.99) / 90.01 + sqrt(0.1 ln 2)`. χ² of nine degrees is above 33.7 once in 10,000 times.
#[test]
fn a_device_with_larger_losses_is_asked_more_often() {
    let told: Vec<(f32, f64)> = (1..=10).map(|i| (10.0 * i as f32, 1.0)).collect();
    let shares = shares(&oort(only_exploiting(), &told));
    let weights = told.iter().map(|one| (f64::from(one.0) - 9.99) / 90.01 + 0.263_276_884_8);
    let weights: Vec<f64> = weights.collect();
    let expected = weights.iter().map(|weight| 2000.0 * weight / weights.iter().sum::<f64>());
    assert!(chi_square(&shares, expected) < 33.7, "{shares:?}");
}

/// With the preferred duration at the third least of ten, who takes twice as long is asked a quarter as often.
#[test]
fn a_slow_device_is_asked_less_often() {
    let told: Vec<(f32, f64)> = (0..10).map(|i| (10.0, if i < 5 { 1.0 } else { 2.0 })).collect();
    let shares = shares(&oort(only_exploiting(), &told));
    let [fast, slow] = [&shares[..5], &shares[5..]].map(|half| half.iter().sum::<u32>());
    // 1600 and 400, with a standard deviation of 18.
    assert!((1600 - 90..1600 + 90).contains(&fast), "{fast} {slow}");
}

/// The pacer lets slower devices in once nothing changes any more.
#[test]
fn when_learning_stalls_the_slow_are_worth_their_time() {
    let told: Vec<(f32, f64)> = (0..10).map(|i| (10.0, if i < 5 { 1.0 } else { 2.0 })).collect();
    let config = OortConfig { pacer_rounds: 1, ..only_exploiting() };
    let mut stalled = oort(config, &told);
    for round in 1..40 {
        let clients = (0..).zip(&told).map(|(id, told)| client(id, Fate::Aggregated, told.1, 1.0));
        let reports: Vec<_> = (0..10).map(|id| (id, 10.0)).collect();
        stalled.observe(&outcome(round, clients.collect()), &reports);
    }
    let slow: u32 = shares(&stalled)[5..].iter().sum();
    assert!(
        (1000 - 112..1000 + 112).contains(&slow),
        "{slow} of 2000: half, within five standard deviations"
    );
}

/// New devices are drawn by their speed: who says it takes ten times the preferred time is drawn a hundredth as often.
#[test]
fn exploration_prefers_the_fast() {
    let mut oort = oort::Oort::new(OortConfig::default());
    for device in 0..20 {
        let seconds = if device < 10 { 1.0 } else { 10.0 };
        oort.introduce(device, &|| Seconds::from_raw(seconds));
    }
    let asked: Vec<u32> =
        (0..200).flat_map(|round| ask(&oort, &mut Known::of(20), round, 5)).collect();
    let slow = asked.iter().filter(|&&device| device >= 10).count();
    // About one in a hundred of 1000; twelve standard deviations are 40.
    assert!(slow < 50, "{slow} of {}", asked.len());
    // Those outside the window of five times as many are not drawn at all: two of twenty, from the ten fastest.
    let few: Vec<u32> =
        (0..50).flat_map(|round| ask(&oort, &mut Known::of(20), round, 2)).collect();
    assert!(few.iter().all(|&device| device < 10), "{few:?}");
}

/// Who did not deliver is credited with the round's mean, and has taken at least the time until then.
#[test]
fn who_does_not_deliver_counts_like_the_mean() {
    let mut oort = oort::Oort::new(only_exploiting());
    oort.introduce(2, &|| Seconds::from_raw(7.0));
    let mut clients: Vec<_> = (0..2).map(|id| client(id, Fate::Aggregated, 1.0, 1.0)).collect();
    clients.push(client(2, Fate::Late, 3.0, 1.0));
    clients.push(client(3, Fate::Left, 3.0, 1.0));
    oort.observe(&outcome(0, clients), &[(0, 10.0), (1, 30.0)]);
    assert_eq!(oort.told(2), (20.0, 7.0));
    assert_eq!(oort.told(3), (20.0, 3.0));
    // A round in which nobody delivers says nothing of utilities; neither does a model that has diverged.
    oort.observe(&outcome(1, vec![client(3, Fate::Left, 4.0, 1.0)]), &[]);
    assert_eq!(oort.told(3), (20.0, 4.0));
    oort.observe(&outcome(2, vec![client(0, Fate::Aggregated, 2.0, 1.0)]), &[(0, f32::NAN)]);
    assert_eq!(oort.told(0), (10.0, 2.0));
}

#[test]
fn who_was_asked_too_often_comes_last() {
    let config = OortConfig { blacklist_after: Some(3), ..only_exploiting() };
    let mut oort = oort(config, &[(10.0, 1.0); 10]);
    // Device i has been asked 1 + i times by then: seven of ten more than three times, of whom three may be listed.
    for round in 1..10 {
        let clients = (round as u32..10).map(|id| client(id, Fate::Aggregated, 1.0, 1.0));
        let reports: Vec<_> = (round as u32..10).map(|id| (id, 10.0)).collect();
        oort.observe(&outcome(round, clients.collect()), &reports);
    }
    for round in 0..50 {
        let mut asked = ask(&oort, &mut Known::of(10), round, 10);
        let mut last = asked.split_off(7);
        last.sort_unstable();
        assert_eq!(last, [7, 8, 9]);
    }
}

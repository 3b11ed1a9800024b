//! R1 to R6: rounds of random durations, whose laws are known. Every round is a replication.

use fleetune::federation::{Closing, Fate, FederationConfig, RoundOutcome};
use fleetune_devices::Workload;
use fleetune_units::Seconds;
use fleetune_validation::acceptance::accept;

use super::world::{SPEC, Script, Spec, config, fleet, run, same, uniform, work};

/// Work that takes a device of 1 GFLOP/s so many seconds.
fn lasting(seconds: f64) -> Workload {
    work((seconds * 1e9).ceil() as u128, 0, 0)
}

/// Exponential work of mean 1 s, its own for every round and client.
fn exponential(seed: u64) -> Script {
    Script::new(move |exchange, client| lasting(-libm::log(uniform(seed, exchange, client))))
}

fn for_rounds(rounds: u64, mut config: FederationConfig) -> FederationConfig {
    config.stop.rounds = rounds;
    config
}

fn duration(round: &RoundOutcome) -> f64 {
    round.closed.since(round.opened).unwrap().as_seconds()
}

fn column(rounds: &[RoundOutcome], of: impl Fn(&RoundOutcome) -> f64) -> Vec<f64> {
    rounds.iter().map(of).collect()
}

fn harmonic(n: u32) -> f64 {
    (1..=n).map(|k| 1.0 / f64::from(k)).sum()
}

/// R1: the last of n exponentials: E = H_n.
#[test]
fn a_round_lasts_as_long_as_its_slowest_client() {
    let config = for_rounds(10_000, config(10));
    let (_, diary) = run(&config, &same(10), 3, &mut exponential(1));
    accept("H_10", &column(&diary.rounds, duration), harmonic(10));
    // Var = sum of 1/k^2; held through the mean square, which the rule can judge.
    let square = |round: &RoundOutcome| duration(round).powi(2);
    let variance: f64 = (1..=10).map(|k| 1.0 / f64::from(k * k)).sum();
    let config = for_rounds(40_000, config);
    let (_, diary) = run(&config, &same(10), 3, &mut exponential(2));
    accept("E T^2", &column(&diary.rounds, square), variance + harmonic(10) * harmonic(10));
}

/// R2: the k-th of m exponentials: E = H_m - H_(m-k).
#[test]
fn over_commitment_cuts_the_tail_off() {
    let config = FederationConfig { over_commitment: 1.3, ..for_rounds(5_000, config(10)) };
    let (_, diary) = run(&config, &same(40), 3, &mut exponential(4));
    accept("10 of 13", &column(&diary.rounds, duration), harmonic(13) - harmonic(3));
    assert!(diary.rounds.iter().all(|r| r.participants() == 10 && r.count(Fate::Surplus) == 3));
}

/// R3: the last of n uniform on (a, b): a + (b - a) n / (n + 1).
#[test]
fn uniform_work_has_its_own_order_statistics() {
    let mut script =
        Script::new(|exchange, client| lasting(1.0 + 2.0 * uniform(5, exchange, client)));
    let (_, diary) = run(&for_rounds(2_000, config(7)), &same(7), 3, &mut script);
    accept("uniform", &column(&diary.rounds, duration), 1.0 + 2.0 * 7.0 / 8.0);
}

/// R4: n = 10 at rate 1 with deadline 2: E = integral of 1 - F^n up to the deadline; arrivals are
/// binomial (n, F(2)).
#[test]
fn a_deadline_cuts_rounds_and_arrivals() {
    let deadline = 2.0;
    let config = FederationConfig {
        deadline: Some(Seconds::new(deadline).unwrap()),
        ..for_rounds(10_000, config(10))
    };
    let (_, diary) = run(&config, &same(10), 3, &mut exponential(6));
    let steps = 20_000;
    let width = deadline / f64::from(steps);
    let expected: f64 = (0..steps)
        .map(|i| (f64::from(i) + 0.5) * width)
        .map(|t| width * (1.0 - (1.0 - libm::exp(-t)).powi(10)))
        .sum();
    assert!((expected - 1.9041).abs() < 1e-4);
    accept("round", &column(&diary.rounds, duration), expected);
    let arrivals = column(&diary.rounds, |round| f64::from(round.participants()));
    accept("arrivals", &arrivals, 10.0 * (1.0 - libm::exp(-2.0)));
}

/// R5: S slow of N, cohort n: P(slow round) = 1 - C(N-S, n) / C(N, n). Selection is uniform.
#[test]
fn a_slow_class_slows_as_many_rounds_as_uniform_selection_says() {
    let (all, slow, cohort) = (20, 3, 5);
    let specs: Vec<_> =
        (0..all).map(|i| Spec { gflops: if i % 7 == 2 { 0.5 } else { 1.0 }, ..SPEC }).collect();
    assert_eq!(specs.iter().filter(|spec| spec.gflops < 1.0).count(), slow);
    let mut script = Script::new(|_, _| lasting(1.0));
    let (_, diary) = run(&for_rounds(30_000, config(cohort)), &fleet(&specs), 3, &mut script);
    let fast: f64 =
        (0..cohort).map(|i| (all - slow - i as usize) as f64 / (all - i as usize) as f64).product();
    let is_slow = |round: &RoundOutcome| f64::from(u8::from(duration(round) > 1.5));
    accept("slow rounds", &column(&diary.rounds, is_slow), 1.0 - fast);
    // Everyone is asked equally often.
    let (_, diary) = run(&for_rounds(120_000, config(cohort)), &same(all), 4, &mut script);
    for device in [0, 2, 9, 19] {
        let asked = |round: &RoundOutcome| {
            f64::from(u8::from(round.clients.iter().any(|client| client.client == device)))
        };
        accept("asked", &column(&diary.rounds, asked), f64::from(cohort) / all as f64);
    }
}

/// R6 and A2: a device present stays for w with probability p = exp(-w / mean_on), whatever
/// happened before; losses of m asked are binomial, and k of them suffice with the binomial tail.
#[test]
fn dropout_follows_from_the_sessions() {
    let specs = vec![Spec { means: Some((10.0, 1.0)), ..SPEC }; 40];
    // ceil(5 x 1.2) = 6 asked, 5 wanted, everyone takes 2 s.
    let config = FederationConfig { over_commitment: 1.2, ..for_rounds(35_000, config(5)) };
    let mut script = Script::new(|_, _| lasting(2.0));
    let (_, diary) = run(&config, &fleet(&specs), 3, &mut script);
    assert!(diary.rounds.iter().all(|round| round.clients.len() == 6));
    let stays = libm::exp(-0.2);
    let lost = column(&diary.rounds, |round| f64::from(round.count(Fate::Left)));
    accept("lost", &lost, 6.0 * (1.0 - stays));
    let full = |round: &RoundOutcome| f64::from(u8::from(round.closing == Closing::Full));
    let expected = 6.0 * stays.powi(5) * (1.0 - stays) + stays.powi(6);
    accept("full rounds", &column(&diary.rounds, full), expected);
}

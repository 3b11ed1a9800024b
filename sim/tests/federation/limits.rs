//! When a run ends, and when it is evaluated.

use fleetune::federation::{
    Closing, ConfigError, End, Fate, Federation, FederationConfig, FederationError,
};
use fleetune::kernel::KernelError;
use fleetune_algorithms::protocol::Verdict;
use fleetune_devices::streams::SeedTree;
use fleetune_units::{BytesPerSecond, Flops, Seconds};

use super::diary::Diary;
use super::world::{Script, always, config, run, run_traced, same, work};

fn one_second() -> Script {
    Script::new(|_, _| work(1_000_000_000, 0, 0))
}

#[test]
fn evaluation_is_due_at_the_start_every_so_often_and_at_the_end() {
    for (every, expected) in [(3, vec![0, 3, 6, 9, 10]), (5, vec![0, 5, 10]), (1_000, vec![0, 10])]
    {
        let rules = FederationConfig { evaluate_every: every, ..config(2) };
        let (_, diary) = run(&rules, &same(4), 0, &mut one_second());
        assert_eq!(diary.evaluated, expected);
    }
}

#[test]
fn a_limit_of_flops_ends_the_run_with_the_round_that_reaches_it() {
    let mut rules = config(2);
    rules.stop.device_flops = Some(Flops::new(5_000_000_000));
    let (outcome, diary) = run(&rules, &same(4), 0, &mut one_second());
    assert_eq!((outcome.end, outcome.standing.rounds), (End::DeviceFlops, 3));
    assert_eq!(diary.evaluated, [0, 3]);
}

#[test]
fn rounds_know_how_much_of_the_run_is_over() {
    // Rounds of one second and 2 GFLOP, of ten rounds, 8 s and 10 GFLOP: FLOPs are nearest to their limit, then time,
    // then rounds.
    let progress = |change: &dyn Fn(&mut FederationConfig)| {
        let (mut rules, mut script) = (config(2), one_second());
        change(&mut rules);
        run(&rules, &same(4), 0, &mut script);
        let joined = script.joined.iter().map(|(exchange, _)| exchange.progress.share());
        joined.collect::<Vec<f64>>()
    };
    let by_rounds = progress(&|_| ());
    let by_time = progress(&|rules| rules.stop.simulated_time = Some(Seconds::new(8.0).unwrap()));
    let by_flops = progress(&|rules| {
        rules.stop.simulated_time = Some(Seconds::new(8.0).unwrap());
        rules.stop.device_flops = Some(Flops::new(10_000_000_000));
    });
    for (found, rounds) in [(by_rounds, 10.0), (by_time, 8.0), (by_flops, 5.0)] {
        let expected: Vec<f64> = (0..rounds as u32).map(|k| f64::from(k) / rounds).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_limit_of_time_breaks_the_open_round_off() {
    let mut rules = config(2);
    rules.stop.simulated_time = Some(Seconds::new(2.5).unwrap());
    let (outcome, diary) = run(&rules, &same(4), 0, &mut one_second());
    assert_eq!((outcome.end, outcome.standing.rounds), (End::SimulatedTime, 3));
    assert_eq!(outcome.standing.time.as_nanos(), 2_500_000_000);
    let broken = diary.rounds.last().unwrap();
    assert_eq!((diary.rounds.len(), broken.closing), (3, Closing::Interrupted));
    assert_eq!(broken.count(Fate::Interrupted), 2);
    assert_eq!(outcome.standing.ledger.wasted.device_flops, Flops::new(1_000_000_000));
    // The last evaluation is at the cost at the end.
    assert_eq!(diary.evaluated, [0, 3]);
}

#[test]
fn a_round_that_closes_exactly_at_the_limit_counts() {
    let mut rules = config(2);
    rules.stop.simulated_time = Some(Seconds::new(3.0).unwrap());
    let (outcome, diary) = run(&rules, &same(4), 0, &mut one_second());
    assert_eq!((outcome.end, outcome.standing.rounds), (End::SimulatedTime, 3));
    assert_eq!(diary.rounds.len(), 3);
    assert!(outcome.standing.ledger.wasted.device_flops.is_zero());
}

#[test]
fn the_observer_may_end_the_run() {
    let mut script = one_second();
    let mut diary = Diary { patience: Some(4), ..Diary::default() };
    let fleet = same(4);
    let federation =
        Federation::new(&config(2), &fleet, SeedTree::new(0), &mut script, &mut diary).unwrap();
    let outcome = federation.run().unwrap();
    assert_eq!((outcome.end, outcome.standing.rounds), (End::Asked, 4));
    assert_eq!(diary.evaluated, [0, 4]);
}

/// An algorithm that asks for another exchange for ever can still be ended.
#[test]
fn a_round_without_end_ends_at_the_limits() {
    let endless =
        |flops| Script::new(move |_, _| work(flops, 0, 0)).saying(|_| Verdict::SameCohort);
    let mut rules = config(2);
    rules.stop.device_flops = Some(Flops::new(9_000_000_000));
    let mut script = endless(1_000_000_000);
    let (outcome, diary) = run(&rules, &same(2), 0, &mut script);
    assert_eq!((outcome.end, outcome.standing.rounds), (End::DeviceFlops, 1));
    // Its exchanges may have changed the model.
    assert_eq!(diary.evaluated, [0, 1]);
    assert_eq!(outcome.standing.ledger.useful.device_flops, Flops::new(10_000_000_000));
    assert_eq!((diary.rounds[0].exchanges, diary.rounds[0].participants()), (5, 2));

    let mut diary = Diary { exchanges: Some(3), ..Diary::default() };
    let fleet = same(2);
    let seeds = SeedTree::new(0);
    let federation = Federation::new(&config(2), &fleet, seeds, &mut script, &mut diary).unwrap();
    assert_eq!(federation.run().unwrap().end, End::Asked);
    assert_eq!(diary.rounds[0].exchanges, 3);

    // Without any duration in it, simulated time itself stands still.
    let mut script = endless(0);
    let error = run_traced(&config(2), &same(2), &[always(), always()], &mut script).unwrap_err();
    assert!(matches!(error, FederationError::Kernel(KernelError::Livelock { .. })), "{error}");
}

#[test]
fn configurations_that_cannot_run_are_refused() {
    let zero = BytesPerSecond::ZERO;
    type Damage = fn(&mut FederationConfig);
    let cases: [(Damage, ConfigError); 6] = [
        (|c| c.cohort = 0, ConfigError::EmptyCohort),
        (|c| c.over_commitment = 0.99, ConfigError::OverCommitment(0.99)),
        (|c| c.over_commitment = f64::INFINITY, ConfigError::OverCommitment(f64::INFINITY)),
        (|c| c.deadline = Some(Seconds::ZERO), ConfigError::ZeroDeadline),
        (|c| c.stop.rounds = 0, ConfigError::NoRounds),
        (|c| c.evaluate_every = 0, ConfigError::NeverEvaluated),
    ];
    for (damage, expected) in cases {
        let mut config = config(2);
        damage(&mut config);
        assert_eq!(config.validate(), Err(expected));
    }
    let mut nan = config(2);
    nan.over_commitment = f64::NAN;
    assert!(nan.validate().is_err());
    let mut deaf = config(2);
    deaf.server.downlink = zero;
    assert_eq!(deaf.validate(), Err(ConfigError::ZeroRate("downlink")));
    assert_eq!(config(2).validate(), Ok(()));
}

//! Common random numbers: what one algorithm sees, the other sees too.

use fleetune::federation::{FederationConfig, RoundOutcome};
use fleetune_units::Bytes;

use super::world::{SPEC, Script, Spec, config, fleet, run, same, work};

fn asked(rounds: &[RoundOutcome]) -> Vec<Vec<u32>> {
    rounds.iter().map(|round| round.clients.iter().map(|c| c.client).collect()).collect()
}

#[test]
fn two_algorithms_ask_the_same_devices() {
    let mut slow = Script::new(|_, _| work(7_000_000_000, 1_000_000, 10));
    let mut fast = Script::new(|_, client| work(1_000_000 * u128::from(client + 1), 10, 99));
    let (_, first) = run(&config(5), &same(30), 11, &mut slow);
    let (_, second) = run(&config(5), &same(30), 11, &mut fast);
    assert_eq!(asked(&first.rounds), asked(&second.rounds));
    let (_, other_seed) = run(&config(5), &same(30), 12, &mut fast);
    assert_ne!(asked(&first.rounds), asked(&other_seed.rounds));
    assert!(asked(&first.rounds).windows(2).all(|pair| pair[0] != pair[1]));
}

/// An algorithm that cannot use some devices replaces those, and those alone.
#[test]
fn excluding_devices_changes_only_their_places() {
    let specs: Vec<_> = (0..30)
        .map(|i| Spec { memory: if i % 3 == 0 { 10_000 } else { 100_000_000 }, ..SPEC })
        .collect();
    let fleet = fleet(&specs);
    let mut small = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let mut large = Script::new(|_, _| {
        let mut workload = work(1_000_000_000, 0, 0);
        workload.peak_memory = Bytes::new(1_000_000);
        workload
    });
    let (all, first) = run(&config(30), &fleet, 11, &mut small);
    let (some, second) = run(&config(5), &fleet, 11, &mut large);
    assert_eq!((all.standing.excluded, some.standing.excluded), (0, 10));
    // With everyone asked, the first diary holds each round's whole ranking.
    let mut excluded = 0;
    for (ranking, round) in asked(&first.rounds).iter().zip(&second.rounds) {
        let fitting: Vec<_> =
            ranking.iter().copied().filter(|device| device % 3 != 0).take(5).collect();
        assert_eq!(round.clients.iter().map(|c| c.client).collect::<Vec<_>>(), fitting);
        let passed_over = ranking.iter().position(|device| *device == fitting[4]).unwrap() - 4;
        assert_eq!(round.excluded as usize, passed_over);
        excluded += round.excluded;
    }
    assert!(excluded > 0);
}

#[test]
fn devices_added_at_the_end_leave_the_others_their_order() {
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let (_, few) = run(&config(20), &same(20), 11, &mut script);
    let (_, many) = run(&config(25), &same(25), 11, &mut script);
    for (few, many) in asked(&few.rounds).iter().zip(asked(&many.rounds)) {
        assert_eq!(*few, many.into_iter().filter(|&device| device < 20).collect::<Vec<_>>());
    }
}

/// The same selection, value for value: a change here changes everybody's results.
#[test]
fn the_selection_is_stable() {
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let rules = FederationConfig { over_commitment: 1.5, ..config(4) };
    let (_, diary) = run(&rules, &same(100), 7, &mut script);
    let expected = [[71, 38, 65, 57, 62, 39], [49, 41, 4, 1, 54, 43]];
    assert_eq!(asked(&diary.rounds)[..2], expected);
}

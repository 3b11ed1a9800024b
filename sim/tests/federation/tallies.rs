//! What is counted of rounds for the charts: by end, by staleness, by group.

use fleetune::{
    federation::{Clock, Closing, Fate, GroupInfo, RoundOutcome},
    kernel::SimDuration,
    tallies::Tallies,
};
use fleetune_units::{Flops, Seconds};

use super::world::{SPEC, Script, Spec, config, fleet, run, work};

fn named(name: &str, devices: u32) -> GroupInfo {
    GroupInfo { name: name.to_owned(), devices }
}

/// Rounds that are told of two groups in turn: what groups did adds up to what all did, and one group is none.
#[test]
fn what_groups_did_is_what_all_did() {
    let specs: Vec<_> = [1.0, 0.7, 0.4, 0.2].map(|gflops| Spec { gflops, ..SPEC }).into();
    let fleet = fleet(&specs);
    let mut rules = config(2);
    rules.over_commitment = 2.0;
    rules.stop.rounds = 7;
    let job = |_, client| work(u128::from(client + 1) * 400_000_000, 30_000, 50_000);
    let mut script = Script::new(job);
    let (outcome, diary) = run(&rules, &fleet, 3, &mut script);
    let wiring = rules.wiring(&fleet.devices).unwrap();
    let empty = || Tallies::new(&fleet, (&wiring, &Clock::default()), &rules, &script);

    let mut alone = empty();
    alone.tell_group(&named("all", 4));
    diary.rounds.iter().for_each(|round| alone.add(round));
    assert!(alone.groups().is_empty(), "one group is no group");

    let mut tallies = empty();
    tallies.tell_group(&named("near", 1));
    tallies.tell_group(&named("far", 3));
    for (group, round) in [0, 1].into_iter().cycle().zip(&diary.rounds) {
        tallies.add(&RoundOutcome { group, ..round.clone() });
    }
    let groups = tallies.groups();
    let names: Vec<_> = groups.iter().map(|g| (g.name.as_str(), g.devices, g.rounds)).collect();
    assert_eq!(names, [("near", 1, 4), ("far", 3, 3)]);
    let total = outcome.standing.ledger.total();
    assert_eq!(groups.iter().map(|g| g.device_flops).sum::<Flops>(), total.device_flops);
    assert_eq!(groups.iter().map(|g| g.uplink).sum::<fleetune_units::Bytes>(), total.uplink);
    assert_eq!(groups.iter().map(|g| g.downlink).sum::<fleetune_units::Bytes>(), total.downlink);
    let joules: f64 = groups.iter().map(|g| g.energy.get()).sum();
    assert!((joules - total.energy.get()).abs() <= 1e-12 * joules);
    let participants: u64 = groups.iter().map(|g| g.participants).sum();
    assert_eq!(participants, outcome.standing.participants);
    let near = diary.rounds.iter().step_by(2);
    let lasted = |round: &RoundOutcome| round.closed.since(round.opened).unwrap();
    let lasted: SimDuration = near.map(lasted).sum();
    assert_eq!(groups[0].mean_round, Some(Seconds::from_raw(lasted.as_seconds() / 4.0)));
    assert!(groups.iter().all(|group| group.staleness.is_empty()), "nothing is stale in rounds");

    // A round that the end of the run broke off is none that its group closed; what it spent is spent.
    let mut broken = tallies.clone();
    broken.add(&RoundOutcome {
        closing: Closing::Interrupted,
        group: 1,
        ..diary.rounds[0].clone()
    });
    let (before, after) = (&groups[1], &broken.groups()[1]);
    assert_eq!((after.rounds, after.mean_round), (before.rounds, before.mean_round));
    assert!(after.device_flops > before.device_flops);

    // Another seed's are added.
    let mut twice = tallies.clone();
    twice.merge(&tallies);
    assert_eq!(twice.groups()[1].rounds, 6);
    assert_eq!(twice.groups()[1].mean_round, groups[1].mean_round);
    assert_eq!(twice.groups()[1].device_flops, groups[1].device_flops + groups[1].device_flops);
}

/// Every client of every round is counted under its own end.
#[test]
fn every_end_is_counted_for_what_it_is() {
    let fleet = fleet(&vec![SPEC; 7]);
    let rules = config(2);
    let mut script = Script::new(|_, _| work(1_000_000, 0, 0));
    let (_, diary) = run(&rules, &fleet, 3, &mut script);
    let mut round = diary.rounds[0].clone();
    let one = round.clients[0];
    let ends = [
        (Fate::Aggregated, Some(4)),
        (Fate::Left, None),
        (Fate::Late, None),
        (Fate::Surplus, None),
        (Fate::Stale, Some(9)),
        (Fate::Interrupted, None),
        (Fate::Excluded, None),
    ];
    round.clients.clear();
    for (n, (fate, staleness)) in (0..).zip(ends) {
        for _ in 0..=n {
            round.clients.push(fleetune::federation::ClientOutcome {
                client: n,
                fate,
                staleness,
                ..one
            });
        }
    }
    let wiring = rules.wiring(&fleet.devices).unwrap();
    let mut tallies = Tallies::new(&fleet, (&wiring, &Clock::default()), &rules, &script);
    tallies.add(&round);
    let profiles = tallies.participation();
    assert_eq!(profiles.len(), 7);
    for (n, profile) in profiles.iter().enumerate() {
        let fates = profile.fates();
        let counts = [&[fates.completed], &fates.lost[..]].concat();
        let expected: Vec<u64> = (0..7).map(|at| if at == n { n as u64 + 1 } else { 0 }).collect();
        assert_eq!((counts, profile.started), (expected, n as u64 + 1));
    }
    let staleness = tallies.staleness();
    assert_eq!(staleness.joined.counts().collect::<Vec<_>>(), [(4, 1)]);
    assert_eq!(staleness.discarded.counts().collect::<Vec<_>>(), [(9, 5)]);
}

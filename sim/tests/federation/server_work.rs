//! Rules 11 and 12: a server that computes, and rounds that count as a whole.

use fleetune::federation::{Closing, End, Fate, FederationError, RoundOutcome};
use fleetune_algorithms::protocol::{Exchange, Verdict};
use fleetune_units::{Flops, Seconds};

use super::world::{SPEC, Script, Spec, always, config, fleet, run, run_traced, same, work};

const SECOND: u128 = 1_000_000_000;

/// Two exchanges of 1 s on every device, after each of which the server computes 1 s for every client.
fn two_exchanges() -> Script {
    Script::new(|_, _| work(SECOND, 0, 0))
        .saying(|now| if now.index == 0 { Verdict::SameCohort } else { Verdict::RoundOver })
        .joining(|_, _| Flops::new(SECOND))
}

fn fates(round: &RoundOutcome) -> Vec<(u32, Fate)> {
    let mut fates: Vec<_> = round.clients.iter().map(|c| (c.client, c.fate)).collect();
    fates.sort_unstable_by_key(|&(client, _)| client);
    fates
}

/// Its FLOPs over its speed (1 GFLOP/s), after every exchange, the last one too; devices wait on 1 W.
#[test]
fn devices_wait_on_idle_power_while_the_server_computes() {
    for speed in [1e9, 2e9, 4e8] {
        let mut rules = config(2);
        rules.server_speed = fleetune_units::FlopsPerSecond::from_raw(speed);
        // 1 GFLOP for either client after the first exchange, 0.5 after the last: 2 and 1 s at 1 GFLOP/s.
        let mut script = two_exchanges()
            .joining(|now, _| Flops::new(if now.index == 0 { SECOND } else { SECOND / 2 }));
        let (outcome, diary) = run(&rules, &same(2), 0, &mut script);
        let busy = 3.0 * 1e9 / speed;
        let round = &diary.rounds[0];
        assert_eq!(round.closed.as_seconds(), 2.0 + busy);
        for client in &round.clients {
            assert_eq!(client.times.compute.as_seconds(), 2.0);
            assert_eq!(client.times.wait.as_seconds(), busy);
            // compute 5 W x 2 s + idle 1 W for as long as the server computes.
            assert!((client.spent.useful.energy.get() - (10.0 + busy)).abs() < 1e-9);
            assert_eq!(client.exchanges, 2);
        }
        assert_eq!(outcome.standing.server_flops, Flops::new(10 * 3 * SECOND));
        assert_eq!(outcome.standing.ledger.total().device_flops, Flops::new(10 * 4 * SECOND));
        assert_eq!(outcome.standing.time.as_seconds(), 10.0 * (2.0 + busy));
    }
}

/// Of over-committed clients the server works for those alone whose updates count.
#[test]
fn the_server_computes_for_those_who_arrived() {
    let rules = fleetune::federation::FederationConfig { over_commitment: 2.0, ..config(2) };
    let specs: Vec<_> = (1..=4).map(|i| Spec { gflops: f64::from(i), ..SPEC }).collect();
    let mut script = Script::new(|_, _| work(12 * SECOND, 0, 0))
        .joining(|_, client| Flops::new(u128::from(10 * client) * SECOND));
    let (_, diary) = run(&rules, &fleet(&specs), 0, &mut script);
    // 12, 6, 4, 3 s: clients 3 and 2 count at 4 s, then 50 s of the server; the others are done with at 4 s.
    let round = &diary.rounds[0];
    assert_eq!(round.closed.as_seconds(), 54.0);
    let slow = round.clients.iter().find(|c| c.client == 0).unwrap();
    assert_eq!((slow.fate, slow.times.engaged().as_seconds()), (Fate::Surplus, 4.0));
}

/// The end of the run within the server's work: nothing is joined or trained, and the part done is counted.
#[test]
fn a_limit_of_time_breaks_the_servers_work_off() {
    // Of the first round: devices until 1 s, server until 3 s, devices until 4 s, server until 6 s.
    for (limit, exchanges, server) in [(2.5, 0, 150), (4.0, 1, 200), (5.25, 1, 325), (6.0, 2, 400)]
    {
        let mut rules = config(2);
        rules.stop.simulated_time = Some(Seconds::new(limit).unwrap());
        let mut script = two_exchanges();
        let (outcome, diary) = run(&rules, &same(2), 0, &mut script);
        assert_eq!(outcome.end, End::SimulatedTime);
        assert_eq!(script.joined.len(), exchanges, "{limit}");
        let run = script.jobs_run.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(run, 2 * exchanges, "{limit}");
        assert_eq!(outcome.standing.server_flops, Flops::new(server * SECOND / 100), "{limit}");
        let round = &diary.rounds[0];
        let whole = exchanges == 2;
        assert_eq!(round.closing == Closing::Interrupted, !whole, "{limit}");
        assert_eq!(round.closed.as_seconds(), limit);
        let spent = round.spent();
        assert_eq!(spent.useful.device_flops, Flops::new(2 * exchanges as u128 * SECOND));
    }
}

/// A device that leaves meanwhile has delivered: its update is joined, and it is asked no more.
#[test]
fn who_leaves_while_the_server_computes_has_delivered() {
    let mut script = two_exchanges();
    let traces = [always(), vec![(true, 1.5), (false, f64::INFINITY)]];
    let (_, diary) = run_traced(&config(2), &same(2), &traces, &mut script).unwrap();
    let round = &diary.rounds[0];
    assert_eq!(fates(round), [(0, Fate::Aggregated), (1, Fate::Aggregated)]);
    assert_eq!(script.joined_clients()[..2], [vec![0, 1], vec![0]].map(sorted_as(&script)));
    // 1 s, 2 s of the server for both, 1 s, 1 s of the server for one.
    assert_eq!(round.closed.as_seconds(), 5.0);
    let gone = round.clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!((gone.exchanges, gone.times.wait.as_seconds()), (1, 0.5));
}

/// The first exchange's two clients in the order in which the round asked them.
fn sorted_as(script: &Script) -> impl Fn(Vec<u32>) -> Vec<u32> {
    let first = script.joined[0].1.clone();
    move |clients| first.iter().copied().filter(|client| clients.contains(client)).collect()
}

#[test]
fn a_server_that_did_other_work_than_charged_breaks_an_invariant() {
    for lie in [1, SECOND] {
        let mut script = two_exchanges();
        script.server_lie = lie;
        let error = run_traced(&config(1), &same(1), &[always()], &mut script).unwrap_err();
        assert!(error.is_broken_invariant());
        let FederationError::ServerMiscounted { exchange, assigned, counted, expected } = error
        else {
            panic!("{error}")
        };
        assert_eq!((exchange, assigned), (Exchange::at(0, 0), Flops::new(SECOND)));
        assert_eq!(counted, expected + Flops::new(lie));
    }
}

/// Client 1 leaves in the second exchange, or while the server computes after the first.
#[test]
fn where_rounds_count_as_a_whole_those_who_leave_have_worked_in_vain() {
    for (leaves, done) in [(2.0, SECOND), (3.25, SECOND + SECOND / 4)] {
        for whole in [false, true] {
            let mut script = two_exchanges();
            script.whole_rounds = whole;
            let traces = [always(), vec![(true, leaves), (false, f64::INFINITY)]];
            let mut rules = config(2);
            rules.stop.rounds = 1;
            let (outcome, diary) = run_traced(&rules, &same(2), &traces, &mut script).unwrap();
            let round = &diary.rounds[0];
            let [stays, goes] =
                [0, 1].map(|id| round.clients.iter().find(|c| c.client == id).unwrap());
            assert_eq!((stays.fate, stays.exchanges), (Fate::Aggregated, 2));
            assert!(stays.spent.wasted.device_flops.is_zero());
            let spent = goes.spent;
            assert_eq!(spent.total().device_flops, Flops::new(done));
            let useful = if whole { 0 } else { SECOND };
            assert_eq!(spent.useful.device_flops, Flops::new(useful), "{leaves} {whole}");
            assert_eq!(spent.useful.energy.is_zero(), whole);
            assert_eq!(goes.exchanges, u32::from(!whole));
            let fate = if leaves < 3.0 && !whole { Fate::Aggregated } else { Fate::Left };
            assert_eq!(goes.fate, fate, "{leaves} {whole}");
            assert_eq!(outcome.standing.participants, if whole { 1 } else { 2 });
            assert_eq!(outcome.standing.ledger.total(), round.spent().total());
        }
    }
}

/// Nobody gets to the end: all leave, the deadline passes, or the run ends between two exchanges.
#[test]
fn a_round_that_does_not_get_to_its_end_is_void_where_rounds_count_as_a_whole() {
    let gone = vec![(true, 3.5), (false, f64::INFINITY)];
    let left = vec![(true, 2.5), (false, f64::INFINITY)];
    let long = |now: Exchange, _| work(if now.index == 0 { SECOND } else { 10 * SECOND }, 0, 0);
    type Change = fn(&mut fleetune::federation::FederationConfig);
    let unchanged: Change = |_| ();
    let deadline: Change = |rules| rules.deadline = Some(Seconds::from_raw(5.0));
    let flops: Change = |rules| rules.stop.device_flops = Some(Flops::new(SECOND));
    let time: Change = |rules| rules.stop.simulated_time = Some(Seconds::from_raw(3.5));
    for (trace, change, fate) in [
        (gone, unchanged, Fate::Left),
        (left, unchanged, Fate::Left),
        (always(), deadline, Fate::Late),
        (always(), flops, Fate::Interrupted),
        (always(), time, Fate::Interrupted),
    ] {
        let mut rules = config(2);
        rules.stop.rounds = 1;
        change(&mut rules);
        let mut script = two_exchanges().working(long);
        script.whole_rounds = true;
        let traces = [trace.clone(), trace];
        let (outcome, diary) = run_traced(&rules, &same(2), &traces, &mut script).unwrap();
        let round = &diary.rounds[0];
        assert_eq!(fates(round), [(0, fate), (1, fate)]);
        assert!(round.is_void(), "{fate:?}");
        assert_eq!(script.joined.len(), 1, "the first exchange was joined");
        let ledger = outcome.standing.ledger;
        assert_eq!(ledger.useful, Default::default(), "{fate:?}");
        assert!(ledger.wasted.device_flops >= Flops::new(2 * SECOND));
        // What the server did, it did.
        assert!(outcome.standing.server_flops >= Flops::new(2 * SECOND));
    }
}

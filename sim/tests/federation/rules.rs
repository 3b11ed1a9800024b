//! The numbered rules of the federation, one small world each.

use fleetune::federation::{Closing, End, Fate, FederationError, RoundOutcome};
use fleetune_algorithms::protocol::{Exchange, Verdict};
use fleetune_units::{Bytes, Flops, Seconds};

use super::world::{SPEC, Script, Spec, always, config, fleet, run, run_traced, same, work};

fn fates(round: &RoundOutcome) -> Vec<(u32, Fate)> {
    let mut fates: Vec<_> = round.clients.iter().map(|c| (c.client, c.fate)).collect();
    fates.sort_unstable_by_key(|&(client, _)| client);
    fates
}

/// 1 MB down at 1 MB/s, 2 GFLOP at 1 GFLOP/s, 3 MB up: 1 + 2 + 3 s, and no wait.
#[test]
fn a_clients_time_is_download_compute_and_upload() {
    let mut script = Script::new(|_, _| work(2_000_000_000, 1_000_000, 3_000_000));
    let (outcome, diary) = run(&config(1), &same(1), 0, &mut script);
    let client = diary.rounds[0].clients[0];
    let parts =
        [client.times.download, client.times.compute, client.times.upload, client.times.wait];
    assert_eq!(parts.map(|part| part.as_nanos()), [1_000_000_000, 2_000_000_000, 3_000_000_000, 0]);
    assert_eq!(outcome.standing.time.as_nanos(), 60_000_000_000);
    // receive 2 W x 1 s + compute 5 W x 2 s + transmit 3 W x 3 s
    assert_eq!(client.spent.useful.energy.get(), 21.0);
    assert_eq!(client.spent.useful.device_flops, Flops::new(2_000_000_000));
    assert_eq!(outcome.standing.ledger.total().uplink, Bytes::new(30_000_000));
    assert_eq!(outcome.end, End::Rounds);
}

#[test]
fn the_fastest_count_and_the_others_are_surplus() {
    let specs: Vec<_> = (1..=4).map(|i| Spec { gflops: f64::from(i), ..SPEC }).collect();
    let rules = fleetune::federation::FederationConfig { over_commitment: 2.0, ..config(2) };
    let mut script = Script::new(|_, _| work(12_000_000_000, 0, 0));
    let (_, diary) = run(&rules, &fleet(&specs), 0, &mut script);
    let round = &diary.rounds[0];
    assert_eq!(round.closing, Closing::Full);
    // 12, 6, 4, 3 s: the round ends at 4 s, when the slower have done a third and two thirds.
    assert_eq!(round.closed.as_nanos(), 4_000_000_000);
    assert_eq!(
        fates(round),
        [(0, Fate::Surplus), (1, Fate::Surplus), (2, Fate::Aggregated), (3, Fate::Aggregated)]
    );
    assert_eq!(script.joined[0].1, [3, 2]);
    let wasted = round.spent().wasted;
    assert_eq!(wasted.device_flops, Flops::new(4_000_000_000 + 8_000_000_000));
    // The fastest waited 1 s for the verdict: 5 W x 3 s + 1 W x 1 s.
    let fastest = round.clients.iter().find(|c| c.client == 3).unwrap();
    assert_eq!(fastest.spent.useful.energy.get(), 16.0);
    assert_eq!(fastest.times.wait.as_nanos(), 1_000_000_000);
    assert_eq!(round.dropped(), 0);
}

#[test]
fn of_simultaneous_arrivals_no_more_than_wanted_count() {
    let rules = fleetune::federation::FederationConfig { over_commitment: 1.3, ..config(4) };
    let mut script = Script::new(|_, _| work(1_000_000_000, 1_000_000, 1_000_000));
    let (_, diary) = run(&rules, &same(20), 0, &mut script);
    for (round, (_, joined)) in diary.rounds.iter().zip(&script.joined) {
        assert_eq!(round.clients.len(), 6);
        assert_eq!((round.participants(), round.count(Fate::Surplus)), (4, 2));
        // First in the selection, first to count.
        let first: Vec<_> = round.clients.iter().take(4).map(|c| c.client).collect();
        assert_eq!(&first, joined);
        // The unlucky had done it all: all of it is waste.
        assert_eq!(round.spent().wasted.uplink, Bytes::new(2_000_000));
    }
}

#[test]
fn an_update_that_arrives_exactly_at_the_deadline_counts() {
    let specs = [SPEC, Spec { gflops: 0.5, ..SPEC }];
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let at = |nanos: u64| {
        let deadline = Some(Seconds::new(nanos as f64 / 1e9).unwrap());
        fleetune::federation::FederationConfig { deadline, ..config(2) }
    };
    let (_, diary) = run(&at(2_000_000_000), &fleet(&specs), 0, &mut script);
    assert_eq!(diary.rounds[0].closing, Closing::Full);
    assert_eq!(diary.rounds[0].participants(), 2);
    // A nanosecond earlier, it does not.
    let (_, diary) = run(&at(1_999_999_999), &fleet(&specs), 0, &mut script);
    assert_eq!(diary.rounds[0].closing, Closing::Deadline);
    assert_eq!(fates(&diary.rounds[0]), [(0, Fate::Aggregated), (1, Fate::Late)]);
    assert_eq!(diary.rounds[0].spent().wasted.device_flops, Flops::new(999_999_999));
    assert_eq!(diary.rounds[0].dropped(), 1);
}

#[test]
fn a_round_without_arrivals_is_void_and_counts() {
    let deadline = Some(Seconds::new(0.5).unwrap());
    let rules = fleetune::federation::FederationConfig { deadline, ..config(2) };
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let (outcome, diary) = run(&rules, &same(3), 0, &mut script);
    assert_eq!((outcome.standing.rounds, outcome.standing.void_rounds), (10, 10));
    assert_eq!(outcome.standing.time.as_nanos(), 5_000_000_000);
    assert!(diary.rounds.iter().all(RoundOutcome::is_void));
    assert!(script.joined.is_empty());
    assert_eq!(outcome.standing.ledger.useful, Default::default());
    assert_eq!(outcome.standing.ledger.wasted.device_flops, Flops::new(10_000_000_000));
}

#[test]
fn a_device_that_leaves_loses_its_work_at_that_instant() {
    // 1 s download, 2 s computing, 1 s upload; it leaves after 0.25, 2, 3.5 s.
    for (leaves, down, flops, up, energy) in [
        (0.25, 250_000, 0, 0, 0.5),
        (2.0, 1_000_000, 1_000_000_000, 0, 2.0 + 5.0),
        (3.5, 1_000_000, 2_000_000_000, 500_000, 2.0 + 10.0 + 1.5),
    ] {
        let mut script = Script::new(|_, _| work(2_000_000_000, 1_000_000, 1_000_000));
        let traces = [always(), vec![(true, leaves), (false, f64::INFINITY)]];
        let (_, diary) = run_traced(&config(2), &same(2), &traces, &mut script).unwrap();
        let round = &diary.rounds[0];
        assert_eq!(fates(round), [(0, Fate::Aggregated), (1, Fate::Left)]);
        assert_eq!(round.closing, Closing::NobodyLeft);
        assert_eq!(round.closed.as_nanos(), 4_000_000_000);
        let wasted = round.spent().wasted;
        assert_eq!((wasted.downlink.get(), wasted.uplink.get()), (down, up));
        assert_eq!(wasted.device_flops, Flops::new(flops));
        assert_eq!(wasted.energy.get(), energy);
    }
}

#[test]
fn a_device_that_leaves_exactly_at_its_arrival_has_left() {
    let mut script = Script::new(|_, _| work(2_000_000_000, 1_000_000, 1_000_000));
    let traces = [always(), vec![(true, 4.0), (false, f64::INFINITY)]];
    let (_, diary) = run_traced(&config(2), &same(2), &traces, &mut script).unwrap();
    assert_eq!(fates(&diary.rounds[0]), [(0, Fate::Aggregated), (1, Fate::Left)]);
    assert_eq!(diary.rounds[0].spent().wasted.uplink, Bytes::new(1_000_000));
}

#[test]
fn a_device_that_leaves_after_its_arrival_still_counts() {
    let specs = [SPEC, Spec { gflops: 2.0, ..SPEC }];
    let mut script = Script::new(|_, _| work(2_000_000_000, 0, 0));
    let traces = [always(), vec![(true, 1.5), (false, f64::INFINITY)]];
    let (_, diary) = run_traced(&config(2), &fleet(&specs), &traces, &mut script).unwrap();
    assert_eq!(fates(&diary.rounds[0]), [(0, Fate::Aggregated), (1, Fate::Aggregated)]);
    let gone = diary.rounds[0].clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!(gone.times.wait.as_nanos(), 500_000_000);
    assert_eq!(gone.spent.useful.energy.get(), 5.5);
}

#[test]
fn the_server_waits_for_a_cohort_to_come() {
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let traces = [always(), vec![(false, 7.0), (true, f64::INFINITY)]];
    let (outcome, diary) = run_traced(&config(2), &same(2), &traces, &mut script).unwrap();
    assert_eq!(diary.rounds[0].waited.as_nanos(), 7_000_000_000);
    assert_eq!(diary.rounds[0].opened.as_nanos(), 7_000_000_000);
    assert_eq!(outcome.standing.time.as_nanos(), 17_000_000_000);
}

#[test]
fn the_server_makes_do_with_fewer_after_a_deadlines_time() {
    let deadline = Some(Seconds::new(5.0).unwrap());
    let rules = fleetune::federation::FederationConfig { deadline, ..config(2) };
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let absent = vec![(false, f64::INFINITY)];
    let traces = [always(), absent.clone()];
    let (outcome, diary) = run_traced(&rules, &same(2), &traces, &mut script).unwrap();
    assert_eq!(outcome.end, End::Rounds);
    assert_eq!(diary.rounds[0].opened.as_nanos(), 5_000_000_000);
    assert_eq!(diary.rounds[0].participants(), 1);
    // Nobody at first, one after the deadline: it starts with that one at once.
    let traces = [vec![(false, 8.0), (true, f64::INFINITY)], absent];
    let (_, diary) = run_traced(&rules, &same(2), &traces, &mut script).unwrap();
    assert_eq!(diary.rounds[0].opened.as_nanos(), 8_000_000_000);
}

#[test]
fn a_wait_in_vain_ends_the_run() {
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    let absent = vec![(false, f64::INFINITY)];
    let never = vec![(false, 2.0), (false, 3.0), (false, f64::INFINITY)];
    for traces in [
        [absent.clone(), absent.clone()],
        [always(), absent.clone()],
        [always(), never],
        [vec![], absent],
    ] {
        let mut rules = config(2);
        rules.stop.simulated_time = Some(Seconds::new(1e6).unwrap());
        let (outcome, _) = run_traced(&rules, &same(2), &traces, &mut script).unwrap();
        assert_eq!(outcome.end, End::NobodyComes);
        assert_eq!(outcome.standing.rounds, 0);
    }
}

#[test]
fn a_fleet_without_the_memory_is_told_so() {
    let mut script = Script::new(|_, _| {
        let mut workload = work(1, 0, 0);
        workload.peak_memory = Bytes::new(100_000_001);
        workload
    });
    let (outcome, diary) = run(&config(2), &same(3), 0, &mut script);
    assert_eq!(outcome.end, End::ExcludedByMemory);
    assert_eq!(outcome.standing.excluded, 3);
    assert_eq!(diary.evaluated, [0]);
}

#[test]
fn the_same_cohort_takes_another_exchange() {
    let again = |exchange: Exchange| {
        if exchange.index < 2 { Verdict::SameCohort } else { Verdict::RoundOver }
    };
    // The model comes down in the first exchange only.
    let work = |exchange: Exchange, _| {
        work(1_000_000_000, if exchange.index == 0 { 1_000_000 } else { 0 }, 1_000_000)
    };
    let mut script = Script::new(work).saying(again);
    let (outcome, diary) = run(&config(3), &same(9), 0, &mut script);
    let round = &diary.rounds[0];
    assert_eq!(round.exchanges, 3);
    assert_eq!(round.closed.as_nanos(), 7_000_000_000);
    assert!(round.clients.iter().all(|c| c.exchanges == 3));
    assert_eq!(outcome.standing.rounds, 10);
    assert_eq!(script.joined.len(), 30);
    for exchanges in script.joined.chunks(3) {
        assert!(exchanges.iter().all(|(_, clients)| *clients == exchanges[0].1));
    }
    assert_eq!(round.spent().useful.downlink, Bytes::new(3_000_000));
    assert_eq!(round.spent().useful.uplink, Bytes::new(9_000_000));
}

#[test]
fn those_who_leave_between_exchanges_are_not_asked_again() {
    let again = |exchange: Exchange| {
        if exchange.index < 1 { Verdict::SameCohort } else { Verdict::RoundOver }
    };
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0)).saying(again);
    // One leaves after its first update arrived and before the slower one's; one in exchange 1.
    let specs = [Spec { gflops: 0.5, ..SPEC }, SPEC, SPEC];
    let away = f64::INFINITY;
    let traces = [always(), vec![(true, 1.5), (false, away)], vec![(true, 2.5), (false, away)]];
    let (_, diary) = run_traced(&config(3), &fleet(&specs), &traces, &mut script).unwrap();
    let round = &diary.rounds[0];
    assert_eq!(fates(round), [(0, Fate::Aggregated), (1, Fate::Aggregated), (2, Fate::Left)]);
    let mut exchanges: Vec<_> = round.clients.iter().map(|c| (c.client, c.exchanges)).collect();
    exchanges.sort_unstable();
    assert_eq!(exchanges, [(0, 2), (1, 1), (2, 1)]);
    assert_eq!(script.joined[1].1, [0]);
    // The server is told who is asked: all at first, in the order of the selection; then, in the order of arrival,
    // those who are still there.
    let selection: Vec<_> = round.clients.iter().map(|c| c.client).collect();
    let mut arrivals = selection.clone();
    arrivals.sort_by_key(|&client| client == 0);
    arrivals.retain(|&client| client != 1);
    let told = |index| {
        (Exchange::at(0, index), [selection.clone(), arrivals.clone()][index as usize].clone())
    };
    assert_eq!(script.convened[..2], [told(0), told(1)]);
    assert_eq!(round.spent().wasted.device_flops, Flops::new(500_000_000));
}

#[test]
fn only_the_work_that_counts_is_really_done() {
    let specs: Vec<_> = (1..=6).map(|i| Spec { gflops: f64::from(i), ..SPEC }).collect();
    let rules = fleetune::federation::FederationConfig { over_commitment: 2.0, ..config(3) };
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 0));
    run(&rules, &fleet(&specs), 0, &mut script);
    let joined: usize = script.joined_clients().iter().map(Vec::len).sum();
    assert_eq!(joined, 30);
    assert_eq!(script.jobs_run.load(std::sync::atomic::Ordering::Relaxed), joined);
}

#[test]
fn a_job_that_did_other_work_than_charged_breaks_an_invariant() {
    let mut script = Script::new(|_, _| work(1_000, 0, 0));
    script.lie = 1;
    let error = run_traced(&config(1), &same(1), &[always()], &mut script).unwrap_err();
    assert!(error.is_broken_invariant());
    assert!(matches!(error, FederationError::Miscounted { client: 0, .. }));
}

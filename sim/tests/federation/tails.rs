//! E5: what radios draw after a transfer, and on whose account.

use fleetune::federation::{End, Fate, FederationConfig, RoundOutcome, Stop};
use fleetune_units::Seconds;

use super::world::{SPEC, Script, Spec, always, config, fleet, run, run_traced, work};

/// 4 W for 3 s, against 1 W idle.
const AWAKE: Spec = Spec { extra: "radio_tail: { power: 4 W, length: 3 s }", ..SPEC };

fn energy_of(round: &RoundOutcome, client: u32) -> f64 {
    let of = round.clients.iter().find(|c| c.client == client).unwrap();
    of.spent.total().energy.get()
}

/// One second each of computing and upload; the other computes for nine. The first waits 8 s, of
/// which its radio is awake for three.
#[test]
fn a_waiting_device_has_its_radio_awake_for_a_while() {
    let specs = [AWAKE, Spec { gflops: 1.0 / 9.0, ..SPEC }];
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 1_000_000));
    let (_, diary) = run(&config(2), &fleet(&specs), 0, &mut script);
    assert_eq!(energy_of(&diary.rounds[0], 0), 5.0 + 3.0 + 3.0 * 4.0 + 5.0 * 1.0);
    assert_eq!(energy_of(&diary.rounds[0], 1), 45.0 + 3.0);
    assert!(diary.rounds.iter().all(|round| round.tails.is_empty()));
}

/// While it does anything else, a device draws what that takes, tail or not; what is left of the
/// tail afterwards is drawn.
#[test]
fn a_tail_runs_on_while_the_device_computes() {
    // 1 s download; computes for 1 s, of the tail's three; then 2 s of the 4 s it waits are tail.
    let specs = [AWAKE, Spec { gflops: 0.2, ..SPEC }];
    let mut script = Script::new(|_, _| work(1_000_000_000, 1_000_000, 0));
    let (_, diary) = run(&config(2), &fleet(&specs), 0, &mut script);
    assert_eq!(energy_of(&diary.rounds[0], 0), 2.0 + 5.0 + 2.0 * 4.0 + 2.0 * 1.0);
}

/// Rounds of 2 s take one of two devices: its tail runs from the end of its round until it is asked
/// again, for three seconds at most, and belongs to the round that caused it.
#[test]
fn a_tail_lasts_until_the_next_transfer_or_its_length() {
    let rules = FederationConfig { stop: Stop { rounds: 300, ..config(1).stop }, ..config(1) };
    let mut script = Script::new(|_, _| work(0, 1_000_000, 1_000_000));
    let (outcome, diary) = run(&rules, &fleet(&[AWAKE, AWAKE]), 0, &mut script);
    let asked: Vec<u32> = diary.rounds.iter().map(|round| round.clients[0].client).collect();
    let mut expected = 0.0;
    for (n, client) in asked.iter().enumerate() {
        let gap = asked[n + 1..].iter().position(|next| next == client);
        let until_the_end = asked.len() - n - 1;
        // No computing: the tail of the download is cut by the upload at once.
        let gap = 2.0 * gap.unwrap_or(until_the_end) as f64;
        expected += 2.0 + 3.0 + 4.0 * gap.min(3.0);
    }
    let ledger = outcome.standing.ledger;
    assert_eq!(ledger.useful.energy.get(), expected);
    assert_eq!(ledger.wasted.energy.get(), 0.0);
    // About as the law of geometric gaps has it: E min(3, 2k) = 1.25 s with k = 0, 1, ...
    let tails: f64 =
        diary.rounds.iter().flat_map(|r| &r.tails).map(|(_, l)| l.total().energy.get()).sum();
    assert!((tails / 300.0 - 4.0 * 1.25).abs() < 0.9, "{tails} J");
    // Told with the rounds, they are in the run's ledger once.
    let told: f64 = diary.rounds.iter().map(|round| round.spent().total().energy.get()).sum();
    assert_eq!(told, expected);
}

/// Asked again in mid-tail, a device has drawn what it had by then, for the round before.
#[test]
fn a_tail_is_cut_short_between_rounds_too() {
    // Device 1 leaves in the second round and is back at 3.25 s; from the close at 2 s until then the
    // server waits, and the radio of device 0 is awake.
    let traces = [always(), vec![(true, 1.5), (false, 1.75), (true, f64::INFINITY)]];
    let mut script = Script::new(|_, _| work(0, 0, 1_000_000));
    let (_, diary) = run_traced(&config(2), &fleet(&[AWAKE, SPEC]), &traces, &mut script).unwrap();
    assert_eq!(diary.rounds[2].opened.as_nanos(), 3_250_000_000);
    let tails = &diary.rounds[2].tails;
    assert_eq!(tails.len(), 1);
    assert_eq!((tails[0].0, tails[0].1.useful.energy.get()), (0, 1.25 * 4.0));
    assert!(diary.rounds.iter().all(|round| round.round == 2 || round.tails.is_empty()));
}

/// A tail is useful or wasted as its transfer was, wherever it is told.
#[test]
fn the_tail_of_a_wasted_transfer_is_waste() {
    // Device 1 leaves in the middle of its upload, 1.5 s in, and its radio stays awake for 3 s of the
    // ten that the round still takes.
    let specs = [Spec { gflops: 0.1, ..SPEC }, AWAKE];
    let traces = [always(), vec![(true, 1.5), (false, f64::INFINITY)]];
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 1_000_000));
    let (_, diary) = run_traced(&config(2), &fleet(&specs), &traces, &mut script).unwrap();
    let round = &diary.rounds[0];
    let lost = round.clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!(lost.fate, Fate::Left);
    assert_eq!(lost.spent.wasted.energy.get(), 5.0 + 1.5 + 12.0);
    assert_eq!(lost.spent.useful.energy.get(), 0.0);
    // It is late instead: the round closes before the tail is over, the rest is told with the next.
    let rules = FederationConfig { deadline: Seconds::new(1.5).ok(), ..config(2) };
    let specs = [Spec { gflops: 2.0, megabytes_per_second: 2.0, ..SPEC }, AWAKE];
    let traces = [always(), vec![(true, 1.6), (false, f64::INFINITY)]];
    let mut script = Script::new(|_, _| work(1_000_000_000, 0, 1_000_000));
    let (_, diary) = run_traced(&rules, &fleet(&specs), &traces, &mut script).unwrap();
    let late = diary.rounds[0].clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!((late.fate, late.spent.wasted.energy.get()), (Fate::Late, 5.0 + 1.5));
    // Asked again, it computes for 0.1 s until it leaves; then the tail's remaining 2.9 s, of which
    // 0.9 s are before the round's close and on this round's account.
    let again = diary.rounds[1].clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!(diary.rounds[1].closed.as_nanos(), 2_500_000_000);
    let energy = again.spent.wasted.energy.get();
    assert!((energy - (0.5 + 0.9 * 4.0)).abs() < 1e-9, "{energy} J");
    let tails: f64 =
        diary.rounds.iter().flat_map(|r| &r.tails).map(|(_, l)| l.wasted.energy.get()).sum();
    assert!((tails - 2.0 * 4.0).abs() < 1e-9, "{tails} J");
    assert!(diary.rounds.iter().flat_map(|r| &r.tails).all(|(_, l)| l.useful.energy.get() == 0.0));
}

/// The end of the run is the end of what is charged: 1.5 s of the tail, which no round tells.
#[test]
fn a_tail_is_charged_up_to_the_end_of_the_run() {
    let mut rules = config(1);
    rules.stop.simulated_time = Seconds::new(4.0).ok();
    let traces = [vec![(true, 2.5), (false, 10.0), (true, f64::INFINITY)]];
    let mut script = Script::new(|_, _| work(0, 0, 1_000_000));
    let (outcome, diary) = run_traced(&rules, &fleet(&[AWAKE]), &traces, &mut script).unwrap();
    assert_eq!((outcome.end, diary.rounds.len()), (End::SimulatedTime, 3));
    let ledger = outcome.standing.ledger;
    assert_eq!((ledger.useful.energy.get(), ledger.wasted.energy.get()), (6.0, 1.5 + 6.0));
}

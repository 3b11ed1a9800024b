//! A run without training spends what the same run with training spends.

use std::{path::Path, sync::atomic::AtomicBool};

use fleetune::{
    campaign::{run_campaign, time_campaign},
    cell::CellResult,
    plan::plan,
    prepare::Prepared,
    timing::TimedResult,
};
use fleetune_models::backend::Backend;
use fleetune_reports::{records::RoundRecord, timing::TimedRound};
use fleetune_scenarios::{Overrides, check_text};

use crate::program::harness::{ALGORITHMS, scenario};

fn prepared<'a>(algorithms: impl IntoIterator<Item = &'a str>, set: &[&str]) -> Prepared {
    let overrides = Overrides::parse(set.iter().copied()).unwrap();
    let text = scenario(algorithms);
    let scenario = check_text("tiny.yaml", text.as_bytes(), Path::new(""), &overrides).unwrap();
    Prepared::new(scenario, Backend::default()).unwrap()
}

/// Devices that come, go and are late, and more asked than wanted, for four rounds.
const LIVELY: [&str; 4] = [
    "fleet.availability=profile",
    "federation.over_commitment=1.4",
    "federation.deadline=30 s",
    "federation.stop.rounds=4",
];

const UNTRAINED: [&str; 2] = ["training=none", "target=null"];

fn trained(algorithms: &[&str], set: &[&str]) -> Vec<CellResult> {
    let prepared = prepared(algorithms.iter().copied(), set);
    run_campaign(&prepared, 2, &AtomicBool::new(false), &|_| ()).unwrap()
}

fn timed(algorithms: &[&str], set: &[&str], threads: usize) -> Vec<TimedResult> {
    let prepared = prepared(algorithms.iter().copied(), &[set, &UNTRAINED[..]].concat());
    time_campaign(&prepared, threads, &AtomicBool::new(false), &|_| ()).unwrap()
}

/// What both tell of a round.
fn costs(round: &RoundRecord) -> TimedRound {
    let RoundRecord { sim_time, device_flops, uplink, downlink, energy, .. } = *round;
    let RoundRecord { seed, round: number, participants, dropped, excluded, .. } = *round;
    let (algorithm, training) = (round.algorithm.clone(), Default::default());
    TimedRound {
        algorithm,
        seed,
        round: number,
        training,
        sim_time,
        device_flops,
        uplink,
        downlink,
        energy,
        participants,
        dropped,
        excluded,
    }
}

/// To the nanosecond, the byte and the bit of energy.
#[track_caller]
fn assert_alike(algorithms: &[&str], set: &[&str]) {
    let (real, timed) = (trained(algorithms, set), timed(algorithms, set, 1));
    assert_eq!(real.len(), timed.len());
    for (real, timed) in real.iter().zip(&timed) {
        assert_eq!((&real.label, real.seed), (&timed.label, timed.seed));
        let of = format!("{} (seed {}) with {set:?}", real.label, real.seed);
        assert_eq!(real.standing, timed.standing, "{of}");
        assert_eq!(real.ending, timed.ending, "{of}");
        assert_eq!(real.tallies, timed.tallies, "{of}");
        assert_eq!(real.rounds.iter().map(costs).collect::<Vec<_>>(), timed.rounds, "{of}");
        assert!(real.standing.participants > 0, "{of}: nothing was compared");
    }
}

const RATE: &str = "local_steps: 2, batch_size: 4, learning_rate: { base: 1e-4 }";

fn algorithm(label: &str, kind: &str, more: &str) -> String {
    format!("  {label}: {{ {kind}: {{ {RATE}{more} }} }}\n")
}

#[test]
fn a_run_without_training_spends_what_it_would_with_it() {
    assert_alike(&ALGORITHMS, &LIVELY);
}

/// One test for each way to exchange.
macro_rules! alike {
    ($($name:ident: $entry:expr,)*) => {$(
        #[test]
        fn $name() {
            assert_alike(&[&$entry], &LIVELY);
        }
    )*};
}

alike! {
    so_it_is_with_whatever_is_fastest: algorithm("Fastest", "mezo", ""),
    so_it_is_with_replay: algorithm("Replay", "mezo", ", catch_up: scalars"),
    so_it_is_with_fewest_bytes: algorithm("Fewest", "fedspzo", ", perturbations: { lower: 1, upper: 2 }, catch_up: fewest_bytes"),
    so_it_is_along_shared_directions: algorithm("DeComFL", "decomfl", ", catch_up: scalars"),
    so_it_is_with_a_pool_that_is_not_replayed:
        algorithm("Pool", "fedkseed", ", seeds: 16, catch_up: dense"),
    so_it_is_with_signs: algorithm("Signs", "signspsa", ""),
    so_it_is_in_split_learning: algorithm("Split", "fedsllm", ", split: 2"),
    so_it_is_with_control_variates: algorithm("SCAFFOLD", "scaffold", ""),
    so_it_is_after_a_warm_up:
        algorithm("WarmUp", "zowarmup", ", warm_up: { rounds: 2, learning_rate: { base: 1e-4 } }"),
    so_it_is_with_guided_steps: GUIDED,
    so_it_is_with_encodings: format!(
        "  Coded: {{ fedavg: {{ {RATE} }}, encoding: {{ top_k: 0.1, values: q8, error_feedback: true }} }}\n"
    ),
}

const GUIDED: &str = "  Guided: { fwdllm: { batch_size: 4, batches_per_round: 2, learning_rate: { base: 1e-3 } } }\n";

#[test]
fn so_it_is_where_batches_follow_their_texts_and_where_a_larger_model_is_charged() {
    let [_, mezo, _, fedavg] = ALGORITHMS;
    assert_alike(&[mezo, fedavg], &[&LIVELY[..], &["model.padding=longest"]].concat());
    let larger = ["model.costs_of=roberta-large", "federation.deadline=100 days"];
    assert_alike(&[mezo], &[&LIVELY[..2], &LIVELY[3..], &larger].concat());
}

#[test]
fn so_it_is_without_rounds() {
    let [fedspzo, _, _, fedavg] = ALGORITHMS;
    let policy = "federation.policy={ asynchronous: { concurrency: 4, rule: { fedbuff: {} } } }";
    let set =
        ["fleet.availability=profile", "federation.cohort=2", policy, "federation.stop.rounds=5"];
    assert_alike(&[fedspzo, fedavg], &set);
}

/// With a fixed length every step has a full batch, whatever the texts: so none are needed, but for the number of
/// classes.
#[test]
fn without_texts_it_is_the_same_run() {
    let untold = [&LIVELY[..], &["task=null", "model.classes=4"]].concat();
    assert_eq!(timed(&ALGORITHMS, &untold, 1), timed(&ALGORITHMS, &LIVELY, 1));
    let [.., fedavg] = ALGORITHMS;
    let fewer = [&LIVELY[..], &["task=null"]].concat();
    let [more, fewer] = [&untold, &fewer].map(|set| timed(&[fedavg], set, 1).remove(0).standing);
    assert!(fewer.ledger.total().uplink < more.ledger.total().uplink, "two classes take less");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = timed(&ALGORITHMS, &LIVELY, 1);
    assert_eq!(timed(&ALGORITHMS, &LIVELY, 2), one);
    assert_eq!(timed(&ALGORITHMS, &LIVELY, 8), one);
    assert!(one.iter().all(|cell| cell.events > 0));
}

/// All devices always there, and everybody's exchange the same: what is planned is what is charged.
#[test]
fn what_is_planned_is_charged() {
    let [fedspzo, mezo, _, fedavg] = ALGORITHMS;
    let set = [&UNTRAINED[..], &["task=null"]].concat();
    let prepared = prepared([fedspzo, mezo, fedavg], &set);
    let cells = time_campaign(&prepared, 1, &AtomicBool::new(false), &|_| ()).unwrap();
    for plan in plan(&prepared).unwrap() {
        assert!(plan.flops.is_exact() && plan.download.is_exact() && plan.upload.is_exact());
        for cell in cells.iter().filter(|cell| cell.label == plan.label) {
            let (spent, asked) = (cell.standing.ledger.total(), cell.standing.asked);
            assert_eq!(asked, 6, "cohorts of 3 for 2 rounds");
            assert_eq!(spent.device_flops.get(), plan.flops.most.get() * u128::from(asked));
            assert_eq!(spent.downlink.get(), plan.download.most.get() * asked);
            assert_eq!(spent.uplink.get(), plan.upload.most.get() * asked);
        }
    }
}

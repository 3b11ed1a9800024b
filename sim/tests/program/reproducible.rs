//! The same scenario gives the same bytes, whatever the circumstances.

use std::sync::OnceLock;

use super::harness::{ALGORITHMS, Desk, scenario};

/// `rounds.csv` and `summary.json` of `tiny.yaml`, on one thread; and `scenario.resolved.yaml`.
fn reference() -> &'static [String; 3] {
    static REFERENCE: OnceLock<[String; 3]> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let desk = Desk::new();
        desk.succeeds(&["run", "tiny.yaml", "--out", "x", "--threads", "1", "--quiet"]);
        ["rounds.csv", "summary.json", "scenario.resolved.yaml"]
            .map(|file| desk.read(&format!("x/{file}")))
    })
}

/// The rows of one cell.
fn rows(table: &str, algorithm: &str, seeds: &[&str]) -> Vec<String> {
    let wanted = |row: &&str| {
        let mut columns = row.split(',');
        columns.next() == Some(algorithm) && seeds.contains(&columns.next().unwrap())
    };
    table.lines().filter(wanted).map(str::to_owned).collect()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let desk = Desk::new();
    desk.succeeds(&["run", "tiny.yaml", "--out", "x", "--threads", "2", "--quiet"]);
    assert_eq!(desk.read("x/rounds.csv"), reference()[0]);
    assert_eq!(desk.read("x/summary.json"), reference()[1]);
    assert_eq!(desk.read("x/scenario.resolved.yaml"), reference()[2]);
}

#[test]
fn the_resolved_scenario_reproduces_the_run() {
    let desk = Desk::new();
    desk.put("resolved.yaml", &reference()[2]);
    desk.succeeds(&["run", "resolved.yaml", "--out", "x", "--threads", "2", "--quiet"]);
    assert_eq!(desk.read("x/rounds.csv"), reference()[0]);
    assert_eq!(desk.read("x/summary.json"), reference()[1]);
    assert_eq!(desk.read("x/scenario.resolved.yaml"), reference()[2]);
}

#[test]
fn algorithms_do_not_disturb_each_other() {
    let desk = Desk::new();
    let [fedspzo, _, fwdllm, fedavg] = ALGORITHMS;
    desk.put("other.yaml", &scenario([fedavg, fwdllm, fedspzo]));
    desk.succeeds(&["run", "other.yaml", "--out", "x", "--quiet"]);
    let table = desk.read("x/rounds.csv");
    for algorithm in ["FedAvg", "FwdLLM", "FedSPZO"] {
        let found = rows(&table, algorithm, &["0", "1"]);
        assert_eq!(found.len(), 6, "{algorithm}: 2 seeds, rounds 0, 1 and 2");
        assert_eq!(found, rows(&reference()[0], algorithm, &["0", "1"]));
    }
}

#[test]
fn a_further_seed_changes_no_other() {
    let desk = Desk::new();
    desk.succeeds(&["run", "tiny.yaml", "--seeds", "3", "--out", "x", "--quiet"]);
    let table = desk.read("x/rounds.csv");
    for algorithm in ["FedSPZO", "MeZO", "FwdLLM", "FedAvg"] {
        let kept = rows(&table, algorithm, &["0", "1"]);
        assert_eq!(kept, rows(&reference()[0], algorithm, &["0", "1"]));
        let new = rows(&table, algorithm, &["2"]);
        assert_eq!(new.len(), 3, "{algorithm}");
        let learned = |row: &String| row.split(',').skip(3).map(str::to_owned).collect::<Vec<_>>();
        assert_ne!(learned(&new[1]), learned(&kept[1]), "{algorithm}: seeds differ");
    }
}

#[test]
fn another_root_seed_is_another_experiment() {
    let desk = Desk::new();
    let one = ["--seeds", "1", "--set", "federation.stop.rounds=1", "--quiet"];
    desk.succeeds(
        &[&["run", "tiny.yaml", "--out", "x", "--set", "root_seed=8"], &one[..]].concat(),
    );
    let table = desk.read("x/rounds.csv");
    for algorithm in ["FedSPZO", "MeZO", "FwdLLM", "FedAvg"] {
        let found = rows(&table, algorithm, &["0"]);
        assert_eq!(found.len(), 2);
        assert_ne!(found, rows(&reference()[0], algorithm, &["0"])[..2]);
    }
}

/// The server tests the same model on the same texts before the first round, whatever is to train it.
#[test]
fn every_algorithm_starts_from_the_same_model() {
    let start = |algorithm| {
        let row = rows(&reference()[0], algorithm, &["0"]).swap_remove(0);
        row.split(',').skip(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let common = start("FedSPZO");
    assert_eq!(common[0], "0");
    for algorithm in ["MeZO", "FwdLLM", "FedAvg"] {
        assert_eq!(start(algorithm), common, "{algorithm}");
    }
}

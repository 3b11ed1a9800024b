//! The files of a run directory have exactly the promised shape.

use std::fs;

use fleetune_reports::{
    ReportError, Run,
    records::{Backhaul, COLUMNS, CellTotals, Histogram, RoundRecord, Staleness, Summary},
    write_run, write_tables,
};
use fleetune_units::{Bytes, Flops, Joules, Seconds};

use crate::synthetic::Recipe;

#[test]
fn rounds_csv_has_exactly_the_promised_columns() {
    let dir = tempfile::tempdir().unwrap();
    let mut results = Recipe::usual().results();
    results.rounds.truncate(1);
    results.rounds[0] = RoundRecord {
        algorithm: "FedSPZO".to_owned(),
        seed: 2,
        round: 5,
        sim_time: Seconds::from_raw(0.1),
        accuracy: 0.75,
        loss: 0.1 + 0.2,
        device_flops: Flops::new(u128::MAX),
        uplink: Bytes::new(u64::MAX),
        downlink: Bytes::new(7),
        energy: Joules::from_raw(1e21),
        participants: 8,
        dropped: 1,
        excluded: 3,
    };
    write_tables(dir.path(), &results).unwrap();
    let text = fs::read_to_string(dir.path().join("rounds.csv")).unwrap();
    let expected = "algorithm,seed,round,sim_time_s,accuracy,loss,device_flops,uplink_bytes,\
                    downlink_bytes,energy_j,participants,dropped,excluded\n\
                    FedSPZO,2,5,0.1,0.75,0.30000000000000004,\
                    340282366920938463463374607431768211455,18446744073709551615,7,1e21,8,1,3\n";
    assert_eq!(text, expected);
    assert_eq!(Run::load(dir.path()).unwrap().rounds, results.rounds);
}

#[test]
fn summary_json_has_exactly_the_promised_keys() {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path(), &Recipe::usual().results()).unwrap();
    let text = fs::read_to_string(dir.path().join("summary.json")).unwrap();
    let keys =
        |line: &str| line.trim().strip_prefix('"').map(|l| l[..l.find('"').unwrap()].to_owned());
    let found = text.lines().filter_map(keys).collect::<Vec<_>>();
    let cell = [
        "algorithm",
        "seed",
        "reached",
        "time_to_target_s",
        "flops_to_target",
        "uplink_bytes_to_target",
        "downlink_bytes_to_target",
        "energy_to_target_j",
        "final_accuracy",
        "best_accuracy",
        "excluded_devices",
        "wasted_flops_fraction",
        "server_flops",
    ];
    let mut expected = vec!["target_accuracy", "cells"];
    (0..12).for_each(|_| expected.extend(cell));
    assert_eq!(found, expected);
}

#[test]
fn what_was_not_reached_is_null() {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path(), &Recipe { target: 0.99, ..Recipe::usual() }.results()).unwrap();
    let text = fs::read_to_string(dir.path().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cell = &summary["cells"][0];
    assert_eq!(cell["reached"], false);
    for key in [
        "time_to_target_s",
        "flops_to_target",
        "uplink_bytes_to_target",
        "downlink_bytes_to_target",
        "energy_to_target_j",
    ] {
        assert!(cell.as_object().unwrap().contains_key(key) && cell[key].is_null(), "{key}");
    }
}

/// The target is reached at the first evaluated round that meets it, even if accuracy falls
/// below it again, and meeting it exactly counts.
#[test]
fn to_target_is_the_first_evaluation_that_meets_it() {
    let round = |round: u64, accuracy: f64| RoundRecord {
        algorithm: "A".to_owned(),
        seed: 0,
        round,
        sim_time: Seconds::from_raw(10.0 * round as f64),
        accuracy,
        loss: 1.0,
        device_flops: Flops::new(u128::from(round) * 100),
        uplink: Bytes::new(round),
        downlink: Bytes::new(2 * round),
        energy: Joules::from_raw(3.0 * round as f64),
        participants: 1,
        dropped: 0,
        excluded: 0,
    };
    let rounds = [round(5, 0.6), round(10, 0.7), round(15, 0.9), round(20, 0.65)];
    let totals = CellTotals {
        algorithm: "A".to_owned(),
        seed: 0,
        excluded_devices: 4,
        device_flops: Flops::new(2000),
        wasted_flops: Flops::new(500),
        server_flops: Flops::new(70),
        staleness: Staleness {
            joined: [0, 0, 3].into_iter().collect(),
            discarded: Histogram::default(),
        },
        backhaul: Backhaul::default(),
    };
    let summary = Summary::new(0.7, &rounds, &[totals]);
    let cell = &summary.cells[0];
    assert!(cell.reached);
    assert_eq!(cell.time_to_target, Some(Seconds::from_raw(100.0)));
    assert_eq!(cell.flops_to_target, Some(Flops::new(1000)));
    assert_eq!(cell.uplink_to_target, Some(Bytes::new(10)));
    assert_eq!(cell.downlink_to_target, Some(Bytes::new(20)));
    assert_eq!(cell.energy_to_target, Some(Joules::from_raw(30.0)));
    assert_eq!((cell.final_accuracy, cell.best_accuracy), (Some(0.65), Some(0.9)));
    assert_eq!((cell.excluded_devices, cell.wasted_flops_fraction), (4, 0.25));
    assert_eq!(cell.server_flops, Flops::new(70));
}

/// Directories of versions whose servers computed nothing do not mention it.
#[test]
fn a_summary_without_the_servers_work_is_read_as_none() {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path(), &Recipe::usual().results()).unwrap();
    let path = dir.path().join("summary.json");
    let mut summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for cell in summary["cells"].as_array_mut().unwrap() {
        assert!(cell.as_object_mut().unwrap().remove("server_flops").unwrap().as_u64() > Some(0));
    }
    fs::write(&path, summary.to_string()).unwrap();
    let run = Run::load(dir.path()).unwrap();
    assert!(run.summary.cells.iter().all(|cell| cell.server_flops.is_zero()));
}

#[test]
fn what_is_written_is_read_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let results = Recipe::crowded().results();
    write_tables(dir.path(), &results).unwrap();
    let run = Run::load(dir.path()).unwrap();
    assert_eq!(run.rounds, results.rounds);
    assert_eq!(run.details, results.details);
    assert_eq!(run.manifest, results.manifest);
    let again = Summary::new(results.target_accuracy, &results.rounds, &results.totals);
    assert_eq!(run.summary, again);
    assert_eq!(COLUMNS.len(), 13);
}

#[test]
fn the_order_in_which_cells_end_does_not_show() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut results = Recipe::usual().results();
    write_tables(a.path(), &results).unwrap();
    results.rounds.reverse();
    results.totals.reverse();
    write_tables(b.path(), &results).unwrap();
    for file in ["rounds.csv", "summary.json", "details.json"] {
        assert_eq!(fs::read(a.path().join(file)).unwrap(), fs::read(b.path().join(file)).unwrap());
    }
}

#[test]
fn results_that_contradict_themselves_are_refused() {
    let good = Recipe::usual().results();
    let refused = |change: fn(&mut fleetune_reports::RunResults), reason: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut results = good.clone();
        change(&mut results);
        match write_run(dir.path(), &results) {
            Err(ReportError::Inconsistent(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("expected a refusal for {reason}, got {other:?}"),
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is written");
    };
    refused(|r| r.rounds[3].accuracy = f64::NAN, "accuracy");
    refused(|r| r.rounds[3].uplink = Bytes::new(0), "must not fall");
    refused(|r| r.rounds[3].round = r.rounds[2].round, "ascend");
    refused(|r| r.totals.truncate(1), "no summary");
    refused(|r| r.totals.push(r.totals[0].clone()), "twice");
    refused(|r| r.details.algorithms.truncate(1), "no such algorithm");
    refused(|r| r.details.algorithms[1].label = "FedSPZO".to_owned(), "listed twice");
    refused(|r| r.target_accuracy = 74.0, "not a fraction");
    refused(|r| r.details.starts[0].accuracy = 65.0, "not a fraction");
}

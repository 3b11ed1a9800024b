//! Staleness, the ends of client-rounds, and groups: in the tables, and in the report where they apply.

use std::{fs, path::Path};

use fleetune_reports::{
    ReportError, Run, RunResults, statistics::Comparison, summary_table, write_run,
};
use serde_json::{Value, json};

use crate::synthetic::{Recipe, in_groups, without_rounds};

fn value(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Results of a run without rounds, in which device classes are the staler the later they are named.
fn stale() -> RunResults {
    let mut results = Recipe { evaluations: 3, ..Recipe::usual() }.results();
    without_rounds(&mut results, 2.0, 25);
    results
}

#[test]
fn the_summary_says_what_the_counts_say() {
    let dir = tempfile::tempdir().unwrap();
    write_run(dir.path(), &stale()).unwrap();
    let summary = value(&dir.path().join("summary.json"));
    let staleness = &summary["cells"][0]["staleness"];
    let list = |which: &str| {
        let counts = staleness["counts"][which].as_object().unwrap().iter();
        let each = counts.map(|(n, count)| (n.parse::<u64>().unwrap(), count.as_u64().unwrap()));
        let mut list: Vec<u64> = each.flat_map(|(n, count)| (0..count).map(move |_| n)).collect();
        list.sort_unstable();
        list
    };
    let (joined, discarded) = (list("joined"), list("discarded"));
    let mean = joined.iter().sum::<u64>() as f64 / joined.len() as f64;
    assert_eq!(staleness["mean"], mean);
    // Nearest rank: the ceil(0.95 n)-th of n.
    let rank = (95 * joined.len()).div_ceil(100);
    assert_eq!(staleness["percentile_95"], joined[rank - 1]);
    let share = discarded.len() as f64 / (joined.len() + discarded.len()) as f64;
    assert_eq!(staleness["discarded_share"], share);
    assert!(joined.iter().all(|&n| n <= 25) && discarded.iter().all(|&n| n > 25));
    // What a cell without rounds says, one in rounds does not.
    assert!(summary["cells"][1].get("staleness").is_none());
    assert!(summary["cells"][0].get("backhaul").is_none());
}

/// All that speaks of staleness or groups is absent where neither is, and not empty.
#[test]
fn what_does_not_apply_is_absent() {
    let told = |results: &RunResults| {
        let dir = tempfile::tempdir().unwrap();
        let paths = write_run(dir.path(), results).unwrap();
        let run = Run::load(dir.path()).unwrap();
        let comparison = Comparison::new(&run);
        let terminal = summary_table(&run, &comparison, &paths.report);
        let tables =
            ["summary.json", "details.json"].map(|f| value(&dir.path().join(f)).to_string());
        (fs::read_to_string(&paths.report).unwrap(), terminal, tables.concat(), paths.charts.len())
    };
    let (report, terminal, tables, charts) = told(&Recipe::usual().results());
    for text in [&report, &terminal, &tables] {
        let text = text.to_lowercase();
        for word in ["stale", "backhaul", "cloud", "groups\"", "each group", "interrupted:"] {
            assert!(
                !text.contains(word) || word == "stale" && text.contains("\"stale\":0"),
                "{word}"
            );
        }
    }
    assert_eq!(charts, 6);
    assert!(report.contains("<th scope=\"col\">Surplus</th>"));
    assert!(!report.contains("<th scope=\"col\">Late</th>"));

    let (report, terminal, _, charts) = told(&stale());
    assert_eq!(charts, 7);
    for text in ["<th scope=\"col\">Staleness</th>", "versions of the model", "id=\"staleness\""] {
        assert!(report.contains(text), "{text}");
    }
    assert!(!report.contains("id=\"groups\"") && !report.contains("What each group did"));
    assert!(terminal.contains("FedAvg: an update was") && terminal.contains("too stale"));

    let mut results = stale();
    in_groups(&mut results, &["the only one"], true);
    assert_eq!(told(&results).3, 7, "one group is no group");
    in_groups(&mut results, &["near", "far"], true);
    let (report, terminal, tables, charts) = told(&results);
    assert_eq!(charts, 8);
    assert!(
        report.contains("What each group did") && report.contains("<td class=\"name\">far</td>")
    );
    assert!(
        terminal.replace('\n', " ").contains("edges sent the cloud 40.0 MB and were sent 50.0 MB")
    );
    assert!(tables.contains("\"backhaul\""));
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let refused = |change: &dyn Fn(&mut RunResults), reason: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut results = stale();
        change(&mut results);
        match write_run(dir.path(), &results) {
            Err(ReportError::Inconsistent(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("expected a refusal for {reason}, got {other:?}"),
        }
    };
    refused(&|r| r.details.algorithms[1].participation[0].left += 1, "met an end");
    refused(&|r| r.totals[0].staleness.joined.add(3), "by device class");
}

/// A directory of a version that knew three ends and no staleness: what it called late stays late.
#[test]
fn directories_of_earlier_versions_are_read() {
    let dir = tempfile::tempdir().unwrap();
    write_run(dir.path(), &Recipe::usual().results()).unwrap();
    let path = dir.path().join("details.json");
    let mut details = value(&path);
    for algorithm in details["algorithms"].as_array_mut().unwrap() {
        let anatomy = algorithm["anatomy"].as_object_mut().unwrap();
        anatomy.extend([
            ("client_rounds".to_owned(), json!(7)),
            ("late_share".to_owned(), json!(0.1)),
        ]);
        for profile in algorithm["participation"].as_array_mut().unwrap() {
            let profile = profile.as_object_mut().unwrap();
            let surplus = profile.remove("surplus").unwrap();
            profile.insert("late".to_owned(), surplus);
            let left = profile.remove("left").unwrap();
            profile.insert("dropped".to_owned(), left);
            for key in ["stale", "interrupted", "excluded"] {
                profile.remove(key).unwrap();
            }
        }
    }
    fs::write(&path, details.to_string()).unwrap();
    let run = Run::load(dir.path()).unwrap();
    let profile = &run.details.algorithms[0].participation[0];
    assert_eq!(profile.fates().started(), profile.started);
    assert!(profile.late > 0 && profile.left > 0 && profile.surplus == 0);
}

//! How stale updates were, as a run without rounds tells it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::harness::{ALGORITHMS, Desk, scenario};

/// FedBuff with a bound that slow devices exceed.
const POLICY: &str =
    "{ asynchronous: { concurrency: 5, rule: { fedbuff: { staleness: { bound: 1 } } } } }";

fn counts(value: &Value) -> BTreeMap<u64, u64> {
    let counts = value.as_object().into_iter().flatten();
    counts.map(|(n, count)| (n.parse().unwrap(), count.as_u64().unwrap())).collect()
}

fn total(counts: &BTreeMap<u64, u64>) -> u64 {
    counts.values().sum()
}

fn merged<'a>(parts: impl Iterator<Item = &'a Value>) -> BTreeMap<u64, u64> {
    let mut all = BTreeMap::new();
    parts.flat_map(counts).for_each(|(n, count)| *all.entry(n).or_default() += count);
    all
}

/// By device class and by seed the same updates are counted: as many as were joined and discarded.
#[test]
fn every_update_that_arrived_is_counted_once() {
    let desk = Desk::new();
    desk.put("two.yaml", &scenario([ALGORITHMS[1], ALGORITHMS[3]]));
    let policy = format!("federation.policy={POLICY}");
    let more =
        ["--set", &policy, "--set", "federation.cohort=1", "--set", "federation.stop.rounds=20"];
    let end = desk.succeeds(&[&["run", "two.yaml", "--out", "x", "--quiet"], &more[..]].concat());
    let [details, summary]: [Value; 2] = ["x/details.json", "x/summary.json"]
        .map(|file| serde_json::from_str(&desk.read(file)).unwrap());
    for algorithm in details["algorithms"].as_array().unwrap() {
        let label = algorithm["label"].as_str().unwrap();
        let profiles = algorithm["participation"].as_array().unwrap();
        let sum = |key: &str| profiles.iter().map(|p| p[key].as_u64().unwrap()).sum::<u64>();
        let ends = ["completed", "left", "late", "surplus", "stale", "interrupted", "excluded"];
        assert_eq!(ends.map(sum).iter().sum::<u64>(), sum("started"), "{label}");
        for (which, fate) in [("joined", "completed"), ("discarded", "stale")] {
            for p in profiles {
                let by_profile = counts(&p["staleness"][which]);
                assert_eq!(total(&by_profile), p[fate].as_u64().unwrap(), "{label}: {which}");
            }
            let by_profile = merged(profiles.iter().map(|p| &p["staleness"][which]));
            let cells = summary["cells"].as_array().unwrap().iter();
            let mine = cells.filter(|cell| cell["algorithm"] == label);
            let by_cell = merged(mine.map(|cell| &cell["staleness"]["counts"][which]));
            assert_eq!(by_profile, by_cell, "{label}: {which}");
            let bounded = by_cell.keys().all(|&n| (n <= 1) == (which == "joined"));
            assert!(bounded, "{label}: {which}: {by_cell:?}");
            assert!(!by_cell.is_empty(), "{label}: {which}");
        }
        // Two seeds, 20 versions of one update each.
        assert_eq!(sum("completed"), 40, "{label}");
        assert_eq!(sum("interrupted"), 2 * 4, "{label}: the others of five at work");
    }
    assert!(end.stdout.contains("too stale"), "{}", end.stdout);
    let report = desk.read("x/report.html");
    assert!(report.contains("id=\"staleness\"") && !report.contains("id=\"groups\""));
    assert!(desk.path("x/charts/staleness.svg").exists());

    desk.succeeds(&["run", "two.yaml", "--out", "rounds", "--quiet"]);
    assert!(!desk.read("rounds/summary.json").contains("staleness"));
    assert!(!desk.read("rounds/report.html").contains("taleness"));
}

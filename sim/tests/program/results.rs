//! What a run leaves behind.

use std::{collections::BTreeSet, fs};

use fleetune_algorithms::{
    privacy::{Delta, epsilon},
    settings::{Fraction, Positive},
};
use serde_json::Value;

use super::harness::{ALGORITHMS, Desk, contents, scenario};

const CHARTS: [&str; 6] = [
    "accuracy-time",
    "accuracy-flops",
    "accuracy-uplink",
    "cost-to-target",
    "memory-fit",
    "round-anatomy",
];

const COLUMNS: &str = "algorithm,seed,round,sim_time_s,accuracy,loss,device_flops,uplink_bytes,\
    downlink_bytes,energy_j,participants,dropped,excluded";

/// Costs to target, and the columns that they are taken from.
const COSTS: [(&str, usize); 5] = [
    ("time_to_target_s", 3),
    ("flops_to_target", 6),
    ("uplink_bytes_to_target", 7),
    ("downlink_bytes_to_target", 8),
    ("energy_to_target_j", 9),
];

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(|row| row.split(',').map(str::to_owned).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn a_run_directory_holds_what_it_promises() {
    let desk = Desk::new();
    desk.succeeds(&["run", "tiny.yaml", "--out", "x", "--quiet"]);
    let mut expected: Vec<String> =
        CHARTS.iter().flat_map(|c| ["png", "svg"].map(|e| format!("charts/{c}.{e}"))).collect();
    let tables = ["details.json", "manifest.json", "rounds.csv", "summary.json"];
    expected.extend(tables.map(str::to_owned));
    expected.extend(["report.html", "scenario.resolved.yaml"].map(str::to_owned));
    expected.sort();
    let found: Vec<String> = contents(&desk.path("x")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, expected);
    assert!(!desk.path("x.partial").exists());

    assert_eq!(desk.read("x/rounds.csv").lines().next(), Some(COLUMNS));
    let manifest: Value = serde_json::from_str(&desk.read("x/manifest.json")).unwrap();
    let promised = [
        "version",
        "engine",
        "git_commit",
        "rustc",
        "target",
        "cpu",
        "threads",
        "backend",
        "scenario_sha256",
        "data_sha256",
        "root_seed",
        "host_wall_time_s",
    ];
    assert_eq!(keys(&manifest), BTreeSet::from(promised));
    assert_eq!(keys(&manifest["data_sha256"]), BTreeSet::from(["checkpoint", "dataset"]));
    assert_eq!(manifest["root_seed"], 7);

    // Self-contained: it asks nobody for anything.
    let report = desk.read("x/report.html");
    for elsewhere in ["src=\"http", "href=\"http", "url(http", "<link", "<script src"] {
        assert!(!report.contains(elsewhere), "{elsewhere}");
    }
}

/// Recomputed from `rounds.csv` by the definition: the first evaluated round at or above the target.
#[test]
fn the_summary_follows_from_the_rounds() {
    let desk = Desk::new();
    // What the best cell reaches: some reach it, most likely not all.
    desk.succeeds(&["run", "tiny.yaml", "--out", "first", "--quiet"]);
    let accuracies = table(&desk.read("first/rounds.csv")).into_iter().map(|row| number(&row[4]));
    let best = accuracies.fold(0.0, f64::max);
    let target = format!("target.accuracy={best}");
    desk.succeeds(&["run", "tiny.yaml", "--out", "x", "--quiet", "--set", &target]);

    let rounds = table(&desk.read("x/rounds.csv"));
    let summary: Value = serde_json::from_str(&desk.read("x/summary.json")).unwrap();
    assert_eq!(keys(&summary), BTreeSet::from(["cells", "target_accuracy"]));
    assert_eq!(summary["target_accuracy"], best);
    let cells = summary["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 8);
    let mut reached = 0;
    for cell in cells {
        let mut promised: BTreeSet<&str> = COSTS.iter().map(|(key, _)| *key).collect();
        promised.extend(["algorithm", "seed", "reached", "final_accuracy", "best_accuracy"]);
        promised.extend(["excluded_devices", "wasted_flops_fraction", "server_flops"]);
        assert_eq!(keys(cell), promised);
        let (label, seed) = (cell["algorithm"].as_str().unwrap(), cell["seed"].to_string());
        let mine: Vec<_> = rounds.iter().filter(|r| r[0] == label && r[1] == seed).collect();
        let hit = mine.iter().find(|row| number(&row[4]) >= best);
        reached += usize::from(hit.is_some());
        assert_eq!(cell["reached"], hit.is_some());
        for (key, column) in COSTS {
            assert_eq!(cell[key].as_f64(), hit.map(|row| number(&row[column])), "{label} {key}");
        }
        assert_eq!(cell["final_accuracy"].as_f64(), mine.last().map(|row| number(&row[4])));
        let highest = mine.iter().map(|row| number(&row[4])).reduce(f64::max);
        assert_eq!(cell["best_accuracy"].as_f64(), highest);
        assert_eq!(cell["excluded_devices"].to_string(), mine[0][12]);
        assert_eq!(cell["wasted_flops_fraction"], 0.0, "nobody was asked in vain");
        assert_eq!(cell["server_flops"], 0, "these servers only average");
    }
    assert!(reached > 0, "the best cell reaches its own best");
}

/// Over-commitment wastes work; what it wastes is in every total, and in the details by profile.
#[test]
fn what_is_spent_by_profile_is_what_is_spent_by_round() {
    let desk = Desk::new();
    let more = ["--set", "federation.over_commitment=2", "--set", "federation.stop.rounds=3"];
    desk.succeeds(&[&["run", "tiny.yaml", "--out", "x", "--quiet"], &more[..]].concat());
    let rounds = table(&desk.read("x/rounds.csv"));
    let details: Value = serde_json::from_str(&desk.read("x/details.json")).unwrap();
    for algorithm in details["algorithms"].as_array().unwrap() {
        let label = algorithm["label"].as_str().unwrap();
        let count = |key: &str| -> u64 {
            let profiles = algorithm["participation"].as_array().unwrap();
            profiles.iter().map(|profile| profile[key].as_u64().unwrap()).sum()
        };
        assert_eq!(count("started"), 2 * 3 * 6, "{label}: 2 seeds, 3 rounds, 6 asked");
        assert_eq!(count("surplus"), 2 * 3 * 3, "{label}: nobody else came to nothing");
        for nothing in ["left", "late", "stale", "interrupted", "excluded"] {
            assert_eq!(count(nothing), 0, "{label}: {nothing}");
        }
        assert_eq!(count("completed"), 2 * 3 * 3, "{label}");
        let last = rounds.iter().filter(|row| row[0] == label && row[2] == "3");
        let (flops, energy) = last.fold((0, 0.0), |(flops, energy), row| {
            (flops + row[6].parse::<u64>().unwrap(), energy + number(&row[9]))
        });
        assert_eq!(count("device_flops"), flops, "{label}");
        let profiles = algorithm["participation"].as_array().unwrap();
        let joules: f64 = profiles.iter().map(|p| p["energy_j"].as_f64().unwrap()).sum();
        assert!((joules - energy).abs() <= 1e-9 * energy, "{label}: {joules} J, {energy} J");
    }
    let summary: Value = serde_json::from_str(&desk.read("x/summary.json")).unwrap();
    let cells = summary["cells"].as_array().unwrap().iter();
    let wasted: Vec<f64> = cells.map(|c| c["wasted_flops_fraction"].as_f64().unwrap()).collect();
    // Of twice as many clients with equal work, at most half works in vain.
    assert!(wasted.iter().all(|share| (0.0..=0.5).contains(share)), "{wasted:?}");
    assert!(wasted.iter().any(|&share| share > 0.0), "{wasted:?}");
}

#[test]
fn a_report_is_made_again_to_the_byte() {
    let desk = Desk::new();
    desk.succeeds(&["run", "tiny.yaml", "--out", "x", "--quiet", "--seeds", "1"]);
    let before = contents(&desk.path("x"));
    fs::remove_file(desk.path("x/report.html")).unwrap();
    fs::remove_dir_all(desk.path("x/charts")).unwrap();
    let end = desk.succeeds(&["report", "x"]);
    assert_eq!(end.stdout.trim(), "x/report.html");
    assert_eq!(contents(&desk.path("x")), before);
}

/// Four of six devices are asked in each of two rounds, for three updates.
#[test]
fn what_was_revealed_is_told_in_the_details_the_report_and_the_terminal() {
    let private = ALGORITHMS[3].replace("FedAvg", "Private").replace(
        " }\n",
        ", privacy: { clip: 0.1, noise_multiplier: 1.5, noise: server, delta: 0.01 } }\n",
    );
    let desk = Desk::new();
    desk.put("private.yaml", &scenario([ALGORITHMS[3], &private]));
    let more = ["--set", "federation.over_commitment=1.3"];
    let end =
        desk.succeeds(&[&["run", "private.yaml", "--out", "x", "--quiet"], &more[..]].concat());
    let asked = 4.0 / 6.0;
    let spent = |rate: f64| {
        let noise = Positive::new(1.5).unwrap();
        epsilon(noise, Fraction::new(rate).unwrap(), 2, Delta::new(0.01).unwrap())
    };
    let details: Value = serde_json::from_str(&desk.read("x/details.json")).unwrap();
    assert_eq!(details["algorithms"][0]["privacy"], Value::Array(Vec::new()));
    let seeds = details["algorithms"][1]["privacy"].as_array().unwrap();
    assert_eq!(seeds.len(), 2);
    for (seed, found) in seeds.iter().enumerate() {
        assert_eq!(found["seed"], seed);
        assert_eq!((&found["rounds"], &found["delta"]), (&Value::from(2), &Value::from(0.01)));
        assert_eq!(found["sampling_rate"], asked);
        for (key, rate) in [("epsilon", 1.0), ("epsilon_if_sampled", asked)] {
            let (found, expected) = (found[key].as_f64().unwrap(), spent(rate));
            assert!((found - expected).abs() <= 1e-9 * expected, "{key}: {found}, not {expected}");
        }
    }
    // Three significant digits of both.
    let [whoever, sampled] = [1.0, asked].map(|rate| format!("ε = {:.2}", spent(rate)));
    let told = |text: &str| {
        let text = text.replace('\n', " ").replace("&#x27;", "'");
        let parts = ["Private hides each device's texts", &whoever, &sampled];
        parts.iter().all(|part| text.contains(part))
    };
    assert!(told(&end.stdout), "{whoever}, {sampled}: {}", end.stdout);
    assert!(told(&desk.read("x/report.html")), "{whoever}, {sampled}");
    assert!(!end.stdout.contains("FedAvg hides"), "{}", end.stdout);
}

/// Whoever asks for less than the start has is told so, and nobody else.
#[test]
fn a_target_below_the_start_is_no_target() {
    let desk = Desk::new();
    desk.put("one.yaml", &scenario([ALGORITHMS[1]]));
    for (target, expected) in [("0.01", true), ("1", false)] {
        let set = format!("target.accuracy={target}");
        desk.succeeds(&["run", "one.yaml", "--out", target, "--quiet", "--set", &set]);
        let details = desk.read(&format!("{target}/details.json"));
        assert_eq!(details.contains("raise the target"), expected, "{target}");
    }
}

/// A server that only averages may be of any speed: nothing is charged for it, and nobody is told of it. One that
/// trains takes its time, and the report says what it did.
#[test]
fn the_servers_speed_matters_where_it_trains_and_only_there() {
    let desk = Desk::new();
    let fedsllm = "  FedsLLM: { fedsllm: { split: 2, local_steps: 2, batch_size: 4, learning_rate: { base: 1e-4 } } }\n";
    desk.put("both.yaml", &scenario(ALGORITHMS.into_iter().chain([fedsllm])));
    let more = ["--seeds", "1", "--quiet", "--set"];
    for (out, speed) in [("fast", "10 TFLOP/s"), ("slow", "1 MFLOP/s")] {
        let set = format!("network.server.compute={speed}");
        desk.succeeds(&[&["run", "both.yaml", "--out", out], &more[..], &[&set]].concat());
    }
    let [fast, slow] = ["fast", "slow"].map(|out| table(&desk.read(&format!("{out}/rounds.csv"))));
    assert_eq!(fast.len(), 15);
    let server: Value = serde_json::from_str(&desk.read("slow/summary.json")).unwrap();
    let done = server["cells"][4]["server_flops"].as_f64().unwrap();
    assert!(done > 0.0);
    for (fast, slow) in fast.iter().zip(&slow) {
        if fast[0] != "FedsLLM" || fast[2] == "0" {
            assert_eq!(fast, slow);
            continue;
        }
        // The same bytes, FLOPs and model; later by the server's work, half of it in each of the two rounds.
        assert_eq!((&fast[4..9], &fast[10..]), (&slow[4..9], &slow[10..]));
        let late = number(&slow[3]) - number(&fast[3]);
        let expected = done * (1e-6 - 1e-13) * number(&fast[2]) / 2.0;
        assert!((late - expected).abs() < 1e-6 * expected, "{late} s, expected {expected} s");
        assert!(number(&slow[9]) > number(&fast[9]), "waiting takes energy");
    }
    let details = desk.read("slow/details.json");
    assert_eq!(details.matches("the server did a part of the training").count(), 1);
    assert!(desk.read("slow/report.html").contains("FedsLLM: the server did a part"));
}

/// A learning rate that blows the model up ends its own cells only.
#[test]
fn a_diverging_algorithm_leaves_the_others_alone() {
    let desk = Desk::new();
    let set = "algorithms.FedAvg.fedavg.learning_rate.base=1e30";
    let more = ["--seeds", "1", "--quiet", "--set", set];
    desk.succeeds(&[&["run", "tiny.yaml", "--out", "x"], &more[..]].concat());
    assert!(desk.read("x/details.json").contains("FedAvg, seed 0: the global model left"));
    let rounds = table(&desk.read("x/rounds.csv"));
    let count = |label: &str| rounds.iter().filter(|row| row[0] == label).count();
    assert_eq!((count("FedAvg"), count("FedSPZO"), count("MeZO"), count("FwdLLM")), (1, 3, 3, 3));
}

/// An algorithm that no device can hold is told apart from one that learns nothing.
#[test]
fn an_algorithm_that_fits_nowhere_says_so() {
    let desk = Desk::new();
    let [fedspzo, .., fedavg] = ALGORITHMS;
    let text = scenario([fedspzo, fedavg]);
    // Between the 8 MB that FedSPZO needs and the 20 MB of FedAvg.
    let budget = "10 MB";
    let profile = desk.succeeds(&["devices", "phone-high"]).stdout;
    let mut value: serde_yaml::Value = serde_yaml::from_str(&profile).unwrap();
    value["memory"]["budget"] = budget.into();
    let inline = serde_yaml::to_string(&value).unwrap().replace('\n', "\n    ");
    let text = text.replace("    - { profile: raspberry-pi-4, count: 2 }\n", "");
    desk.put("tight.yaml", &format!("{text}profiles:\n  phone-high:\n    {}\n", inline.trim()));
    let end = desk.succeeds(&["run", "tight.yaml", "--out", "x", "--quiet"]);
    assert!(end.stdout.contains("FedAvg"));
    let summary: Value = serde_json::from_str(&desk.read("x/summary.json")).unwrap();
    for cell in summary["cells"].as_array().unwrap() {
        let excluded = if cell["algorithm"] == "FedAvg" { 4 } else { 0 };
        assert_eq!(cell["excluded_devices"], excluded, "{cell}");
    }
    assert!(desk.read("x/details.json").contains("excluded by memory on all devices"));
}

//! Runs side by side, and device mixes.

use std::fs;

use super::harness::Desk;

const MIXES: &str = "\
name: mixes
scenario: tiny.yaml
studies:
  fleets:
    algorithms: [MeZO, FedAvg]
    fleets:
      both: {}
      boards: { groups: [{ profile: raspberry-pi-4, count: 5 }] }
";

#[test]
fn fleets_stand_side_by_side_and_each_is_the_run_that_it_would_be_alone() {
    let desk = Desk::new();
    desk.put("mixes.yaml", MIXES);
    let end = desk.succeeds(&["sweep", "mixes.yaml", "--out", "x", "--quiet"]);
    assert!(
        end.stdout.contains("independent samples") && end.stdout.contains("fleet.groups"),
        "{}",
        end.stdout
    );
    let page = desk.read("x/fleets/report.html");
    assert!(
        page.contains("boards&#x2f;report.html")
            && page.contains("Which differences the seeds tell")
    );
    let json: serde_json::Value =
        serde_json::from_str(&desk.read("x/fleets/comparison.json")).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    // One pair in each of two runs, and each of two algorithms over the runs, by five resources.
    assert_eq!(json["comparisons"].as_array().unwrap().len(), 4 * 5);
    let groups = "fleet.groups=[{ profile: raspberry-pi-4, count: 5 }]";
    desk.succeeds(&["run", "tiny.yaml", "--set", groups, "--out", "y", "--quiet"]);
    let rows = |path: &str| -> Vec<String> {
        let wanted = |line: &&str| line.starts_with("MeZO") || line.starts_with("FedAvg");
        desk.read(path).lines().filter(wanted).map(str::to_owned).collect()
    };
    assert_eq!(rows("x/fleets/boards/rounds.csv"), rows("y/rounds.csv"));
    assert_ne!(rows("x/fleets/both/rounds.csv"), rows("y/rounds.csv"));

    // The same page comes of the run directories.
    let runs = ["x/fleets/both", "x/fleets/boards"];
    let end = desk.succeeds(&[&["compare"], &runs[..], &["--out", "z", "--by", "energy"]].concat());
    assert!(end.stdout.contains("device energy of the first"), "{}", end.stdout);
    let again: serde_json::Value = serde_json::from_str(&desk.read("z/comparison.json")).unwrap();
    for run in 0..2 {
        assert_eq!(again["runs"][run]["algorithms"], json["runs"][run]["algorithms"]);
    }
    desk.fails(&[&["compare"], &runs[..], &["--out", "z"]].concat(), 2, &["not empty"]);
}

/// Paired in the same world, whatever is asked of it; refused where another thing was asked, with every reason.
#[test]
fn only_what_was_asked_the_same_is_compared() {
    let desk = Desk::new();
    let run = |out: &str, more: &[&str]| {
        let mut arguments = vec!["run", "tiny.yaml", "--out", out, "--quiet"];
        more.iter().for_each(|setting| arguments.extend(["--set", setting]));
        desk.succeeds(&arguments);
    };
    run("a", &[]);
    run("b", &["federation.cohort=2"]);
    let end = desk.succeeds(&["compare", "a", "b", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&end.stdout).unwrap();
    let pairs = json["comparisons"].as_array().unwrap();
    assert!(pairs.iter().any(|pair| pair["a"]["run"] != pair["b"]["run"]));
    assert_eq!(json["runs"][0]["world"], json["runs"][1]["world"]);
    assert!(json["remarks"][1].as_str().unwrap().contains("federation.cohort"), "{json}");
    run("c", &["root_seed=8"]);
    let end = desk.succeeds(&["compare", "a", "c", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&end.stdout).unwrap();
    assert_ne!(json["runs"][0]["world"], json["runs"][1]["world"]);

    run("d", &["target.accuracy=0.3", "federation.stop.rounds=1", "task.test_examples=20"]);
    let words = [
        "a and d cannot be compared",
        "target.accuracy is 0.2 in the one and 0.3",
        "the budget",
        "the test texts",
    ];
    desk.fails(&["compare", "a", "d"], 2, &words);
    desk.fails(&["compare", "a", "a"], 2, &["named twice"]);
    desk.fails(&["compare", "a"], 2, &["two or more"]);
    desk.fails(&["compare", "a", "nowhere"], 5, &["nowhere"]);
    let manifest = desk.read("b/manifest.json");
    let engine = manifest.lines().find(|line| line.contains("\"engine\"")).unwrap();
    let other = manifest.replace(engine, "  \"engine\": \"0123\",");
    fs::write(desk.path("b/manifest.json"), other).unwrap();
    desk.fails(&["compare", "a", "b"], 2, &["different engines"]);
}

#[test]
fn a_study_on_fleets_searches_nothing() {
    let desk = Desk::new();
    desk.put("mixes.yaml", &MIXES.replace("    fleets:", "    choose: loss\n    fleets:"));
    desk.fails(&["sweep", "mixes.yaml"], 2, &["mixes.yaml:6:5", "searches nothing"]);
    desk.put("mixes.yaml", &MIXES.replace("raspberry-pi-4", "raspberry-pi-9"));
    desk.fails(&["sweep", "mixes.yaml"], 2, &["mixes.yaml:8:7", "raspberry-pi-9"]);
}

//! The program on scenarios that train nothing.

use super::harness::{ALGORITHMS, Desk, contents, scenario};

const ALONE: [&str; 8] =
    ["--set", "training=none", "--set", "target=null", "--set", "task=null", "--out", "x"];

fn run(desk: &Desk, more: &[&str]) -> String {
    desk.succeeds(&[&["run", "tiny.yaml", "--quiet"], &ALONE[..], more].concat()).stdout
}

/// What says that nothing was trained, in every output.
const SAID: &str = "nothing was trained or evaluated";

#[test]
fn every_output_says_that_nothing_was_trained_and_none_tells_of_learning() {
    let desk = Desk::new();
    let said = run(&desk, &[]);
    let mut texts = vec![("the terminal".to_owned(), said)];
    for (name, bytes) in contents(&desk.path("x")) {
        if let Ok(text) = String::from_utf8(bytes) {
            texts.push((name, text));
        }
    }
    assert_eq!(texts.len(), 1 + 6 + 3, "{:?}", texts.iter().map(|t| &t.0).collect::<Vec<_>>());
    for (name, text) in &texts {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
        for learnt in ["accuracy", "Accuracy", "loss", "Loss", "reached", "reaches", "NaN", "nan"] {
            assert!(!words.contains(&learnt), "{name} speaks of {learnt:?}");
        }
        let says = match name.as_str() {
            "rounds.csv" => text.lines().skip(1).all(|row| row.split(',').nth(3) == Some("none")),
            "summary.json" | "manifest.json" => text.contains("\"training\": \"none\""),
            "details.json" => text.contains("\"treatment\": \"absent\""),
            "scenario.resolved.yaml" => text.contains("\ntraining: none\n"),
            // Long lines are broken in terminals and charts.
            _ => words.join(" ").contains(SAID) || text.contains("nothing was trained"),
        };
        assert!(says, "{name} does not say that nothing was trained");
    }
    let [_, rounds] = ["details.json", "rounds.csv"].map(|file| desk.read(&format!("x/{file}")));
    assert!(!desk.read("x/summary.json").contains("target"));
    assert!(!desk.read("x/details.json").contains("starts"));
    assert!(rounds.starts_with("algorithm,seed,round,training,sim_time_s,device_flops,"));
    assert_eq!(rounds.lines().count(), 1 + 4 * 2 * 3, "4 algorithms, 2 seeds, rounds 0 to 2");
}

#[test]
fn it_is_the_same_run_again_from_the_resolved_scenario_and_on_other_threads() {
    let desk = Desk::new();
    run(&desk, &["--threads", "1"]);
    let kept = ["rounds.csv", "summary.json", "details.json", "scenario.resolved.yaml"];
    let first = kept.map(|file| desk.read(&format!("x/{file}")));
    desk.put("again.yaml", &first[3]);
    desk.succeeds(&["run", "again.yaml", "--quiet", "--out", "y", "--threads", "2"]);
    assert_eq!(kept.map(|file| desk.read(&format!("y/{file}"))), first);
    let before = contents(&desk.path("x"));
    desk.succeeds(&["report", "x"]);
    assert_eq!(contents(&desk.path("x")), before, "made again from the tables");
    let said = desk.succeeds(&["run", "again.yaml", "--quiet", "--json", "--out", "z"]).stdout;
    assert_eq!(said, first[1]);
}

#[test]
fn what_needs_training_is_refused() {
    let desk = Desk::new();
    desk.fails(
        &["run", "tiny.yaml", "--set", "training=none"],
        2,
        &["target", "leave `target` out"],
    );
    let lines = ["training: none\n", &scenario(ALGORITHMS)].concat();
    desk.put("alone.yaml", &lines.replace("target: { accuracy: 0.2 }\n", ""));
    assert!(desk.succeeds(&["check", "alone.yaml"]).stdout.contains("nothing is trained"));
    desk.fails(&["probe", "alone.yaml"], 2, &["there is no loss to probe"]);
    let sweep =
        "name: s\nscenario: alone.yaml\nseed: 1\nstudies:\n  one:\n    algorithms: [FedAvg]\n";
    desk.put("alone.sweep.yaml", sweep);
    desk.fails(
        &["sweep", "alone.sweep.yaml", "--out", "w"],
        2,
        &["a sweep has nothing to choose by"],
    );
    let set = sweep
        .replace("alone.yaml", "tiny.yaml")
        .replace("    algorithms", "    set: { training: none, target: null }\n    algorithms");
    desk.put("set.sweep.yaml", &set);
    desk.fails(&["check", "set.sweep.yaml"], 2, &["a sweep has nothing to choose by"]);
    desk.succeeds(&["plan", "alone.yaml"]);
}

/// The shipped scenarios of large fleets, with a thousandth of their devices.
#[test]
fn the_shipped_scenarios_of_large_fleets_run() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let desk = Desk::new();
    let small = |name: &str, replaced: &[(&str, &str)]| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let small = replaced.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{name} has no {from}");
            text.replace(from, to)
        });
        desk.put(name, &small);
        desk.succeeds(&["run", name, "--quiet", "--out", name.trim_end_matches(".yaml")]).stdout
    };
    let devices = [("count: 250000", "count: 250"), ("count: 400000", "count: 400")];
    let rest = [("count: 350000", "count: 350"), ("cohort: 10000", "cohort: 10")];
    let said = small("million.yaml", &[devices, rest].concat());
    assert!(said.contains("FedAvg          5") && said.contains("MeZO            5"), "{said}");
    let said = small(
        "feddes-131k.yaml",
        &[("count: 131072", "count: 131"), ("cohort: 131072", "cohort: 131")],
    );
    assert!(said.contains("FedAvg         20") && said.contains("0.0%"), "{said}");
}

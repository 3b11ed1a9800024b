//! What goes wrong ends with the right code, the right words, and nothing lost.

use std::fs;

use super::harness::{Desk, contents};

#[test]
fn bad_usage_is_2() {
    let desk = Desk::new();
    desk.fails(&[], 2, &["Usage"]);
    desk.fails(&["fly"], 2, &["fly"]);
    desk.fails(&["run"], 2, &["SCENARIO"]);
    desk.fails(&["run", "tiny.yaml", "--threads", "0"], 2, &["0", "--threads"]);
    desk.fails(&["run", "tiny.yaml", "--backend", "abacus"], 2, &["abacus", "flex"]);
    desk.fails(&["run", "tiny.yaml", "--seeds", "0", "--out", "x"], 2, &["seeds"]);
    desk.fails(&["run", "tiny.yaml", "--set", "federation.cohrt=3"], 2, &["cohrt", "cohort"]);
    desk.fails(&["run", "tiny.yaml", "--set", "nonsense"], 2, &["nonsense"]);
    desk.fails(&["devices", "phone-hihg"], 2, &["phone-hihg", "phone-high"]);
    desk.fails(&["completions", "tcsh"], 2, &["tcsh"]);
    assert_eq!(contents(&desk.path("")).len(), 1, "nothing was written");
}

#[test]
fn a_malformed_scenario_is_2_and_says_where() {
    let desk = Desk::new();
    let text = desk.read("tiny.yaml").replace("  cohort: 3", "  cohrt: 3");
    let line = text.lines().position(|line| line == "  cohrt: 3").unwrap() + 1;
    desk.put("typo.yaml", &text);
    let place = format!("typo.yaml:{line}:3");
    for command in ["run", "check", "plan"] {
        desk.fails(&[command, "typo.yaml"], 2, &[&place, "cohrt", "cohort"]);
    }
    assert!(!desk.path("runs").exists());
}

#[test]
fn a_missing_scenario_is_2() {
    let desk = Desk::new();
    for command in ["run", "check", "plan"] {
        desk.fails(&[command, "nowhere.yaml"], 2, &["nowhere.yaml", "cannot read"]);
    }
    assert!(!desk.path("runs").exists());
}

#[test]
fn an_output_that_cannot_be_written_is_5() {
    let desk = Desk::new();
    desk.put("file", "not a directory");
    desk.fails(&["run", "tiny.yaml", "--out", "file"], 5, &["file"]);
    desk.fails(&["run", "tiny.yaml", "--out", "file/below"], 5, &["file/below"]);
    assert_eq!(desk.read("file"), "not a directory");
}

#[test]
fn what_is_no_run_directory_has_no_report() {
    let desk = Desk::new();
    desk.fails(&["report", "nowhere"], 5, &["nowhere"]);
    desk.fails(&["report", "."], 5, &["summary.json"]);
}

#[test]
fn a_directory_in_use_is_refused_and_keeps_what_it_holds() {
    let desk = Desk::new();
    fs::create_dir(desk.path("mine")).unwrap();
    desk.put("mine/thesis.txt", "years of work");
    let before = contents(&desk.path(""));
    desk.fails(&["run", "tiny.yaml", "--out", "mine"], 5, &["mine", "empty"]);
    assert_eq!(contents(&desk.path("")), before);
}

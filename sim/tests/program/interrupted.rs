//! Ctrl-C: a run ends early, and what it has is valid.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::harness::{Desk, contents};

#[test]
fn an_interrupted_run_keeps_its_results() {
    let desk = Desk::new();
    let long = ["--set", "federation.stop.rounds=1000000", "--threads", "2"];
    let mut command = desk.command(&[&["run", "tiny.yaml", "--out", "x"], &long[..]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // The first progress line: cells are running.
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("of 2000000 rounds"), "{line}");
    assert!(!desk.path("x").exists(), "no directory claims to be complete");

    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let rest: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{rest:?}");
    assert!(rest.last().unwrap().contains("stopped early"), "{rest:?}");

    let details: Value = serde_json::from_str(&desk.read("x/details.json")).unwrap();
    assert!(details["notices"][0].as_str().unwrap().contains("Stopped early"));
    let summary: Value = serde_json::from_str(&desk.read("x/summary.json")).unwrap();
    assert_eq!(summary["cells"].as_array().unwrap().len(), 8, "no cell is left out");
    // The tables are whole: the report can be made from them again.
    let before = contents(&desk.path("x"));
    desk.succeeds(&["report", "x"]);
    assert_eq!(contents(&desk.path("x")), before);
}

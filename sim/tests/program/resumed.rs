//! A run that was stopped, killed or has found the disk full goes on, and ends as if nothing had been.

#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{
    harness::Desk,
    kills::{SCENARIOS, outcome, survives_kills},
};

const RUN: [&str; 6] = ["run", "tiny.yaml", "--out", "x", "--threads", "2"];
const EVERY: [&str; 2] = ["--checkpoint-every", "1"];
const RESUME: [&str; 6] = ["run", "--resume", "x", "--threads", "2", "--quiet"];

/// A desk whose scenario takes a while.
fn desk() -> Desk {
    let desk = Desk::new();
    let text = desk.read("tiny.yaml").replace("rounds: 2 }", "rounds: 12 }");
    desk.put("tiny.yaml", &text);
    desk
}

/// Sends a signal to the run when it has told so many evaluations at least; gives how it ended, and its last words.
fn stopped(desk: &Desk, signal: &str, after: u32) -> (Option<i32>, String) {
    let mut command = desk.command(&[&RUN[..], &EVERY].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("of 24 rounds"), "{line}");
    while checkpoints(desk).len() < after as usize {
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let rest: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    (child.wait().unwrap().code(), rest.join("\n"))
}

/// The checkpoints of all cells of `x`, the newest of each cell last.
fn checkpoints(desk: &Desk) -> Vec<PathBuf> {
    let files = |folder: PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let cells = files(desk.path("x.partial/checkpoints")).into_iter().filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = cells.flat_map(files).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "checkpoint"));
    found.sort();
    found
}

/// What the run gives that nobody disturbs.
fn undisturbed() -> Vec<(String, Vec<u8>)> {
    let desk = desk();
    desk.succeeds(&[&RUN[..], &["--quiet"]].concat());
    outcome(&desk, "x")
}

#[test]
fn a_run_that_was_stopped_goes_on() {
    let desk = desk();
    for signal in ["-INT", "-TERM"] {
        let (code, said) = stopped(&desk, signal, 2);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("stopped early"), "{said}");
        assert!(said.contains("fleetune run --resume ./x.partial"), "{said}");
        assert!(!desk.path("x").exists(), "no directory claims to be complete");
        desk.succeeds(&RESUME);
        assert!(!desk.path("x.partial").exists() && !desk.path("x/checkpoints").exists());
        assert!(outcome(&desk, "x") == undisturbed(), "{signal}");
        fs::remove_dir_all(desk.path("x")).unwrap();
    }
}

#[test]
fn a_run_belongs_to_one_process_and_to_one_build() {
    let desk = desk();
    desk.fails(&RESUME, 2, &["error: x: there is no such directory"]);
    let mut first = desk.command(&[&RUN[..], &["--quiet"]].concat());
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while checkpoints(&desk).is_empty() {
        std::thread::yield_now();
    }
    desk.fails(&RESUME, 2, &["error: x.partial: another process is at it"]);
    first.kill().unwrap();
    first.wait().unwrap();
    let path = "x.partial/checkpoints/run.json";
    let begun = desk.read(path);
    desk.put(path, &begun.replace("\"engine\": \"", "\"engine\": \"0"));
    desk.fails(&RESUME, 2, &["error: x.partial: its run was begun by another build"]);
    desk.put(path, &begun[..20]);
    desk.fails(&RESUME, 2, &["run.json: it is damaged"]);
    desk.put(path, &begun);
    let scenario = desk.read("x.partial/scenario.resolved.yaml");
    desk.put("x.partial/scenario.resolved.yaml", &scenario.replace("rounds: 12", "rounds: 13"));
    desk.fails(&RESUME, 2, &["its run was begun with another scenario"]);
    desk.put("x.partial/scenario.resolved.yaml", &scenario);
    // The lock died with the process.
    desk.succeeds(&RESUME);
    desk.fails(&RESUME, 2, &["error: x: the run in it is finished"]);
    desk.fails(
        &["run", "--resume", ".", "--quiet"],
        2,
        &["error: .: it is not a run that was stopped"],
    );
    desk.fails(&["run", "tiny.yaml", "--resume", "x"], 2, &["--resume"]);
}

/// Of each cell the newest checkpoint is damaged in another way, then all are.
#[test]
fn a_damaged_checkpoint_is_not_used() {
    let expected = undisturbed();
    for all in [false, true] {
        let desk = desk();
        let (code, said) = stopped(&desk, "-INT", 4);
        assert_eq!(code, Some(3), "{said}");
        let found = checkpoints(&desk);
        let newest = |path: &&PathBuf| {
            let mine = found.iter().filter(|other| other.parent() == path.parent());
            mine.max() == Some(path)
        };
        let damaged: Vec<&PathBuf> = found.iter().filter(|path| all || newest(path)).collect();
        for (n, path) in damaged.iter().enumerate() {
            let mut bytes = fs::read(path).unwrap();
            match n % 3 {
                0 => bytes.truncate(bytes.len() / 2),
                1 => *bytes.last_mut().unwrap() ^= 1,
                _ => bytes.clear(),
            }
            fs::write(path, bytes).unwrap();
        }
        let end = desk.succeeds(&RESUME);
        assert_eq!(end.stderr.matches("is not used: it is damaged").count(), damaged.len());
        assert!(outcome(&desk, "x") == expected, "{all}");
    }
}

/// A file that may not grow is a disk that is full: the system says so at another number.
#[test]
fn a_full_disk_loses_nothing() {
    let desk = desk();
    let program = env!("CARGO_BIN_EXE_fleetune");
    // 4 MB are enough for the first files, and too little for a checkpoint of a whole model.
    let script = format!("trap '' XFSZ; ulimit -f 64; exec {program} {} --quiet", RUN.join(" "));
    let mut command = Command::new("sh");
    let output = command.args(["-c", &script]).current_dir(desk.path(".")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("error: cannot write ./x.partial/checkpoints/"), "{said}");
    assert!(said.contains("fleetune run --resume ./x.partial"), "{said}");
    desk.succeeds(&RESUME);
    assert!(outcome(&desk, "x") == undisturbed());
}

/// Nothing is learnt, so nothing is kept: it is run again.
#[test]
fn a_run_without_training_is_run_again() {
    let desk = Desk::new();
    let untrained = "training=none target=null task=null federation.stop.rounds=20000 federation.evaluate_every=1000";
    let set: Vec<&str> = untrained.split(' ').flat_map(|field| ["--set", field]).collect();
    let mut command = desk.command(&[&RUN[..], &set].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let rest: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{line} {rest:?}");
    assert!(!desk.path("x").exists());
    desk.succeeds(&RESUME);
    let again = ["run", "tiny.yaml", "--out", "y", "--threads", "2", "--quiet"];
    desk.succeeds(&[&again[..], &set].concat());
    assert!(outcome(&desk, "x") == outcome(&desk, "y"));
}

#[test]
fn killed_runs_end_as_if_they_had_not_been() {
    for (number, name) in ["synchronous", "fedbuff", "tiers"].into_iter().enumerate() {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
        assert!(survives_kills(scenario, number as u64, 2) > 0);
    }
}

/// Takes minutes: `cargo test --release -p fleetune -- --ignored a_hundred_kills`.
#[test]
#[ignore = "takes minutes"]
fn a_hundred_kills_lose_nothing() {
    let mut kills = 0;
    // How many kills a run meets before it is done is a matter of luck.
    for repetition in 0.. {
        for (number, scenario) in SCENARIOS.iter().enumerate() {
            let seed = 100 * repetition + number as u64;
            let survived = survives_kills(scenario, seed, 8);
            kills += survived;
            eprintln!("{}: {survived} kills, {kills} in all", scenario.name);
        }
        if kills >= 100 {
            return;
        }
    }
}

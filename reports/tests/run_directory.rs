//! Run directories: names, completeness, reading back.

use std::fs;

use fleetune_reports::{ReportError, Run, RunDir, render, write_run, write_tables};

use crate::synthetic::Recipe;

#[test]
fn names_that_are_taken_get_a_suffix() {
    let root = tempfile::tempdir().unwrap();
    let runs = root.path().join("runs");
    for expected in ["demo-01234567", "demo-01234567-2", "demo-01234567-3"] {
        let run = RunDir::create(&runs, "demo", "0123456789").unwrap();
        fs::write(run.path().join("x"), "x").unwrap();
        let path = run.finish().unwrap();
        assert_eq!(path, runs.join(expected));
        assert!(path.join("x").exists());
    }
    assert_eq!(fs::read_dir(runs).unwrap().count(), 3, "no temporary directory is left");
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let root = tempfile::tempdir().unwrap();
    let a = RunDir::create(root.path(), "demo", "00000000").unwrap();
    let b = RunDir::create(root.path(), "demo", "00000000").unwrap();
    assert_ne!(a.path(), b.path());
    fs::write(a.path().join("a"), "").unwrap();
    fs::write(b.path().join("b"), "").unwrap();
    assert!(b.finish().unwrap().join("b").exists());
    assert!(a.finish().unwrap().ends_with("demo-00000000-2"));
}

#[test]
fn a_run_that_was_killed_keeps_its_temporary_name() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "demo", "00000000").unwrap();
    fs::write(run.path().join("rounds.csv"), "").unwrap();
    let path = run.path().to_owned();
    drop(run);
    assert!(path.ends_with("demo-00000000.partial") && path.exists());
    drop(RunDir::create(root.path(), "empty", "00000000").unwrap());
    assert!(!root.path().join("empty-00000000.partial").exists());
}

#[test]
fn out_is_taken_literally_and_never_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("deep/er/My results");
    let run = RunDir::create_exactly(&out).unwrap();
    fs::write(run.path().join("x"), "x").unwrap();
    assert_eq!(run.finish().unwrap(), out);
    let taken = RunDir::create_exactly(&out).unwrap_err();
    assert!(matches!(taken, ReportError::OutputNotEmpty { .. }), "{taken}");
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let run = RunDir::create_exactly(&empty).unwrap();
    fs::write(run.path().join("x"), "x").unwrap();
    assert!(run.finish().unwrap().join("x").exists());
}

#[test]
fn out_that_is_filled_meanwhile_is_not_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let run = RunDir::create_exactly(&out).unwrap();
    let partial = run.path().to_owned();
    fs::write(partial.join("mine"), "").unwrap();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("theirs"), "").unwrap();
    assert!(matches!(run.finish(), Err(ReportError::OutputNotEmpty { .. })));
    assert!(out.join("theirs").exists() && partial.join("mine").exists());
}

#[test]
fn an_out_that_is_a_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(RunDir::create_exactly(&file), Err(ReportError::Io { .. })));
}

/// A killed run goes on from the scenario that is in its directory: until its file is whole, the one from before stays.
#[test]
fn a_file_that_cannot_be_written_leaves_what_was_there() {
    let root = tempfile::tempdir().unwrap();
    let results = Recipe::usual().results();
    let path = root.path().join("scenario.resolved.yaml");
    std::fs::write(&path, "the one from before").unwrap();
    // What is written first stands in the way.
    std::fs::create_dir(root.path().join("scenario.resolved.yaml.partial")).unwrap();
    let error = write_tables(root.path(), &results).unwrap_err();
    assert!(matches!(error, ReportError::Io { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the one from before");
    std::fs::remove_dir(root.path().join("scenario.resolved.yaml.partial")).unwrap();
    write_tables(root.path(), &results).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), results.scenario_yaml);
    let partial = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().ends_with(".partial")
    };
    assert!(!std::fs::read_dir(root.path()).unwrap().any(partial), "nothing is left behind");
}

#[test]
fn rendering_again_gives_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("run");
    let paths = write_run(&dir, &Recipe::usual().results()).unwrap();
    let files = || {
        let mut all = vec![paths.report.clone(), paths.rounds.clone(), paths.summary.clone()];
        all.extend(paths.charts.iter().flat_map(|(svg, png)| [svg.clone(), png.clone()]));
        all.into_iter().map(|f| fs::read(f).unwrap()).collect::<Vec<_>>()
    };
    let first = files();
    assert_eq!(first.len(), 3 + 2 * 6);
    fs::remove_file(&paths.report).unwrap();
    fs::remove_dir_all(dir.join("charts")).unwrap();
    assert_eq!(render(&dir).unwrap(), paths);
    assert!(first == files(), "a rendered file differs");
}

#[test]
fn corrupt_files_are_named_with_what_is_wrong() {
    let broken = |file: &str, change: fn(String) -> String, reason: &str| {
        let dir = tempfile::tempdir().unwrap();
        write_run(dir.path(), &Recipe { seeds: 1, ..Recipe::usual() }.results()).unwrap();
        let path = dir.path().join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        let error = Run::load(dir.path()).unwrap_err();
        assert!(matches!(error, ReportError::Corrupt { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(reason), "{file}: expected {reason:?} in: {text}");
    };
    broken("rounds.csv", |_| String::new(), "first line");
    broken("rounds.csv", |t| t.replace("uplink_bytes", "bytes"), "first line");
    broken("rounds.csv", |t| t.replacen(",0.6", ",many", 1), "line: 2");
    broken("rounds.csv", |t| t.replacen(",0.6", ",1.6", 1), "data row 1");
    broken("rounds.csv", |t| format!("{t}half,a,row\n"), "line: 242");
    broken("rounds.csv", |t| t.lines().take(30).collect::<Vec<_>>().join("\n"), "does not follow");
    broken("summary.json", |t| t[..t.len() / 2].to_owned(), "EOF while parsing");
    broken("summary.json", |t| t.replacen("0.74", "0.78", 1), "does not follow");
    broken("summary.json", |t| t.replacen("\"seed\"", "\"sead\"", 1), "unknown field `sead`");
    broken("details.json", |t| t.replacen("FedSPZO", "Other", 1), "no such algorithm");
    broken("details.json", |t| t.replacen("\"real\"", "\"surreal\"", 1), "surreal");
    broken("manifest.json", |_| "[]".to_owned(), "manifest.json");
}

#[test]
fn a_missing_file_is_an_io_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let error = Run::load(dir.path()).unwrap_err();
    assert!(matches!(error, ReportError::Io { .. }));
    assert!(error.to_string().contains("rounds.csv"), "{error}");
}

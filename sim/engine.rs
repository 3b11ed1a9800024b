//! What kept cells depend on: of the build script, which hashes it, and of a test that holds it to what cells import.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What results are computed from, beside the scenario: everything but reports, the command line and tests.
pub(crate) const ENGINE: [&str; 16] = [
    "Cargo.lock",
    "units",
    "devices",
    "kernel",
    "models",
    "algorithms",
    "scenarios/pace.rs",
    "reports/records",
    "reports/replace.rs",
    "sim/adapt",
    "sim/cell.rs",
    "sim/checkpoint",
    "sim/clocks.rs",
    "sim/federation",
    "sim/prepare.rs",
    "sim/tallies.rs",
];

/// The files of a part of the engine, in order.
pub(crate) fn files(root: &Path, part: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&root.join(part), &mut files);
    files.sort();
    files
}

/// The files under `path`, but for tests, benches and the probe, which no run calls.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let unused = path
        .file_stem()
        .is_some_and(|stem| ["tests", "benches", "probe"].iter().any(|name| stem == *name));
    if unused && !path.ends_with("zeroth_order/probe.rs") {
        return;
    }
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) if path.is_file() => files.push(path.to_owned()),
        Err(_) => {}
    }
}

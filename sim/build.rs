//! Tells the program what it was built from: for the manifest of a run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// What results are computed from, beside the scenario: everything but reports, the command line and tests.
const ENGINE: [&str; 13] = [
    "Cargo.lock",
    "units",
    "devices",
    "kernel",
    "models",
    "algorithms",
    "scenarios/pace.rs",
    "sim/adapt",
    "sim/cell.rs",
    "sim/clocks.rs",
    "sim/federation",
    "sim/prepare.rs",
    "sim/tallies.rs",
];

fn main() {
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&rustc, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=FLEETUNE_RUSTC={version}");
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=FLEETUNE_TARGET={target}");
    if let Some(commit) = output("git", &["rev-parse", "HEAD"]) {
        println!("cargo::rustc-env=FLEETUNE_GIT_COMMIT={commit}");
    }
    println!("cargo::rustc-env=FLEETUNE_ENGINE={}", engine(&format!("{version} {target}")));
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = output("git", &["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// A hash of the engine's sources and the compiler: finished cells are used again only by the same engine.
fn engine(compiler: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut hash = Sha256::new().chain_update(compiler);
    for part in ENGINE {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
        let mut files = Vec::new();
        collect(&root.join(part), &mut files);
        files.sort();
        for file in files {
            let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
            let bytes = fs::read(&file).unwrap_or_default();
            hash.update(format!("\n{name} {}\n", bytes.len()));
            hash.update(bytes);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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

//! Tells the program what it was built from: for the manifest of a run.

#[path = "engine.rs"]
mod list;

use std::{fs, path::Path, process::Command};

use sha2::{Digest, Sha256};

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
    for part in list::ENGINE {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
        for file in list::files(&root, part) {
            let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
            let bytes = fs::read(&file).unwrap_or_default();
            hash.update(format!("\n{name} {}\n", bytes.len()));
            hash.update(bytes);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

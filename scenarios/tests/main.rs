//! The language from outside: what it accepts, what it refuses and how, and that nothing breaks it.

mod explaining;
mod malformed;
mod memory;
mod mutations;
mod overrides;
mod resolved;

use std::path::{Path, PathBuf};

use fleetune_scenarios::{Overrides, Scenario, ScenarioError, check_text};

/// The folder of this crate's test files.
fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The scenario that the malformed ones are variations of.
fn small() -> String {
    std::fs::read_to_string(files().join("valid/small.yaml")).expect("the file is there")
}

fn checked(text: &str, set: &[&str]) -> Result<Scenario, Vec<ScenarioError>> {
    let overrides = Overrides::parse(set)?;
    check_text("small.yaml", text.as_bytes(), &files().join("valid"), &overrides)
}

/// All errors, as they are printed.
fn printed(errors: &[ScenarioError]) -> String {
    errors.iter().map(|error| format!("{error}\n\n")).collect()
}

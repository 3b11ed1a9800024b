use std::path::{Path, PathBuf};

use clap::Args;
use fleetune_scenarios::{
    Overrides, ScenarioError,
    sweep::{check_sweep, is_sweep},
};

use super::{Failure, say};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Scenarios and sweeps.
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
}

impl Check {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let mut wrong = String::new();
        for path in &self.paths {
            let checked = if is_sweep(path) { sweep(path) } else { scenario(path) };
            match checked {
                Ok(what) => say(&format!("{}: fine ({what})\n", path.display()))?,
                Err(errors) => {
                    errors.iter().for_each(|error| wrong.push_str(&format!("{error}\n")))
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Failure::Usage(wrong)) }
    }
}

fn scenario(path: &Path) -> Result<String, Vec<ScenarioError>> {
    let scenario = fleetune_scenarios::check(path, &Overrides::default())?;
    let (algorithms, seeds) = (scenario.algorithms.len(), scenario.seeds);
    let timed = if scenario.training.is_real() { "" } else { "; timed alone, nothing is trained" };
    let devices = scenario.device_count();
    Ok(format!("{algorithms} algorithms x {seeds} seeds on {devices} devices{timed}"))
}

fn sweep(path: &Path) -> Result<String, Vec<ScenarioError>> {
    let sweep = check_sweep(path)?;
    let trials = |name| format!("{name}: {} trials", sweep.trial_count(name));
    Ok(sweep.spec().studies.keys().map(trials).collect::<Vec<_>>().join(", "))
}

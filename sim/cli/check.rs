use std::path::PathBuf;

use clap::Args;
use fleetune_scenarios::Overrides;

use super::{Failure, say};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The scenarios.
    #[arg(value_name = "SCENARIO", required = true)]
    paths: Vec<PathBuf>,
}

impl Check {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let overrides = Overrides::default();
        let mut wrong = String::new();
        for path in &self.paths {
            match fleetune_scenarios::check(path, &overrides) {
                Ok(scenario) => say(&format!(
                    "{}: fine ({} algorithms x {} seeds on {} devices)\n",
                    path.display(),
                    scenario.algorithms.len(),
                    scenario.seeds,
                    scenario.device_count()
                ))?,
                Err(errors) => {
                    errors.iter().for_each(|error| wrong.push_str(&format!("{error}\n")))
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Failure::Usage(wrong)) }
    }
}

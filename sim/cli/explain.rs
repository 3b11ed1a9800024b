use clap::Args;
use fleetune_scenarios::explain;

use super::{Failure, ScenarioArguments, mistakes, say};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    #[command(flatten)]
    scenario: ScenarioArguments,
}

impl Explain {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let overrides = self.scenario.overrides(&[])?;
        say(&explain(&self.scenario.path, &overrides).map_err(mistakes)?)
    }
}

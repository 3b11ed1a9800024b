use std::path::PathBuf;

use clap::Args;

use super::{Failure, run::io, say};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// A run directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Report {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let paths = fleetune_reports::render(&self.directory).map_err(io)?;
        say(&format!("{}\n", paths.report.display()))
    }
}

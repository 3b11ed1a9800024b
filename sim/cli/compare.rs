use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fleetune_reports::statistics::Resource;

use super::{Failure, say};
use crate::compare::{CompareError, compare};

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Run directories, two or more.
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The resource whose ratios are printed.
    #[arg(long, value_name = "RESOURCE", value_enum, default_value_t = By::Time)]
    by: By,
    /// Print everything as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Also write a page with charts, report.html, and comparison.json into this directory, which must not exist or be
    /// empty.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A resource on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Time,
    Compute,
    Uplink,
    Downlink,
    Energy,
}

impl By {
    fn resource(self) -> Resource {
        match self {
            Self::Time => Resource::Time,
            Self::Compute => Resource::Flops,
            Self::Uplink => Resource::Uplink,
            Self::Downlink => Resource::Downlink,
            Self::Energy => Resource::Energy,
        }
    }
}

impl Compare {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let compared = compare(&self.runs).map_err(failure)?;
        let broken = |error: fleetune_reports::ReportError| super::run::io(error);
        if self.json {
            let text = compared.json().map_err(broken)?;
            say(&String::from_utf8_lossy(&text))?;
        } else {
            say(&compared.terminal(self.by.resource()))?;
        }
        let Some(out) = &self.out else { return Ok(()) };
        if std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
            let message = "it is not empty: results are never overwritten; name another directory";
            return Err(Failure::Usage(format!("error: {}: {message}", out.display())));
        }
        let page = compared.write(out).map_err(broken)?;
        if self.json { Ok(()) } else { say(&format!("\nPage: {}\n", page.display())) }
    }
}

pub(super) fn failure(error: CompareError) -> Failure {
    let message = format!("error: {error}");
    match error {
        CompareError::Report(_) => Failure::Io(message),
        _ => Failure::Usage(message),
    }
}

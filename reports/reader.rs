//! Reads a run directory back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::{
    error::ReportError,
    files,
    records::{Details, Manifest, RoundRecord, Summary, contradiction, read_rounds},
};

/// What a run directory says.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// `manifest.json`.
    pub manifest: Manifest,
    /// `rounds.csv`.
    pub rounds: Vec<RoundRecord>,
    /// `summary.json`.
    pub summary: Summary,
    /// `details.json`.
    pub details: Details,
}

impl Run {
    /// Reads the four tables in `dir` and holds them against each other.
    ///
    /// # Errors
    /// A file is missing or unreadable; a file is not what a run writes, or contradicts another.
    pub fn load(dir: &Path) -> Result<Self, ReportError> {
        let path = dir.join(files::ROUNDS);
        let file = fs::File::open(&path).map_err(ReportError::io("read", &path))?;
        let run = Self {
            manifest: json(dir.join(files::MANIFEST))?,
            rounds: read_rounds(&path, file)?,
            summary: json(dir.join(files::SUMMARY))?,
            details: json(dir.join(files::DETAILS))?,
        };
        match contradiction(&run.rounds, &run.summary, &run.details) {
            Some(problem) => Err(ReportError::Corrupt { path: dir.to_owned(), problem }),
            None => Ok(run),
        }
    }
}

pub(crate) fn json<T: DeserializeOwned>(path: PathBuf) -> Result<T, ReportError> {
    let text = fs::read_to_string(&path).map_err(ReportError::io("read", &path))?;
    serde_json::from_str(&text).map_err(|e| ReportError::Corrupt { path, problem: e.to_string() })
}

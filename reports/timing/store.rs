//! Fills and reads the directory of a run without training.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    TimedResults, TimedRound, TimedSummary, page,
    records::{contradiction, read_rounds, write_rounds},
};
use crate::{
    charts,
    error::ReportError,
    files,
    reader::json as read_json,
    records::{Details, Manifest, Untrained},
    write::{RunPaths, json, write, write_charts},
};

/// What the directory of a run without training says.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedRun {
    /// `manifest.json`.
    pub manifest: Manifest,
    /// `rounds.csv`.
    pub rounds: Vec<TimedRound>,
    /// `summary.json`.
    pub summary: TimedSummary,
    /// `details.json`.
    pub details: Details,
}

impl TimedRun {
    /// Reads the four tables in `dir` and holds them against each other.
    ///
    /// # Errors
    /// A file is missing or unreadable; a file is not what a run writes, or contradicts another.
    pub fn load(dir: &Path) -> Result<Self, ReportError> {
        let path = dir.join(files::ROUNDS);
        let file = fs::File::open(&path).map_err(ReportError::io("read", &path))?;
        let run = Self {
            manifest: read_json(dir.join(files::MANIFEST))?,
            rounds: read_rounds(&path, file)?,
            summary: read_json(dir.join(files::SUMMARY))?,
            details: read_json(dir.join(files::DETAILS))?,
        };
        match contradiction(&run.rounds, &run.summary, &run.details) {
            Some(problem) => Err(ReportError::Corrupt { path: dir.to_owned(), problem }),
            None => Ok(run),
        }
    }
}

/// Whether the run in `dir` says that it trained nothing.
///
/// # Errors
/// Its summary is missing or cannot be read.
pub fn is_timed(dir: &Path) -> Result<bool, ReportError> {
    #[derive(Deserialize)]
    struct Says {
        training: Option<Untrained>,
        #[serde(flatten)]
        _rest: std::collections::BTreeMap<String, IgnoredAny>,
    }
    let says: Says = read_json(dir.join(files::SUMMARY))?;
    Ok(says.training.is_some())
}

/// Writes the tables of a run without training: what [`render`] needs to make the rest.
///
/// # Errors
/// [`ReportError::Inconsistent`] if the results contradict themselves (nothing is written then), or the file system
/// refuses.
pub fn write_tables(dir: &Path, results: &TimedResults) -> Result<(), ReportError> {
    if let Some(problem) = contradiction(&results.rounds, &results.summary, &results.details) {
        return Err(ReportError::Inconsistent(problem));
    }
    let rounds = write_rounds(&results.rounds)
        .map_err(|e| ReportError::Inconsistent(format!("rounds cannot be written: {e}")))?;
    fs::create_dir_all(dir).map_err(ReportError::io("create", dir))?;
    write(dir.join(files::SCENARIO), results.scenario_yaml.as_bytes())?;
    write(dir.join(files::MANIFEST), &json(&results.manifest)?)?;
    write(dir.join(files::DETAILS), &json(&results.details)?)?;
    write(dir.join(files::ROUNDS), &rounds)?;
    write(dir.join(files::SUMMARY), &json(&results.summary)?)?;
    Ok(())
}

/// Makes charts and report from the tables in `dir`, replacing those that are there. The same tables give the same
/// bytes.
///
/// # Errors
/// As [`TimedRun::load`], or the file system refuses.
pub fn render(dir: &Path) -> Result<RunPaths, ReportError> {
    let run = TimedRun::load(dir)?;
    let paths = RunPaths {
        directory: dir.to_owned(),
        report: dir.join(files::REPORT),
        rounds: dir.join(files::ROUNDS),
        summary: dir.join(files::SUMMARY),
        charts: write_charts(dir, charts::timed(&run, charts::WIDE))?,
    };
    write(PathBuf::clone(&paths.report), page::page(&run)?.as_bytes())?;
    Ok(paths)
}

//! What can go wrong with a run directory.

use std::{io, path::PathBuf};

/// Why a run could not be stored, read or rendered. None of these harms the run's results that
/// are already on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file system refused; the operation can be tried again when the cause is removed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The directory that `--out` names holds something.
    #[error(
        "{path} exists and is not empty: results are never overwritten; name another directory or remove it"
    )]
    OutputNotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file of a run directory is not what a run writes.
    #[error("{path} is not a file that a run has written: {problem}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the position where it is known.
        problem: String,
    },
    /// Results that contradict themselves; a fault of the program that made them.
    #[error("the results contradict themselves: {0}")]
    Inconsistent(String),
    /// A chart could not be drawn; a fault of the program.
    #[error("cannot draw chart {chart}: {problem}")]
    Chart {
        /// The chart's name.
        chart: String,
        /// The backend's reason.
        problem: String,
    },
    /// The report's template could not be filled; a fault of the program.
    #[error("cannot fill the report's template: {0}")]
    Template(String),
}

impl ReportError {
    /// For `map_err` on an I/O operation.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

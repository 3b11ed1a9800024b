//! What can be wrong with a trace.

use std::fmt;

use fleetune_units::Seconds;
use thiserror::Error;

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column's name.
    pub column: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}, column {}", self.file, self.line, self.column)
    }
}

/// Why a trace cannot be used. The file or the scenario has to be mended; nothing was kept.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file cannot be opened or read on.
    #[error("{file}: cannot be read: {cause}")]
    Unreadable {
        /// The file as it was named.
        file: String,
        /// What the system says.
        cause: String,
    },
    /// The header lacks a column, or has one that is not known.
    #[error("{file}, line 1: expected the columns {expected}; found {found}")]
    Header {
        /// The file as it was named.
        file: String,
        /// The columns that would do.
        expected: &'static str,
        /// The header as it is.
        found: String,
    },
    /// A row has more or fewer fields than the header.
    #[error("{file}, line {line}: expected {expected} fields as in the header; found {found}")]
    Fields {
        /// The file as it was named.
        file: String,
        /// The line, from 1.
        line: u64,
        /// As many as the header has.
        expected: u64,
        /// As many as the row has.
        found: u64,
    },
    /// A field is not what its column holds.
    #[error("{at}: expected {expected}; found {found:?}")]
    Value {
        /// Where.
        at: Place,
        /// What would do.
        expected: String,
        /// The field as it is.
        found: String,
    },
    /// No row at all among the devices wanted.
    #[error("{file}: expected at least one row below the header; found none")]
    Empty {
        /// The file as it was named.
        file: String,
    },
    /// The period is shorter than the trace.
    #[error("{file}: expected to repeat after at least {last_end}, its last end; found {repeat}")]
    RepeatsTooEarly {
        /// The file as it was named.
        file: String,
        /// The period as given.
        repeat: Seconds,
        /// The last `end` in the file.
        last_end: Seconds,
    },
}

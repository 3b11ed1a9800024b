//! What a run without training leaves behind: the same directory, with nothing in it that was learnt.
//!
//! | file | type | says |
//! |---|---|---|
//! | `rounds.csv` | [`TimedRound`] | one row per told round of a cell, with `none` in its column `training` |
//! | `summary.json` | [`TimedSummary`] | `"training": "none"`, and what each cell took |
//! | `details.json` | [`Details`](crate::records::Details) | as of every run, but without a start |
//! | `manifest.json` | [`Manifest`](crate::records::Manifest) | as of every run, with `"training": "none"` |
//!
//! They are types of their own, so that no place is left for an accuracy, a loss or a target: it cannot be 0, NaN or
//! null where it is not.

mod page;
mod records;
mod store;
mod terminal;

pub(crate) use self::page::{Amount, Taking, takings};
pub use self::{
    page::page,
    records::{TIMED_COLUMNS, TimedCell, TimedResults, TimedRound, TimedSummary},
    store::{TimedRun, is_timed, render, write_tables},
    terminal::summary_table,
};
use crate::text::shown;

/// What qualifies every figure of a run without training.
pub const NOTE: &str = "Timed without training: nothing was trained or evaluated, and no result says anything of what \
                        would be learnt.";

/// The note, and whose costs they are if they are not the loaded model's.
pub(crate) fn note(summary: &TimedSummary) -> String {
    match &summary.costs_of {
        Some(name) => format!(
            "{NOTE} Time, compute, bytes, memory and energy are charged as {} would incur them.",
            shown(name)
        ),
        None => NOTE.to_owned(),
    }
}

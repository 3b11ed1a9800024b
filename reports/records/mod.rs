//! What a run leaves behind, as types: the tables of a run directory.
//!
//! | file | type | says |
//! |---|---|---|
//! | `rounds.csv` | [`RoundRecord`] | one row per evaluated round of a cell |
//! | `summary.json` | [`Summary`] | one entry per cell: what it cost to reach the target |
//! | `details.json` | [`Details`] | what the charts need beyond that, and what was simulated |
//! | `manifest.json` | [`Manifest`] | what it takes to run it again |
//!
//! # Guarantees
//!
//! 1. Writing is deterministic: the same records give the same bytes.
//! 2. Writing and reading back gives the same records, bit for bit.
//! 3. Resources are cumulative over the fleet since the cell's start, and include waste.

mod check;
mod details;
mod fates;
mod groups;
mod manifest;
pub(crate) mod plain;
mod round;
mod staleness;
mod summary;

pub(crate) use check::contradiction;
pub use details::{
    AlgorithmDetails, Details, PrivacySpent, ProfileFit, ProfileParticipation, RoundAnatomy,
    ScenarioInfo, Start, Statement, Treatment,
};
pub use fates::{Fates, LOSSES, Loss};
pub use groups::GroupRecord;
pub use manifest::{Manifest, Untrained};
pub use round::{COLUMNS, RoundRecord};
pub(crate) use round::{label, read_rounds, write_rounds};
pub use staleness::{Histogram, Staleness, StalenessSummary};
pub use summary::{Backhaul, CellSummary, CellTotals, Summary};

/// Everything a finished run has to say, as the simulator hands it over.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResults {
    /// The test accuracy that counts as success, a fraction.
    pub target_accuracy: f64,
    /// The model as whose the costs were charged, if that is not the one that was trained.
    pub costs_of: Option<String>,
    /// Evaluated rounds of all cells, in any order; they are stored by algorithm (in the order of
    /// [`Details::algorithms`]), seed and round.
    pub rounds: Vec<RoundRecord>,
    /// One entry for each cell (algorithm and seed).
    pub totals: Vec<CellTotals>,
    /// What the charts need beyond the records.
    pub details: Details,
    /// What it takes to run it again.
    pub manifest: Manifest,
    /// The scenario with every default written out, stored as `scenario.resolved.yaml`.
    pub scenario_yaml: String,
}

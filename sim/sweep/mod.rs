//! Sweeps: the trials of a sweep's studies, run once and kept.
//!
//! A cell of a sweep is a cell like any other: a scenario, an algorithm, a seed. Finished cells are kept under the hash of
//! all they depend on (`store`), so a sweep that was interrupted, repeated, extended or given other words runs only what
//! is missing. Processes that share a folder may each run a part of the cells ([`Shard`]). Studies are run in order, because a later one may take up the settings that an earlier one chose.

mod choice;
mod page;
mod run;
mod shard;
mod store;
mod table;
mod write;

pub use self::{
    choice::{Chosen, choose},
    run::{
        Awaited, Herald, Manner, StudyOutcome, SweepError, SweepOutcome, TrialOutcome, Unfinished,
        run_sweep,
    },
    shard::Shard,
    store::{Store, StoreError},
    table::trials_csv,
    write::WriteError,
};
pub(crate) use self::{
    page::study_page,
    write::{write, write_study},
};

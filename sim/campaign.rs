//! All cells of a scenario, in parallel; the number of threads changes nothing but the time it takes.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::{
    cell::{CellResult, Listener, run_cell},
    federation::FederationError,
    prepare::{PrepareError, Prepared, World},
};

/// Why a campaign has no results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CampaignError {
    /// The threads could not be started.
    #[error("cannot start the worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A world could not be made.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A cell failed.
    #[error("{label}, seed {seed}: {source}")]
    Cell {
        /// The algorithm's label.
        label: String,
        /// The replication.
        seed: u64,
        /// Why.
        source: FederationError,
    },
}

/// Runs every algorithm on every seed, on `threads` threads.
///
/// Cells come back by algorithm in the scenario's order, then by seed.
///
/// # Errors
/// The first failure, in that order.
pub fn run_campaign(
    prepared: &Prepared,
    threads: usize,
    stop: &AtomicBool,
    listener: &Listener<'_>,
) -> Result<Vec<CellResult>, CampaignError> {
    let seeds = u64::from(prepared.scenario.seeds);
    let worlds: Vec<World> =
        (0..seeds).map(|seed| prepared.world(seed)).collect::<Result<_, _>>()?;
    let algorithms: Vec<_> = prepared.scenario.algorithms.iter().collect();
    let cells: Vec<(usize, u64)> =
        (0..algorithms.len()).flat_map(|a| (0..seeds).map(move |s| (a, s))).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let run = |&(algorithm, seed): &(usize, u64)| {
        let (label, config) = algorithms[algorithm];
        let world = &worlds[seed as usize];
        run_cell(prepared, world, (label.as_str(), config, seed), stop, listener)
            .map_err(|source| CampaignError::Cell { label: label.to_string(), seed, source })
    };
    // One cell a task, taken in order: the long ones of the first algorithms start first.
    let results: Vec<_> = pool.install(|| cells.par_iter().with_max_len(1).map(run).collect());
    results.into_iter().collect()
}

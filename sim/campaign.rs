//! All cells of a scenario, in parallel; the number of threads changes nothing but the time it takes.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use fleetune_algorithms::uplink::Algorithm;
use rayon::prelude::*;

use crate::{
    cell::{CellResult, Listener, run_cell},
    checkpoint::CheckpointError,
    federation::FederationError,
    keep::Keep,
    prepare::{PrepareError, Prepared, World},
    sweep::StoreError,
    timing::{TimedResult, time_cell},
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
    /// What is learnt cannot be kept.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A finished cell cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stopped; what was done is kept.
    #[error("stopped early; what was done is kept")]
    Paused,
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
    each_cell(prepared, threads, |world, cell| {
        run_cell(prepared, world, cell, stop, listener).map_err(|source| failed(cell, source))
    })
}

/// As [`run_campaign`], every cell of which is kept and goes on from what was kept of it.
///
/// # Errors
/// As [`run_campaign`]; nothing can be kept; or [`CampaignError::Paused`].
pub fn keep_campaign(
    prepared: &Prepared,
    threads: usize,
    keep: &Keep,
    listener: &Listener<'_>,
) -> Result<Vec<CellResult>, CampaignError> {
    each_cell(prepared, threads, |world, cell| keep.run(prepared, world, cell, listener))
}

/// As [`run_campaign`], without training.
///
/// # Errors
/// As [`run_campaign`].
pub fn time_campaign(
    prepared: &Prepared,
    threads: usize,
    stop: &AtomicBool,
    listener: &Listener<'_>,
) -> Result<Vec<TimedResult>, CampaignError> {
    each_cell(prepared, threads, |world, cell| {
        time_cell(prepared, world, cell, stop, listener).map_err(|source| failed(cell, source))
    })
}

/// Why a cell failed.
pub(crate) fn failed((label, _, seed): Cell<'_>, source: FederationError) -> CampaignError {
    match source {
        FederationError::Paused => CampaignError::Paused,
        FederationError::Checkpoint(error) => error.into(),
        source => CampaignError::Cell { label: label.to_owned(), seed, source },
    }
}

/// A cell: its label, its algorithm, its seed.
pub(crate) type Cell<'a> = (&'a str, &'a Algorithm, u64);

fn each_cell<R: Send>(
    prepared: &Prepared,
    threads: usize,
    run: impl Fn(&World, Cell<'_>) -> Result<R, CampaignError> + Sync,
) -> Result<Vec<R>, CampaignError> {
    let seeds = u64::from(prepared.scenario.seeds);
    let algorithms: Vec<_> = prepared.scenario.algorithms.iter().collect();
    let worlds = Worlds::new(prepared, algorithms.len());
    // Cells of one world follow each other, so that few worlds are there at once.
    let cells: Vec<(u64, usize)> =
        (0..seeds).flat_map(|s| (0..algorithms.len()).map(move |a| (s, a))).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let one = |&(seed, algorithm): &(u64, usize)| {
        let (label, config) = algorithms[algorithm];
        let world = worlds.take(seed)?;
        let cell = run(&world, (label.as_str(), config, seed));
        worlds.give_back(seed);
        cell
    };
    let done = pool.install(|| cells.par_iter().with_max_len(1).map(one).collect::<Vec<_>>());
    let mut done: Vec<_> = cells.into_iter().zip(done).collect();
    done.sort_by_key(|&((seed, algorithm), _)| (algorithm, seed));
    let (mut cells, mut errors) = (Vec::new(), Vec::new());
    for (_, cell) in done {
        match cell {
            Ok(cell) => cells.push(cell),
            Err(error) => errors.push(error),
        }
    }
    // Why some were stopped tells more than that they were.
    let error = errors.into_iter().min_by_key(|error| matches!(error, CampaignError::Paused));
    error.map_or(Ok(cells), Err)
}

/// The worlds of all replications: each is made when a cell first needs it, and dropped after the last that does.
struct Worlds<'a> {
    prepared: &'a Prepared,
    places: Vec<Mutex<Place>>,
}

struct Place {
    world: Option<Arc<World>>,
    /// Cells that have not ended.
    cells: usize,
}

/// Why a world's place is not poisoned.
const SOUND: &str = "making a world does not panic";

impl<'a> Worlds<'a> {
    fn new(prepared: &'a Prepared, cells: usize) -> Self {
        let place = |_| Mutex::new(Place { world: None, cells });
        Self { prepared, places: (0..prepared.scenario.seeds).map(place).collect() }
    }

    fn take(&self, seed: u64) -> Result<Arc<World>, PrepareError> {
        let mut place = self.places[seed as usize].lock().expect(SOUND);
        let world = match place.world.take() {
            Some(world) => world,
            None => Arc::new(self.prepared.world(seed)?),
        };
        place.world = Some(Arc::clone(&world));
        Ok(world)
    }

    fn give_back(&self, seed: u64) {
        let mut place = self.places[seed as usize].lock().expect(SOUND);
        place.cells -= 1;
        if place.cells == 0 {
            place.world = None;
        }
    }
}

//! Runs what is missing of a sweep.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use fleetune_algorithms::uplink::Algorithm;
use fleetune_models::backend::Backend;
use fleetune_scenarios::{
    Scenario, ScenarioError,
    schema::{Label, Name},
    sweep::{Settings, Sweep, Trial},
};
use indexmap::IndexMap;
use rayon::prelude::*;

use super::{
    choice::{Chosen, choose},
    shard::Shard,
    store::{Store, StoreError},
};
use crate::{
    cell::{CellResult, Ending, Listener, run_cell},
    federation::{End, FederationError},
    prepare::{PrepareError, Prepared, World},
};

/// What a study gave.
#[derive(Debug)]
pub struct StudyOutcome {
    /// The study.
    pub name: Name,
    /// Its trials, by algorithm in the scenario's order, then by number.
    pub trials: Vec<TrialOutcome>,
    /// The best of every algorithm, if the study chooses.
    pub chosen: Option<IndexMap<Label, Chosen>>,
}

/// What a trial gave.
#[derive(Debug)]
pub struct TrialOutcome {
    /// The trial.
    pub trial: Trial,
    /// Its cells by seed.
    pub cells: Vec<CellResult>,
}

/// Why a sweep has no results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The settings chosen in one study make no scenario in another.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Scenario(Vec<ScenarioError>),
    /// A world could not be made.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A cell could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The threads could not be started.
    #[error("cannot start the worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A cell failed.
    #[error("{label}, seed {seed}: {source}")]
    Cell {
        /// The algorithm's label.
        label: String,
        /// The replication.
        seed: u64,
        /// Why.
        source: Box<FederationError>,
    },
    /// Stopped early; the cells that were finished are kept.
    #[error("stopped early; the cells that were finished are kept")]
    Stopped,
    /// Cells are missing, and none was to be run.
    #[error("{missing} cells have not been run yet: run the sweep first")]
    Missing {
        /// How many.
        missing: usize,
    },
}

/// How a sweep is run.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// What computes the tensors.
    pub backend: Backend,
    /// Threads to use; `None` to run nothing and read what is kept.
    pub threads: Option<usize>,
    /// Whose cells to run.
    pub shard: Shard,
    /// Raised to stop.
    pub stop: &'a AtomicBool,
}

/// Who hears of every study before its cells are run: its name, cells in all, cells that are kept already.
pub type Herald<'a> = dyn Fn(&Name, usize, usize) + 'a;

/// What a sweep gave.
#[derive(Debug)]
pub struct SweepOutcome {
    /// Studies whose cells are all there, in the sweep's order.
    pub finished: Vec<StudyOutcome>,
    /// The others, if only a shard was run.
    pub unfinished: Vec<Unfinished>,
}

/// A study that waits for cells of other shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The study.
    pub name: Name,
    /// What it waits for.
    pub awaits: Awaited,
}

/// What a study waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// So many of its own cells.
    Cells(usize),
    /// The choice of this study, before which nobody knows its cells.
    Choice(Name),
}

/// Runs the studies of a sweep in order, each cell of the manner's shard that is not in `store` on so many threads, and
/// gives all results. The number of threads and what was in the store change nothing but the time it takes; so does the
/// number of shards, once all have run.
///
/// # Errors
/// The first failure.
pub fn run_sweep(
    sweep: &Sweep,
    store: &Store,
    manner: Manner<'_>,
    herald: &Herald<'_>,
    listener: &Listener<'_>,
) -> Result<SweepOutcome, SweepError> {
    let mut outcome = SweepOutcome { finished: Vec::new(), unfinished: Vec::new() };
    for (name, spec) in &sweep.spec().studies {
        let awaits = |name: &Name, awaits| Unfinished { name: name.clone(), awaits };
        if let Some(earlier) = &spec.chosen_in
            && outcome.unfinished.iter().any(|study| study.name == *earlier)
        {
            outcome.unfinished.push(awaits(name, Awaited::Choice(earlier.clone())));
            continue;
        }
        let earlier = spec.chosen_in.as_ref();
        let earlier =
            earlier.and_then(|earlier| outcome.finished.iter().find(|o| o.name == *earlier));
        let earlier = earlier.and_then(|outcome| outcome.chosen.as_ref());
        let chosen = |label: &Label| -> Settings {
            earlier
                .and_then(|chosen| chosen.get(label))
                .map(|c| c.settings.clone())
                .unwrap_or_default()
        };
        let trials = sweep.trials(name, &chosen);
        let study = Study::lay_out(sweep, spec.seeds.map(|n| n.get()), trials, manner.backend)?;
        let cells = study.run(store, manner, &|all, kept| herald(name, all, kept), listener)?;
        let missing = cells.iter().flatten().filter(|cell| cell.is_none()).count();
        if missing > 0 {
            outcome.unfinished.push(awaits(name, Awaited::Cells(missing)));
            continue;
        }
        let trials: Vec<TrialOutcome> = study
            .trials
            .into_iter()
            .zip(cells)
            .map(|(laid, cells)| TrialOutcome {
                trial: laid.trial,
                cells: cells.into_iter().flatten().collect(),
            })
            .collect();
        let chosen = spec.choose.map(|objective| choose(objective, &trials));
        outcome.finished.push(StudyOutcome { name: name.clone(), trials, chosen });
    }
    Ok(outcome)
}

/// A study whose trials have been read.
struct Study {
    trials: Vec<Laid>,
    /// One scenario for every world that differs in more than algorithms.
    worlds: IndexMap<String, Scenario>,
}

/// A trial, ready to be run.
struct Laid {
    trial: Trial,
    config: Algorithm,
    /// Key of [`Study::worlds`].
    world: String,
    /// Keys of the cells, by seed.
    keys: Vec<String>,
}

impl Laid {
    /// A cell that is kept, under this trial's label: it may have been run under another.
    fn kept(&self, store: &Store, key: &str) -> Option<CellResult> {
        let label = self.trial.algorithm.as_str();
        let mut cell = store.load(key)?;
        cell.label = label.to_owned();
        cell.rounds.iter_mut().for_each(|round| round.algorithm = label.to_owned());
        Some(cell)
    }
}

/// A cell that is to be run.
struct Job<'a> {
    laid: &'a Laid,
    seed: u64,
}

impl Study {
    fn lay_out(
        sweep: &Sweep,
        seeds: Option<u32>,
        trials: Vec<Trial>,
        backend: Backend,
    ) -> Result<Self, SweepError> {
        let mut study = Self { trials: Vec::new(), worlds: IndexMap::new() };
        for trial in trials {
            let scenario = sweep.scenario(&trial.settings).map_err(SweepError::Scenario)?;
            let seeds = u64::from(seeds.unwrap_or(scenario.seeds));
            let label = &trial.algorithm;
            let key = |seed| Store::key(&scenario, &backend.to_string(), label, seed);
            let known = "a trial's algorithm is one of its scenario's";
            let keys = (0..seeds).map(|seed| key(seed).expect(known)).collect();
            let config = scenario.algorithms.get(label).expect(known).clone();
            let world = scenario.world_hash().unwrap_or_default();
            study.worlds.entry(world.clone()).or_insert(scenario);
            study.trials.push(Laid { trial, config, world, keys });
        }
        Ok(study)
    }

    /// The cells, by trial and seed; those of other shards, if they are there by now.
    fn run(
        &self,
        store: &Store,
        manner: Manner<'_>,
        herald: &dyn Fn(usize, usize),
        listener: &Listener<'_>,
    ) -> Result<Vec<Vec<Option<CellResult>>>, SweepError> {
        let kept = |laid: &Laid| laid.keys.iter().map(|key| laid.kept(store, key)).collect();
        let mut found: Vec<Vec<Option<CellResult>>> = self.trials.iter().map(kept).collect();
        let there = found.iter().flatten().flatten().count();
        let places = (0..self.trials.len())
            .flat_map(|t| (0..self.trials[t].keys.len()).map(move |s| (t, s)));
        let places: Vec<(usize, usize)> = places.collect();
        herald(places.len(), there);
        let mine = |&(place, &(t, s)): &(usize, &(usize, usize))| {
            manner.shard.has(place) && found[t][s].is_none()
        };
        let mine: Vec<(usize, usize)> =
            places.iter().enumerate().filter(mine).map(|(_, &at)| at).collect();
        if manner.threads.is_none() && !mine.is_empty() {
            return Err(SweepError::Missing { missing: places.len() - there });
        }
        for (hash, scenario) in &self.worlds {
            let missing: Vec<(usize, u64)> = mine
                .iter()
                .filter(|&&(t, _)| self.trials[t].world == *hash)
                .map(|&(t, s)| (t, s as u64))
                .collect();
            let Some(threads) = manner.threads.filter(|_| !missing.is_empty()) else { continue };
            let done = self.run_world(scenario, &missing, (threads, manner), store, listener)?;
            for ((trial, seed), cell) in missing.into_iter().zip(done) {
                found[trial][seed as usize] = Some(cell);
            }
        }
        for (t, s) in places {
            if found[t][s].is_none() {
                found[t][s] = self.trials[t].kept(store, &self.trials[t].keys[s]);
            }
        }
        Ok(found)
    }

    /// Runs cells that share all but the algorithm, and keeps each as soon as it is done.
    fn run_world(
        &self,
        scenario: &Scenario,
        missing: &[(usize, u64)],
        (threads, manner): (usize, Manner<'_>),
        store: &Store,
        listener: &Listener<'_>,
    ) -> Result<Vec<CellResult>, SweepError> {
        let prepared = Prepared::new(scenario.clone(), manner.backend)?;
        let seeds = missing.iter().map(|(_, seed)| seed + 1).max().unwrap_or(0);
        let worlds: Vec<World> =
            (0..seeds).map(|seed| prepared.world(seed)).collect::<Result<_, _>>()?;
        let failed: Mutex<Option<StoreError>> = Mutex::new(None);
        let run = |&(trial, seed): &(usize, u64)| {
            let job = Job { laid: &self.trials[trial], seed };
            let cell = job.run(&prepared, &worlds[seed as usize], manner.stop, listener)?;
            if let Err(error) = store.keep(&job.laid.keys[seed as usize], &cell) {
                manner.stop.store(true, Ordering::Relaxed);
                if let Ok(mut slot) = failed.lock() {
                    slot.get_or_insert(error);
                }
            }
            Ok(cell)
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let results: Vec<Result<CellResult, SweepError>> =
            pool.install(|| missing.par_iter().with_max_len(1).map(run).collect());
        if let Ok(Some(error)) = failed.into_inner() {
            return Err(error.into());
        }
        results.into_iter().collect()
    }
}

impl Job<'_> {
    fn run(
        &self,
        prepared: &Prepared,
        world: &World,
        stop: &AtomicBool,
        listener: &Listener<'_>,
    ) -> Result<CellResult, SweepError> {
        let Laid { trial, config, .. } = self.laid;
        let label = trial.algorithm.as_str();
        if stop.load(Ordering::Relaxed) {
            return Err(SweepError::Stopped);
        }
        let cell = run_cell(prepared, world, (label, config, self.seed), stop, listener);
        let failed = |source| {
            let (label, source) = (label.to_owned(), Box::new(source));
            SweepError::Cell { label, seed: self.seed, source }
        };
        match cell.map_err(failed)? {
            cell if cell.ending == Ending::Ran(End::Asked) => Err(SweepError::Stopped),
            cell => Ok(cell),
        }
    }
}

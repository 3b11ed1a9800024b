//! A campaign whose cells are kept: whole when they are finished, and by checkpoints until then.
//!
//! ```text
//! FOLDER/cells/KEY-A.yaml       a finished cell, of the scenario's algorithm number A
//! FOLDER/A-SEED/N.checkpoint    of a cell that is not: where it stood after N events
//! ```

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    campaign::{CampaignError, Cell, failed},
    cell::{CellResult, Listener, run_recorded_cell},
    checkpoint::{Every, Folder, Recorder},
    federation::FederationError,
    prepare::{Prepared, World},
    sweep::Store,
};

/// Where and how a campaign is kept.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The folder, which must be this campaign's alone.
    pub folder: PathBuf,
    /// How often what is learnt is kept.
    pub every: Every,
    /// What computes the tensors.
    pub backend: String,
    /// Raised to pause.
    pub stop: Arc<AtomicBool>,
}

impl Keep {
    /// The cell if it was finished before; else what it gives, from its last checkpoint on if it has any.
    pub(crate) fn run(
        &self,
        prepared: &Prepared,
        world: &World,
        cell: Cell<'_>,
        listener: &Listener<'_>,
    ) -> Result<CellResult, CampaignError> {
        let result = self.run_on(prepared, world, cell, listener);
        if matches!(result, Err(CampaignError::Checkpoint(_) | CampaignError::Store(_))) {
            // Nor can the others be kept.
            self.stop.store(true, Ordering::Relaxed);
        }
        result
    }

    fn run_on(
        &self,
        prepared: &Prepared,
        world: &World,
        cell @ (label, _, seed): Cell<'_>,
        listener: &Listener<'_>,
    ) -> Result<CellResult, CampaignError> {
        let scenario = &prepared.scenario;
        let known = scenario.algorithms.keys().enumerate().find(|(_, one)| one.as_str() == label);
        let (number, key) = known
            .and_then(|(n, label)| Some((n, Store::key(scenario, &self.backend, label, seed)?)))
            .expect("a cell's algorithm is one of its scenario's");
        let store = Store::open(&self.folder.join("cells"))?;
        // Two algorithms may differ in nothing but their labels.
        let name = format!("{key}-{number}");
        if let Some(finished) = store.load(&name) {
            return Ok(finished);
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(CampaignError::Paused);
        }
        let folder = Folder::open(self.folder.join(format!("{number}-{seed}")), key)?;
        let candidates = folder.all().unwrap_or_default();
        for path in candidates.iter().map(Some).chain([None]) {
            let from = match path.map(|path| folder.read(path)).transpose() {
                Ok(from) => from,
                Err(unusable) => {
                    self.passed_over(path, &unusable.to_string());
                    continue;
                }
            };
            let recorder = Recorder::new(folder.clone(), self.every, Arc::clone(&self.stop), from);
            let how = (&*self.stop, Some(&recorder));
            match run_recorded_cell(prepared, world, cell, how, listener) {
                Err(FederationError::Astray) if path.is_some() => {
                    self.passed_over(path, &FederationError::Astray.to_string());
                }
                Err(error) => return Err(failed(cell, error)),
                Ok(finished) => {
                    store.keep(&name, &finished)?;
                    folder.remove()?;
                    return Ok(finished);
                }
            }
        }
        unreachable!("from its start a cell runs to its end, is paused or fails")
    }

    /// Says that a checkpoint is not used.
    fn passed_over(&self, path: Option<&PathBuf>, why: &str) {
        if let Some(path) = path {
            eprintln!("warning: {} is not used: {why}; going on from before", path.display());
        }
    }
}

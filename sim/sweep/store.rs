//! Finished cells, one file each, named by what they depend on.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use fleetune_scenarios::{Scenario, schema::Label};
use sha2::{Digest, Sha256};

use crate::{cell::CellResult, checkpoint::atomically};

/// A folder of finished cells.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Why a cell cannot be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct StoreError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Store {
    /// The store in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What a cell is kept under: SHA-256 over the sources of everything that computes results, the backend, all of
    /// the scenario that bears on the cell, and the seed. `None` if the scenario has no such algorithm.
    pub fn key(scenario: &Scenario, backend: &str, label: &Label, seed: u64) -> Option<String> {
        let hash = Sha256::new()
            .chain_update("fleetune/cell/v1\n")
            .chain_update(env!("FLEETUNE_ENGINE"))
            .chain_update(format!("\n{backend}\n{seed}\n"))
            .chain_update(scenario.cell_hash(label)?);
        Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The cell kept under `key`. A damaged file is no cell: it is computed again.
    pub fn load(&self, key: &str) -> Option<CellResult> {
        let text = fs::read_to_string(self.path(key)).ok()?;
        let (first, body) = text.split_once('\n')?;
        (first == seal(body)).then(|| serde_yaml::from_str(body).ok()).flatten()
    }

    /// Keeps a cell. The file appears whole or not at all.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn keep(&self, key: &str, cell: &CellResult) -> Result<(), StoreError> {
        let path = self.path(key);
        let body = serde_yaml::to_string(cell)
            .map_err(|error| failed("write", &path)(io::Error::other(error)))?;
        let text = format!("{}\n{body}", seal(&body));
        atomically(&path, [text.as_bytes()]).map_err(failed("write", &path))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.yaml"))
    }
}

/// The first line of a cell's file: a hash of the others.
fn seal(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("# sha256 {hex}")
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError { action, path, source }
}

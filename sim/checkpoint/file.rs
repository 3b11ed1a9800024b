//! Checkpoints on disk: a folder for each cell, the last two in it.
//!
//! ```text
//!   FLEETUNE-CHECKPOINT-1 | SHA-256 of all that follows | length of the head | head | journal | snapshot
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use fleetune_reports::replace;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::recorder::Here;

/// The format and its version.
const MAGIC: &[u8; 21] = b"FLEETUNE-CHECKPOINT-1";
/// Bytes of a checksum.
const CHECKSUM: usize = 32;
/// Checkpoints that are kept.
const KEPT: usize = 2;
const EXTENSION: &str = "checkpoint";

/// A checkpoint cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct CheckpointError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl CheckpointError {
    pub(super) fn of<'p>(
        action: &'static str,
        path: &'p Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'p> {
        move |source| Self { action, path: path.to_owned(), source }
    }
}

/// Why a file is no checkpoint to go on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("it is damaged")]
    Damaged,
    #[error("it is of another cell, or of another version of fleetune")]
    Foreign,
}

/// Where a cell stood, what its servers had said, and what they were.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    pub(super) here: Here,
    pub(super) journal: Vec<u8>,
    pub(super) snapshot: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    /// What the cell depends on.
    key: String,
    here: Here,
    journal: u64,
    snapshot: u64,
}

/// The checkpoints of one cell.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    key: String,
}

impl Folder {
    /// In `path`, which is made if it is not there; `key` says what the cell depends on.
    pub(crate) fn open(path: PathBuf, key: String) -> Result<Self, CheckpointError> {
        fs::create_dir_all(&path).map_err(CheckpointError::of("create", &path))?;
        Ok(Self { path, key })
    }

    /// Keeps a checkpoint, and the one before it.
    pub(super) fn keep(
        &self,
        here: Here,
        journal: &[u8],
        snapshot: &[u8],
    ) -> Result<(), CheckpointError> {
        let lengths = [journal.len() as u64, snapshot.len() as u64];
        let head = Head { key: self.key.clone(), here, journal: lengths[0], snapshot: lengths[1] };
        let head = postcard::to_stdvec(&head).expect("a head is plain data");
        let length = (head.len() as u32).to_le_bytes();
        let parts = [&length[..], &head, journal, snapshot];
        let checksum = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
        let path = self.path.join(format!("{:020}.{EXTENSION}", here.events));
        let checksum = checksum.finalize();
        let whole = [&MAGIC[..], &checksum].into_iter().chain(parts);
        atomically(&path, whole).map_err(CheckpointError::of("write", &path))?;
        for old in
            self.all().map_err(CheckpointError::of("read", &self.path))?.into_iter().skip(KEPT)
        {
            fs::remove_file(&old).map_err(CheckpointError::of("remove", &old))?;
        }
        Ok(())
    }

    /// The files of checkpoints, the newest first.
    pub(crate) fn all(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.path()));
        let mut all: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
        all.retain(|path| path.extension().is_some_and(|end| end == EXTENSION));
        all.sort();
        all.reverse();
        Ok(all)
    }

    /// Reads a checkpoint of this cell.
    pub(crate) fn read(&self, path: &Path) -> Result<Checkpoint, Unusable> {
        let bytes = fs::read(path)?;
        let rest = bytes.strip_prefix(MAGIC).ok_or(Unusable::Damaged)?;
        let (checksum, rest) = rest.split_at_checked(CHECKSUM).ok_or(Unusable::Damaged)?;
        if Sha256::digest(rest)[..] != *checksum {
            return Err(Unusable::Damaged);
        }
        let (length, rest) = rest.split_first_chunk().ok_or(Unusable::Damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (head, rest) = rest.split_at_checked(length).ok_or(Unusable::Damaged)?;
        let head: Head = postcard::from_bytes(head).map_err(|_| Unusable::Damaged)?;
        if head.key != self.key {
            return Err(Unusable::Foreign);
        }
        let cut = usize::try_from(head.journal).map_err(|_| Unusable::Damaged)?;
        let (journal, snapshot) = rest.split_at_checked(cut).ok_or(Unusable::Damaged)?;
        if snapshot.len() as u64 != head.snapshot {
            return Err(Unusable::Damaged);
        }
        let (journal, snapshot) = (journal.to_vec(), snapshot.to_vec());
        Ok(Checkpoint { here: head.here, journal, snapshot })
    }

    /// The cell is finished and kept elsewhere.
    pub(crate) fn remove(self) -> Result<(), CheckpointError> {
        fs::remove_dir_all(&self.path).map_err(CheckpointError::of("remove", &self.path))
    }
}

/// Writes a file that is there whole or not at all ([`replace`]), beside other processes that may write it.
///
/// # Errors
/// As [`replace`].
pub fn atomically<'b>(path: &Path, parts: impl IntoIterator<Item = &'b [u8]>) -> io::Result<()> {
    replace(path, &path.with_extension(format!("partial-{}", std::process::id())), parts)
}

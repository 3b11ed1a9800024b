//! What a run that was killed goes on from.
//!
//! The simulated clock is cheap to run again; learning is what is dear. A cell's calendar, network, batteries and draws
//! follow from its scenario and from what its servers say, so a checkpoint holds what they *said* (workloads, verdicts,
//! counts, reports, evaluations: the [`Journal`]) and, of these alone, what they *are* (a
//! [`Snapshot`](fleetune_algorithms::protocol::Snapshot)). A cell that goes on runs its federation from the start, against
//! the journal and without any training; at the event of the checkpoint the real servers take up their snapshot, the jobs
//! of clients under way are assigned once more, and from there on all is as it was.
//!
//! ```text
//!   events      1 2 3 ............. n │ n + 1 ...
//!   first run   federation ⇄ servers ─┤ checkpoint: journal of 1..n, snapshot of the servers     killed
//!   resumed     federation ⇄ journal ─┤ snapshot ─► servers ⇄ federation ─► ...
//! ```
//!
//! So nothing of the federation is ever written down, and no state that is added to it can be forgotten.
//!
//! # Guarantees
//!
//! 1. What a resumed cell gives is what an uninterrupted one gives, to the bit.
//! 2. A checkpoint is there whole or not at all: it is written under another name, synchronised with the disk and renamed.
//!    The last two are kept. One that is damaged, of another cell or of another version of the program is not used.
//! 3. A journal that does not fit is found out: by what is asked and in which order, and by the simulated time, the rounds
//!    and the workloads under way at its end.
//! 4. When checkpoints are written depends on the host's clock, what is computed never.

mod file;
mod journal;
mod recorded;
mod recorder;

#[cfg(test)]
mod tests;

pub(crate) use self::{file::Folder, recorded::Recorded};
pub use self::{
    file::{CheckpointError, atomically},
    recorder::{Every, Here, Recorder, Turn},
};

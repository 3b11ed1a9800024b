use fleetune_units::{BytesPerSecond, Seconds};
use thiserror::Error;

use super::FlowId;
use crate::{
    energy::Moment,
    network::{fair_share::FairShareError, topology::LinkId},
};

/// Why a transfer engine refused. A broken invariant of the caller; the engine is unchanged.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A moment before one that was already told.
    #[error("transfers that stand at {stands:?} were asked to go back to {asked:?}")]
    TimeWentBack {
        /// The latest moment told.
        stands: Moment,
        /// What was asked for.
        asked: Moment,
    },
    /// Something was due before the moment told: `settle` has to come first.
    #[error("something was due at {due:?}, before {asked:?}, and was not settled")]
    Unsettled {
        /// When it was due.
        due: Moment,
        /// The moment told.
        asked: Moment,
    },
    /// The id of a flow that is under way.
    #[error("{0} is already under way")]
    AlreadyUnderWay(FlowId),
    /// A link that is not there.
    #[error("there is no link {}", .0.index())]
    NoSuchLink(LinkId),
    /// A flow crosses a link twice; its usages have to be added first.
    #[error("{flow} crosses link {link} more than once")]
    CrossedTwice {
        /// The flow.
        flow: FlowId,
        /// The link's index.
        link: usize,
    },
    /// A latency that never passes.
    #[error("a latency of {0} is beyond the end of time, 584 years")]
    TooLong(Seconds),
    /// A cap that is not a finite number.
    #[error("a cap of {0} is not finite; leave it out where there is none")]
    BadCap(BytesPerSecond),
    /// A flow that has no fair rate.
    #[error(transparent)]
    NoRate(#[from] FairShareError),
}

/// Why saved transfers cannot go on. They were not written by this program, or were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A flow names a link that is not there.
    #[error("saved transfers: {0} names a link that is not there")]
    NoSuchLink(FlowId),
    /// A flow shares a link whose sharing was not saved.
    #[error("saved transfers: {0} shares a link whose level is not there")]
    NoSuchHub(FlowId),
}

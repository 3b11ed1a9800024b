//! What can go wrong in the kernel.

use crate::{SimTime, TimeError};

/// Why the calendar refused or stopped. All are faults of the model on top, none can be mended by
/// trying again; the calendar itself stays as it was before the call.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// An event was scheduled before the present instant.
    #[error(
        "{entity} scheduled an event at {at}, before the present {now}; schedule at or after now"
    )]
    InThePast {
        /// Whose event.
        entity: String,
        /// The instant asked for.
        at: SimTime,
        /// The present instant.
        now: SimTime,
    },
    /// Events keep scheduling one another at one instant: simulated time would never go on.
    #[error(
        "livelock at {now}: {entity} is in a chain of more than {cap} events that each follow at \
         once from the one before; some duration in this loop is zero that must not be"
    )]
    Livelock {
        /// Whose event would have been the next of the chain.
        entity: String,
        /// The instant that does not pass.
        now: SimTime,
        /// The longest chain allowed.
        cap: u32,
    },
    /// There are 2^32 events pending, or 2^61 have been scheduled.
    #[error(
        "2^32 events are pending, or 2^61 have been scheduled; {entity} could not schedule another"
    )]
    Full {
        /// Whose event found no room.
        entity: String,
    },
    /// A delay could not be turned into an instant.
    #[error("{entity} asked for an impossible time: {source}")]
    Time {
        /// Whose event.
        entity: String,
        /// What was wrong with the time.
        source: TimeError,
    },
}

/// Why a saved calendar was refused: it was damaged or made by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The pending events are not in firing order, or two are the same.
    #[error("saved event {seq} is not after the one listed before it; expected firing order")]
    Order {
        /// The event out of order.
        seq: u64,
    },
    /// A pending event lies before the saved present.
    #[error("saved event {seq} is at {time}, before the saved present {now}")]
    InThePast {
        /// The event concerned.
        seq: u64,
        /// When it is due.
        time: SimTime,
        /// The saved present.
        now: SimTime,
    },
    /// An event has a sequence number that has not been given out, or one that is listed twice.
    #[error("saved event {seq} has a sequence number that is repeated or was never given out")]
    Sequence {
        /// The sequence number.
        seq: u64,
    },
    /// Two events share a slot, or a slot is beyond any that the calendar can have used.
    #[error("saved event {seq} is in slot {slot}, which is taken or out of range")]
    Slot {
        /// The event concerned.
        seq: u64,
        /// The slot claimed.
        slot: u32,
    },
    /// The counts do not add up to the number of pending events.
    #[error(
        "saved counts do not add up: {scheduled} scheduled, {fired} fired, {cancelled} cancelled, \
         {pending} pending"
    )]
    Counts {
        /// Events ever scheduled.
        scheduled: u64,
        /// Events fired.
        fired: u64,
        /// Events cancelled.
        cancelled: u64,
        /// Events listed as pending.
        pending: u64,
    },
}

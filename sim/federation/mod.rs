//! Synchronous federated rounds over a fleet that comes and goes, in simulated time.
//!
//! ```text
//!            ┌────────────── too few devices: wait for one to come ──────────────┐
//!            ▼                                                                   │
//!   open round ─► ask ceil(cohort x over-commitment) ─► exchange ─► aggregate ─► close round
//!                                                         ▲            │
//!                                                         └─ same cohort
//!
//!   each client:  download (flow) ─► compute ─► upload (flow) ─► arrived ─► waits for the verdict
//! ```
//!
//! Training is lazy: a client's duration follows from its assignment's workload, and its job is run
//! only if its update is aggregated. Jobs run in parallel and are joined in the order of arrival,
//! so the number of threads changes nothing.
//!
//! # Rules
//!
//! 1. **Who is asked.** Devices that are there and whose memory holds the assignment, in the order
//!    of keys that depend on the seed, the round and the device alone: every algorithm sees the same
//!    draws. The server is told who is asked, in that order, before it hands out the work; what a
//!    client's part costs does not depend on who else is asked.
//! 2. **When a round opens.** As soon as a full cohort is there (or every device that can run the
//!    algorithm at all, if those are fewer). If that takes longer than the deadline, with whoever is
//!    there then or comes next. The server waits for a device's coming, never by polling.
//! 3. **When an exchange ends.** At the arrival of as many updates as wanted, or when nobody is left
//!    who could deliver, or at the deadline, counted from the start of the exchange. What has
//!    arrived by then is aggregated; an update that arrives exactly at the deadline has arrived, and
//!    one whose device leaves exactly at its arrival has not. Of several that arrive at the same
//!    instant those first in the selection come first, and no more than wanted count.
//! 4. **Void rounds.** If nothing arrives, nothing is aggregated; the round counts as a round, and
//!    as void.
//! 5. **Same cohort.** The server may ask those whose updates it has just joined for another
//!    exchange of the same round, in the order in which they arrived; those who have left since are
//!    not replaced. It is told again who is asked.
//! 6. **Leaving.** A device that leaves loses what it was doing at that instant, unless its update
//!    is at the server.
//! 7. **Useful and wasted.** What a client spends in an exchange is useful if its update is
//!    aggregated and wasted otherwise; every FLOP, byte and joule is one or the other. What was done
//!    stays spent: of a computation broken off, the phases that had ended and the elapsed part of
//!    the present one, rounded down to whole FLOPs; of a transfer, the whole bytes moved.
//! 8. **Energy.** A device is charged from the moment it is asked until it is done with the round:
//!    its receive power during a download, compute power while computing, transmit power during an
//!    upload (latency included, the radio is on), and idle power while it waits for the verdict.
//!    These are powers of the whole device, idle power included. A device that is not engaged in a
//!    round is charged nothing. Aggregation and evaluation are the server's and take no simulated
//!    time; what does is in rule 11.
//! 9. **Zero bytes are no transfer**, and cost no latency either.
//! 10. **Limits.** A limit of simulated time breaks the open round off at that instant, which makes
//!     its open exchange waste; the limit of FLOPs is looked at after every exchange, that of rounds
//!     after every round. A round that the end of the run breaks off is the last of
//!     the rounds: its earlier exchanges stand, and all it spent is in the ledger.
//! 11. **The server's computing.** Where joining an exchange's updates is a part of training, as in
//!     split learning, it takes the server's FLOPs over its speed, from the end of the exchange on.
//!     Only then are the updates joined, the next exchange begun or the round closed; until then
//!     those who delivered wait, as in rule 8. What the end of the run breaks off is not joined, and
//!     what the server had done of it is counted.
//! 12. **Whole rounds.** Where what a client does is of use only if it stays to the end of the
//!     round, what those did who did not is waste, their earlier exchanges included; and what all
//!     did, if the round does not get to its end.

mod anatomy;
mod client;
mod compute;
mod config;
mod error;
mod event;
mod exchange;
mod ledger;
mod links;
mod outcome;
mod presence;
mod round;
mod selection;
mod server;

pub use anatomy::Anatomy;
pub use config::{ConfigError, FederationConfig, Stop};
pub use error::FederationError;
pub use ledger::{Ledger, Resources};
pub use outcome::{
    ClientOutcome, Closing, End, Fate, Observer, ObserverError, RoundOutcome, RunOutcome, Standing,
};
pub use presence::Sessions;
pub use server::Federation;

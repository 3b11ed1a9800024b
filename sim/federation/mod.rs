//! Federated training over a fleet that comes and goes, in simulated time: in synchronous rounds, or without any.
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
//! 1. **Who is asked.** Devices that are there, that the scenario's eligibility admits (charging, on
//!    Wi-Fi, charged enough) and whose memory holds the assignment, in the order of keys that depend
//!    on the seed, the round and the device alone: every algorithm sees the same draws. The server is
//!    told who is asked, in that order, before it hands out the work; what a client's part costs does
//!    not depend on who else is asked.
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
//!    is at the server. One that is no longer eligible has left, and so has one whose battery is
//!    empty.
//! 7. **Useful and wasted.** What a client spends in an exchange is useful if its update is
//!    aggregated and wasted otherwise; every FLOP, byte and joule is one or the other. What was done
//!    stays spent: of a computation broken off, the phases that had ended and the elapsed part of
//!    the present one, rounded down to whole FLOPs; of a transfer, the whole bytes moved.
//! 8. **Energy.** A device is charged from the moment it is asked until it is done with the round:
//!    its receive power during a download, compute power while computing, transmit power during an
//!    upload (latency included, the radio is on), and idle power while it waits for the verdict.
//!    These are powers of the whole device, idle power included. A device that is not engaged in a
//!    round is charged nothing, but for its radio's tail: after a transfer, complete or broken off,
//!    the device draws the tail's power instead of resting, until the tail is over or it does
//!    something that has a power of its own. What is drawn after the device is done is useful or
//!    wasted as its last exchange was; what is drawn after the round's close is told with the next
//!    round that closes, until the device is asked again. Aggregation and evaluation are the server's
//!    and take no simulated time; what does is in rule 11.
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
//! 13. **Clocks.** How long a computation takes is said by the roofline of the device's profile, or
//!     by another clock that the scenario names. By another clock work progresses evenly from its
//!     start to its end, and transfers take the clock's time if it has one: no latency, nothing
//!     shared, of the time for both directions each has the share of its bytes. An exchange without
//!     computing takes no time to compute. Powers and memory are the profile's under any clock, and
//!     an algorithm that weighs one way to work against another is told the clock's times.
//! 14. **Throttling and background load.** Clocks speak of an undisturbed device. One that is hot,
//!     or has other programs to run, takes as much longer as its speed is lower, from change to
//!     change; it draws its compute power all the while, and what it has done when it is broken off
//!     is the integral of its speed, rounded down to whole nanoseconds of an undisturbed device. It
//!     is under load while it computes and cools in all other time, asked or not.
//! 15. **Batteries.** A device with a battery draws on it at all times: the power of rule 8 while
//!     it is engaged or its radio is awake, else its idle power, there or not. Plugged in it lives off
//!     the mains and charges. It dies, leaves or comes at the first nanosecond at which a level is
//!     crossed, and changes of state come first at every instant: a device that dies exactly at its
//!     arrival has not delivered. The dead draw nothing; they live again when they are plugged in.
//!
//! Without rounds ([`Policy::Asynchronous`]) rules 1 to 5, 11 and 12 give way to these:
//!
//! 16. **Who is at work.** So many clients at any time, or all free devices of a fleet with fewer. A
//!     device is free if it is there, has the memory and is not at work; whenever somebody is done or
//!     a device comes, the server draws among the free ones, each as likely. The draws depend on the
//!     seed and on how many were asked before. A client trains the model as it is when it is asked;
//!     where the model moves at the same instant, it gets the new one.
//! 17. **When the model moves.** At the arrival of as many updates as wanted, in the order in which
//!     they arrived; more that arrive at that instant wait for the next version. Staleness counts
//!     the versions between a client's asking and the joining of its update. An update that is staler
//!     than the bound is discarded without its training being done.
//! 18. **Being done.** A device whose update is at the server is done, and idles on its own account.
//!     What it spent is useful once its update has moved the model, and waste if that was too
//!     stale or the run ends first; its radio's tail is useful if the update was in time when it
//!     arrived. Who takes longer than the deadline is broken off, as is who is at work when the run
//!     ends.
//! 19. **Windows.** What is told as a round is all that ended between two versions of the model. What
//!     the end of the run breaks off is the last of them.

mod anatomy;
mod asynchronous;
mod by_place;
mod client;
mod clock;
mod compute;
mod conditions;
mod config;
mod draw;
mod error;
mod event;
mod exchange;
mod ledger;
mod links;
mod outcome;
mod peaks;
mod power;
mod presence;
mod processors;
mod round;
mod selection;
mod server;
mod side;
mod supplies;
mod tails;
mod timed;
mod way;

pub use anatomy::Anatomy;
pub use clock::{Clock, Undisturbed};
pub use conditions::Conditions;
pub use config::{ConfigError, FederationConfig, Policy, Stop};
pub use error::FederationError;
pub use ledger::{Ledger, Resources};
pub use outcome::{
    ClientOutcome, Closing, End, Fate, Observer, ObserverError, RoundOutcome, RunOutcome, Standing,
};
pub use peaks::{Peak, Peaks};
pub use presence::Sessions;
pub use server::Federation;

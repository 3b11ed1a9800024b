//! Validation as a product: the simulator held to closed forms that a textbook vouches for.
//!
//! ```text
//!   Experiment (id, statement, closed form) ──run──► Record ──► table, page, plots
//!        │                                             │
//!        └ replications, each with its own seeds       └ Finding: expected, measured, verdict
//! ```
//!
//! An [`Experiment`] drives a part of the simulator through what is known on paper and
//! gives [`Finding`]s and [`Figure`]s. A [`Record`] holds everything that there is to say about it, as plain data.
//!
//! ```
//! use fleetune_validation::{Verdict, experiments, markdown, run};
//!
//! let only = experiments().into_iter().filter(|experiment| experiment.id == "Q8").collect();
//! let records = run(only)?;
//! assert!(records.iter().all(|record| record.verdict() == Verdict::Accepted));
//! assert!(markdown(&records).contains("Little"));
//! # Ok::<(), fleetune_validation::ValidationError>(())
//! ```
//!
//! # Guarantees
//!
//! 1. **Fixed seeds.** Every number follows from [`ROOT_SEED`], the experiment's id, the number of
//!    the replication, and the purpose and entity that a stream serves. The number of threads
//!    changes nothing.
//! 2. **One rule.** Stochastic checks are accepted by the rule of [`acceptance`], deterministic
//!    ones if they are exactly equal. [`Basis`] lists the rules for other statistics.
//! 3. **No proof without power.** A check that could not have failed is
//!    [`Verdict::Powerless`], which is not a pass.
//! 4. **No shortcuts.** What is measured is what a run uses: the kernel's calendar, the network's
//!    transfers, the devices' meters, batteries and sessions.
//!
//! # Series
//!
//! | series | subject | here |
//! |---|---|---|
//! | Q | queues and the engine | `queues/` |
//! | N | the network | `network/` |
//! | R | rounds | with the federation, in `sim/validate/` |
//! | A | availability | `availability/` |
//! | C | computation and bytes | `compute.rs` (C3), the rest in `sim/validate/` |
//! | E | energy | `energy/`; E6, which needs rounds, in `sim/validate/` |
//!
//! Which planted mistakes each experiment was seen to catch is listed in `mutations.md`.

pub mod acceptance;
mod availability;
pub mod closed_forms;
mod compute;
mod energy;
mod error;
mod experiment;
mod figure;
mod finding;
mod integrate;
mod laws;
mod network;
mod queues;
mod statistics;
mod table;
mod world;

pub use error::ValidationError;
pub use experiment::{
    Experiment, Measurement, ROOT_SEED, Record, column, experiments, replicate, run, run_watched,
};
pub use figure::{Dot, Figure, Trace, curve};
pub use finding::{Basis, Finding, Verdict};
pub use laws::Law;
pub use statistics::{chi_squared, kolmogorov};
pub use table::{cells, markdown};
pub use world::{DeviceSpec, fleet};

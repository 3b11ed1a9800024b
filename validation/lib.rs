//! Validation as a product: the simulator held to closed forms that a textbook vouches for.
//!
//! ```text
//!   Experiment (id, statement, closed form) ──run──► Record ──► table, page, plots
//!        │                                             │
//!        └ replications, each with its own seeds       └ Finding: expected, measured, verdict
//! ```
//!
//! An [`Experiment`] drives the real kernel through a model whose behaviour is known on paper and
//! gives [`Finding`]s. A [`Record`] holds everything that there is to say about it, as plain data.
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
//! 4. **No shortcuts.** Models are typed events on the kernel's calendar.
//!
//! Which planted mistakes each experiment was seen to catch is listed in `mutations.md`.

pub mod acceptance;
pub mod closed_forms;
mod error;
mod experiment;
mod finding;
mod integrate;
mod laws;
mod queues;
mod statistics;
mod table;

pub use error::ValidationError;
pub use experiment::{Experiment, ROOT_SEED, Record, experiments, run};
pub use finding::{Basis, Finding, Verdict};
pub use laws::Law;
pub use table::markdown;

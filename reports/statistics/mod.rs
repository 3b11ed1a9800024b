//! What a few seeds allow to be said.
//!
//! * a mean with Student's t interval over seeds ([`Estimate`]);
//! * the ratio of two algorithms' costs, paired by their common seeds ([`PairedRatio`]);
//! * which of several things differ, however many pairs that makes ([`told_apart`]);
//! * seeds that did not reach the target are counted and named, never imputed: an average over
//!   the seeds that did is too low a figure for all, and says so ([`Outcome::reached`]).

mod apart;
mod comparison;
mod estimate;
mod ratio;

pub use apart::told_apart;
pub use comparison::{Comparison, Outcome, Resource};
pub use estimate::Estimate;
pub use ratio::PairedRatio;

/// The confidence level of every interval in a report.
pub const LEVEL: f64 = 0.95;

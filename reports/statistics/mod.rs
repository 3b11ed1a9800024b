//! What a few seeds allow to be said. `docs/statistics.md` says why these and no others.
//!
//! * a mean with Student's t interval over seeds ([`Estimate`]);
//! * what an algorithm costs in multiples of another, seed by seed ([`Contrast`]), where seeds that did not reach the target
//!   are held to what was seen of them ([`Cost`], [`horizon`]), with an exact test beside it ([`sign_flip`]), the size of the
//!   effect, and how many seeds it would need ([`Design`]);
//! * all pairs of several things at once ([`holm`], [`told_apart`]);
//! * the same ratio over the seeds alone in which both reached it ([`PairedRatio`]), for pages that say so.

mod apart;
mod comparison;
mod contrast;
mod cost;
mod estimate;
mod holm;
mod power;
mod ratio;
mod sign_flip;
pub(crate) mod student;

pub use apart::told_apart;
pub use comparison::{Comparison, Judged, Outcome, Resource};
pub use contrast::{Contrast, Incomparable};
pub use cost::{Cost, horizon};
pub use estimate::Estimate;
pub use holm::holm;
pub use power::{Design, POWER};
pub use ratio::PairedRatio;
pub use sign_flip::sign_flip;

/// The confidence level of every interval in a report.
pub const LEVEL: f64 = 0.95;

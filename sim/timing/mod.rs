//! Runs without training: the same federation around servers that pass over what arrives.
//!
//! Every client that is asked is charged what its algorithm's own assignment says, comes and goes, computes and
//! transfers as in a run that trains, to the nanosecond, the byte and the bit of energy; only its job is never done,
//! and no model is evaluated. So nothing here depends on texts, but for their lengths where batches follow those, and a
//! fleet of millions needs none.

mod cell;
mod results;

pub use cell::{TimedResult, time_cell};
pub(crate) use results::collect;

//! What several algorithms are configured by.

mod batches;
mod conflict;
mod number;
mod rate;

pub use self::{
    batches::BatchSizes,
    conflict::{Aggregation, Conflict},
    number::{Decay, Fraction, NonNegative, Positive, Share},
    rate::{LearningRate, Schedule, UpperRate},
};

//! What several algorithms are configured by.

mod conflict;
mod number;
mod rate;

pub use self::{
    conflict::{Aggregation, Conflict},
    number::{Decay, Fraction, NonNegative, Positive, Share},
    rate::{LearningRate, Schedule, UpperRate},
};

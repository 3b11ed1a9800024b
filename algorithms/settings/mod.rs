//! What several algorithms are configured by.

mod number;
mod rate;

pub use self::{
    number::{Decay, Fraction, NonNegative, Positive},
    rate::{LearningRate, Schedule, UpperRate},
};

//! What several algorithms are configured by.

mod conflict;
mod number;
mod rate;

pub use self::{
    conflict::Conflict,
    number::{Decay, Fraction, NonNegative, Positive},
    rate::{LearningRate, Schedule, UpperRate},
};

//! The laws of the quantities, through the public API alone.
#![allow(clippy::unwrap_used)]

mod arithmetic;
mod errors;
mod human;
mod round_trip;
mod spelling;

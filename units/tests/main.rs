//! The laws of the quantities, through the public API alone.

mod arithmetic;
mod errors;
mod human;
mod round_trip;
mod spelling;

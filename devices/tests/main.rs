//! The laws of devices, fleets, energy, availability and networks, through the public API.
#![allow(clippy::unwrap_used)]

mod availability;
mod energy;
mod fair_share;
mod fleet;
mod network;
mod profiles;
mod roofline;
mod streams;
mod topology;

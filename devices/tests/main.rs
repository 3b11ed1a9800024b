//! The laws of devices, fleets, energy, availability and networks, through the public API.
#![allow(clippy::unwrap_used)]

mod availability;
mod battery;
mod compute;
mod cost;
mod diurnal;
mod eligibility;
mod energy;
mod fair_share;
mod fleet;
mod interruptions;
mod network;
mod periods;
mod profiles;
mod radio;
mod roofline;
mod sizes;
mod statistics;
mod streams;
mod topology;
mod traces;

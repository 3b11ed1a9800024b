//! How a model is trained: the algorithms, what they cost a device and what they put on the wire.
//!
//! * [`protocol`]: what the federation sees of an algorithm: exact workloads, pure jobs, the server's step;
//! * [`registry`]: the algorithms by name; one file each ([`fedspzo`], [`mezo`], [`fwdllm`], [`fedavg`], [`fedprox`],
//!   [`fedopt`], [`scaffold`], [`decomfl`], [`fedkseed`], [`zowarmup`], [`signspsa`], [`fedsllm`]);
//! * [`zeroth_order`]: the step that the perturbation methods share; [`noise`]: their directions;
//! * [`first_order`]: the local steps and the server that the methods of backpropagation share;
//! * [`mixing`]: how asynchronous, buffered and hierarchical policies put together what clients made of different models;
//! * [`wire`]: messages, their encodings and their bytes; [`privacy`]: clipping, noise and what they prove;
//! * [`uplink`]: any algorithm with its updates made private and encoded; [`reporting`]: any whose clients report their
//!   losses;
//! * [`timing`]: any algorithm without its training;
//! * [`settings`]: what several configurations share;
//! * [`setup`]: what a cell gives to an algorithm.
//!
//! Nothing here sees a clock, a network or another device.

pub mod account;
mod average;
pub mod decomfl;
pub mod fedavg;
pub mod fedkseed;
pub mod fedopt;
pub mod fedprox;
pub mod fedsllm;
pub mod fedspzo;
pub mod first_order;
pub mod fwdllm;
mod meter;
pub mod mezo;
pub mod mixing;
pub mod noise;
pub mod privacy;
pub mod probe;
pub mod protocol;
pub mod registry;
pub mod reporting;
pub mod scaffold;
pub mod settings;
pub mod setup;
pub mod signspsa;
pub mod timing;
pub mod uplink;
pub mod wire;
mod work;
pub mod zeroth_order;
pub mod zowarmup;

// Unit and integration tests share their small world.
#[cfg(test)]
extern crate self as fleetune_algorithms;
#[cfg(test)]
#[path = "../models/tests/tiny.rs"]
#[allow(dead_code, reason = "unit and integration tests use different parts")]
mod tiny;
#[cfg(test)]
#[path = "../models/tests/widths.rs"]
mod widths;
#[cfg(test)]
#[path = "tests/world.rs"]
#[allow(dead_code, reason = "unit and integration tests use different parts")]
mod world;

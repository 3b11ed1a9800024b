//! The network: what connects devices to the server, and how flows share it.
//!
//! * [`config`]: topologies as scenarios write them: star, two tiers, Wi-Fi cells, any graph.
//! * [`topology`]: a directed graph of devices, routers and the server; links with a capacity, a
//!   latency and a sharing policy; least-latency routes.
//! * [`fair_share`]: weighted max-min fair rates of flows over links, a pure function.
//! * [`star`]: the same rates in closed form where all flows share one bottleneck behind access
//!   links of their own.
//! * [`capacity`]: capacities that change over time.
//! * [`model`]: what a protocol makes of latencies and capacities.
//! * [`transfers`]: flows in time: latency, bytes left, completion. It keeps no clock; whoever
//!   does tells it the moments.
//!
//! A run connects its fleet once, by a [`Wiring`], makes [`Transfers`] of its links and a
//! [`Transfer`] of each download and upload. Edge aggregators have routes of their own to their
//! devices, which the [`Network`] knows.
//!
//! [`Transfers`]: transfers::Transfers
//! [`Transfer`]: transfers::Transfer

mod alone;
mod built;
pub mod capacity;
pub mod config;
mod edges;
pub mod fair_share;
mod filling;
pub mod model;
mod number;
mod reach;
mod routes;
pub mod star;
pub mod topology;
pub mod transfers;
mod wiring;

use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

pub use self::{
    alone::Alone,
    built::{DeviceRoutes, Network},
    edges::Edge,
    wiring::{Direction, Wiring},
};
use crate::validate::positive;

/// The server's access link, shared by all devices; both directions have a capacity each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerLink {
    /// From the server: what all downloads share.
    #[serde(deserialize_with = "positive")]
    pub uplink: BytesPerSecond,
    /// To the server: what all uploads share.
    #[serde(deserialize_with = "positive")]
    pub downlink: BytesPerSecond,
    /// One way.
    pub latency: Seconds,
}

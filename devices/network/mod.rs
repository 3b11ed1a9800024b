//! The network: what connects devices to the server, and how flows share it.
//!
//! * [`topology`]: a directed graph of devices, routers and the server; links with a capacity, a
//!   latency and a sharing policy; least-latency routes; the star that scenarios use.
//! * [`fair_share`]: weighted max-min fair rates of flows over links, a pure function.
//! * [`star`]: the same rates in closed form where all flows share one bottleneck behind access
//!   links of their own.
//!
//! Transfers in time (latency, bytes left, events) belong to whoever keeps the clock.

mod alone;
pub mod capacity;
pub mod fair_share;
mod filling;
pub mod model;
mod number;
mod routes;
pub mod star;
pub mod topology;
pub mod transfers;

use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

pub use self::alone::Alone;
use crate::validate::positive;

/// What a scenario says of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// How the server reaches the network.
    pub server: ServerLink,
}

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

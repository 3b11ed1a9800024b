//! Groups of devices with rounds of their own: tiers and edges.

use fleetune_units::{Bytes, Flops, Joules, Seconds};
use serde::{Deserialize, Serialize};

use super::{Histogram, plain};

/// What one group of devices did for an algorithm, all seeds pooled: a tier of a semi-synchronous
/// federation, or what is behind one edge of a hierarchical one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRecord {
    /// What it is called.
    pub name: String,
    /// Devices in it; where seeds differ, the most of any.
    pub devices: u64,
    /// Rounds of its own that it closed.
    pub rounds: u64,
    /// Client-rounds of which something was aggregated.
    pub participants: u64,
    /// Mean time from a round's asking to its joining; null if it closed none.
    #[serde(rename = "mean_round_s", with = "plain::seconds::optional")]
    pub mean_round: Option<Seconds>,
    /// How stale its updates were when they were joined; without counts where none can be.
    pub staleness: Histogram,
    /// Arithmetic done by its devices.
    #[serde(with = "plain::flops")]
    pub device_flops: Flops,
    /// Bytes sent by its devices.
    #[serde(rename = "uplink_bytes", with = "plain::bytes")]
    pub uplink: Bytes,
    /// Bytes sent to its devices.
    #[serde(rename = "downlink_bytes", with = "plain::bytes")]
    pub downlink: Bytes,
    /// Energy spent by its devices.
    #[serde(rename = "energy_j", with = "plain::joules")]
    pub energy: Joules,
}

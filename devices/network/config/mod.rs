//! Topologies as scenarios write them, and what they become.
//!
//! ```
//! use fleetune_devices::{Fleet, FleetConfig, Profiles, energy::Moment, streams::SeedTree};
//! use fleetune_devices::network::{ServerLink, config::TopologyConfig, model::TransferModel};
//!
//! let config: TopologyConfig = serde_yaml::from_str("
//! graph:
//!   nodes: [core, tower]
//!   links:
//!     - { name: uplink, from: server, to: core, capacity: 1 Gbit/s, latency: 5 ms }
//!     - name: backhaul
//!       from: core
//!       to: tower
//!       latency: 2 ms
//!       profile: { steps: [{ at: 0 s, capacity: 100 Mbit/s }, { at: 8 h, capacity: 20 Mbit/s }], period: 24 h }
//!   devices: [{ at: tower }]
//! ")?;
//! let server: ServerLink =
//!     serde_yaml::from_str("{ uplink: 1 Gbit/s, downlink: 1 Gbit/s, latency: 10 ms }")?;
//! let fleet: FleetConfig = serde_yaml::from_str("groups: [{ profile: phone-high, count: 4 }]")?;
//! let fleet = Fleet::draw(&fleet, &Profiles::shipped()?, &SeedTree::new(7))?;
//! let network = config.build(&fleet.devices, &server)?;
//! assert_eq!(network.device_routes()?.len(), 4);
//! assert!(network.transfers(&TransferModel::Raw, Moment(0)).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod devices;
mod error;
mod graph;
mod name;
mod tiers;

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

pub use self::{
    devices::DeviceRange,
    error::TopologyError,
    graph::{Access, Attachment, GraphConfig, LinkConfig},
    name::NodeName,
    tiers::{Tier, TwoTierConfig, WifiConfig},
};
use super::{Network, ServerLink, topology::Topology};
use crate::fleet::Device;

/// How devices and server are connected. Written `star`, `two_tier: {...}`, `wifi: {...}` or
/// `graph: {...}`. All transfers share the server's own link, whatever lies beyond it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum TopologyConfig {
    /// Every device behind its own access link, all behind the server's link.
    #[default]
    Star,
    /// Devices behind edge aggregators, those behind the server's link.
    TwoTier(TwoTierConfig),
    /// Devices that share the air of their cells, those behind the server's link.
    Wifi(WifiConfig),
    /// Any nodes and links.
    Graph(GraphConfig),
}

impl TopologyConfig {
    /// Builds the network for `devices`, which have the ids 0, 1, 2 ... in order.
    ///
    /// # Errors
    /// A device is connected nowhere, twice or not to the server, or does not exist.
    pub fn build(&self, devices: &[Device], server: &ServerLink) -> Result<Network, TopologyError> {
        let network = match self {
            Self::Star => Network::of(Topology::star(devices, server)),
            Self::TwoTier(tiers) => tiers.build(devices, server)?,
            Self::Wifi(cells) => cells.build(devices, server)?,
            Self::Graph(graph) => graph.build(devices, server)?,
        };
        match network.device_routes() {
            Ok(_) => Ok(network),
            Err(source) => Err(TopologyError::Disconnected { source }),
        }
    }
}

const STAR: &str = "star";
const KINDS: &[&str] = &[STAR, "two_tier", "wifi", "graph"];

impl Serialize for TopologyConfig {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if matches!(self, Self::Star) {
            return to.serialize_str(STAR);
        }
        let mut map = to.serialize_map(Some(1))?;
        match self {
            Self::Star => {}
            Self::TwoTier(tiers) => map.serialize_entry("two_tier", tiers)?,
            Self::Wifi(cells) => map.serialize_entry("wifi", cells)?,
            Self::Graph(graph) => map.serialize_entry("graph", graph)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for TopologyConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOf;

        impl<'de> Visitor<'de> for OneOf {
            type Value = TopologyConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`star`, `two_tier: {...}`, `wifi: {...}` or `graph: {...}`")
            }

            fn visit_str<E: Error>(self, kind: &str) -> Result<TopologyConfig, E> {
                match kind {
                    STAR => Ok(TopologyConfig::Star),
                    _ => Err(E::unknown_variant(kind, KINDS)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TopologyConfig, A::Error> {
                let Some(kind) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("expected one topology; found none"));
                };
                let topology = match kind.as_str() {
                    STAR => {
                        return Err(A::Error::custom("a star has nothing to say: write `star`"));
                    }
                    "two_tier" => TopologyConfig::TwoTier(map.next_value()?),
                    "wifi" => TopologyConfig::Wifi(map.next_value()?),
                    "graph" => TopologyConfig::Graph(map.next_value()?),
                    _ => return Err(A::Error::unknown_variant(&kind, KINDS)),
                };
                match map.next_key::<String>()? {
                    None => Ok(topology),
                    Some(second) => Err(A::Error::custom(format!(
                        "expected one topology; found {kind} and {second}"
                    ))),
                }
            }
        }

        from.deserialize_any(OneOf)
    }
}

/// Refuses a name that stands for two things.
fn unique<'a>(
    what: &'static str,
    names: impl IntoIterator<Item = &'a NodeName>,
) -> Result<(), TopologyError> {
    let mut seen = std::collections::BTreeSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(TopologyError::DuplicateName { what, name: name.clone() }),
        None => Ok(()),
    }
}

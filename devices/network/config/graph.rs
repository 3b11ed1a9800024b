//! Any nodes and links.

use std::collections::BTreeMap;

use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

use super::{
    NodeName, TopologyError,
    devices::{DeviceRange, assign},
    tiers::{HUB, air, air_access, own_access},
    unique,
};
use crate::{
    fleet::Device,
    network::{
        Network, ServerLink,
        capacity::CapacityProfile,
        topology::{Duplex, LinkId, Node, Topology},
    },
    validate::positive_or_none,
};

/// What the far end of the server's link is called.
const SERVER: &str = "server";

/// Nodes, links between them, and where the devices are. The node `server` is where the server's own
/// link ends, so that it is shared by all that is transferred whatever the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
pub struct GraphConfig {
    /// Routers, by name. `server` is always there besides.
    pub nodes: Vec<NodeName>,
    /// Links between nodes.
    pub links: Vec<LinkConfig>,
    /// Where devices are connected. At least one place.
    pub devices: Vec<Attachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    #[serde(default)]
    nodes: Vec<NodeName>,
    #[serde(default)]
    links: Vec<LinkConfig>,
    devices: Vec<Attachment>,
}

/// A link between two nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// How reports and outages call it.
    pub name: NodeName,
    /// One end.
    pub from: NodeName,
    /// The other.
    pub to: NodeName,
    /// What it carries, if always the same; otherwise there is a `profile`.
    #[serde(
        default,
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub capacity: Option<BytesPerSecond>,
    /// What it carries over time. Zero is an outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<CapacityProfile>,
    /// One way. The default is zero.
    #[serde(default)]
    pub latency: Seconds,
    /// How its directions and its flows share it. The default is `split_duplex`.
    #[serde(default = "split")]
    pub sharing: Duplex,
}

const fn split() -> Duplex {
    Duplex::Split
}

/// Devices at a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The node.
    pub at: NodeName,
    /// Which. Without, the node takes its turn at those that are listed nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceRange>,
    /// How they reach it. The default is `own`.
    #[serde(default)]
    pub access: Access,
}

/// How devices reach their node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Each by the access link of its profile, a capacity each way.
    #[default]
    Own,
    /// By the air of one cell, which all of the attachment share; each at the rates of its
    /// profile's access link.
    Wifi,
}

impl TryFrom<Unchecked> for GraphConfig {
    type Error = TopologyError;

    fn try_from(graph: Unchecked) -> Result<Self, TopologyError> {
        let Unchecked { nodes, links, devices } = graph;
        if nodes.iter().any(|name| name.as_str() == SERVER) {
            return Err(TopologyError::ReservedName);
        }
        unique("nodes", &nodes)?;
        unique("links", links.iter().map(|link| &link.name))?;
        if devices.is_empty() {
            return Err(TopologyError::Empty { what: "devices" });
        }
        let known = |name: &NodeName, place: String| {
            if name.as_str() == SERVER || nodes.contains(name) {
                return Ok(());
            }
            Err(TopologyError::UnknownNode { place, name: name.clone(), known: nodes.clone() })
        };
        for link in &links {
            let name = link.name.clone();
            known(&link.from, format!("`from` of the link \"{name}\""))?;
            known(&link.to, format!("`to` of the link \"{name}\""))?;
            if link.from == link.to {
                return Err(TopologyError::Loop { link: name, node: link.from.clone() });
            }
            if link.capacity.is_some() == link.profile.is_some() {
                return Err(TopologyError::OneCapacity { link: name });
            }
        }
        for place in &devices {
            known(&place.at, "`at` of devices".to_owned())?;
        }
        Ok(Self { nodes, links, devices })
    }
}

impl GraphConfig {
    pub(super) fn build(
        &self,
        devices: &[Device],
        server: &ServerLink,
    ) -> Result<Network, TopologyError> {
        let routers: BTreeMap<&NodeName, u32> = self.nodes.iter().zip(1..).collect();
        // Checked while reading: whatever is no router is the server's.
        let node = |name: &NodeName| routers.get(name).map_or(HUB, |id| Node::Router(*id));
        let mut network = Network::of(Topology::star([], server));
        let net = &mut network.topology;
        self.nodes.iter().for_each(|name| net.add(node(name)));
        for link in &self.links {
            let peak = link.profile.as_ref().map(CapacityProfile::peak);
            let capacity = link.capacity.or(peak).unwrap_or_default();
            let ends = (node(&link.from), node(&link.to));
            let (there, back) = net.cable(ends, capacity, link.latency, link.sharing);
            let mut both = vec![there, back];
            both.dedup();
            for link_id in &both {
                network.profiles.extend(link.profile.clone().map(|profile| (*link_id, profile)));
            }
            network.names.insert(link.name.clone(), both);
        }
        let airs: Vec<Option<LinkId>> = self
            .devices
            .iter()
            .map(|place| (place.access == Access::Wifi).then(|| air(net)))
            .collect();
        let lists: Vec<_> =
            self.devices.iter().map(|place| (&place.at, place.devices.as_slice())).collect();
        for (device, place) in devices.iter().zip(assign(&lists, devices.len())?) {
            let at = node(&self.devices[place].at);
            match airs[place] {
                Some(air) => air_access(net, device, at, air),
                None => own_access(net, device, at),
            }
        }
        Ok(network)
    }
}

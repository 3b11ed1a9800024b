//! Two tiers: edge aggregators or Wi-Fi cells between devices and server.

use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

use super::{
    NodeName, TopologyError,
    devices::{DeviceRange, assign},
    unique,
};
use crate::{
    fleet::Device,
    network::{
        Network, ServerLink,
        fair_share::{Hop, Sharing},
        topology::{LinkId, Node, Topology},
    },
    validate::positive,
};

/// Where the server's link ends and everything else begins.
pub(super) const HUB: Node = Node::Router(0);

/// An aggregator or cell: the link to the server's side and the devices behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// How reports and outages call it.
    pub name: NodeName,
    /// From it towards the server: what its devices' or its own uploads share.
    #[serde(deserialize_with = "positive")]
    pub uplink: BytesPerSecond,
    /// From the server's side to it.
    #[serde(deserialize_with = "positive")]
    pub downlink: BytesPerSecond,
    /// One way, between it and the server's link. The default is zero.
    #[serde(default)]
    pub latency: Seconds,
    /// The devices behind it. Without, it takes its turn at those that are listed nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceRange>,
}

/// Devices behind edge aggregators, aggregators behind the server's link.
///
/// ```text
///   device ── its access link ── aggregator ── uplink, downlink ──┐
///   device ── its access link ── aggregator ── uplink, downlink ──┴── server's link ── server
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "UncheckedTwoTier")]
pub struct TwoTierConfig {
    /// At least one.
    pub aggregators: Vec<Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedTwoTier {
    aggregators: Vec<Tier>,
}

/// Wi-Fi cells behind the server's link. The stations of a cell share its air time, both
/// directions together: `sum of x_j / r_j <= 1` with r_j the rate of the device's access link that
/// way (M. Heusse, F. Rousseau, G. Berger-Sabbatel, A. Duda, "Performance anomaly of 802.11b",
/// INFOCOM 2003: one slow station slows the cell).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "UncheckedWifi")]
pub struct WifiConfig {
    /// At least one. Uplink and downlink are those of the cell's backhaul.
    pub cells: Vec<Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedWifi {
    cells: Vec<Tier>,
}

impl TryFrom<UncheckedTwoTier> for TwoTierConfig {
    type Error = TopologyError;

    fn try_from(config: UncheckedTwoTier) -> Result<Self, TopologyError> {
        let UncheckedTwoTier { aggregators } = config;
        check("aggregators", &aggregators)?;
        Ok(Self { aggregators })
    }
}

impl TryFrom<UncheckedWifi> for WifiConfig {
    type Error = TopologyError;

    fn try_from(config: UncheckedWifi) -> Result<Self, TopologyError> {
        let UncheckedWifi { cells } = config;
        check("cells", &cells)?;
        Ok(Self { cells })
    }
}

fn check(what: &'static str, tiers: &[Tier]) -> Result<(), TopologyError> {
    if tiers.is_empty() {
        return Err(TopologyError::Empty { what });
    }
    unique(what, tiers.iter().map(|tier| &tier.name))
}

impl TwoTierConfig {
    pub(super) fn build(
        &self,
        devices: &[Device],
        server: &ServerLink,
    ) -> Result<Network, TopologyError> {
        let node = |tier: usize| Node::Aggregator(tier as u32);
        let mut network = backbone(server, &self.aggregators, node);
        for (device, tier) in places(&self.aggregators, devices)? {
            own_access(&mut network.topology, device, node(tier));
            network.aggregators.insert(device.id, node(tier));
        }
        Ok(network)
    }
}

impl WifiConfig {
    pub(super) fn build(
        &self,
        devices: &[Device],
        server: &ServerLink,
    ) -> Result<Network, TopologyError> {
        let node = |cell: usize| Node::Router(1 + cell as u32);
        let mut network = backbone(server, &self.cells, node);
        let airs: Vec<LinkId> = self.cells.iter().map(|_| air(&mut network.topology)).collect();
        for (device, cell) in places(&self.cells, devices)? {
            air_access(&mut network.topology, device, node(cell), airs[cell]);
        }
        for (cell, air) in self.cells.iter().zip(airs) {
            network.names.entry(cell.name.clone()).or_default().push(air);
        }
        Ok(network)
    }
}

/// The server, the hub, and every tier's links to it.
fn backbone(server: &ServerLink, tiers: &[Tier], node: impl Fn(usize) -> Node) -> Network {
    let mut network = Network::of(Topology::star([], server));
    for (tier, index) in tiers.iter().zip(0..) {
        let net = &mut network.topology;
        let up = net.link(tier.uplink, Sharing::Shared);
        let down = net.link(tier.downlink, Sharing::Shared);
        net.edge(node(index), HUB, up, tier.latency);
        net.edge(HUB, node(index), down, tier.latency);
        network.names.insert(tier.name.clone(), vec![up, down]);
    }
    network
}

fn places<'a>(
    tiers: &[Tier],
    devices: &'a [Device],
) -> Result<impl Iterator<Item = (&'a Device, usize)> + use<'a>, TopologyError> {
    let lists: Vec<_> = tiers.iter().map(|tier| (&tier.name, tier.devices.as_slice())).collect();
    Ok(devices.iter().zip(assign(&lists, devices.len())?))
}

/// Connects a device by its own access link, a capacity each way.
pub(super) fn own_access(net: &mut Topology, device: &Device, at: Node) {
    let node = Node::Device(device.id);
    let up = net.link(device.uplink(), Sharing::Shared);
    let down = net.link(device.downlink(), Sharing::Shared);
    net.edge(node, at, up, device.latency());
    net.edge(at, node, down, device.latency());
}

/// The air of a cell: its capacity is all of the time.
pub(super) fn air(net: &mut Topology) -> LinkId {
    net.link(BytesPerSecond::from_raw(1.0), Sharing::Shared)
}

/// Connects a device by the air of a cell, which a byte takes for 1 / rate.
pub(super) fn air_access(net: &mut Topology, device: &Device, at: Node, air: LinkId) {
    let node = Node::Device(device.id);
    let hop = |rate: BytesPerSecond| Hop { link: air.index(), usage: 1.0 / rate.get() };
    net.edge_using(node, at, hop(device.uplink()), device.latency());
    net.edge_using(at, node, hop(device.downlink()), device.latency());
}

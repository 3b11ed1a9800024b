use std::collections::BTreeMap;

use fleetune_units::Bytes;

use super::{
    capacity::CapacityProfile,
    config::NodeName,
    model::TransferModel,
    routes::{Route, RouteError},
    topology::{LinkId, Node, Topology},
    transfers::{Transfer, Transfers},
};
use crate::{energy::Moment, fleet::DeviceId};

/// A network that was built: its graph, and what the graph does not know.
#[derive(Debug, Clone)]
pub struct Network {
    /// Nodes, links and their nominal capacities: of a changing one, the peak.
    pub topology: Topology,
    /// Capacities that change.
    pub(super) profiles: BTreeMap<LinkId, CapacityProfile>,
    pub(super) names: BTreeMap<NodeName, Vec<LinkId>>,
    pub(super) aggregators: BTreeMap<DeviceId, Node>,
}

/// How a device and its peer reach each other.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRoutes {
    /// To the device.
    pub down: Route,
    /// From it.
    pub up: Route,
}

impl Network {
    pub(super) fn of(topology: Topology) -> Self {
        Self {
            topology,
            profiles: BTreeMap::new(),
            names: BTreeMap::new(),
            aggregators: BTreeMap::new(),
        }
    }

    /// The links of that name: one for each direction, and the air of a Wi-Fi cell. For outages.
    pub fn links(&self, name: &str) -> &[LinkId] {
        let found = self.names.iter().find(|(known, _)| known.as_str() == name);
        found.map_or(&[], |(_, links)| links)
    }

    /// The edge aggregator of a device, if it has one.
    pub fn aggregator(&self, device: DeviceId) -> Option<Node> {
        self.aggregators.get(&device).copied()
    }

    /// The capacity of a link over time.
    pub fn profile(&self, link: LinkId) -> Option<CapacityProfile> {
        let nominal =
            || Some(CapacityProfile::constant(self.topology.links().get(link.index())?.capacity));
        self.profiles.get(&link).cloned().or_else(nominal)
    }

    /// An engine over its links under `model`, without transfers. Less of a cell's air time is
    /// less of every rate over it, so that the factor is right for it as well.
    pub fn transfers(&self, model: &TransferModel, start: Moment) -> Transfers {
        let links = self.topology.links().iter().zip(0..).map(|(link, index)| {
            let own = self.profiles.get(&LinkId(index)).cloned();
            let profile = own.unwrap_or_else(|| CapacityProfile::constant(link.capacity));
            (profile.scaled(model.bandwidth_factor()), link.sharing)
        });
        Transfers::with_profiles(start, links)
    }

    /// The routes between the server and every device, by device; two searches in all.
    ///
    /// # Errors
    /// There is no server, or no path to or from a device.
    pub fn device_routes(&self) -> Result<BTreeMap<DeviceId, DeviceRoutes>, RouteError> {
        self.routes_with(Node::Server, |_| true)
    }

    /// The routes between an aggregator and each of its devices; two searches in all.
    ///
    /// # Errors
    /// There is no such aggregator, or no path to or from a device.
    pub fn aggregator_routes(
        &self,
        aggregator: Node,
    ) -> Result<BTreeMap<DeviceId, DeviceRoutes>, RouteError> {
        self.routes_with(aggregator, |device| self.aggregator(device) == Some(aggregator))
    }

    fn routes_with(
        &self,
        peer: Node,
        wanted: impl Fn(DeviceId) -> bool,
    ) -> Result<BTreeMap<DeviceId, DeviceRoutes>, RouteError> {
        let (from, to) = (self.topology.routes_from(peer)?, self.topology.routes_to(peer)?);
        let devices = self.topology.nodes().filter_map(|node| match node {
            Node::Device(id) if wanted(id) => Some(id),
            _ => None,
        });
        let both = |id| {
            let node = Node::Device(id);
            Ok((id, DeviceRoutes { down: from.route(node)?, up: to.route(node)? }))
        };
        devices.map(both).collect()
    }

    /// What `model` makes of `size` bytes to the device.
    pub fn download(&self, model: &TransferModel, routes: &DeviceRoutes, size: Bytes) -> Transfer {
        model.transfer(self.topology.links(), &routes.down, Some(&routes.up), size)
    }

    /// What `model` makes of `size` bytes from the device.
    pub fn upload(&self, model: &TransferModel, routes: &DeviceRoutes, size: Bytes) -> Transfer {
        model.transfer(self.topology.links(), &routes.up, Some(&routes.down), size)
    }
}

//! Edges that join their own devices' updates: devices transfer with their aggregator, it with the cloud.

use fleetune_units::Bytes;

use super::{
    DeviceRoutes, Direction, Network, ServerLink, Wiring,
    config::{NodeName, TopologyConfig, TopologyError},
    model::TransferModel,
    routes::RouteError,
    topology::Node,
    transfers::Transfer,
    wiring::Ways,
};
use crate::fleet::Device;

/// An edge aggregator that ends its devices' transfers.
#[derive(Debug, Clone)]
pub struct Edge {
    /// How reports call it.
    pub name: NodeName,
    /// Between it and the server: down to it, up from it.
    backhaul: DeviceRoutes,
}

/// The edges of a fleet.
#[derive(Debug, Clone, Default)]
pub(super) struct Edges {
    all: Vec<Edge>,
    /// By device.
    of: Vec<u32>,
}

impl Wiring {
    /// Connects `devices`, which have the ids 0, 1, 2 ... in order, with their edge aggregators, and those with the
    /// server: what devices download and upload goes no further than their aggregator.
    ///
    /// # Errors
    /// As [`TopologyConfig::build`], or the topology has no aggregators.
    pub fn to_edges(
        topology: &TopologyConfig,
        model: TransferModel,
        server: &ServerLink,
        devices: &[Device],
    ) -> Result<Self, TopologyError> {
        let TopologyConfig::TwoTier(tiers) = topology else {
            return Err(TopologyError::NoAggregators);
        };
        let network = Box::new(topology.build(devices, server)?);
        let mut routes = vec![None; devices.len()];
        let mut edges = Edges { all: Vec::new(), of: vec![0; devices.len()] };
        let disconnected = |source| TopologyError::Disconnected { source };
        for (tier, index) in tiers.aggregators.iter().zip(0..) {
            let node = Node::Aggregator(index);
            let backhaul = network.backhaul_routes(node).map_err(disconnected)?;
            edges.all.push(Edge { name: tier.name.clone(), backhaul });
            for (device, route) in network.aggregator_routes(node).map_err(disconnected)? {
                routes[device.index()] = Some(route);
                edges.of[device.index()] = index;
            }
        }
        let routes = routes.into_iter().collect::<Option<Vec<_>>>();
        let routes = routes.ok_or(TopologyError::NoAggregators)?;
        Ok(Self { model, ways: Ways::Routed { network, routes }, edges })
    }

    /// The edges that join updates; none if the server does.
    pub fn edges(&self) -> &[Edge] {
        &self.edges.all
    }

    /// The edge of a device, if there are edges.
    pub fn edge_of(&self, device: u32) -> Option<u32> {
        self.edges.of.get(device as usize).copied()
    }

    /// The flow that moves `size` bytes between the server and the `edge`-th edge: down to it, or up from it.
    ///
    /// # Panics
    /// There is no such edge.
    pub fn backhaul(&self, edge: usize, direction: Direction, size: Bytes) -> Transfer {
        let routes = &self.edges.all[edge].backhaul;
        match (&self.ways, direction) {
            (Ways::Routed { network, .. }, Direction::Down) => {
                network.download(&self.model, routes, size)
            }
            (Ways::Routed { network, .. }, Direction::Up) => {
                network.upload(&self.model, routes, size)
            }
            (Ways::Star(_), _) => unreachable!("a star has no edges"),
        }
    }
}

impl Network {
    /// The routes between the server and an aggregator.
    fn backhaul_routes(&self, aggregator: Node) -> Result<DeviceRoutes, RouteError> {
        let down = self.topology.route(Node::Server, aggregator)?;
        Ok(DeviceRoutes { down, up: self.topology.route(aggregator, Node::Server)? })
    }
}

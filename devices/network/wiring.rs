//! How every device of a fleet reaches the server: what a download or an upload becomes as a flow.
//!
//! In a star nobody but the device itself uses its access link, and it moves one way at a time. So
//! the link is a cap on its flow and no link of the network: a fleet of a million has two links,
//! and max-min shares are those of the star's closed form. Other topologies have links and routes
//! for every device.

use fleetune_units::{Bytes, BytesPerSecond, Seconds};

use super::{
    DeviceRoutes, Network, ServerLink,
    config::{TopologyConfig, TopologyError},
    edges::Edges,
    fair_share::{Capacity, Hop, Sharing},
    model::TransferModel,
    topology::{LinkId, Route},
    transfers::{Transfer, Transfers},
};
use crate::{energy::Moment, fleet::Device};

/// The server's link towards the devices, in a star.
const DOWN: usize = 0;
/// The server's link from the devices, in a star.
const UP: usize = 1;
/// What is shared in a star; a device's own links come behind.
const SHARED: usize = 2;

/// The ways between the server and the devices of a fleet, under one model of transfers.
#[derive(Debug, Clone)]
pub struct Wiring {
    pub(super) model: TransferModel,
    pub(super) ways: Ways,
    pub(super) edges: Edges,
}

#[derive(Debug, Clone)]
pub(super) enum Ways {
    Star(ServerLink),
    Routed {
        network: Box<Network>,
        /// By device.
        routes: Vec<DeviceRoutes>,
    },
}

/// Which way bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server to a device.
    Down,
    /// From a device to the server.
    Up,
}

impl Wiring {
    /// Connects `devices`, which have the ids 0, 1, 2 ... in order.
    ///
    /// # Errors
    /// As [`TopologyConfig::build`].
    pub fn new(
        topology: &TopologyConfig,
        model: TransferModel,
        server: &ServerLink,
        devices: &[Device],
    ) -> Result<Self, TopologyError> {
        let ways = match topology {
            TopologyConfig::Star => Ways::Star(*server),
            other => {
                let network = Box::new(other.build(devices, server)?);
                let routes = network
                    .device_routes()
                    .map_err(|source| TopologyError::Disconnected { source })?;
                Ways::Routed { network, routes: routes.into_values().collect() }
            }
        };
        Ok(Self { model, ways, edges: Edges::default() })
    }

    /// An engine over its links, without transfers.
    pub fn transfers(&self, start: Moment) -> Transfers {
        match &self.ways {
            Ways::Star(server) => {
                let factor = self.model.bandwidth_factor();
                let usable = |link: Capacity| Capacity { capacity: link.capacity * factor, ..link };
                Transfers::new(start, &star_links(server).map(usable))
            }
            Ways::Routed { network, .. } => network.transfers(&self.model, start),
        }
    }

    /// The flow that moves `size` bytes between the server and `device`.
    ///
    /// # Panics
    /// The device is not of the fleet that was connected.
    pub fn transfer(&self, device: &Device, direction: Direction, size: Bytes) -> Transfer {
        match &self.ways {
            Ways::Star(server) => self.in_star(server, device, direction, size),
            Ways::Routed { network, routes } => {
                let routes = &routes[device.id.index()];
                match direction {
                    Direction::Down => network.download(&self.model, routes, size),
                    Direction::Up => network.upload(&self.model, routes, size),
                }
            }
        }
    }

    /// How long that takes if nothing else moves and every link has its nominal capacity (of a
    /// changing one, its peak).
    pub fn alone(&self, device: &Device, direction: Direction, size: Bytes) -> Seconds {
        let transfer = self.transfer(device, direction, size);
        let factor = self.model.bandwidth_factor();
        let rate = |hop: &Hop| self.capacity(hop.link) * (factor / hop.usage);
        let cap = transfer.flow.cap.into_iter();
        let rate = cap.chain(transfer.flow.route.iter().map(rate)).reduce(BytesPerSecond::min);
        rate.map_or(transfer.latency, |rate| transfer.latency + size / rate)
    }

    /// The links of that name, for outages and for what reports say of them. A star's have none.
    pub fn links(&self, name: &str) -> &[LinkId] {
        match &self.ways {
            Ways::Star(_) => &[],
            Ways::Routed { network, .. } => network.links(name),
        }
    }

    fn capacity(&self, link: usize) -> BytesPerSecond {
        match &self.ways {
            Ways::Star(server) => star_links(server)[link].capacity,
            Ways::Routed { network, .. } => network.topology.links()[link].capacity,
        }
    }

    fn in_star(
        &self,
        server: &ServerLink,
        device: &Device,
        direction: Direction,
        size: Bytes,
    ) -> Transfer {
        let [down, up] = star_links(server);
        let own = |capacity| Capacity { capacity, sharing: Sharing::Shared };
        let links = [down, up, own(device.downlink()), own(device.uplink())];
        let latency = device.latency() + server.latency;
        let way = |shared: usize| Route {
            hops: vec![Hop::whole(shared), Hop::whole(SHARED + shared)],
            latency,
        };
        let (there, back) = match direction {
            Direction::Down => (way(DOWN), way(UP)),
            Direction::Up => (way(UP), way(DOWN)),
        };
        let mut transfer = self.model.transfer(&links, &there, Some(&back), size);
        let factor = self.model.bandwidth_factor();
        let flow = &mut transfer.flow;
        for hop in flow.route.extract_if(.., |hop| hop.link >= SHARED) {
            let own = links[hop.link].capacity * (factor / hop.usage);
            flow.cap = Some(flow.cap.map_or(own, |cap| cap.min(own)));
        }
        transfer
    }
}

/// The link of a star that all share who transfer this way.
pub(super) const fn shared_by(direction: Direction) -> usize {
    match direction {
        Direction::Down => DOWN,
        Direction::Up => UP,
    }
}

fn star_links(server: &ServerLink) -> [Capacity; 2] {
    let link = |capacity| Capacity { capacity, sharing: Sharing::Shared };
    [link(server.uplink), link(server.downlink)]
}

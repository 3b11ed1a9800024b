//! Who is connected to whom: a directed graph and its routes.
//!
//! A *link* is a constraint with a capacity; an *edge* is a direction in which a link is crossed.
//! A shared cable is one link with an edge each way; a split-duplex cable is two links. A fat pipe
//! caps each flow and is never exhausted.

use std::{collections::BTreeMap, fmt};

use fleetune_units::{BytesPerSecond, Seconds};
use petgraph::{
    Direction,
    stable_graph::{NodeIndex, StableDiGraph},
};
use serde::{Deserialize, Serialize};

pub use super::routes::{Route, RouteError, Routes};
use crate::{
    fleet::{Device, DeviceId},
    network::{
        ServerLink,
        fair_share::{Capacity, Hop, Sharing},
    },
};

/// A link's place in [`Topology::links`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl LinkId {
    /// As an index into [`Topology::links`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What stands at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A device of the fleet.
    Device(DeviceId),
    /// An access point, base station or exchange.
    Router(u32),
    /// An edge aggregator: it ends transfers from devices and has its own with the server.
    Aggregator(u32),
    /// The server.
    Server,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => write!(f, "{id}"),
            Self::Router(index) => write!(f, "router {index}"),
            Self::Aggregator(index) => write!(f, "aggregator {index}"),
            Self::Server => f.write_str("the server"),
        }
    }
}

/// How the two directions of a cable share its capacity. Written `shared`, `split_duplex` or
/// `fat_pipe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplex {
    /// Both directions together have the capacity.
    Shared,
    /// Each direction has the capacity to itself.
    #[serde(rename = "split_duplex")]
    Split,
    /// Each flow has the capacity to itself.
    FatPipe,
}

/// An edge: the link it crosses, what a unit of rate uses of it, and how long that takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) link: LinkId,
    pub(super) usage: f64,
    pub(super) latency: Seconds,
}

/// The network graph.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    graph: StableDiGraph<Node, Edge>,
    nodes: BTreeMap<Node, NodeIndex>,
    links: Vec<Capacity>,
}

impl Topology {
    /// A network without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every device behind its own access link, a capacity each way, all behind the server's
    /// link, likewise. The hub between them is `Router(0)`.
    pub fn star<'a>(devices: impl IntoIterator<Item = &'a Device>, server: &ServerLink) -> Self {
        let mut net = Self::new();
        let hub = Node::Router(0);
        let down = net.link(server.uplink, Sharing::Shared);
        let up = net.link(server.downlink, Sharing::Shared);
        net.edge(Node::Server, hub, down, server.latency);
        net.edge(hub, Node::Server, up, server.latency);
        for device in devices {
            let node = Node::Device(device.id);
            let up = net.link(device.uplink(), Sharing::Shared);
            let down = net.link(device.downlink(), Sharing::Shared);
            net.edge(node, hub, up, device.latency());
            net.edge(hub, node, down, device.latency());
        }
        net
    }

    /// Adds a constraint. It limits nothing until an edge crosses it.
    pub fn link(&mut self, capacity: BytesPerSecond, sharing: Sharing) -> LinkId {
        self.links.push(Capacity { capacity, sharing });
        LinkId((self.links.len() - 1) as u32)
    }

    /// Adds a direction in which `link` is crossed, and the nodes at its ends if they are new.
    pub fn edge(&mut self, from: Node, to: Node, link: LinkId, latency: Seconds) {
        self.edge_using(from, to, Hop::whole(link.index()), latency);
    }

    /// As [`Topology::edge`], where a unit of rate uses more or less of the link than a unit.
    pub fn edge_using(&mut self, from: Node, to: Node, hop: Hop, latency: Seconds) {
        let (from, to) = (self.node(from), self.node(to));
        let (link, usage) = (LinkId(hop.link as u32), hop.usage);
        self.graph.add_edge(from, to, Edge { link, usage, latency });
    }

    /// Adds a node, if it is new.
    pub fn add(&mut self, node: Node) {
        self.node(node);
    }

    /// Adds both directions of a cable between two nodes; returns their links (the same one
    /// twice if it is shared).
    pub fn cable(
        &mut self,
        ends: (Node, Node),
        capacity: BytesPerSecond,
        latency: Seconds,
        duplex: Duplex,
    ) -> (LinkId, LinkId) {
        let (there, back) = match duplex {
            Duplex::Shared => {
                let link = self.link(capacity, Sharing::Shared);
                (link, link)
            }
            Duplex::Split => {
                (self.link(capacity, Sharing::Shared), self.link(capacity, Sharing::Shared))
            }
            Duplex::FatPipe => {
                let link = self.link(capacity, Sharing::FatPipe);
                (link, link)
            }
        };
        self.edge(ends.0, ends.1, there, latency);
        self.edge(ends.1, ends.0, back, latency);
        (there, back)
    }

    /// All constraints, by [`LinkId`]; what [`crate::network::fair_share::solve`] takes.
    pub fn links(&self) -> &[Capacity] {
        &self.links
    }

    /// Changes a link's capacity; flows have to be solved again.
    pub fn set_capacity(&mut self, link: LinkId, capacity: BytesPerSecond) {
        if let Some(link) = self.links.get_mut(link.index()) {
            link.capacity = capacity;
        }
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    /// The path of least latency; among equals the one with fewer links, then the one whose
    /// links, read backwards from the destination, have lower ids.
    ///
    /// For many nodes that talk to one use [`Topology::routes_from`] and
    /// [`Topology::routes_to`], which search once.
    ///
    /// # Errors
    /// A node is unknown or no path leads there.
    pub fn route(&self, from: Node, to: Node) -> Result<Route, RouteError> {
        let goal = self.place(to)?;
        Routes::search(self, from, Direction::Outgoing, Some(goal))?.route(to)
    }

    /// The routes from a node to every other, by the rule of [`Topology::route`].
    ///
    /// # Errors
    /// The node is unknown.
    pub fn routes_from(&self, from: Node) -> Result<Routes<'_>, RouteError> {
        Routes::search(self, from, Direction::Outgoing, None)
    }

    /// The routes to a node from every other. Ties are broken by the mirrored rule: lower ids of
    /// links read forwards from the source.
    ///
    /// # Errors
    /// The node is unknown.
    pub fn routes_to(&self, to: Node) -> Result<Routes<'_>, RouteError> {
        Routes::search(self, to, Direction::Incoming, None)
    }

    /// Every node, in order.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.nodes.keys().copied()
    }

    pub(super) const fn graph(&self) -> &StableDiGraph<Node, Edge> {
        &self.graph
    }

    pub(super) fn place(&self, node: Node) -> Result<NodeIndex, RouteError> {
        self.nodes.get(&node).copied().ok_or(RouteError::NoSuchNode(node))
    }

    fn node(&mut self, node: Node) -> NodeIndex {
        *self.nodes.entry(node).or_insert_with(|| self.graph.add_node(node))
    }
}

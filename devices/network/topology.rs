//! Who is connected to whom: a directed graph and its routes.
//!
//! A *link* is a constraint with a capacity; an *edge* is a direction in which a link is crossed.
//! A shared cable is one link with an edge each way; a split-duplex cable is two links. A fat pipe
//! caps each flow and is never exhausted.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use fleetune_units::{BytesPerSecond, Seconds};
use petgraph::{
    stable_graph::{NodeIndex, StableDiGraph},
    visit::EdgeRef,
};
use thiserror::Error;

use crate::{
    fleet::{Device, DeviceId},
    network::{
        ServerLink,
        fair_share::{Capacity, Sharing},
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
    /// The server.
    Server,
}

/// How the two directions of a cable share its capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplex {
    /// Both directions together have the capacity.
    Shared,
    /// Each direction has the capacity to itself.
    Split,
    /// Each flow has the capacity to itself.
    FatPipe,
}

/// An edge: the link it crosses and how long that takes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    link: LinkId,
    latency: Seconds,
}

/// The links from one node to another, in order, and their latencies' sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The links crossed.
    pub links: Vec<LinkId>,
    /// One way, first bit.
    pub latency: Seconds,
}

/// Why there is no route. A fault of the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The topology has no such node.
    #[error("the network has no {0:?}")]
    NoSuchNode(Node),
    /// No path leads there.
    #[error("no path leads from {from:?} to {to:?}")]
    Unreachable {
        /// Where from.
        from: Node,
        /// Where to.
        to: Node,
    },
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
        let (from, to) = (self.node(from), self.node(to));
        self.graph.add_edge(from, to, Edge { link, latency });
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
    /// # Errors
    /// A node is unknown or no path leads there.
    pub fn route(&self, from: Node, to: Node) -> Result<Route, RouteError> {
        let place = |node| self.nodes.get(&node).copied().ok_or(RouteError::NoSuchNode(node));
        let (start, goal) = (place(from)?, place(to)?);
        let mut best: BTreeMap<NodeIndex, Arrival> = BTreeMap::new();
        let mut queue = BinaryHeap::new();
        let origin = Arrival { key: Key::default(), from: start };
        queue.push(Reverse((origin.key, start.index())));
        best.insert(start, origin);
        while let Some(Reverse((key, index))) = queue.pop() {
            let node = NodeIndex::new(index);
            if best.get(&node).is_none_or(|arrival| arrival.key != key) {
                continue;
            }
            if node == goal {
                break;
            }
            for edge in self.graph.edges(node) {
                let next = key.after(edge.weight());
                if best.get(&edge.target()).is_none_or(|known| next < known.key) {
                    best.insert(edge.target(), Arrival { key: next, from: node });
                    queue.push(Reverse((next, edge.target().index())));
                }
            }
        }
        let unreachable = RouteError::Unreachable { from, to };
        let latency = best.get(&goal).ok_or(unreachable)?.key.latency();
        let mut links = Vec::new();
        let mut node = goal;
        while node != start {
            let arrival = best.get(&node).ok_or(unreachable)?;
            links.push(LinkId(arrival.key.last_link));
            node = arrival.from;
        }
        links.reverse();
        Ok(Route { links, latency })
    }

    fn node(&mut self, node: Node) -> NodeIndex {
        *self.nodes.entry(node).or_insert_with(|| self.graph.add_node(node))
    }
}

/// How a node was reached.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    key: Key,
    from: NodeIndex,
}

/// What paths to a node are compared by: a total order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Key {
    /// The bits of a latency: for numbers that are not negative they order as the numbers do.
    latency: u64,
    hops: u32,
    last_link: u32,
}

impl Key {
    fn latency(self) -> Seconds {
        Seconds::from_raw(f64::from_bits(self.latency))
    }

    fn after(self, edge: &Edge) -> Self {
        Self {
            latency: (self.latency() + edge.latency).get().to_bits(),
            hops: self.hops + 1,
            last_link: edge.link.0,
        }
    }
}

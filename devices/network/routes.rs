//! Least-latency routes: Dijkstra's algorithm with keys that have no ties to speak of.

use std::{cmp::Reverse, collections::BinaryHeap};

use fleetune_units::Seconds;
use petgraph::{
    Direction,
    stable_graph::{EdgeIndex, NodeIndex},
    visit::{EdgeRef, NodeIndexable},
};
use thiserror::Error;

use super::{
    fair_share::Hop,
    topology::{Edge, LinkId, Node, Topology},
};

/// The links from one node to another, in order, and their latencies' sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The links crossed and what they are used; a link crossed twice is there twice.
    pub hops: Vec<Hop>,
    /// One way, first bit.
    pub latency: Seconds,
}

impl Route {
    /// The links crossed, in order.
    pub fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.hops.iter().map(|hop| LinkId(hop.link as u32))
    }
}

/// Why there is no route. A fault of the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The topology has no such node.
    #[error("the network has no {0}")]
    NoSuchNode(Node),
    /// No path leads there.
    #[error("no path leads from {from} to {to}")]
    Unreachable {
        /// Where from.
        from: Node,
        /// Where to.
        to: Node,
    },
}

/// All routes from a node, or to one: one search for a whole fleet.
#[derive(Debug, Clone)]
pub struct Routes<'a> {
    topology: &'a Topology,
    root: Node,
    /// Of the routes, as seen from the root: outgoing if they begin there.
    direction: Direction,
    /// By node index.
    arrivals: Vec<Option<Arrival>>,
}

/// How a node was reached.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    key: PathKey,
    /// None at the root.
    via: Option<EdgeIndex>,
}

/// What paths to a node are compared by: a total order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct PathKey {
    /// The bits of a latency: for numbers that are not negative they order as the numbers do.
    latency: u64,
    hops: u32,
    last_link: u32,
}

impl PathKey {
    fn after(self, edge: &Edge) -> Self {
        let latency = Seconds::from_raw(f64::from_bits(self.latency)) + edge.latency;
        Self { latency: latency.get().to_bits(), hops: self.hops + 1, last_link: edge.link.0 }
    }
}

impl<'a> Routes<'a> {
    /// Searches from `root`, no further than `goal` if there is one.
    pub(super) fn search(
        topology: &'a Topology,
        root: Node,
        direction: Direction,
        goal: Option<NodeIndex>,
    ) -> Result<Self, RouteError> {
        let graph = topology.graph();
        let start = topology.place(root)?;
        let mut arrivals: Vec<Option<Arrival>> = vec![None; graph.node_bound()];
        let mut queue = BinaryHeap::new();
        arrivals[start.index()] = Some(Arrival { key: PathKey::default(), via: None });
        queue.push(Reverse((PathKey::default(), start.index())));
        while let Some(Reverse((key, index))) = queue.pop() {
            if arrivals[index].is_none_or(|arrival| arrival.key != key) {
                continue;
            }
            let node = NodeIndex::new(index);
            if Some(node) == goal {
                break;
            }
            for edge in graph.edges_directed(node, direction) {
                let far = match direction {
                    Direction::Outgoing => edge.target(),
                    Direction::Incoming => edge.source(),
                };
                let next = key.after(edge.weight());
                let known = &mut arrivals[far.index()];
                if known.is_none_or(|known| next < known.key) {
                    *known = Some(Arrival { key: next, via: Some(edge.id()) });
                    queue.push(Reverse((next, far.index())));
                }
            }
        }
        Ok(Self { topology, root, direction, arrivals })
    }

    /// The route between the root and `other`.
    ///
    /// # Errors
    /// The node is unknown or no path leads there.
    pub fn route(&self, other: Node) -> Result<Route, RouteError> {
        let (from, to) = match self.direction {
            Direction::Outgoing => (self.root, other),
            Direction::Incoming => (other, self.root),
        };
        let unreachable = RouteError::Unreachable { from, to };
        let graph = self.topology.graph();
        let mut edges: Vec<&Edge> = Vec::new();
        let mut node = self.topology.place(other)?;
        while let Some(via) = self.arrivals[node.index()].ok_or(unreachable)?.via {
            let ends = graph.edge_endpoints(via).ok_or(unreachable)?;
            node = if self.direction == Direction::Outgoing { ends.0 } else { ends.1 };
            edges.extend(graph.edge_weight(via));
        }
        if self.direction == Direction::Outgoing {
            edges.reverse();
        }
        // Summed along the route, so that both searches give the same bits.
        let latency = edges.iter().map(|edge| edge.latency).sum();
        let hop = |edge: &Edge| Hop { link: edge.link.index(), usage: edge.usage };
        Ok(Route { hops: edges.into_iter().map(hop).collect(), latency })
    }
}

//! Device, edge, cloud: HierFAVG (L. Liu, J. Zhang, S. H. Song, K. B. Letaief, "Client-edge-cloud hierarchical federated
//! learning", ICC 2020, arXiv 1905.06641).
//!
//! ```text
//!   cloud  ─► model ─► edge ─► round ─► round ─► ... ─► model ─┐
//!          ─► model ─► edge ─► round ─► round ─► ... ─► model ─┴─► mean, the next version of the global model
//! ```
//!
//! Each edge aggregator has synchronous rounds with its own devices, over its own links. After so many of them (the
//! paper's κ₂) it sends its model to the cloud, over the backhaul; when all edges have, the cloud joins them, each weighed
//! by the examples of those of its clients that took part since the last time, and sends the outcome back.

use std::collections::BTreeMap;

use fleetune_algorithms::{
    mixing::mean_model,
    protocol::{ClientId, Server},
};
use fleetune_devices::network::Direction;
use fleetune_models::parameters::Weights;
use fleetune_units::Bytes;

use super::{
    error::FederationError,
    event::FederationEvent,
    group::{GroupInfo, Membership},
    links::Mover,
    mode::{Mode, POLICY},
    outcome::RoundOutcome,
    server::Federation,
};

/// All edges, and what the cloud has not heard of yet.
#[derive(Debug)]
pub(super) struct Hierarchy {
    /// Rounds of an edge between two versions of the global model.
    edge_rounds: u32,
    edges: Vec<Edge>,
    /// Rounds of edges since the last version.
    held: Vec<RoundOutcome>,
    /// The cloud will join the edges at this instant.
    joining: bool,
}

#[derive(Debug, Clone)]
struct Edge {
    state: State,
    /// The examples of clients that took part since the last version.
    examples: BTreeMap<ClientId, u64>,
}

/// What an edge is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The cloud's model is on its way to it.
    Receiving,
    /// It has so many rounds to go.
    Training { left: u32 },
    /// Its model is on the way to the cloud.
    Reporting,
    /// The cloud has its model.
    Reported,
    /// None of its devices can take part any more.
    Deserted,
}

impl Hierarchy {
    pub(super) fn new(edges: usize, edge_rounds: u32) -> Self {
        let edge = Edge { state: State::Deserted, examples: BTreeMap::new() };
        Self { edge_rounds, edges: vec![edge; edges], held: Vec::new(), joining: false }
    }

    pub(super) fn held(&self) -> &[RoundOutcome] {
        &self.held
    }

    /// Whether the cloud has all the models it will get.
    fn is_complete(&self) -> bool {
        let done = |edge: &Edge| matches!(edge.state, State::Reported | State::Deserted);
        self.edges.iter().all(done) && !self.is_deserted()
    }

    fn is_deserted(&self) -> bool {
        self.edges.iter().all(|edge| edge.state == State::Deserted)
    }
}

/// Makes a server go on from this model; which all servers of a federation with groups can.
pub(super) fn move_to(server: &mut dyn Server, weights: &Weights) {
    server.movable().expect(POLICY).move_to(weights);
}

impl Federation<'_> {
    fn hierarchy(&mut self) -> &mut Hierarchy {
        match &mut self.mode {
            Mode::Hierarchy(hierarchy) => hierarchy,
            _ => unreachable!("{POLICY}"),
        }
    }

    /// Every device belongs to its aggregator.
    pub(super) fn find_edges(&mut self) -> Vec<GroupInfo> {
        let edges = self.wiring.edges();
        let mut infos: Vec<GroupInfo> = edges
            .iter()
            .map(|edge| GroupInfo { name: edge.name.to_string(), devices: 0 })
            .collect();
        let of = (0..).take(self.devices.len()).map(|device| self.wiring.edge_of(device));
        let of: Vec<Option<u32>> = of.collect();
        of.iter().flatten().for_each(|&edge| infos[edge as usize].devices += 1);
        self.members = Membership::Of(of);
        infos
    }

    /// A group's server goes on from the global model, unless that is what it has.
    pub(super) fn hand_down(&mut self, group: usize) {
        let (global, parts) = self.server.parts();
        if parts[group].weights() != global.weights() {
            move_to(parts[group], global.weights());
        }
    }

    /// The cloud sends its model to every edge that has devices.
    pub(super) fn send_down(&mut self) -> Result<(), FederationError> {
        for edge in 0..self.groups.len() {
            let group = &self.groups[edge];
            let deserted = group.deserted || group.capable == 0;
            self.hierarchy().edges[edge].state =
                if deserted { State::Deserted } else { State::Receiving };
            if !deserted {
                self.start_backhaul(edge, Direction::Down)?;
            }
        }
        Ok(())
    }

    fn start_backhaul(&mut self, edge: usize, direction: Direction) -> Result<(), FederationError> {
        let size = self.message_size();
        let transfer = self.wiring.backhaul(edge, direction, size);
        Ok(self.links.start(Mover::Edge(edge as u32), self.calendar.now(), transfer)?)
    }

    fn message_size(&mut self) -> Bytes {
        let (global, _) = self.server.parts();
        global.movable().expect(POLICY).message_size()
    }

    /// A model has crossed the backhaul.
    pub(super) fn backhauled(&mut self, edge: usize) -> Result<(), FederationError> {
        let size = self.message_size();
        if self.hierarchy().edges[edge].state == State::Receiving {
            self.standing.backhaul.downlink += size;
            let left = self.hierarchy().edge_rounds;
            self.hierarchy().edges[edge].state = State::Training { left };
            self.hand_down(edge);
            return self.open_soon(edge);
        }
        self.standing.backhaul.uplink += size;
        self.hierarchy().edges[edge].state = State::Reported;
        self.join_edges_soon()
    }

    /// The cloud joins the edges once all else of this instant is known, if it has all their models.
    fn join_edges_soon(&mut self) -> Result<(), FederationError> {
        let hierarchy = self.hierarchy();
        if hierarchy.is_complete() && !std::mem::replace(&mut hierarchy.joining, true) {
            self.schedule(self.now(), FederationEvent::CloudJoins)?;
        }
        Ok(())
    }

    /// Notes whose updates an edge has joined.
    pub(super) fn took_part(&mut self, group: usize, clients: &[(ClientId, u64)]) {
        if let Mode::Hierarchy(hierarchy) = &mut self.mode {
            hierarchy.edges[group].examples.extend(clients.iter().copied());
        }
    }

    /// An edge's round is over: it opens the next one or reports to the cloud.
    pub(super) fn edge_round_over(
        &mut self,
        edge: usize,
        outcome: RoundOutcome,
    ) -> Result<(), FederationError> {
        self.hierarchy().held.push(outcome);
        self.end = self.ends_early();
        if self.end.is_some() {
            return self.break_off();
        }
        if let State::Training { left } = &mut self.hierarchy().edges[edge].state {
            *left -= 1;
            if *left > 0 {
                return self.open_soon(edge);
            }
        }
        self.report(edge)
    }

    fn report(&mut self, edge: usize) -> Result<(), FederationError> {
        self.hierarchy().edges[edge].state = State::Reporting;
        self.start_backhaul(edge, Direction::Up)
    }

    /// The cloud has heard of all edges: the global model moves, if anything has arrived anywhere.
    pub(super) fn join_edges(&mut self) -> Result<(), FederationError> {
        let Mode::Hierarchy(hierarchy) = &mut self.mode else { unreachable!("{POLICY}") };
        hierarchy.joining = false;
        let (global, parts) = self.server.parts();
        let examples = hierarchy.edges.iter_mut().map(|edge| std::mem::take(&mut edge.examples));
        let weights = examples.map(|examples| examples.into_values().sum::<u64>());
        let models = parts.iter().map(|part| part.weights()).zip(weights);
        let models: Vec<_> = models.filter(|(_, examples)| *examples > 0).collect();
        if let Some(mean) = mean_model(&models) {
            move_to(global, &mean);
        }
        let rounds = std::mem::take(&mut hierarchy.held);
        self.moved_on(rounds)?;
        if self.end.is_some() { self.break_off() } else { self.send_down() }
    }

    /// No device will ever come or go any more: edges that wait in vain report what they have, and are left out from
    /// then on. Says whether that leaves nobody.
    pub(super) fn desert_edges(&mut self) -> Result<bool, FederationError> {
        for edge in 0..self.groups.len() {
            if !self.groups[edge].waits_in_vain() {
                continue;
            }
            self.stop_waiting(edge);
            self.groups[edge].deserted = true;
            if self.hierarchy().edges[edge].examples.is_empty() {
                self.hierarchy().edges[edge].state = State::Deserted;
                self.join_edges_soon()?;
            } else {
                self.report(edge)?;
                self.links.arm(&mut self.calendar)?;
            }
        }
        Ok(self.hierarchy().is_deserted())
    }

    /// The run ends: what the cloud has not heard of comes to nothing.
    pub(super) fn abandon_edges(&mut self) -> Result<(), FederationError> {
        let mut outcomes = std::mem::take(&mut self.hierarchy().held);
        outcomes.iter_mut().for_each(RoundOutcome::forfeit);
        for edge in 0..self.groups.len() {
            outcomes.extend(self.interrupt(edge)?);
            let moved = self.links.abort(Mover::Edge(edge as u32), self.calendar.now())?;
            let moved = moved.unwrap_or(Bytes::ZERO);
            match self.hierarchy().edges[edge].state {
                State::Receiving => self.standing.backhaul.downlink += moved,
                _ => self.standing.backhaul.uplink += moved,
            }
        }
        self.broken_off(&outcomes)
    }
}

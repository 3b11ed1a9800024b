//! Keeping what is learnt, and going on from it.
//!
//! See [`checkpoint`](crate::checkpoint). Of all the federation's state the servers, the models of tiers and the models
//! that clients without rounds started from are written down, and nothing else: the rest comes to be again.

use std::collections::BTreeMap;

use fleetune_algorithms::{
    mixing::Ticket,
    protocol::{Assignment, ClientId, Estimate, Exchange, Restoring, Snapshot, SnapshotError},
};
use fleetune_devices::network::Alone;

use super::{
    clock::Undisturbed, error::FederationError, mode::Mode, round::Round, server::Federation,
    side::Side,
};
use crate::checkpoint::{Here, Recorder, Turn};

impl Federation<'_> {
    /// Keeps checkpoints with `recorder`, which hears all that the servers say: they, and the observer, are its own too. If
    /// it has one already, the run goes on from there.
    #[must_use]
    pub fn kept_by(mut self, recorder: &Recorder) -> Self {
        self.recorder = Some(recorder.clone());
        self
    }

    /// An event is over: keeps a checkpoint, or goes on from one, if it is time.
    pub(super) fn look_after(&mut self) -> Result<(), FederationError> {
        let Some(recorder) = self.recorder.clone() else { return Ok(()) };
        let here = Here {
            events: self.calendar.counts().fired,
            rounds: self.standing.rounds,
            nanos: self.now().as_nanos(),
        };
        match recorder.turn(here) {
            Turn::GoOn => Ok(()),
            Turn::Save => Ok(recorder.keep(here, &self.saved())?),
            Turn::SaveAndStop => {
                recorder.keep(here, &self.saved())?;
                Err(FederationError::Paused)
            }
            Turn::Stop => Err(FederationError::Paused),
            Turn::Astray => Err(FederationError::Astray),
            Turn::TakeOver(snapshot) => {
                self.take_over(&snapshot).map_err(|_| FederationError::Astray)?;
                if !self.assign_again()? {
                    return Err(FederationError::Astray);
                }
                recorder.go_live();
                Ok(())
            }
        }
    }

    /// All that was learnt.
    fn saved(&self) -> Vec<u8> {
        let mut snapshot = Snapshot::default();
        match &self.server {
            Side::Cohorts(server) => server.save(&mut snapshot),
            Side::Mixed(mixer) => mixer.save(&mut snapshot),
            Side::Parts { global, parts } => {
                global.save(&mut snapshot);
                parts.iter().for_each(|part| part.save(&mut snapshot));
            }
        }
        if let Mode::Tiers(tiers) = &self.mode {
            tiers.save(&mut snapshot);
        }
        snapshot.into_bytes()
    }

    /// The servers are as they were.
    fn take_over(&mut self, snapshot: &[u8]) -> Result<(), SnapshotError> {
        let mut snapshot = Restoring::new(snapshot);
        match &mut self.server {
            Side::Cohorts(server) => server.restore(&mut snapshot)?,
            Side::Mixed(mixer) => mixer.restore(&mut snapshot)?,
            Side::Parts { global, parts } => {
                global.restore(&mut snapshot)?;
                parts.iter_mut().try_for_each(|part| part.restore(&mut snapshot))?;
            }
        }
        if let Mode::Tiers(tiers) = &mut self.mode {
            tiers.restore(&mut snapshot, self.server.view().weights())?;
        }
        snapshot.finish()
    }

    /// Whoever owes its work gets it once more. Says whether all of it is what it was.
    fn assign_again(&mut self) -> Result<bool, FederationError> {
        let owed: Vec<Owed> = self.open_rounds().flat_map(owed_in).collect();
        let mut alike = true;
        if let (Mode::Asynchronous(flow), Side::Mixed(mixer)) = (&self.mode, &mut self.server) {
            let (devices, wiring, clock) = (self.devices, &self.wiring, &self.clock);
            let device = |client: ClientId| -> Box<dyn Estimate + '_> {
                let alone = Alone { device: &devices[client as usize], wiring };
                Box::new(Undisturbed { alone, clock })
            };
            let assigned = mixer.assign_again(&device).map_err(|_| FederationError::Astray)?;
            let mut assigned: BTreeMap<Ticket, Assignment> = assigned;
            let tickets: BTreeMap<u32, Ticket> = flow.tickets().collect();
            for Owed { place, .. } in owed {
                let ticket = tickets.get(&place);
                let assignment = ticket.and_then(|ticket| assigned.remove(ticket));
                let assignment = assignment.ok_or(FederationError::Astray)?;
                alike &= self.client_mut(place).take_up_again(assignment);
            }
            return Ok(alike);
        }
        for Owed { group, place, client, exchange, layers } in owed {
            let assignment = match layers {
                Some(layers) => self.layered().stopped(exchange, client, layers as usize),
                None => self.assignment(group, exchange, client),
            };
            alike &= self.client_mut(place).take_up_again(assignment);
        }
        Ok(alike)
    }
}

/// Work that is still to be done.
struct Owed {
    group: usize,
    place: u32,
    client: ClientId,
    exchange: Exchange,
    /// So many of its last layers, if it was stopped.
    layers: Option<u32>,
}

fn owed_in(round: &Round) -> impl Iterator<Item = Owed> {
    let (group, exchange) = (round.group as usize, round.exchange);
    round.clients.iter().filter_map(move |(&place, client)| {
        let layers = client.owes()?;
        Some(Owed { group, place, client: client.id, exchange, layers })
    })
}

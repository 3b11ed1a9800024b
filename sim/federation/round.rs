//! Rounds of a group: waiting for devices, asking a cohort, closing.

use std::collections::BTreeMap;

use fleetune_algorithms::protocol::{ClientId, Exchange};

use super::{
    by_place::ByPlace,
    client::{Activity, Client},
    compute::ServerWork,
    error::FederationError,
    event::FederationEvent,
    mode::Mode,
    outcome::{Closing, Fate, RoundOutcome},
    presence::Change,
    server::Federation,
};
use crate::kernel::{Handle, SimDuration, SimTime};

/// A group's server waits until enough devices are there.
#[derive(Debug)]
pub(super) struct Waiting {
    since: SimTime,
    /// The timer after which it makes do with fewer; `None` once that has run out.
    patience: Option<Handle>,
    /// It makes do with whoever is there.
    content: bool,
    /// It will look again at this instant.
    looking: bool,
}

impl Waiting {
    pub(super) fn is_content(&self) -> bool {
        self.content
    }

    /// Whether, with so many devices ready and nobody coming or going, this will never end.
    pub(super) fn is_in_vain(&self, ready: u32) -> bool {
        let more_content_later = self.patience.is_some() && ready > 0;
        !self.looking && !more_content_later
    }
}

/// The open round of a group.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) group: u32,
    pub(super) exchange: Exchange,
    pub(super) waited: SimDuration,
    pub(super) opened: SimTime,
    pub(super) excluded: u32,
    /// By place, in the order of the selection. Without rounds, of being asked.
    pub(super) clients: ByPlace<Client>,
    /// Places by device.
    pub(super) places: BTreeMap<u32, u32>,
    /// Places whose update counts, in the order of arrival.
    pub(super) arrivals: Vec<u32>,
    /// Updates wanted in this exchange.
    pub(super) wanted: u32,
    pub(super) deadline: Option<Handle>,
    /// Set once the exchange takes no more updates.
    pub(super) closing: Option<Closing>,
    /// What keeps the server busy between the end of an exchange and the joining of its updates.
    pub(super) server: Option<ServerWork>,
    /// The algorithm has called the round over.
    pub(super) over: bool,
}

impl Round {
    /// Whose updates count, in the order of arrival.
    pub(super) fn arrived(&self) -> Vec<ClientId> {
        self.arrivals.iter().map(|place| self.clients[place].id).collect()
    }

    /// Whether anyone can still deliver.
    pub(super) fn anyone_busy(&self) -> bool {
        self.clients.any(|client| client.is_busy() || client.pending.is_some())
    }
}

impl Round {
    /// Makes waste of what those did who were not there to the end, or of what all did if the algorithm did not get
    /// there.
    fn forfeit(&mut self, closing: Closing) {
        let fate = if closing == Closing::Interrupted { Fate::Interrupted } else { Fate::Left };
        let all = self.exchange.index + 1;
        for client in self.clients.values_mut() {
            if !(self.over && client.outcome().exchanges == all) {
                client.forfeit(fate);
            }
        }
    }
}

impl Federation<'_> {
    /// A device comes, leaves, or does neither.
    pub(super) fn changed(&mut self, device: u32, change: Change) -> Result<(), FederationError> {
        let Some(group) = self.members.of(device) else { return Ok(()) };
        let counts = u32::from(self.capable[device as usize]);
        if change != Change::Nothing {
            self.selection.moved(group as u32, device, change == Change::Came, self.now());
        }
        match change {
            Change::Came => {
                self.groups[group].ready += counts;
                self.wake(group)
            }
            Change::Left => {
                self.groups[group].ready -= counts;
                self.leave(group, device)
            }
            Change::Nothing => Ok(()),
        }
    }

    /// A device has come: if that makes a quorum, its server looks once all changes of this
    /// instant are known.
    fn wake(&mut self, group: usize) -> Result<(), FederationError> {
        if matches!(self.mode, Mode::Asynchronous(_)) {
            return self.look();
        }
        let here = &self.groups[group];
        let idle = here.waiting.as_ref().is_some_and(|waiting| !waiting.looking);
        if idle && here.ready >= here.quorum(self.rules.cohort) {
            self.open_soon(group)?;
        }
        Ok(())
    }

    /// The server has waited long enough for a full cohort of a group.
    pub(super) fn lose_patience(&mut self, group: usize) -> Result<(), FederationError> {
        if let Some(waiting) = &mut self.groups[group].waiting {
            (waiting.patience, waiting.content) = (None, true);
        }
        self.wake(group)
    }

    /// A group's server looks for a cohort once all else of this instant is known.
    pub(super) fn open_soon(&mut self, group: usize) -> Result<(), FederationError> {
        let event = FederationEvent::OpenRound { group: group as u32 };
        self.schedule(self.now(), event)?;
        if let Some(waiting) = &mut self.groups[group].waiting {
            waiting.looking = true;
        }
        Ok(())
    }

    /// Asks a cohort of a group, or waits for one.
    pub(super) fn open_round(&mut self, group: usize) -> Result<(), FederationError> {
        let now = self.now();
        if let Some(waiting) = &mut self.groups[group].waiting {
            waiting.looking = false;
        }
        let here = &self.groups[group];
        if here.ready < here.quorum(self.rules.cohort) {
            return self.wait(group);
        }
        let exchange = Exchange { round: here.rounds, index: 0, progress: self.progress() };
        if matches!(self.mode, Mode::Tiers(_)) {
            self.refresh_tier(group);
        }
        let (asked, excluded) = self.select(group, exchange)?;
        if asked.is_empty() {
            return self.wait(group);
        }
        let waited = self.stop_waiting(group);
        let tails = &mut self.tails;
        let mut clients = ByPlace::new(self.groups.len() as u32);
        for &(place, id) in &asked {
            clients.insert(place, Client::new(id, tails.take(id, now), now));
        }
        let places = asked.iter().map(|&(place, id)| (id, place)).collect();
        self.standing.asked += asked.len() as u64;
        self.groups[group].round = Some(Round {
            group: group as u32,
            exchange,
            waited,
            opened: now,
            excluded,
            clients,
            places,
            arrivals: Vec::new(),
            wanted: 0,
            deadline: None,
            closing: None,
            server: None,
            over: false,
        });
        self.open_exchange(group, exchange, asked)
    }

    fn wait(&mut self, group: usize) -> Result<(), FederationError> {
        if self.groups[group].waiting.is_none() {
            let now = self.now();
            let event = FederationEvent::Patience { group: group as u32 };
            let patience = match self.rules.deadline {
                Some(span) => Some(self.schedule(now.after(span)?, event)?),
                None => None,
            };
            let waiting = Waiting { since: now, patience, content: false, looking: false };
            self.groups[group].waiting = Some(waiting);
        }
        Ok(())
    }

    /// A group's server waits no longer: says how long it has.
    pub(super) fn stop_waiting(&mut self, group: usize) -> SimDuration {
        let Some(waiting) = self.groups[group].waiting.take() else {
            return SimDuration::ZERO;
        };
        if let Some(timer) = waiting.patience {
            self.calendar.cancel(timer);
        }
        self.now().since(waiting.since).unwrap_or(SimDuration::ZERO)
    }

    /// Closes a group's round, whatever that leads to.
    pub(super) fn close_round(
        &mut self,
        group: usize,
        closing: Closing,
    ) -> Result<(), FederationError> {
        let Some(outcome) = self.conclude(group, closing)? else {
            return Ok(());
        };
        match &self.mode {
            Mode::Rounds | Mode::Asynchronous(_) => self.moved_on(vec![outcome])?,
            Mode::Tiers(_) => self.join_tier(group, outcome)?,
            Mode::Hierarchy(_) => return self.edge_round_over(group, outcome),
        }
        match self.end {
            Some(_) => self.break_off(),
            None => self.open_soon(group),
        }
    }

    /// Breaks a group's open round off, if there is one: all that its open exchange has spent is waste.
    pub(super) fn interrupt(
        &mut self,
        group: usize,
    ) -> Result<Option<RoundOutcome>, FederationError> {
        self.abort_busy(group, Fate::Interrupted)?;
        let now = self.now();
        let Some(round) = &self.groups[group].round else {
            return Ok(None);
        };
        let delivered = round.clients.iter();
        let delivered = delivered.filter(|(_, client)| client.arrived || client.pending.is_some());
        let delivered: Vec<u32> = delivered.map(|(&place, _)| place).collect();
        for place in delivered {
            self.turn(place, Activity::Gone)?;
            self.client_mut(place).settle(Fate::Interrupted, now)?;
        }
        self.conclude(group, Closing::Interrupted)
    }

    /// Takes a group's round off the table.
    fn conclude(
        &mut self,
        group: usize,
        closing: Closing,
    ) -> Result<Option<RoundOutcome>, FederationError> {
        let now = self.now();
        let Some(mut round) = self.groups[group].round.take() else {
            return Ok(None);
        };
        self.groups[group].rounds += 1;
        for client in round.clients.values_mut() {
            client.close(now)?;
        }
        if let Some(server) = round.server {
            self.standing.server_flops += server.done_at(now);
        }
        if self.server.of(group).needs_whole_rounds() {
            round.forfeit(closing);
        }
        let tails = self.tails.tell(now);
        for client in round.clients.values() {
            if let Some((tail, useful)) = client.last_tail() {
                self.tails.keep(client.id, tail, now, useful);
            }
        }
        let outcome = RoundOutcome {
            group: round.group,
            round: round.exchange.round,
            waited: round.waited,
            opened: round.opened,
            closed: now,
            closing,
            exchanges: round.exchange.index + 1,
            excluded: round.excluded,
            clients: round.clients.values().map(Client::outcome).collect(),
            tails,
        };
        self.tell_selection(group, &outcome);
        Ok(Some(outcome))
    }
}

//! Rounds: waiting for devices, asking a cohort, closing.

use std::{collections::BTreeMap, ops::ControlFlow};

use fleetune_algorithms::protocol::{ClientId, Exchange, Progress};

use super::{
    by_place::ByPlace,
    client::{Activity, Client},
    compute::ServerWork,
    error::FederationError,
    event::FederationEvent,
    outcome::{Closing, End, Fate, RoundOutcome},
    presence::Change,
    selection,
    server::Federation,
};
use crate::kernel::{Handle, SimDuration, SimTime};

/// The server waits until enough devices are there.
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

/// The open round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) exchange: Exchange,
    pub(super) waited: SimDuration,
    pub(super) opened: SimTime,
    pub(super) excluded: u32,
    /// By place: the order of the selection. Without rounds, of being asked.
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
    /// Counts the devices that are there and can run the algorithm.
    pub(super) fn count_ready(&mut self) {
        let there = |(device, &capable): (u32, &bool)| capable && self.presence.is_online(device);
        self.ready = (0..).zip(&self.capable).map(|each| u32::from(there(each))).sum();
    }

    /// A device comes, leaves, or does neither.
    pub(super) fn changed(&mut self, device: u32, change: Change) -> Result<(), FederationError> {
        let counts = u32::from(self.capable[device as usize]);
        match change {
            Change::Came => {
                self.ready += counts;
                self.wake()
            }
            Change::Left => {
                self.ready -= counts;
                self.leave(device)
            }
            Change::Nothing => Ok(()),
        }
    }

    /// Devices that must be ready for a round to open: a cohort, or all there are of a fleet with
    /// fewer; anyone at all once the server has lost patience.
    fn quorum(&self) -> u32 {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.content) {
            return 1;
        }
        let capable = self.capable.iter().map(|&capable| u32::from(capable)).sum();
        self.rules.cohort.min(capable)
    }

    /// Whether the server waits although, if no device comes or goes, it will never open a round.
    pub(super) fn waits_in_vain(&self) -> bool {
        if let Some(flow) = &self.asynchronous {
            let moving = self.round.as_ref().is_some_and(|window| window.closing.is_some());
            return flow.is_idle() && !moving;
        }
        self.waiting.as_ref().is_some_and(|waiting| {
            let more_content_later = waiting.patience.is_some() && self.ready > 0;
            !waiting.looking && !more_content_later
        })
    }

    /// A device has come: if that makes a quorum, the server looks once all changes of this
    /// instant are known.
    fn wake(&mut self) -> Result<(), FederationError> {
        if self.asynchronous.is_some() {
            return self.look();
        }
        let idle = self.waiting.as_ref().is_some_and(|waiting| !waiting.looking);
        if idle && self.ready >= self.quorum() {
            self.look_again()?;
        }
        Ok(())
    }

    pub(super) fn lose_patience(&mut self) -> Result<(), FederationError> {
        if let Some(waiting) = &mut self.waiting {
            (waiting.patience, waiting.content) = (None, true);
        }
        self.wake()
    }

    fn look_again(&mut self) -> Result<(), FederationError> {
        self.schedule(self.now(), FederationEvent::OpenRound)?;
        if let Some(waiting) = &mut self.waiting {
            waiting.looking = true;
        }
        Ok(())
    }

    /// How much of the run is over: of rounds, time and FLOPs, what is nearest to its limit.
    pub(super) fn progress(&self) -> Progress {
        let rules = &self.rules;
        let rounds = self.standing.rounds as f64 / rules.rounds as f64;
        let time = rules.time_limit.map(|limit| self.now().as_seconds() / limit.as_seconds());
        let spent = self.standing.ledger.total().device_flops;
        let flops = rules.flops_limit.map(|limit| spent / limit);
        Progress::of([Some(rounds), time, flops].into_iter().flatten().fold(0.0, f64::max))
    }

    /// Asks a cohort, or waits for one.
    pub(super) fn open_round(&mut self) -> Result<(), FederationError> {
        let now = self.now();
        if let Some(waiting) = &mut self.waiting {
            waiting.looking = false;
        }
        let exchange =
            Exchange { round: self.standing.rounds, index: 0, progress: self.progress() };
        let (asked, excluded) =
            if self.ready >= self.quorum() { self.select(exchange) } else { (Vec::new(), 0) };
        if asked.is_empty() {
            return self.wait();
        }
        let waited = self.waiting.take().map_or(SimDuration::ZERO, |waiting| {
            if let Some(timer) = waiting.patience {
                self.calendar.cancel(timer);
            }
            now.since(waiting.since).unwrap_or(SimDuration::ZERO)
        });
        let clients = asked.iter().map(|&id| Client::new(id, self.tails.take(id, now), now));
        let clients = (0..).zip(clients).collect();
        let places = asked.iter().copied().zip(0..).collect();
        self.standing.asked += asked.len() as u64;
        self.round = Some(Round {
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
        self.open_exchange(exchange, (0..).zip(asked).collect())
    }

    /// The devices to ask, in order; and how many were passed over because this round's assignment
    /// exceeds their memory though the first one did not.
    fn select(&self, exchange: Exchange) -> (Vec<u32>, u32) {
        let (mut asked, mut excluded) = (Vec::new(), 0);
        let ranking = selection::ranking(&self.seeds, exchange.round, self.capable.len() as u32);
        for device in ranking {
            if asked.len() as u64 == u64::from(self.rules.asked) {
                break;
            }
            if !self.presence.is_online(device) {
                continue;
            }
            if !self.capable[device as usize] {
                excluded += 1;
                continue;
            }
            if self.device(device).can_run(&self.workload(exchange, device)) {
                asked.push(device);
            } else {
                excluded += 1;
            }
        }
        (asked, excluded)
    }

    fn wait(&mut self) -> Result<(), FederationError> {
        if self.waiting.is_none() {
            let now = self.now();
            let patience = match self.rules.deadline {
                Some(span) => Some(self.schedule(now.after(span)?, FederationEvent::Patience)?),
                None => None,
            };
            self.waiting = Some(Waiting { since: now, patience, content: false, looking: false });
        }
        Ok(())
    }

    /// Closes the round: records it, evaluates if that is due, and goes on or ends.
    pub(super) fn close_round(&mut self, closing: Closing) -> Result<(), FederationError> {
        let Some(outcome) = self.conclude(closing)? else {
            return Ok(());
        };
        self.book(&outcome)
    }

    /// Counts what a round has spent, and whom it had.
    pub(super) fn count(&mut self, outcome: &RoundOutcome) {
        self.standing.ledger += outcome.spent();
        self.standing.participants += u64::from(outcome.participants());
        self.standing.dropped += u64::from(outcome.dropped());
        self.standing.rounds += 1;
    }

    /// Books a round that was not broken off, evaluates if that is due, and goes on or ends.
    pub(super) fn book(&mut self, outcome: &RoundOutcome) -> Result<(), FederationError> {
        self.count(outcome);
        self.standing.void_rounds += u64::from(outcome.is_void());
        let mut go_on = self.report(outcome)?;
        if self.standing.rounds.is_multiple_of(self.rules.evaluate_every)
            && self.evaluate()?.is_break()
        {
            go_on = ControlFlow::Break(());
        }
        self.end = self.reached_limit().or(go_on.is_break().then_some(End::Asked));
        match (self.end, &self.asynchronous) {
            (Some(_), _) => Ok(()),
            (None, Some(_)) => self.look(),
            (None, None) => self.schedule(self.now(), FederationEvent::OpenRound).map(drop),
        }
    }

    /// Breaks the open round off, if any: all that its open exchange has spent is waste.
    pub(super) fn break_off(&mut self) -> Result<(), FederationError> {
        if self.asynchronous.is_some() {
            return self.abandon();
        }
        self.abort_busy(Fate::Interrupted)?;
        let now = self.now();
        let Some(round) = &self.round else {
            return Ok(());
        };
        let delivered = round.clients.iter();
        let delivered = delivered.filter(|(_, client)| client.arrived || client.pending.is_some());
        let delivered: Vec<u32> = delivered.map(|(&place, _)| place).collect();
        for place in delivered {
            self.turn(place, Activity::Gone)?;
            self.client_mut(place).settle(Fate::Interrupted, now)?;
        }
        if let Some(outcome) = self.conclude(Closing::Interrupted)? {
            // It counts: its earlier exchanges may have changed the model, and what it spent is spent. So the run's
            // last evaluation is of the model and at the cost at its end.
            self.count(&outcome);
            let _ = self.report(&outcome)?;
        }
        Ok(())
    }

    /// Takes the round off the table and books it.
    fn conclude(&mut self, closing: Closing) -> Result<Option<RoundOutcome>, FederationError> {
        let now = self.now();
        let Some(mut round) = self.round.take() else {
            return Ok(None);
        };
        for client in round.clients.values_mut() {
            client.close(now)?;
        }
        if let Some(server) = round.server {
            self.standing.server_flops += server.done_at(self.now());
        }
        if self.server.view().needs_whole_rounds() {
            round.forfeit(closing);
        }
        let tails = self.tails.tell(now);
        for client in round.clients.values() {
            if let Some((tail, useful)) = client.last_tail() {
                self.tails.keep(client.id, tail, now, useful);
            }
        }
        let outcome = RoundOutcome {
            round: round.exchange.round,
            waited: round.waited,
            opened: round.opened,
            closed: self.now(),
            closing,
            exchanges: round.exchange.index + 1,
            excluded: round.excluded,
            clients: round.clients.values().map(Client::outcome).collect(),
            tails,
        };
        Ok(Some(outcome))
    }

    pub(super) fn report(
        &mut self,
        outcome: &RoundOutcome,
    ) -> Result<ControlFlow<()>, FederationError> {
        self.observer.round(&self.standing, outcome).map_err(FederationError::Observer)
    }

    /// Whether the run ends between two exchanges of the open round: an algorithm may ask for more
    /// of them than anyone wants to wait for.
    pub(super) fn end_within_round(&mut self) -> Option<End> {
        let clients = self.round.iter().flat_map(|round| round.clients.values());
        let spent = clients.map(|client| client.outcome().spent.total().device_flops);
        let flops = self.standing.ledger.total().device_flops + spent.sum();
        if self.rules.flops_limit.is_some_and(|limit| flops >= limit) {
            return Some(End::DeviceFlops);
        }
        self.observer.wants_to_stop().then_some(End::Asked)
    }

    fn reached_limit(&self) -> Option<End> {
        let flops = self.standing.ledger.total().device_flops;
        if self.standing.rounds >= self.rules.rounds {
            Some(End::Rounds)
        } else if self.rules.time_limit.is_some_and(|limit| self.now() >= limit) {
            Some(End::SimulatedTime)
        } else if self.rules.flops_limit.is_some_and(|limit| flops >= limit) {
            Some(End::DeviceFlops)
        } else {
            None
        }
    }
}

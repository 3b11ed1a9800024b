//! Without rounds: so many clients are at work at all times, and the model moves whenever enough of
//! their updates have arrived.
//!
//! ```text
//!   fewer at work than wanted ─► ask a free device ─► download, compute, upload ─► buffer
//!        ▲                                                     │                    │ full
//!        └─────────────── lost, too slow, or delivered ◄───────┘                    ▼
//!                                                                    join ─► next version of the model
//! ```
//!
//! What the model makes of updates from earlier versions is the [`Mixer`]'s; see rules 16 to 19 of
//! the [module page](super). A *window* takes the place of a round in all that is told: what ended
//! between two versions of the model.
//!
//! [`Mixer`]: fleetune_algorithms::mixing::Mixer

use std::collections::BTreeMap;

use fleetune_algorithms::{mixing::Ticket, protocol::Exchange};
use fleetune_devices::network::Alone;
use rand::Rng;

use super::{
    by_place::ByPlace,
    client::{Activity, Client},
    clock::Undisturbed,
    error::FederationError,
    event::FederationEvent,
    mode::{Mode, POLICY},
    outcome::{Closing, Fate, RoundOutcome},
    round::Round,
    server::Federation,
};
use crate::kernel::{Handle, SimDuration};

/// The purpose that devices are drawn for.
const PURPOSE: &str = "federation/asking";
/// Draws per device before the server gives up looking for a free one among the fleet, though there
/// is one: that this happens has probability e^-64.
const DRAWS: u64 = 64;
/// All devices are one group.
const ALL: usize = 0;
/// Why a client's ticket is expected.
const OURS: &str = "a client that is not forgotten has its ticket";

/// Who is at work, and whose update waits.
#[derive(Debug)]
pub(super) struct Asynchronous {
    /// Clients at work, if so many devices are free.
    concurrency: u32,
    /// By place: those at work, and those in the buffer.
    out: BTreeMap<u32, Out>,
    at_work: u32,
    next_place: u32,
    /// The server will look for free devices at this instant.
    looking: bool,
}

#[derive(Debug)]
struct Out {
    ticket: Ticket,
    timeout: Option<Handle>,
}

impl Asynchronous {
    pub(super) fn new(concurrency: u32) -> Self {
        Self { concurrency, out: BTreeMap::new(), at_work: 0, next_place: 0, looking: false }
    }

    /// The tickets of those at work, and of those in the buffer, by place.
    pub(super) fn tickets(&self) -> impl Iterator<Item = (u32, Ticket)> {
        self.out.iter().map(|(&place, out)| (place, out.ticket))
    }

    /// Whether nobody is at work and nobody will be asked, if no device comes.
    pub(super) fn is_idle(&self) -> bool {
        self.at_work == 0 && !self.looking
    }
}

impl Federation<'_> {
    fn flow(&mut self) -> &mut Asynchronous {
        match &mut self.mode {
            Mode::Asynchronous(flow) => flow,
            _ => unreachable!("{POLICY}"),
        }
    }

    /// The server looks for free devices once all else of this instant is known.
    pub(super) fn look(&mut self) -> Result<(), FederationError> {
        if !std::mem::replace(&mut self.flow().looking, true) {
            self.schedule(self.now(), FederationEvent::OpenRound { group: 0 })?;
        }
        Ok(())
    }

    /// Asks free devices until as many are at work as wanted.
    pub(super) fn ask(&mut self) -> Result<(), FederationError> {
        self.flow().looking = false;
        if self.groups[ALL].round.is_none() {
            self.groups[ALL].round = Some(self.window());
        }
        // The model is about to move, and whoever is asked then gets the new one.
        if self.open_mut(ALL).closing.is_some() {
            return Ok(());
        }
        while self.flow().at_work < self.flow().concurrency {
            let Some(device) = self.draw_free() else { break };
            self.ask_one(device)?;
        }
        Ok(())
    }

    fn window(&self) -> Round {
        Round {
            group: 0,
            exchange: Exchange::at(self.standing.rounds, 0),
            waited: SimDuration::ZERO,
            opened: self.now(),
            excluded: 0,
            clients: ByPlace::new(1),
            places: BTreeMap::new(),
            arrivals: Vec::new(),
            wanted: self.rules.cohort,
            deadline: None,
            closing: None,
            server: None,
            over: false,
        }
    }

    /// A free device, each as likely as any other. Which devices are tried, and in what order, depends
    /// on the seed and on how many were asked before, and on nothing else.
    fn draw_free(&self) -> Option<u32> {
        let at_work = match &self.mode {
            Mode::Asynchronous(flow) => flow.at_work,
            _ => unreachable!("{POLICY}"),
        };
        if self.groups[ALL].ready <= at_work {
            return None;
        }
        let mut stream = self.seeds.stream(PURPOSE, self.standing.asked);
        let devices = self.devices.len() as u64;
        // The high half of a product is uniform to within devices / 2^64.
        let mut draw = || ((u128::from(stream.next_u64()) * u128::from(devices)) >> 64) as u32;
        (0..DRAWS * devices).map(|_| draw()).find(|&device| self.is_free(device))
    }

    fn is_free(&self, device: u32) -> bool {
        let at_work =
            self.groups[ALL].round.as_ref().is_some_and(|round| round.places.contains_key(&device));
        let there = self.capable[device as usize] && self.presence.is_online(device);
        there && !at_work && {
            let alone = Alone { device: self.device(device), wiring: &self.wiring };
            let undisturbed = Undisturbed { alone, clock: &self.clock };
            let work = self.server.mixer().preview(device, self.progress(), &undisturbed);
            self.device(device).can_run(&work)
        }
    }

    fn ask_one(&mut self, id: u32) -> Result<(), FederationError> {
        let (now, progress) = (self.now(), self.progress());
        let alone = Alone { device: self.device(id), wiring: &self.wiring };
        let undisturbed = Undisturbed { alone, clock: &self.clock };
        let (ticket, assignment) = self.server.mixer_mut().dispatch(id, progress, &undisturbed);
        let flow = self.flow();
        let place = flow.next_place;
        flow.next_place += 1;
        flow.at_work += 1;
        let timeout = match self.rules.deadline {
            Some(span) => {
                Some(self.schedule(now.after(span)?, FederationEvent::TimedOut { place })?)
            }
            None => None,
        };
        self.flow().out.insert(place, Out { ticket, timeout });
        let client = Client::new(id, self.tails.take(id, now), now);
        let round = self.open_mut(ALL);
        round.clients.insert(place, client);
        round.places.insert(id, place);
        self.standing.asked += 1;
        self.begin(place, assignment)
    }

    /// An update is at the server: its device is free again.
    pub(super) fn received(&mut self, place: u32) -> Result<(), FederationError> {
        self.client_mut(place).pending = None;
        self.turn(place, Activity::Gone)?;
        self.release(place)?;
        let ticket = self.flow().out.get(&place).expect(OURS).ticket;
        if self.server.mixer().is_outdated(ticket) {
            self.rest(place, false)?;
            self.throw_away(place)?;
        } else {
            self.rest(place, true)?;
            self.client_mut(place).arrived = true;
            let round = self.open_mut(ALL);
            round.arrivals.push(place);
            if round.arrivals.len() as u32 >= round.wanted {
                self.end_exchange(ALL, Closing::Full)?;
            }
        }
        self.look()
    }

    /// A device has gone: what it was doing is lost, unless its update is at the server.
    pub(super) fn lose_device(&mut self, device: u32) -> Result<(), FederationError> {
        match self.groups[ALL].round.as_ref().and_then(|round| round.places.get(&device).copied()) {
            Some(place) => self.lose(place, Fate::Left),
            None => Ok(()),
        }
    }

    /// A client has taken too long.
    pub(super) fn time_out(&mut self, place: u32) -> Result<(), FederationError> {
        if let Some(out) = self.flow().out.get_mut(&place) {
            out.timeout = None;
        }
        self.lose(place, Fate::Late)
    }

    fn lose(&mut self, place: u32, fate: Fate) -> Result<(), FederationError> {
        if self.client_mut(place).is_busy() {
            self.drop_client(place, fate)?;
            self.look()?;
        }
        Ok(())
    }

    /// Breaks off what a client is doing, for good.
    fn drop_client(&mut self, place: u32, fate: Fate) -> Result<(), FederationError> {
        self.abort(place, fate)?;
        self.release(place)?;
        self.rest(place, false)?;
        self.forget(place);
        Ok(())
    }

    /// A client's device is no longer at work for it.
    fn release(&mut self, place: u32) -> Result<(), FederationError> {
        let flow = self.flow();
        flow.at_work -= 1;
        let timeout = flow.out.get_mut(&place).and_then(|out| out.timeout.take());
        if let Some(timeout) = timeout {
            self.calendar.cancel(timeout);
        }
        let id = self.client_mut(place).id;
        self.open_mut(ALL).places.remove(&id);
        Ok(())
    }

    /// A client is done with its device, whose radio may stay awake a while.
    fn rest(&mut self, place: u32, useful: bool) -> Result<(), FederationError> {
        let now = self.now();
        let client = self.client_mut(place);
        let (id, tail) = (client.id, client.last_tail());
        client.silence(now)?;
        if let Some((tail, _)) = tail {
            self.tails.keep(id, tail, now, useful);
        }
        Ok(())
    }

    fn forget(&mut self, place: u32) {
        let out = self.flow().out.remove(&place).expect(OURS);
        self.server.mixer_mut().forget(out.ticket);
    }

    /// Discards an update that is too stale, unseen.
    fn throw_away(&mut self, place: u32) -> Result<(), FederationError> {
        let now = self.now();
        let out = self.flow().out.remove(&place).expect(OURS);
        let mixer = self.server.mixer_mut();
        let staleness = mixer.staleness(out.ticket);
        mixer.discard(out.ticket);
        let client = self.client_mut(place);
        client.staleness = Some(staleness);
        Ok(client.settle(Fate::Stale, now)?)
    }

    /// Moves the model by the updates of the buffer, the first so many of them.
    pub(super) fn step(&mut self) -> Result<(), FederationError> {
        self.open_mut(ALL).closing = None;
        for place in self.open_mut(ALL).arrivals.clone() {
            let ticket = self.flow().out.get(&place).expect(OURS).ticket;
            if self.server.mixer().is_outdated(ticket) {
                self.open_mut(ALL).arrivals.retain(|&waiting| waiting != place);
                self.throw_away(place)?;
            }
        }
        let round = self.open_mut(ALL);
        let wanted = round.wanted as usize;
        if round.arrivals.len() < wanted {
            return self.look();
        }
        let joined: Vec<u32> = round.arrivals.drain(..wanted).collect();
        self.join_stale(&joined)?;
        if self.open_mut(ALL).arrivals.len() >= wanted {
            self.end_exchange(ALL, Closing::Full)?;
        }
        let outcome = self.close_window(Closing::Full);
        self.moved_on(vec![outcome])?;
        if self.end.is_some() { self.abandon() } else { self.look() }
    }

    fn join_stale(&mut self, places: &[u32]) -> Result<(), FederationError> {
        let (now, progress) = (self.now(), self.progress());
        let updates = self.train(ALL, places)?.into_iter().map(|(_, update)| update);
        let Mode::Asynchronous(flow) = &mut self.mode else { unreachable!("{POLICY}") };
        let tickets = places.iter().map(|place| flow.out.remove(place).expect(OURS).ticket);
        let updates = tickets.zip(updates).collect();
        let joined = self.server.mixer_mut().join(progress, updates)?;
        for (&place, contribution) in places.iter().zip(&joined.contributions) {
            let counted = contribution.weight.is_some();
            let client = self.client_mut(place);
            client.staleness = Some(contribution.staleness);
            client.settle(if counted { Fate::Aggregated } else { Fate::Stale }, now)?;
        }
        Ok(())
    }

    /// Takes from the table what has ended since the last version.
    fn close_window(&mut self, closing: Closing) -> RoundOutcome {
        let now = self.now();
        let tails = self.tails.tell(now);
        let Mode::Asynchronous(flow) = &self.mode else { unreachable!("{POLICY}") };
        let window = self.groups[ALL].round.as_mut().expect(OURS);
        let ended = window.clients.extract(|place, _| !flow.out.contains_key(place));
        let clients = ended.iter().map(Client::outcome).collect();
        let Round { exchange, waited, opened, excluded, .. } = *window;
        (window.exchange.round, window.opened) = (exchange.round + 1, now);
        let (round, exchanges) = (exchange.round, 1);
        let closed = now;
        let group = 0;
        RoundOutcome {
            group,
            round,
            waited,
            opened,
            closed,
            closing,
            exchanges,
            excluded,
            clients,
            tails,
        }
    }

    /// The run ends: breaks off all who are at work. What waits in the buffer comes to nothing.
    pub(super) fn abandon(&mut self) -> Result<(), FederationError> {
        let now = self.now();
        let Some(window) = &self.groups[ALL].round else { return Ok(()) };
        let busy = |(&place, client): (&u32, &Client)| client.is_busy().then_some(place);
        let busy: Vec<u32> = window.clients.iter().filter_map(busy).collect();
        for place in busy {
            self.drop_client(place, Fate::Interrupted)?;
        }
        let waiting: Vec<u32> = self.flow().out.keys().copied().collect();
        for place in waiting {
            let client = self.client_mut(place);
            if let Some(arrival) = client.pending.take() {
                self.calendar.cancel(arrival);
                self.turn(place, Activity::Gone)?;
                self.release(place)?;
            }
            self.client_mut(place).settle(Fate::Interrupted, now)?;
            self.forget(place);
        }
        let outcome = self.close_window(Closing::Interrupted);
        self.groups[ALL].round = None;
        if outcome.clients.is_empty() { Ok(()) } else { self.broken_off(&[outcome]) }
    }
}

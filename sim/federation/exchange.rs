//! Exchanges of a group's rounds: who is asked, what has arrived, and the joining of it.

use fleetune_algorithms::protocol::{ClientId, Counted, Exchange, Update, Verdict};
use fleetune_units::Flops;
use rayon::prelude::*;

use super::{
    client::Activity,
    compute::ServerWork,
    error::FederationError,
    event::FederationEvent,
    mode::Mode,
    outcome::{Closing, Fate},
    server::Federation,
};

impl Federation<'_> {
    /// Tells the server who is asked, hands out the assignments and lets everybody start: `asked`
    /// by place, in order.
    pub(super) fn open_exchange(
        &mut self,
        group: usize,
        exchange: Exchange,
        asked: Vec<(u32, ClientId)>,
    ) -> Result<(), FederationError> {
        let now = self.now();
        let cohort: Vec<ClientId> = asked.iter().map(|&(_, client)| client).collect();
        self.server.cohorts(group).convene(exchange, &cohort);
        let timer = FederationEvent::Deadline { group: group as u32 };
        let deadline = match self.rules.deadline {
            Some(span) => Some(self.schedule(now.after(span)?, timer)?),
            None => None,
        };
        let wanted = self.rules.cohort.min(asked.len() as u32);
        let round = self.open_mut(group);
        (round.exchange, round.wanted, round.deadline) = (exchange, wanted, deadline);
        (round.closing, round.arrivals) = (None, Vec::new());
        for (place, id) in asked {
            let assignment = self.assignment(group, exchange, id);
            self.set_timer(place, id, exchange, &assignment.workload)?;
            self.begin(place, assignment)?;
        }
        Ok(())
    }

    /// An update is at the server. The first `wanted` count, in the order of events.
    pub(super) fn arrived(&mut self, place: u32) -> Result<(), FederationError> {
        let now = self.now();
        self.client_mut(place).pending = None;
        let group = self.group_at(place);
        let round = self.open_mut(group);
        if (round.arrivals.len() as u32) < round.wanted {
            round.arrivals.push(place);
            let full = round.arrivals.len() as u32 == round.wanted;
            self.client_mut(place).arrived = true;
            if full {
                self.end_exchange(group, Closing::Full)?;
            }
        } else {
            // As fast as the last of those wanted, to the nanosecond, but after it in order.
            self.turn(place, Activity::Gone)?;
            self.client_mut(place).settle(Fate::Surplus, now)?;
        }
        self.end_if_nobody_is_left(group)
    }

    pub(super) fn deadline(&mut self, group: usize) -> Result<(), FederationError> {
        self.open_mut(group).deadline = None;
        self.end_exchange(group, Closing::Deadline)
    }

    /// A device has gone: what it was doing for the open round is lost at this instant, unless its
    /// update is at the server already.
    pub(super) fn leave(&mut self, group: usize, device: u32) -> Result<(), FederationError> {
        if matches!(self.mode, Mode::Asynchronous(_)) {
            return self.lose_device(device);
        }
        let round = self.groups[group].round.as_ref();
        let Some(place) = round.and_then(|round| round.places.get(&device)) else {
            return Ok(());
        };
        let place = *place;
        if self.client_mut(place).is_busy() {
            self.abort(place, Fate::Left)?;
        } else {
            self.turn(place, Activity::Gone)?;
        }
        self.end_if_nobody_is_left(group)
    }

    /// Breaks off everyone who has not delivered.
    pub(super) fn abort_busy(&mut self, group: usize, fate: Fate) -> Result<(), FederationError> {
        let Some(round) = &self.groups[group].round else {
            return Ok(());
        };
        let busy = round.clients.iter().filter(|(_, client)| client.is_busy());
        let busy: Vec<u32> = busy.map(|(&place, _)| place).collect();
        busy.into_iter().try_for_each(|place| self.abort(place, fate))
    }

    pub(super) fn end_if_nobody_is_left(&mut self, group: usize) -> Result<(), FederationError> {
        match self.open_mut(group).anyone_busy() {
            true => Ok(()),
            false => self.end_exchange(group, Closing::NobodyLeft),
        }
    }

    /// No update counts that has not arrived by the end of this instant's arrivals.
    pub(super) fn end_exchange(
        &mut self,
        group: usize,
        closing: Closing,
    ) -> Result<(), FederationError> {
        if self.open_mut(group).closing.is_none() {
            self.open_mut(group).closing = Some(closing);
            let event = FederationEvent::CloseExchange { group: group as u32 };
            self.schedule(self.now(), event)?;
        }
        Ok(())
    }

    /// Turns to what has arrived: joins it, at once or when the server has done its part of the training.
    pub(super) fn close_exchange(&mut self, group: usize) -> Result<(), FederationError> {
        let closing = self.open_mut(group).closing.unwrap_or(Closing::Full);
        let fate = if closing == Closing::Deadline { Fate::Late } else { Fate::Surplus };
        self.abort_busy(group, fate)?;
        self.stop_timers();
        if let Some(deadline) = self.open_mut(group).deadline.take() {
            self.calendar.cancel(deadline);
        }
        let round = self.open_mut(group);
        let (exchange, arrived) = (round.exchange, round.arrived());
        let work = self.server.of(group).join_work(exchange, &arrived);
        if work.is_zero() {
            return self.join(group);
        }
        let now = self.now();
        let busy = ServerWork::new(now, work, self.rules.server_speed)?;
        self.schedule(
            now.after(busy.lasts())?,
            FederationEvent::ServerDone { group: group as u32 },
        )?;
        self.open_mut(group).server = Some(busy);
        Ok(())
    }

    /// Joins what had arrived, and asks for another exchange or closes the round.
    pub(super) fn join(&mut self, group: usize) -> Result<(), FederationError> {
        let now = self.now();
        let closing = self.open_mut(group).closing.unwrap_or(Closing::Full);
        let exchange = self.open_mut(group).exchange;
        let arrivals = self.open_mut(group).arrivals.clone();
        let updates = self.train(group, &arrivals)?;
        let taking_part = updates.iter().map(|(client, update)| (*client, update.examples));
        self.took_part(group, &taking_part.collect::<Vec<_>>());
        let verdict = self.aggregate(group, exchange, updates)?;
        for place in arrivals {
            if verdict == Verdict::RoundOver {
                self.turn(place, Activity::Gone)?;
            }
            self.client_mut(place).settle(Fate::Aggregated, now)?;
        }
        if verdict == Verdict::SameCohort {
            self.end = self.ends_early();
            if self.end.is_some() {
                return self.break_off();
            }
        }
        let next = Exchange { index: exchange.index + 1, ..exchange };
        let asked = match verdict {
            Verdict::RoundOver => Vec::new(),
            Verdict::SameCohort => self.still_there(group, next)?,
        };
        if asked.is_empty() {
            return self.close_round(group, closing);
        }
        self.open_exchange(group, next, asked)
    }

    /// Lets the algorithm join the updates, and holds it to the work that it said this takes the server.
    fn aggregate(
        &mut self,
        group: usize,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, FederationError> {
        let assigned =
            self.open_mut(group).server.take().map_or(Flops::ZERO, |server| server.work());
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        let expected = self.server.of(group).join_counted() + assigned;
        let verdict = self.join_cohort(group, exchange, updates)?;
        let counted = self.server.of(group).join_counted();
        if counted != expected {
            return Err(FederationError::ServerMiscounted {
                exchange,
                assigned,
                counted,
                expected,
            });
        }
        self.standing.server_flops += assigned;
        self.open_mut(group).over = verdict == Verdict::RoundOver;
        Ok(verdict)
    }

    /// Those of the last exchange, by place, who are still there and have the memory for the next.
    fn still_there(
        &mut self,
        group: usize,
        next: Exchange,
    ) -> Result<Vec<(u32, ClientId)>, FederationError> {
        let now = self.now();
        let mut asked = Vec::new();
        for place in self.open_mut(group).arrivals.clone() {
            let (id, activity) = (self.client_mut(place).id, self.client_mut(place).activity);
            if activity == Activity::Gone {
                continue;
            }
            let device = self.device(id);
            if device.can_run(&self.workload(group, next, id)) {
                asked.push((place, id));
            } else {
                self.turn(place, Activity::Gone)?;
                self.client_mut(place).settle(Fate::Excluded, now)?;
            }
        }
        Ok(asked)
    }

    /// Does the work that is owed: the jobs of the clients at `places`, in parallel, given in that
    /// order, each held to what it was charged for.
    pub(super) fn train(
        &mut self,
        group: usize,
        places: &[u32],
    ) -> Result<Vec<(ClientId, Update)>, FederationError> {
        let exchange = self.open_mut(group).exchange;
        let mut owed = Vec::new();
        for &place in places {
            let client = self.client_mut(place);
            owed.extend(
                client.take_job().map(|job| (client.id, Counted::of(&client.workload), job)),
            );
        }
        let done: Vec<_> =
            owed.into_par_iter().map(|(client, charged, job)| (client, charged, job())).collect();
        let mut updates = Vec::new();
        for (client, assigned, update) in done {
            if update.counted != assigned {
                let (assigned, counted) = (Box::new(assigned), Box::new(update.counted));
                return Err(FederationError::Miscounted { client, exchange, assigned, counted });
            }
            updates.push((client, update));
        }
        if let Some(recorder) = &self.recorder {
            // Jobs that were done before are not done again.
            let found =
                || updates.iter().map(|(_, update): &(_, Update)| update.examples).collect();
            let examples = recorder.examples(found);
            updates.iter_mut().zip(examples).for_each(|((_, update), n)| update.examples = n);
        }
        Ok(updates)
    }
}

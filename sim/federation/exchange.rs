//! Exchanges: every client's way through one, and the joining of what arrived.

use fleetune_algorithms::protocol::{Assignment, ClientId, Counted, Exchange, Update, Verdict};
use fleetune_devices::Workload;
use fleetune_units::Flops;
use rayon::prelude::*;

use super::{
    client::{Activity, Client},
    compute::ServerWork,
    error::FederationError,
    event::{Direction, FederationEvent},
    outcome::{Closing, Fate},
    round::Round,
    server::Federation,
};

/// Says why an open round is expected; its events are cancelled when it closes.
const OPEN: &str = "events of clients are cancelled when their round closes";

impl Federation<'_> {
    fn open_mut(&mut self) -> &mut Round {
        self.round.as_mut().expect(OPEN)
    }

    pub(super) fn client_mut(&mut self, place: u32) -> &mut Client {
        &mut self.open_mut().clients[place as usize]
    }

    /// Goes over to `next`, and lets the device's battery know.
    pub(super) fn turn(&mut self, place: u32, next: Activity) -> Result<(), FederationError> {
        let now = self.now();
        let id = self.client_mut(place).id;
        let device = self.device(id);
        let client = self.client_mut(place);
        client.turn_to(next, now, device)?;
        let draw = client.device_draw(device);
        self.supplies.draw(device.id.0, draw, &mut self.calendar)
    }

    /// Tells the server who is asked, hands out the assignments and lets everybody start: `asked`
    /// by place, in order.
    pub(super) fn open_exchange(
        &mut self,
        exchange: Exchange,
        asked: Vec<(u32, ClientId)>,
    ) -> Result<(), FederationError> {
        let now = self.now();
        let cohort: Vec<ClientId> = asked.iter().map(|&(_, client)| client).collect();
        self.server.convene(exchange, &cohort);
        let deadline = match self.rules.deadline {
            Some(span) => Some(self.schedule(now.after(span)?, FederationEvent::Deadline)?),
            None => None,
        };
        let wanted = self.rules.cohort.min(asked.len() as u32);
        let round = self.open_mut();
        (round.exchange, round.wanted, round.deadline) = (exchange, wanted, deadline);
        (round.closing, round.arrivals) = (None, Vec::new());
        for (place, id) in asked {
            let (device, assignment) = (self.device(id), self.assignment(exchange, id));
            let download = assignment.workload.download;
            let late = |source| FederationError::ClientTime { client: id, source };
            self.take_up(place, assignment)?;
            if download.is_zero() {
                self.compute(place)?;
                continue;
            }
            self.turn(place, Activity::Downloading)?;
            if !self.start_timed(Direction::Down, place)? {
                self.links.start(Direction::Down, place, now, download, device).map_err(late)?;
            }
        }
        Ok(())
    }

    pub(super) fn downloaded(&mut self, place: u32) -> Result<(), FederationError> {
        let client = self.client_mut(place);
        let bytes = client.workload.download;
        client.charge_download(bytes);
        self.compute(place)
    }

    fn take_up(&mut self, place: u32, assignment: Assignment) -> Result<(), FederationError> {
        let round = self.round.as_mut().expect(OPEN);
        let client = &mut round.clients[place as usize];
        let device = &self.devices[client.id as usize];
        let taken = client.take_up(assignment, device, &self.clock);
        taken.map_err(|error| FederationError::no_course(client.id, error))
    }

    fn compute(&mut self, place: u32) -> Result<(), FederationError> {
        self.turn(place, Activity::Computing)?;
        let now = self.now();
        let client = self.client_mut(place);
        let (id, work, duration) = (client.id, client.course.seconds(), client.course.duration());
        let end = match self.processors.begin(self.device(id), work, now)? {
            Some(disturbed) => disturbed,
            None => now.after(duration),
        };
        let end = end.map_err(|source| FederationError::ClientTime { client: id, source })?;
        let handle = self.schedule(end, FederationEvent::Computed { place })?;
        self.client_mut(place).pending = Some(handle);
        Ok(())
    }

    pub(super) fn computed(&mut self, place: u32) -> Result<(), FederationError> {
        let now = self.now();
        let devices = self.devices;
        let client = self.client_mut(place);
        client.pending = None;
        client.charge_compute(client.course.duration());
        let (id, upload) = (client.id, client.workload.upload);
        self.processors.end(id, now)?;
        if upload.is_zero() {
            return self.deliver(place);
        }
        self.turn(place, Activity::Uploading)?;
        if self.start_timed(Direction::Up, place)? {
            return Ok(());
        }
        let device = &devices[id as usize];
        let started = self.links.start(Direction::Up, place, now, upload, device);
        started.map_err(|source| FederationError::ClientTime { client: id, source })
    }

    pub(super) fn uploaded(&mut self, place: u32) -> Result<(), FederationError> {
        let client = self.client_mut(place);
        let bytes = client.workload.upload;
        client.charge_upload(bytes);
        self.deliver(place)
    }

    fn deliver(&mut self, place: u32) -> Result<(), FederationError> {
        self.turn(place, Activity::Waiting)?;
        let handle = self.schedule(self.now(), FederationEvent::Arrived { place })?;
        self.client_mut(place).pending = Some(handle);
        Ok(())
    }

    /// An update is at the server. The first `wanted` count, in the order of events.
    pub(super) fn arrived(&mut self, place: u32) -> Result<(), FederationError> {
        let now = self.now();
        self.client_mut(place).pending = None;
        let round = self.open_mut();
        if (round.arrivals.len() as u32) < round.wanted {
            round.clients[place as usize].arrived = true;
            round.arrivals.push(place);
            if round.arrivals.len() as u32 == round.wanted {
                self.end_exchange(Closing::Full)?;
            }
        } else {
            // As fast as the last of those wanted, to the nanosecond, but after it in order.
            self.turn(place, Activity::Gone)?;
            self.client_mut(place).settle(Fate::Surplus, now)?;
        }
        self.end_if_nobody_is_left()
    }

    pub(super) fn deadline(&mut self) -> Result<(), FederationError> {
        self.open_mut().deadline = None;
        self.end_exchange(Closing::Deadline)
    }

    /// A device has gone: what it was doing for the open round is lost at this instant, unless its
    /// update is at the server already.
    pub(super) fn leave(&mut self, device: u32) -> Result<(), FederationError> {
        let Some(place) = self.round.as_ref().and_then(|round| round.places.get(&device)) else {
            return Ok(());
        };
        let place = *place;
        if self.client_mut(place).is_busy() {
            self.abort(place, Fate::Left)?;
        } else {
            self.turn(place, Activity::Gone)?;
        }
        self.end_if_nobody_is_left()
    }

    /// Breaks off what the client is doing and charges the part that was done.
    fn abort(&mut self, place: u32, fate: Fate) -> Result<(), FederationError> {
        let now = self.now();
        match self.client_mut(place).activity {
            Activity::Downloading => {
                if let Some(moved) = self.stop_timed(place) {
                    self.client_mut(place).charge_download(moved);
                } else if let Some(moved) = self.links.abort(Direction::Down, place, now)? {
                    self.client_mut(place).charge_download(moved);
                }
            }
            Activity::Computing => {
                let id = self.client_mut(place).id;
                let disturbed = self.processors.end(id, now)?;
                let client = self.client_mut(place);
                client.charge_compute(disturbed.unwrap_or_else(|| client.elapsed(now)));
                if let Some(end) = client.pending.take() {
                    self.calendar.cancel(end);
                }
            }
            Activity::Uploading => {
                if let Some(moved) = self.stop_timed(place) {
                    self.client_mut(place).charge_upload(moved);
                } else if let Some(moved) = self.links.abort(Direction::Up, place, now)? {
                    self.client_mut(place).charge_upload(moved);
                }
            }
            Activity::Waiting | Activity::Gone => {}
        }
        self.turn(place, Activity::Gone)?;
        Ok(self.client_mut(place).settle(fate, now)?)
    }

    /// Breaks off everyone who has not delivered.
    pub(super) fn abort_busy(&mut self, fate: Fate) -> Result<(), FederationError> {
        let Some(round) = &self.round else {
            return Ok(());
        };
        let busy = (0..).zip(&round.clients).filter(|(_, client)| client.is_busy());
        let busy: Vec<u32> = busy.map(|(place, _)| place).collect();
        busy.into_iter().try_for_each(|place| self.abort(place, fate))
    }

    fn end_if_nobody_is_left(&mut self) -> Result<(), FederationError> {
        if self.open_mut().anyone_busy() { Ok(()) } else { self.end_exchange(Closing::NobodyLeft) }
    }

    /// No update counts that has not arrived by the end of this instant's arrivals.
    fn end_exchange(&mut self, closing: Closing) -> Result<(), FederationError> {
        if self.open_mut().closing.is_none() {
            self.open_mut().closing = Some(closing);
            self.schedule(self.now(), FederationEvent::CloseExchange)?;
        }
        Ok(())
    }

    /// Turns to what has arrived: joins it, at once or when the server has done its part of the training.
    pub(super) fn close_exchange(&mut self) -> Result<(), FederationError> {
        let closing = self.open_mut().closing.unwrap_or(Closing::Full);
        let fate = if closing == Closing::Deadline { Fate::Late } else { Fate::Surplus };
        self.abort_busy(fate)?;
        if let Some(deadline) = self.open_mut().deadline.take() {
            self.calendar.cancel(deadline);
        }
        let round = self.open_mut();
        let (exchange, arrived) = (round.exchange, round.arrived());
        let work = self.server.join_work(exchange, &arrived);
        if work.is_zero() {
            return self.join();
        }
        let now = self.now();
        let busy = ServerWork::new(now, work, self.rules.server_speed)?;
        self.schedule(now.after(busy.lasts())?, FederationEvent::ServerDone)?;
        self.open_mut().server = Some(busy);
        Ok(())
    }

    /// Joins what had arrived, and asks for another exchange or closes the round.
    pub(super) fn join(&mut self) -> Result<(), FederationError> {
        let now = self.now();
        let closing = self.open_mut().closing.unwrap_or(Closing::Full);
        let exchange = self.open_mut().exchange;
        let updates = self.train()?;
        let verdict = self.aggregate(exchange, updates)?;
        for place in self.open_mut().arrivals.clone() {
            if verdict == Verdict::RoundOver {
                self.turn(place, Activity::Gone)?;
            }
            self.client_mut(place).settle(Fate::Aggregated, now)?;
        }
        if verdict == Verdict::SameCohort {
            self.end = self.end_within_round();
            if self.end.is_some() {
                return self.break_off();
            }
        }
        let next = Exchange { index: exchange.index + 1, ..exchange };
        let asked = match verdict {
            Verdict::RoundOver => Vec::new(),
            Verdict::SameCohort => self.still_there(next)?,
        };
        if asked.is_empty() {
            return self.close_round(closing);
        }
        self.open_exchange(next, asked)
    }

    /// Lets the algorithm join the updates, and holds it to the work that it said this takes the server.
    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, FederationError> {
        let assigned = self.open_mut().server.take().map_or(Flops::ZERO, |server| server.work());
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        let expected = self.server.join_counted() + assigned;
        let verdict = self.server.aggregate(exchange, updates)?;
        let counted = self.server.join_counted();
        if counted != expected {
            return Err(FederationError::ServerMiscounted {
                exchange,
                assigned,
                counted,
                expected,
            });
        }
        self.standing.server_flops += assigned;
        self.open_mut().over = verdict == Verdict::RoundOver;
        Ok(verdict)
    }

    /// Those of the last exchange, by place, who are still there and have the memory for the next.
    fn still_there(&mut self, next: Exchange) -> Result<Vec<(u32, ClientId)>, FederationError> {
        let now = self.now();
        let mut asked = Vec::new();
        for place in self.open_mut().arrivals.clone() {
            let (id, activity) = (self.client_mut(place).id, self.client_mut(place).activity);
            if activity == Activity::Gone {
                continue;
            }
            let device = self.device(id);
            if device.can_run(&self.assignment(next, id).workload) {
                asked.push((place, id));
            } else {
                self.turn(place, Activity::Gone)?;
                self.client_mut(place).settle(Fate::Excluded, now)?;
            }
        }
        Ok(asked)
    }

    /// Does the work that is owed: the jobs of the updates that count, in parallel, joined in the
    /// order of arrival, each held to what it was charged for.
    fn train(&mut self) -> Result<Vec<(ClientId, Update)>, FederationError> {
        let round = self.open_mut();
        let exchange = round.exchange;
        let owed: Vec<_> = round
            .arrivals
            .iter()
            .filter_map(|&place| {
                let client = &mut round.clients[place as usize];
                client.take_job().map(|job| (client.id, charged(&client.workload), job))
            })
            .collect();
        let done: Vec<_> =
            owed.into_par_iter().map(|(client, charged, job)| (client, charged, job())).collect();
        done.into_iter()
            .map(|(client, assigned, update)| {
                if update.counted == assigned {
                    return Ok((client, update));
                }
                let (assigned, counted) = (Box::new(assigned), Box::new(update.counted));
                Err(FederationError::Miscounted { client, exchange, assigned, counted })
            })
            .collect()
    }
}

fn charged(workload: &Workload) -> Counted {
    Counted {
        flops: workload.flops(),
        traffic: workload.traffic(),
        upload: workload.upload,
        peak_memory: workload.peak_memory,
    }
}

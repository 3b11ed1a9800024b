//! Stopping who still computes at the round's deadline: the part of ADEL-FL that happens in simulated time.

use std::collections::BTreeMap;

use fleetune_algorithms::protocol::{
    ClientId, Depth, Exchange, Layered, ProtocolError, Update, Verdict,
};
use fleetune_devices::{
    Workload,
    network::{Alone, Direction},
};
use fleetune_units::{Joules, Seconds};

use super::Deadlines;
use crate::{
    federation::{
        Federation, FederationError, Undisturbed, client::Activity, config::ConfigError,
        event::FederationEvent, ledger::Resources, mode::Mode, outcome::Fate,
    },
    kernel::{Handle, SimDuration},
};

/// Why a layered server is expected.
const LAYERED: &str = "a federation is paced only if its server is layered";

/// The group of a federation with one server.
const LONE: usize = 0;

/// The deadlines of a run, and whom those of the open exchange concern.
#[derive(Debug)]
pub(in crate::federation) struct Stopping {
    deadlines: Deadlines,
    /// By place: the timers of those who are asked.
    timers: BTreeMap<u32, Handle>,
    /// Who was stopped, and how many layers it has.
    stopped: BTreeMap<ClientId, usize>,
}

impl Federation<'_> {
    /// Stops who still computes at these deadlines, round by round, and joins what they have layer by layer.
    ///
    /// # Errors
    /// The algorithm's clients are of use whole or not at all.
    pub fn paced(mut self, deadlines: Deadlines) -> Result<Self, FederationError> {
        let rounds = matches!(self.mode, Mode::Rounds);
        if !rounds || self.server.cohorts(LONE).layered().is_none() {
            return Err(ConfigError::NeedsLayers.into());
        }
        let (timers, stopped) = (BTreeMap::new(), BTreeMap::new());
        self.stopping = Some(Stopping { deadlines, timers, stopped });
        Ok(self)
    }

    pub(in crate::federation) fn layered(&mut self) -> &mut dyn Layered {
        self.server.cohorts(LONE).layered().expect(LAYERED)
    }

    /// Sets the timer of a client that is about to take up `work`, if rounds have deadlines: so early that all of its
    /// upload could be at the server in time.
    pub(in crate::federation) fn set_timer(
        &mut self,
        place: u32,
        client: ClientId,
        exchange: Exchange,
        work: &Workload,
    ) -> Result<(), FederationError> {
        let Some(stopping) = &self.stopping else { return Ok(()) };
        let Some(deadline) = stopping.deadlines.of(exchange.round) else { return Ok(()) };
        let alone = Alone { device: self.device(client), wiring: &self.wiring };
        let upload = Undisturbed { alone, clock: &self.clock }.upload(work);
        let span = SimDuration::from_seconds((deadline.after.get() - upload.get()).max(0.0))?;
        let timer = self.schedule(self.now().after(span)?, FederationEvent::OutOfTime { place })?;
        if let Some(stopping) = &mut self.stopping {
            stopping.timers.insert(place, timer);
            // It may have been stopped in a round of which nothing was joined.
            stopping.stopped.remove(&client);
        }
        Ok(())
    }

    /// The exchange takes no more updates: nobody is to be stopped any more.
    pub(in crate::federation) fn stop_timers(&mut self) {
        if let Some(stopping) = &mut self.stopping {
            for timer in std::mem::take(&mut stopping.timers).into_values() {
                self.calendar.cancel(timer);
            }
        }
    }

    /// The deadline of a client's computing. Who is done with that sends on; who has no layer has nothing to send.
    pub(in crate::federation) fn out_of_time(&mut self, place: u32) -> Result<(), FederationError> {
        if let Some(stopping) = &mut self.stopping {
            stopping.timers.remove(&place);
        }
        match self.client_mut(place).activity {
            Activity::Computing => self.stop_computing(place)?,
            Activity::Downloading => self.abort(place, Fate::Late)?,
            Activity::Uploading | Activity::Waiting | Activity::Gone => return Ok(()),
        }
        self.end_if_nobody_is_left(LONE)
    }

    fn stop_computing(&mut self, place: u32) -> Result<(), FederationError> {
        let (now, exchange) = (self.now(), self.open_mut(LONE).exchange);
        let id = self.client_mut(place).id;
        let ends = self.layered().milestones(exchange, id);
        let disturbed = self.processors.end(id, now)?;
        let client = self.client_mut(place);
        let end = client.pending.take();
        let took = client.elapsed(now);
        let elapsed = disturbed.unwrap_or(took);
        let done = client.course.done_after(elapsed);
        client.charge_compute(elapsed);
        let layers = ends.iter().take_while(|end| **end <= done).count();
        let useful = layers.checked_sub(1).map(|last| ends[last]);
        let reached = useful.map(|useful| client.course.reaches(useful));
        if let Some(end) = end {
            self.calendar.cancel(end);
        }
        let (Some(useful), Some(reached)) = (useful, reached) else {
            self.turn(place, Activity::Gone)?;
            return Ok(self.client_mut(place).settle(Fate::Late, now)?);
        };
        let beyond = elapsed.as_nanos().saturating_sub(reached.as_nanos()) as f64;
        let share = beyond / (elapsed.as_nanos().max(1)) as f64;
        let power = self.device(id).power().compute;
        let energy: Joules = power * Seconds::from_raw(took.as_seconds() * share);
        let unfinished = Resources { device_flops: done - useful, energy, ..Resources::default() };
        let assignment = self.layered().stopped(exchange, id, layers);
        let upload = assignment.workload.upload;
        self.client_mut(place).stop(assignment, layers as u32, unfinished);
        if let Some(stopping) = &mut self.stopping {
            stopping.stopped.insert(id, layers);
        }
        self.turn(place, Activity::Uploading)?;
        self.transmit(place, Direction::Up, upload)
    }

    /// Joins the updates of an exchange: whole, or layer by layer if rounds have deadlines.
    pub(in crate::federation) fn join_cohort(
        &mut self,
        group: usize,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let Some(stopping) = &mut self.stopping else {
            return self.server.cohorts(group).aggregate(exchange, updates);
        };
        let stopped = std::mem::take(&mut stopping.stopped);
        let depth = |client| stopped.get(&client).map_or(Depth::Whole, |&n| Depth::Last(n));
        let updates = updates.into_iter().map(|(client, update)| (client, depth(client), update));
        let missed = stopping.deadlines.of(exchange.round).map(|round| round.missed.clone());
        let updates = updates.collect();
        self.layered().join_layers(exchange, updates, &missed.unwrap_or_default())
    }
}

//! A client of the open round: what it is doing and what it has spent.
//!
//! ```text
//!  asked ──► downloading ──► computing ──► uploading ──► waiting ──► next exchange
//!                 │              │             │            │
//!                 └──────────────┴─────────────┴────────────┴──► gone
//! ```
//!
//! A transfer of zero bytes is no transfer: its activity is skipped, latency included.

use std::fmt;

use fleetune_algorithms::protocol::{Assignment, ClientId, Job};
use fleetune_devices::{
    Device, PowerStates, Workload,
    energy::{Meter, Moment, Outcome, Purpose, TimeWentBack},
};
use fleetune_units::{Bytes, Watts};

use super::{
    anatomy::Anatomy,
    clock::Clock,
    compute::{Course, NoCourse},
    draw::{Draw, Tail},
    ledger::{Ledger, Resources},
    outcome::{ClientOutcome, Fate},
    timed::Timed,
};
use crate::kernel::{Handle, SimDuration, SimTime};

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    /// The transfer from the server is under way.
    Downloading,
    /// It computes.
    Computing,
    /// The transfer to the server is under way.
    Uploading,
    /// Its upload is over: it waits for the server.
    Waiting,
    /// It takes no further part in the round.
    Gone,
}

impl Activity {
    /// What it draws, if it is doing anything.
    fn power(self, states: &PowerStates) -> Option<Watts> {
        match self {
            Self::Downloading => Some(states.receive),
            Self::Computing => Some(states.compute),
            Self::Uploading => Some(states.transmit),
            Self::Waiting | Self::Gone => None,
        }
    }

    fn is_transfer(self) -> bool {
        matches!(self, Self::Downloading | Self::Uploading)
    }
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) activity: Activity,
    /// Its update is at the server and within the number wanted.
    pub(super) arrived: bool,
    pub(super) workload: Workload,
    pub(super) course: Course,
    /// What it is waiting for in the calendar: the end of its computation, or its arrival.
    pub(super) pending: Option<Handle>,
    /// Its transfer, if that takes the time of a cost mode and not the network's.
    pub(super) timed: Option<Timed>,
    job: Option<UnrunJob>,
    since: SimTime,
    times: Anatomy,
    /// Of its radio, since the last transfer.
    tail: Option<Tail>,
    /// What the meter is to see.
    draw: Draw,
    meter: Meter,
    /// Spent in this exchange, energy apart.
    spent: Resources,
    /// Spent in earlier exchanges of the round, and in this one once it is settled.
    ledger: Ledger,
    /// Of that, on what was not finished when it was stopped: waste whatever becomes of the rest.
    unfinished: Resources,
    /// So many of its last layers, if it was stopped.
    layers: Option<u32>,
    exchanges: u32,
    fate: Fate,
    /// Of its update, if there are no rounds and it arrived.
    pub(super) staleness: Option<u64>,
}

struct UnrunJob(Job);

impl fmt::Debug for UnrunJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

impl Client {
    /// A client that has been asked at `now`, with nothing to do yet; its radio may be awake from
    /// an earlier round.
    pub(super) fn new(id: ClientId, tail: Option<Tail>, now: SimTime) -> Self {
        Self {
            id,
            activity: Activity::Gone,
            arrived: false,
            workload: Workload::default(),
            course: Course::default(),
            pending: None,
            timed: None,
            job: None,
            since: now,
            times: Anatomy::default(),
            tail,
            draw: Draw::steady(Watts::ZERO),
            meter: Meter::new(moment(now), Watts::ZERO),
            spent: Resources::default(),
            ledger: Ledger::default(),
            unfinished: Resources::default(),
            layers: None,
            exchanges: 0,
            fate: Fate::Interrupted,
            staleness: None,
        }
    }

    /// Takes up an exchange. The caller sets the first activity.
    pub(super) fn take_up(
        &mut self,
        assignment: Assignment,
        device: &Device,
        clock: &Clock,
    ) -> Result<(), NoCourse> {
        self.course = Course::of(device, &assignment.workload, clock)?;
        self.workload = assignment.workload;
        self.job = Some(UnrunJob(assignment.job));
        self.arrived = false;
        Ok(())
    }

    /// It was stopped with so many of its last layers: its work and what it sends are those of `assignment` now, and
    /// what it began beyond came to nothing.
    pub(super) fn stop(&mut self, assignment: Assignment, layers: u32, unfinished: Resources) {
        self.workload = assignment.workload;
        self.job = Some(UnrunJob(assignment.job));
        (self.layers, self.unfinished) = (Some(layers), unfinished);
    }

    /// Goes over to `next`, closing the books of what it did since the last change.
    pub(super) fn turn_to(
        &mut self,
        next: Activity,
        now: SimTime,
        device: &Device,
    ) -> Result<(), TimeWentBack> {
        self.catch_up(now)?;
        if self.activity.is_transfer() {
            self.tail = Tail::after(device, now);
        }
        if next.is_transfer() {
            self.tail = None;
        }
        // A device that is done with the round idles on its own account, but for the tail.
        let rest = if next == Activity::Gone { Watts::ZERO } else { device.power().idle };
        self.draw = self.drawing(next, device, rest);
        self.meter.set(moment(now), self.draw.at(now), Purpose::Round)?;
        let gone = self.elapsed(now);
        let book = match self.activity {
            Activity::Downloading => Some(&mut self.times.download),
            Activity::Computing => Some(&mut self.times.compute),
            Activity::Uploading => Some(&mut self.times.upload),
            Activity::Waiting => Some(&mut self.times.wait),
            Activity::Gone => None,
        };
        if let Some(book) = book {
            *book = book.saturating_plus(gone);
        }
        (self.activity, self.since) = (next, now);
        Ok(())
    }

    /// What the device draws, on whosever account.
    pub(super) fn device_draw(&self, device: &Device) -> Draw {
        self.drawing(self.activity, device, device.power().idle)
    }

    /// What it draws in an activity, and `rest` if it does nothing and its radio is asleep.
    fn drawing(&self, activity: Activity, device: &Device, rest: Watts) -> Draw {
        match activity.power(device.power()) {
            Some(power) => Draw::steady(power),
            None => Draw::resting(rest, self.tail),
        }
    }

    /// Its device died at `now`, when it was done with the round: its radio is off.
    pub(super) fn silence(&mut self, now: SimTime) -> Result<(), TimeWentBack> {
        self.catch_up(now)?;
        (self.tail, self.draw) = (None, Draw::steady(Watts::ZERO));
        self.meter.set(moment(now), Watts::ZERO, Purpose::Round)
    }

    /// Its tail, if its round closes with the radio awake; and whether what it drew was useful.
    pub(super) fn last_tail(&self) -> Option<(Tail, bool)> {
        self.tail.map(|tail| (tail, self.fate == Fate::Aggregated))
    }

    /// Ends a tail that is over by `now`, and tells the meter.
    fn catch_up(&mut self, now: SimTime) -> Result<(), TimeWentBack> {
        if let Some((at, power)) = self.draw.fallen(now) {
            self.draw = Draw::steady(power);
            self.meter.set(moment(at), power, Purpose::Round)?;
        }
        self.tail = self.tail.filter(|tail| tail.ends > now);
        Ok(())
    }

    /// Time since it turned to its present activity.
    pub(super) fn elapsed(&self, now: SimTime) -> SimDuration {
        now.since(self.since).unwrap_or(SimDuration::ZERO)
    }

    /// Charges bytes that reached the device.
    pub(super) fn charge_download(&mut self, bytes: Bytes) {
        self.spent.downlink += bytes;
    }

    /// Charges bytes that left the device.
    pub(super) fn charge_upload(&mut self, bytes: Bytes) {
        self.spent.uplink += bytes;
    }

    /// Charges what an undisturbed device has computed after `elapsed`.
    pub(super) fn charge_compute(&mut self, elapsed: SimDuration) {
        self.spent.device_flops += self.course.done_after(elapsed);
    }

    /// Whether it is still to deliver in this exchange.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.activity, Activity::Downloading | Activity::Computing | Activity::Uploading)
    }

    /// The work, once: after this it is owed no more.
    pub(super) fn take_job(&mut self) -> Option<Job> {
        self.job.take().map(|job| job.0)
    }

    /// Whether its work is still owed; and how many of its last layers that is, if it was stopped.
    pub(super) fn owes(&self) -> Option<Option<u32>> {
        self.job.as_ref().map(|_| self.layers)
    }

    /// Takes its work once more, which must be as it was; says whether it is.
    pub(super) fn take_up_again(&mut self, assignment: Assignment) -> bool {
        self.job = Some(UnrunJob(assignment.job));
        self.workload == assignment.workload
    }

    /// Settles this exchange: its spending becomes useful or wasted.
    pub(super) fn settle(&mut self, fate: Fate, now: SimTime) -> Result<(), TimeWentBack> {
        self.catch_up(now)?;
        let mut spent = std::mem::take(&mut self.spent);
        let unfinished = std::mem::take(&mut self.unfinished);
        spent.energy = self.meter.read(moment(now))?.open;
        if fate == Fate::Aggregated {
            self.meter.settle(moment(now), Outcome::Useful)?;
            spent.device_flops -= unfinished.device_flops;
            spent.energy -= unfinished.energy;
            self.ledger.useful += spent;
            self.ledger.wasted += unfinished;
            self.exchanges += 1;
        } else {
            self.meter.settle(moment(now), Outcome::Wasted)?;
            self.ledger.wasted += spent;
        }
        (self.job, self.arrived) = (None, false);
        self.fate = fate;
        Ok(())
    }

    /// Its round closes at `now`: what its radio's tail has drawn since it was done goes where its
    /// last exchange went.
    pub(super) fn close(&mut self, now: SimTime) -> Result<(), TimeWentBack> {
        self.catch_up(now)?;
        let energy = self.meter.read(moment(now))?.open;
        let spent = Resources { energy, ..Resources::default() };
        if self.fate == Fate::Aggregated {
            self.ledger.useful += spent;
        } else {
            self.ledger.wasted += spent;
        }
        Ok(())
    }

    /// Takes all that was useful for waste. Where it was not lost before, `fate` is what became of it.
    pub(super) fn forfeit(&mut self, fate: Fate) {
        self.ledger.wasted += std::mem::take(&mut self.ledger.useful);
        self.exchanges = 0;
        if self.fate == Fate::Aggregated {
            self.fate = fate;
        }
    }

    /// The record of its part in the round.
    pub(super) fn outcome(&self) -> ClientOutcome {
        ClientOutcome {
            client: self.id,
            fate: self.fate,
            staleness: self.staleness,
            layers: self.layers.filter(|_| self.fate == Fate::Aggregated),
            exchanges: self.exchanges,
            times: self.times,
            spent: self.ledger,
        }
    }
}

/// The same instant as the devices' models write it.
pub(super) fn moment(time: SimTime) -> Moment {
    Moment(time.as_nanos())
}

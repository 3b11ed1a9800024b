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
    compute::Course,
    ledger::{Ledger, Resources},
    outcome::{ClientOutcome, Fate},
};
use crate::kernel::{Handle, SimDuration, SimTime, TimeError};

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
    fn power(self, states: &PowerStates) -> Watts {
        match self {
            Self::Downloading => states.receive,
            Self::Computing => states.compute,
            Self::Uploading => states.transmit,
            Self::Waiting => states.idle,
            Self::Gone => Watts::ZERO,
        }
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
    job: Option<UnrunJob>,
    since: SimTime,
    times: Anatomy,
    meter: Meter,
    /// Spent in this exchange, energy apart.
    spent: Resources,
    /// Spent in earlier exchanges of the round, and in this one once it is settled.
    ledger: Ledger,
    exchanges: u32,
    fate: Fate,
}

struct UnrunJob(Job);

impl fmt::Debug for UnrunJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

impl Client {
    /// A client that has been asked at `now`, with nothing to do yet.
    pub(super) fn new(id: ClientId, now: SimTime) -> Self {
        Self {
            id,
            activity: Activity::Gone,
            arrived: false,
            workload: Workload::default(),
            course: Course::default(),
            pending: None,
            job: None,
            since: now,
            times: Anatomy::default(),
            meter: Meter::new(moment(now), Watts::ZERO),
            spent: Resources::default(),
            ledger: Ledger::default(),
            exchanges: 0,
            fate: Fate::Interrupted,
        }
    }

    /// Takes up an exchange. The caller sets the first activity.
    pub(super) fn take_up(
        &mut self,
        assignment: Assignment,
        device: &Device,
    ) -> Result<(), TimeError> {
        self.course = Course::of(device, &assignment.workload)?;
        self.workload = assignment.workload;
        self.job = Some(UnrunJob(assignment.job));
        self.arrived = false;
        Ok(())
    }

    /// Goes over to `next`, closing the books of what it did since the last change.
    pub(super) fn turn_to(
        &mut self,
        next: Activity,
        now: SimTime,
        device: &Device,
    ) -> Result<(), TimeWentBack> {
        let purpose = if next == Activity::Gone { Purpose::Background } else { Purpose::Round };
        self.meter.set(moment(now), next.power(device.power()), purpose)?;
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

    /// Charges what has been computed after `elapsed`.
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

    /// Settles this exchange: its spending becomes useful or wasted.
    pub(super) fn settle(&mut self, fate: Fate, now: SimTime) -> Result<(), TimeWentBack> {
        let mut spent = std::mem::take(&mut self.spent);
        spent.energy = self.meter.read(moment(now))?.open;
        if fate == Fate::Aggregated {
            self.meter.settle(moment(now), Outcome::Useful)?;
            self.ledger.useful += spent;
            self.exchanges += 1;
        } else {
            self.meter.settle(moment(now), Outcome::Wasted)?;
            self.ledger.wasted += spent;
        }
        (self.job, self.arrived) = (None, false);
        self.fate = fate;
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
            exchanges: self.exchanges,
            times: self.times,
            spent: self.ledger,
        }
    }
}

fn moment(time: SimTime) -> Moment {
    Moment(time.as_nanos())
}

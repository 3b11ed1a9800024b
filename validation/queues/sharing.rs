//! Processor sharing: a link or a processor that everybody present shares equally.
//!
//! With n jobs present each is served at C / n. Instead of n remaining sizes one number is kept:
//! the service S(t) that a job present since the start would have had, dS/dt = C / n. A job of
//! size x that came at S leaves when S has grown by x. The next departure is the least such mark;
//! when someone comes or goes it moves, so the event is cancelled and scheduled anew.

use std::collections::BTreeMap;

use fleetune_devices::streams::SeedTree;
use fleetune_kernel::{Calendar, Class, Event, Handle, SimTime};
use fleetune_units::{BytesPerSecond, Seconds};

use super::{
    meter::{Meter, Window},
    span,
};
use crate::{Law, ValidationError};

/// A shared link and how long it is watched.
#[derive(Debug, Clone)]
pub(super) struct Sharing {
    /// Times between arrivals.
    pub(super) gaps: Law,
    /// Sizes, as the time that a job takes alone.
    pub(super) alone: Law,
    /// What the link carries.
    pub(super) capacity: BytesPerSecond,
    /// Jobs at the start.
    pub(super) crowd: u64,
    /// Jobs that come after them.
    pub(super) jobs: u64,
    pub(super) window: Window,
    /// Boundaries between classes of sizes, as times alone.
    pub(super) bounds: Vec<Seconds>,
}

/// What one replication measured.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) meter: Meter,
    /// For each class of sizes: sum of sojourn times and sum of times alone, seconds, of those who
    /// left within the window.
    pub(super) classes: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy)]
enum Transfer {
    Begins { in_crowd: bool },
    Ends,
}

impl Event for Transfer {
    fn entity(&self) -> String {
        "the link".into()
    }
}

#[derive(Debug, Clone, Copy)]
struct Job {
    arrived: SimTime,
    bytes: f64,
}

/// Jobs present, by the mark at which they leave; the number of the job breaks ties. Marks are
/// not negative, so their bits are in their order.
#[derive(Debug, Default)]
struct Present {
    jobs: BTreeMap<(u64, u64), Job>,
    /// S, bytes.
    service: f64,
    since: SimTime,
    come: u64,
}

impl Present {
    /// Service goes on until `now`.
    fn serve(&mut self, now: SimTime, capacity: BytesPerSecond) {
        if !self.jobs.is_empty() {
            let seconds = now.since(self.since).map_or(0.0, |span| span.as_seconds());
            self.service += capacity.get() / self.jobs.len() as f64 * seconds;
        } else {
            // Nobody holds a mark: begin anew, so that S stays small and its rounding too.
            self.service = 0.0;
        }
        self.since = now;
    }

    fn enter(&mut self, job: Job) {
        self.jobs.insert(((self.service + job.bytes).to_bits(), self.come), job);
        self.come += 1;
    }

    /// Time until the next departure.
    fn next(&self, capacity: BytesPerSecond) -> Option<Seconds> {
        let (&(mark, _), _) = self.jobs.first_key_value()?;
        let bytes = (f64::from_bits(mark) - self.service).max(0.0);
        Some(Seconds::from_raw(bytes * self.jobs.len() as f64 / capacity.get()))
    }
}

impl Sharing {
    /// One replication.
    pub(super) fn run(&self, seeds: &SeedTree) -> Result<Shared, ValidationError> {
        let mut gaps = seeds.stream("gaps between arrivals", 0);
        let mut sizes = seeds.stream("sizes", 0);
        let mut calendar = Calendar::new();
        let mut meter = Meter::new(self.window, &[])?;
        let mut classes = vec![(0.0, 0.0); self.bounds.len() + 1];
        let mut present = Present::default();
        let mut departure: Option<Handle> = None;
        let mut to_come = self.jobs;
        for _ in 0..self.crowd {
            let begins = Transfer::Begins { in_crowd: true };
            calendar.schedule(SimTime::ZERO, Class::Arrival, begins)?;
        }
        if to_come > 0 {
            let gap = span(self.gaps.sample(&mut gaps))?;
            calendar.schedule_in(gap, Class::Arrival, Transfer::Begins { in_crowd: false })?;
        }
        while let Some(fired) = calendar.advance() {
            let now = fired.time;
            let before = meter.served;
            meter.pass(now, present.jobs.len(), 0);
            if meter.is_over(now) {
                break;
            }
            present.serve(now, self.capacity);
            match fired.event {
                Transfer::Begins { in_crowd } => {
                    if !in_crowd {
                        to_come -= 1;
                        if to_come > 0 {
                            let gap = span(self.gaps.sample(&mut gaps))?;
                            calendar.schedule_in(gap, Class::Arrival, fired.event)?;
                        }
                    }
                    let bytes = self.alone.sample(&mut sizes).get() * self.capacity.get();
                    present.enter(Job { arrived: now, bytes });
                    // Whoever shares delays the departure that was planned.
                    departure.take().and_then(|planned| calendar.cancel(planned));
                }
                Transfer::Ends => {
                    let (_, job) = present.jobs.pop_first().ok_or(ValidationError::Model {
                        experiment: "a shared link",
                        what: "a transfer ended and there was none",
                    })?;
                    meter.leave(job.arrived, job.arrived, now);
                    if meter.served > before {
                        let alone = job.bytes / self.capacity.get();
                        let class = self.bounds.iter().filter(|b| b.get() < alone).count();
                        let stay = now.since(job.arrived).map_or(0.0, |span| span.as_seconds());
                        classes[class].0 += stay;
                        classes[class].1 += alone;
                    }
                }
            }
            if let Some(time) = present.next(self.capacity) {
                let ends = calendar.schedule_in(span(time)?, Class::Completion, Transfer::Ends)?;
                departure = Some(ends);
            }
        }
        Ok(Shared { meter, classes })
    }
}

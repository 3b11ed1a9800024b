//! Two queues, one behind the other: who leaves the first enters the second at once.

use std::collections::VecDeque;

use fleetune_devices::streams::SeedTree;
use fleetune_kernel::{Calendar, Class, Event, SimTime};

use super::{
    meter::{Meter, Window},
    span,
};
use crate::{Law, ValidationError};

/// Numbers at each queue that are told apart.
pub(super) const LEVELS: usize = 2;

/// The queues and how long they are watched.
#[derive(Debug, Clone)]
pub(super) struct Tandem {
    /// Times between arrivals.
    pub(super) gaps: Law,
    /// Times of service of the two servers.
    pub(super) service: [Law; 2],
    /// Customers at the first door at the start.
    pub(super) crowd: u64,
    /// Customers that come after them.
    pub(super) customers: u64,
    pub(super) window: Window,
}

/// What one replication measured.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    /// Each queue by itself, and the whole.
    pub(super) queues: [Meter; 2],
    /// From the arrival at the first to the departure from the second.
    pub(super) whole: Meter,
    /// Nanoseconds with i at the first queue and j at the second.
    pub(super) joint: [[u128; LEVELS]; LEVELS],
    /// When customers left the first queue, within the window.
    pub(super) departures: Vec<SimTime>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Arrives { in_crowd: bool },
    Leaves { queue: usize },
}

impl Event for Step {
    fn entity(&self) -> String {
        match self {
            Self::Arrives { .. } => "the door".into(),
            Self::Leaves { queue } => format!("queue {queue}"),
        }
    }
}

/// One queue: arrivals here and at the first door; the head is served since `started`.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<(SimTime, SimTime)>,
    started: SimTime,
}

impl Tandem {
    /// One replication.
    pub(super) fn run(&self, seeds: &SeedTree) -> Result<Passage, ValidationError> {
        let mut gaps = seeds.stream("gaps between arrivals", 0);
        let mut service = [seeds.stream("service", 0), seeds.stream("service", 1)];
        let mut calendar = Calendar::new();
        let meter = Meter::new(self.window, &[])?;
        let mut passage = Passage {
            queues: [meter.clone(), meter.clone()],
            whole: meter,
            joint: [[0; LEVELS]; LEVELS],
            departures: Vec::new(),
        };
        let mut lines: [Line; 2] = Default::default();
        let mut to_come = self.customers;
        for _ in 0..self.crowd {
            calendar.schedule(SimTime::ZERO, Class::Arrival, Step::Arrives { in_crowd: true })?;
        }
        let gap = span(self.gaps.sample(&mut gaps))?;
        calendar.schedule_in(gap, Class::Arrival, Step::Arrives { in_crowd: false })?;
        while let Some(fired) = calendar.advance() {
            let now = fired.time;
            passage.pass(now, lines.each_ref().map(|line| line.waiting.len()));
            if passage.whole.is_over(now) {
                break;
            }
            let entered = match fired.event {
                Step::Arrives { in_crowd } => {
                    if !in_crowd {
                        to_come -= 1;
                        if to_come > 0 {
                            let gap = span(self.gaps.sample(&mut gaps))?;
                            calendar.schedule_in(gap, Class::Arrival, fired.event)?;
                        }
                    }
                    Some((0, now))
                }
                Step::Leaves { queue } => {
                    let line = &mut lines[queue];
                    let (here, door) = line.waiting.pop_front().ok_or(ValidationError::Model {
                        experiment: "queues in tandem",
                        what: "nobody was served where someone left",
                    })?;
                    passage.queues[queue].leave(here, line.started, now);
                    if !line.waiting.is_empty() {
                        line.started = now;
                        let time = span(self.service[queue].sample(&mut service[queue]))?;
                        calendar.schedule_in(time, Class::Completion, fired.event)?;
                    }
                    if queue == 0 {
                        passage.depart(now);
                        Some((1, door))
                    } else {
                        passage.whole.leave(door, door, now);
                        None
                    }
                }
            };
            if let Some((queue, door)) = entered {
                let line = &mut lines[queue];
                line.waiting.push_back((now, door));
                if line.waiting.len() == 1 {
                    line.started = now;
                    let time = span(self.service[queue].sample(&mut service[queue]))?;
                    calendar.schedule_in(time, Class::Completion, Step::Leaves { queue })?;
                }
            }
        }
        Ok(passage)
    }
}

impl Passage {
    /// Time goes on to `now`; until then `at` were at the two queues.
    fn pass(&mut self, now: SimTime, at: [usize; 2]) {
        for (queue, present) in self.queues.iter_mut().zip(at) {
            queue.pass(now, present, present.saturating_sub(1));
        }
        let nanos = self.whole.pass(now, at[0] + at[1], 0);
        if let Some(cell) = self.joint.get_mut(at[0]).and_then(|row| row.get_mut(at[1])) {
            *cell += nanos;
        }
    }

    fn depart(&mut self, now: SimTime) {
        if self.whole.has_begun(now) {
            self.departures.push(now);
        }
    }
}

use fleetune_units::Bytes;
use serde::{Deserialize, Serialize};

use super::Calendar;
use crate::{
    energy::Moment,
    network::{
        fair_share::Hop,
        number::{after, elapsed, maybe_moment, moment, unbounded},
        transfers::{FlowId, Turn},
    },
};

/// A transfer under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Flow {
    pub(super) size: Bytes,
    pub(super) route: Vec<Hop>,
    pub(super) weight: f64,
    /// What the caller said it can use at most.
    #[serde(with = "unbounded")]
    pub(super) own_cap: f64,
    /// The least of its own cap and of the links nobody else contends for.
    #[serde(with = "unbounded")]
    pub(super) cap: f64,
    /// Whether it crosses two or more contended links.
    pub(super) crossing: bool,
    /// The star it takes part in.
    pub(super) seat: Option<Seat>,
    pub(super) state: State,
}

/// A place in the star around a contended link.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Seat {
    pub(super) hub: usize,
    /// What a unit of its rate uses of the hub.
    pub(super) usage: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    /// Nothing moves before `until`.
    Latency {
        #[serde(with = "moment")]
        until: Moment,
    },
    /// At a rate of its own.
    Moving(Progress),
    /// At the hub's level times its weight, until the hub's volume reaches `finish`.
    Rising { finish: f64 },
}

/// `left` bytes were still to move at `since`, and go at `rate` until `end`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) left: f64,
    #[serde(with = "moment")]
    pub(super) since: Moment,
    pub(super) rate: f64,
    /// None if it never ends at this rate.
    #[serde(with = "maybe_moment")]
    pub(super) end: Option<Moment>,
}

impl Progress {
    /// Standing still with all of `size` to go.
    pub(super) fn standing(size: Bytes, now: Moment) -> Self {
        Self { left: size.as_f64(), since: now, rate: 0.0, end: None }
    }

    /// At `rate` from `now` on. The end is rounded up here and nowhere else.
    pub(super) fn at_rate(left: f64, now: Moment, rate: f64) -> Self {
        let end = if rate > 0.0 { after(now, left / rate) } else { None };
        Self { left, since: now, rate, end }
    }

    /// Bytes not yet moved at `now`.
    pub(super) fn left_at(&self, now: Moment) -> f64 {
        (self.left - self.rate * elapsed(self.since, now)).max(0.0)
    }
}

impl Flow {
    /// Goes on at `rate` from `now`. At the rate it has, it keeps its end to the bit.
    ///
    /// A rising flow must have been given a progress before.
    pub(super) fn go(&mut self, id: FlowId, now: Moment, rate: f64, calendar: &mut Calendar) {
        let State::Moving(present) = self.state else { return };
        if present.rate == rate {
            return;
        }
        self.move_on(id, Progress::at_rate(present.left_at(now), now, rate), calendar);
    }

    /// Replaces its progress, and its end in the calendar.
    pub(super) fn move_on(&mut self, id: FlowId, next: Progress, calendar: &mut Calendar) {
        self.leave_calendar(id, calendar);
        if let Some(end) = next.end {
            calendar.insert((end, Turn::End(id)));
        }
        self.state = State::Moving(next);
    }

    /// Takes its own next turn out of the calendar; a rising flow has none.
    pub(super) fn leave_calendar(&self, id: FlowId, calendar: &mut Calendar) {
        match self.state {
            State::Latency { until } => calendar.remove(&(until, Turn::Begin(id))),
            State::Moving(Progress { end: Some(end), .. }) => {
                calendar.remove(&(end, Turn::End(id)))
            }
            State::Moving(_) | State::Rising { .. } => false,
        };
    }
}

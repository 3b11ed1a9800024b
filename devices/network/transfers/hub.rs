//! The star around one contended link, in virtual time.
//!
//! x_j = min(b_j, w_j θ) as in [`crate::network::star`], but kept up to date instead of computed
//! anew: the flows at their caps b_j in one ordered set, the *rising* ones, at w_j θ, in another.
//! A change moves the boundary between the two by as many flows as cross it.
//!
//! Rising flows have one clock in common, the **volume** V: bytes moved per unit of weight, with
//! dV = θ dt. A rising flow ends when V reaches V + left / w, a number that no change of θ
//! touches; so a change costs O(log n) and not O(n). This is the virtual time of fair queueing
//! (A. Parekh, R. Gallager, "A generalized processor sharing approach to flow control",
//! IEEE/ACM Trans. Networking 1(3), 1993).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Calendar, FlowId, Turn,
    flow::{Flow, Progress, Seat, State},
};
use crate::{
    energy::Moment,
    network::number::{Key, Sum, after, elapsed, maybe_moment, moment, unbounded},
};

/// How far the volume may run ahead of what is left before it is counted from zero again: its
/// rounding stays below 1e-12 of what is left.
const REBASE: f64 = 1024.0;

/// The flows that share one link and no other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hub {
    link: usize,
    /// θ; infinite while nobody rises.
    #[serde(with = "unbounded")]
    level: f64,
    /// V at `since`.
    volume: f64,
    #[serde(with = "moment")]
    since: Moment,
    /// Sum of usage x cap over capped flows.
    capped_use: Sum,
    /// Sum of usage x weight over rising flows.
    rising_use: Sum,
    /// What the calendar holds for it.
    #[serde(with = "maybe_moment")]
    armed: Option<Moment>,
    /// Capped flows by the level b / w at which they are.
    #[serde(skip)]
    capped: BTreeSet<(Key, FlowId)>,
    /// Rising flows by the level at which they will be capped.
    #[serde(skip)]
    rising: BTreeSet<(Key, FlowId)>,
    /// Rising flows by the volume at which they end.
    #[serde(skip)]
    finishes: BTreeSet<(Key, FlowId)>,
    /// Who may have changed sides since the level was set; empty between changes.
    #[serde(skip)]
    turned: BTreeSet<FlowId>,
}

/// The flows of all hubs, by id.
pub(super) type Flows = BTreeMap<FlowId, Flow>;

fn cap_level(flow: &Flow) -> Key {
    Key(flow.cap / flow.weight)
}

impl Hub {
    pub(super) fn new(link: usize, now: Moment) -> Self {
        Self {
            link,
            level: f64::INFINITY,
            volume: 0.0,
            since: now,
            capped_use: Sum::default(),
            rising_use: Sum::default(),
            armed: None,
            capped: BTreeSet::new(),
            rising: BTreeSet::new(),
            finishes: BTreeSet::new(),
            turned: BTreeSet::new(),
        }
    }

    pub(super) const fn link(&self) -> usize {
        self.link
    }

    pub(super) fn level(&self) -> f64 {
        self.level
    }

    /// V at `now`.
    fn volume_at(&self, now: Moment) -> f64 {
        if self.level.is_finite() {
            self.volume + self.level * elapsed(self.since, now)
        } else {
            self.volume
        }
    }

    /// When the volume reaches `finish`, rounded up; `None` if never.
    pub(super) fn end_of(&self, finish: f64) -> Option<Moment> {
        if self.level > 0.0 {
            after(self.since, (finish - self.volume).max(0.0) / self.level)
        } else {
            None
        }
    }

    /// Bytes a rising flow has not moved at `now`.
    pub(super) fn left_at(&self, weight: f64, finish: f64, now: Moment) -> f64 {
        ((finish - self.volume_at(now)) * weight).max(0.0)
    }

    /// Puts a flow into its place again after the hub was read from a file.
    pub(super) fn restore(&mut self, id: FlowId, flow: &Flow) {
        match flow.state {
            State::Rising { finish } => {
                self.rising.insert((cap_level(flow), id));
                self.finishes.insert((Key(finish), id));
            }
            _ => {
                self.capped.insert((cap_level(flow), id));
            }
        }
    }

    /// What the calendar holds for it.
    pub(super) const fn armed(&self) -> Option<Moment> {
        self.armed
    }

    /// Lets a moving flow without a seat take part. [`Hub::balance`] has to follow.
    pub(super) fn seat(&mut self, id: FlowId, usage: f64, flow: &mut Flow) {
        flow.seat = Some(Seat { hub: self.link, usage });
        self.turn_rising(id, usage, flow);
        self.turned.insert(id);
    }

    /// Takes a flow out, with a progress of its own at the rate it had.
    pub(super) fn unseat(
        &mut self,
        id: FlowId,
        now: Moment,
        flow: &mut Flow,
        calendar: &mut Calendar,
    ) {
        let Some(Seat { usage, .. }) = flow.seat.take() else { return };
        if self.capped.remove(&(cap_level(flow), id)) {
            self.capped_use.add(-(usage * flow.cap));
        }
        if self.rising.remove(&(cap_level(flow), id)) {
            self.leave_rising(usage, flow);
        }
        if let State::Rising { finish } = flow.state {
            self.finishes.remove(&(Key(finish), id));
            let left = self.left_at(flow.weight, finish, now);
            let rate = flow.weight * self.level;
            let progress = Progress { left, since: now, rate, end: self.end_of(finish) };
            flow.move_on(id, progress, calendar);
        }
    }

    /// Finds the level at which the link is full and arms the calendar. The star's shares are then
    /// those of [`crate::network::star::level`].
    pub(super) fn balance(
        &mut self,
        capacity: f64,
        now: Moment,
        flows: &mut Flows,
        calendar: &mut Calendar,
    ) {
        // First, flows above the level are no longer capped. Each raises the level, but not above
        // its own.
        while let Some((Key(own), id)) = self.capped.last().copied() {
            let Some(flow) = flows.get(&id).filter(|_| own > self.full_at(capacity)) else { break };
            self.capped.remove(&(Key(own), id));
            if let Some(Seat { usage, .. }) = flow.seat {
                self.capped_use.add(-(usage * flow.cap));
                self.turn_rising(id, usage, flow);
            }
            self.turned.insert(id);
        }
        // Then flows below it are capped, each of which raises it further.
        let mut level = self.full_at(capacity);
        while let Some((Key(own), id)) = self.rising.first().copied() {
            let Some(flow) = flows.get(&id).filter(|_| own < level) else { break };
            self.rising.remove(&(Key(own), id));
            self.capped.insert((Key(own), id));
            if let Some(Seat { usage, .. }) = flow.seat {
                self.leave_rising(usage, flow);
                self.capped_use.add(usage * flow.cap);
            }
            self.turned.insert(id);
            // All are below it: no rounding may say that there is not enough after all.
            let enough = self.rising.is_empty();
            level = if enough { f64::INFINITY } else { self.full_at(capacity) };
        }
        self.settle_turned(level.max(0.0), now, flows, calendar);
        self.arm(now, calendar);
    }

    /// Sets the level and gives everyone who changed sides the state of the side it is on. A flow
    /// that went and came back, or that is new and capped, never goes through the volume, whose
    /// rounding would show in its end.
    fn settle_turned(
        &mut self,
        level: f64,
        now: Moment,
        flows: &mut Flows,
        calendar: &mut Calendar,
    ) {
        let turned = std::mem::take(&mut self.turned);
        for id in &turned {
            let Some(flow) = flows.get_mut(id) else { continue };
            if !self.capped.contains(&(cap_level(flow), *id)) {
                continue;
            }
            if let State::Rising { finish } = flow.state {
                self.finishes.remove(&(Key(finish), *id));
                let left = self.left_at(flow.weight, finish, now);
                flow.move_on(*id, Progress::at_rate(left, now, flow.cap), calendar);
            } else {
                flow.go(*id, now, flow.cap, calendar);
            }
        }
        self.set_level(level, now);
        for id in &turned {
            let Some(flow) = flows.get_mut(id) else { continue };
            let State::Moving(progress) = flow.state else { continue };
            if self.rising.contains(&(cap_level(flow), *id)) {
                flow.leave_calendar(*id, calendar);
                let finish = self.volume_at(now) + progress.left_at(now) / flow.weight;
                flow.state = State::Rising { finish };
                self.finishes.insert((Key(finish), *id));
            }
        }
        let last = self.finishes.last().map_or(f64::INFINITY, |(finish, _)| finish.0);
        if self.since == now && self.volume > REBASE * (last - self.volume).max(0.0) {
            self.rebase(flows);
        }
    }

    /// The flows that end by `now` and those only, of the rising ones.
    pub(super) fn ended(&self, now: Moment) -> impl Iterator<Item = FlowId> + '_ {
        self.finishes
            .iter()
            .take_while(move |(finish, _)| self.end_of(finish.0).is_some_and(|end| end <= now))
            .map(|(_, id)| *id)
    }

    /// Everyone who takes part, in order of id.
    pub(super) fn members(&self) -> BTreeSet<FlowId> {
        self.capped.iter().chain(&self.rising).map(|(_, id)| *id).collect()
    }

    /// Its entry in the calendar is gone.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }

    /// Leaves the calendar for good.
    pub(super) fn disarm(&mut self, calendar: &mut Calendar) {
        if let Some(at) = self.armed.take() {
            calendar.remove(&(at, Turn::Hub(self.link)));
        }
    }

    /// Where the level would be with the present boundary; infinite if nobody has to rise.
    fn full_at(&self, capacity: f64) -> f64 {
        let left = self.capped_use.taken_from(capacity);
        if !self.rising.is_empty() {
            left / self.rising_use.get()
        } else if left >= 0.0 {
            f64::INFINITY
        } else {
            // Everyone is capped and that is too much: whoever is highest has to come down.
            f64::NEG_INFINITY
        }
    }

    fn turn_rising(&mut self, id: FlowId, usage: f64, flow: &Flow) {
        self.rising.insert((cap_level(flow), id));
        self.rising_use.add(usage * flow.weight);
    }

    /// After it was taken from the rising.
    fn leave_rising(&mut self, usage: f64, flow: &Flow) {
        self.rising_use.add(-(usage * flow.weight));
        if self.rising.is_empty() {
            self.rising_use = Sum::default();
        }
    }

    fn set_level(&mut self, level: f64, now: Moment) {
        if level == self.level {
            return;
        }
        (self.volume, self.since, self.level) = (self.volume_at(now), now, level);
        if self.finishes.is_empty() {
            // Nobody remembers the old volume.
            self.volume = 0.0;
        }
    }

    /// Counts the volume from zero again.
    fn rebase(&mut self, flows: &mut Flows) {
        let volume = std::mem::replace(&mut self.volume, 0.0);
        let shift = |(finish, id): (Key, FlowId)| (Key((finish.0 - volume).max(0.0)), id);
        self.finishes = std::mem::take(&mut self.finishes).into_iter().map(shift).collect();
        for (finish, id) in &self.finishes {
            if let Some(flow) = flows.get_mut(id) {
                flow.state = State::Rising { finish: finish.0 };
            }
        }
    }

    fn arm(&mut self, now: Moment, calendar: &mut Calendar) {
        let first = self.finishes.first().and_then(|(finish, _)| self.end_of(finish.0));
        let next = first.map(|end| end.max(now));
        if next != self.armed {
            self.disarm(calendar);
            if let Some(at) = next {
                calendar.insert((at, Turn::Hub(self.link)));
            }
            self.armed = next;
        }
    }
}

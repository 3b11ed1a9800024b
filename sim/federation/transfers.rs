//! One direction of a star: every device's access link, then one link at the server.
//!
//! ```text
//!   device 0 ── access b_0 ──┐
//!   device 1 ── access b_1 ──┼── shared, capacity C ── server
//!   device 2 ── access b_2 ──┘
//! ```
//!
//! A transfer is a flow: it waits out its latency, then moves at its max-min fair share
//! `x_i = min(b_i, theta)`, with `theta` such that the shares fill `C` or every flow is at its own
//! cap. Shares change only when a flow begins to move or ends; a flow whose share stays the same
//! keeps its predicted end to the bit, so a transfer limited by its own access link takes exactly
//! `latency + bytes / b`, rounded up to a nanosecond once each.

use std::collections::BTreeMap;

use fleetune_devices::network::star::{self, Spoke};
use fleetune_units::{Bytes, BytesPerSecond};

use crate::kernel::{SimDuration, SimTime, TimeError};

/// A transfer under way.
#[derive(Debug, Clone)]
struct Flow {
    size: Bytes,
    /// The rate of the access link.
    access: BytesPerSecond,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing moves before `until`.
    Latency { until: SimTime },
    /// `left` bytes were still to move at `since`, and go at `rate` until `end`.
    Moving { left: f64, since: SimTime, rate: f64, end: SimTime },
}

/// The flows of one direction, by the place of their client in the selection: among flows that
/// end at the same instant, the order of the selection decides.
#[derive(Debug, Clone)]
pub(super) struct Star {
    capacity: BytesPerSecond,
    flows: BTreeMap<u32, Flow>,
}

impl Star {
    pub(super) fn new(capacity: BytesPerSecond) -> Self {
        Self { capacity, flows: BTreeMap::new() }
    }

    /// Starts a transfer. `place` must have none under way.
    pub(super) fn start(
        &mut self,
        place: u32,
        now: SimTime,
        size: Bytes,
        access: BytesPerSecond,
        latency: SimDuration,
    ) -> Result<(), TimeError> {
        let state = State::Latency { until: now.after(latency)? };
        let previous = self.flows.insert(place, Flow { size, access, state });
        debug_assert!(previous.is_none(), "a client has one transfer at a time");
        Ok(())
    }

    /// When the next flow begins to move or ends.
    pub(super) fn next(&self) -> Option<SimTime> {
        self.flows.values().map(Flow::turns).min()
    }

    /// Lets everything due by `now` happen; gives the places of the transfers that are complete.
    pub(super) fn settle(&mut self, now: SimTime) -> Result<Vec<u32>, TimeError> {
        let complete: Vec<u32> = self
            .flows
            .iter()
            .filter(|(_, flow)| flow.ended(now))
            .map(|(&place, _)| place)
            .collect();
        for place in &complete {
            self.flows.remove(place);
        }
        let mut changed = !complete.is_empty();
        for flow in self.flows.values_mut() {
            if let State::Latency { until } = flow.state
                && until <= now
            {
                let left = flow.size.as_f64();
                flow.state = State::Moving { left, since: now, rate: 0.0, end: SimTime::MAX };
                changed = true;
            }
        }
        if changed {
            self.share(now)?;
        }
        Ok(complete)
    }

    /// Breaks a transfer off; gives the whole bytes that had been moved, if it was under way.
    pub(super) fn abort(&mut self, place: u32, now: SimTime) -> Result<Option<Bytes>, TimeError> {
        let Some(flow) = self.flows.remove(&place) else {
            return Ok(None);
        };
        self.share(now)?;
        Ok(Some(flow.moved(now)))
    }

    /// Shares the link among the flows that still have bytes to move.
    fn share(&mut self, now: SimTime) -> Result<(), TimeError> {
        let moving = self.flows.values().filter(|flow| flow.moving(now));
        let spokes: Vec<_> = moving.map(|flow| Spoke::new(flow.access)).collect();
        let level = star::level(self.capacity, &spokes);
        for flow in self.flows.values_mut().filter(|flow| flow.moving(now)) {
            flow.go(now, flow.access.get().min(level))?;
        }
        Ok(())
    }
}

impl Flow {
    fn turns(&self) -> SimTime {
        match self.state {
            State::Latency { until } => until,
            State::Moving { end, .. } => end,
        }
    }

    fn ended(&self, now: SimTime) -> bool {
        matches!(self.state, State::Moving { end, .. } if end <= now)
    }

    /// Whether it takes part in the sharing: one that ends now has nothing left to move.
    fn moving(&self, now: SimTime) -> bool {
        matches!(self.state, State::Moving { end, .. } if end > now)
    }

    /// Bytes not yet moved at `now`.
    fn left(&self, now: SimTime) -> f64 {
        match self.state {
            State::Latency { .. } => self.size.as_f64(),
            State::Moving { left, since, rate, .. } => {
                let gone = now.since(since).unwrap_or(SimDuration::ZERO).as_seconds();
                (left - rate * gone).max(0.0)
            }
        }
    }

    /// Whole bytes moved by `now`: a byte under way is not counted.
    fn moved(&self, now: SimTime) -> Bytes {
        if self.ended(now) {
            return self.size;
        }
        Bytes::new(((self.size.as_f64() - self.left(now)).floor() as u64).min(self.size.get()))
    }

    /// Goes on at `rate` bytes per second from `now`.
    fn go(&mut self, now: SimTime, rate: f64) -> Result<(), TimeError> {
        if matches!(self.state, State::Moving { rate: present, .. } if present == rate) {
            return Ok(());
        }
        let left = self.left(now);
        let end = now.after(SimDuration::from_seconds(left / rate)?)?;
        self.state = State::Moving { left, since: now, rate, end };
        Ok(())
    }
}

//! What a queue measures of itself, in whole nanoseconds so that Little's law can be exact.

use fleetune_kernel::SimTime;
use fleetune_units::Seconds;

use crate::ValidationError;

/// Numbers in the system that are told apart.
const LEVELS: usize = 8;

/// When a replication begins to measure and when it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Nothing before is measured.
    pub(super) from: SimTime,
    /// The run ends here, or earlier if nothing is left to happen.
    pub(super) to: SimTime,
}

impl Window {
    /// From `warm_up` on, for `length`.
    pub(super) fn new(warm_up: Seconds, length: Seconds) -> Result<Self, ValidationError> {
        let from = SimTime::ZERO.after(super::span(warm_up)?)?;
        Ok(Self { from, to: from.after(super::span(length)?)? })
    }

    /// From the start until nothing is left to happen.
    pub(super) const EVERYTHING: Self = Self { from: SimTime::ZERO, to: SimTime::MAX };
}

/// Integrals over the window and sums over those who leave within it.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    window: Window,
    last: SimTime,
    /// Integral of the number in the system, customer-nanoseconds.
    pub(super) area: u128,
    /// Integral of the number waiting for service, customer-nanoseconds.
    pub(super) waiting_area: u128,
    /// Nanoseconds with 0, 1, 2, ... customers in the system.
    pub(super) levels: [u128; LEVELS],
    /// Customers who came within the window.
    pub(super) come: u64,
    /// Sum of the numbers of customers whom they found in the system.
    pub(super) found: u64,
    /// Customers who left within the window.
    pub(super) served: u64,
    /// Of those, who had to wait.
    pub(super) delayed: u64,
    /// Sum of their times from arrival to departure, nanoseconds.
    pub(super) sojourns: u128,
    /// Sum of their times from arrival to start of service, nanoseconds.
    pub(super) waits: u128,
    /// How many of them stayed longer than each of these times.
    pub(super) longer: Vec<(SimTime, u64)>,
}

impl Meter {
    /// Nothing measured yet; `longer` are the times whose exceedance is counted.
    pub(super) fn new(window: Window, longer: &[Seconds]) -> Result<Self, ValidationError> {
        let stay = |&time: &Seconds| Ok((SimTime::ZERO.after(super::span(time)?)?, 0));
        Ok(Self {
            window,
            last: SimTime::ZERO,
            area: 0,
            waiting_area: 0,
            levels: [0; LEVELS],
            come: 0,
            found: 0,
            served: 0,
            delayed: 0,
            sojourns: 0,
            waits: 0,
            longer: longer.iter().map(stay).collect::<Result<_, ValidationError>>()?,
        })
    }

    /// Time goes on to `now`; until then `present` were in the system and `waiting` of them
    /// waited. Gives the nanoseconds of it that lie in the window.
    pub(super) fn pass(&mut self, now: SimTime, present: usize, waiting: usize) -> u128 {
        let (from, to) = (self.last.max(self.window.from), now.min(self.window.to));
        self.last = now;
        let nanos = to.since(from).map_or(0, |span| u128::from(span.as_nanos()));
        self.area += present as u128 * nanos;
        self.waiting_area += waiting as u128 * nanos;
        if let Some(level) = self.levels.get_mut(present) {
            *level += nanos;
        }
        nanos
    }

    /// Someone comes and finds `present` others.
    pub(super) fn come(&mut self, now: SimTime, present: usize) {
        if self.has_begun(now) {
            self.come += 1;
            self.found += present as u64;
        }
    }

    /// Someone leaves who came at `arrived` and whose service began at `started`.
    pub(super) fn leave(&mut self, arrived: SimTime, started: SimTime, now: SimTime) {
        if now < self.window.from || now > self.window.to {
            return;
        }
        let (stay, wait) = (nanos(arrived, now), nanos(arrived, started));
        self.served += 1;
        self.delayed += u64::from(wait > 0);
        self.sojourns += u128::from(stay);
        self.waits += u128::from(wait);
        for (limit, count) in &mut self.longer {
            *count += u64::from(stay > limit.as_nanos());
        }
    }

    /// Whether the window is over at `now`.
    pub(super) fn is_over(&self, now: SimTime) -> bool {
        now >= self.window.to
    }

    /// Whether the window has begun at `now`.
    pub(super) fn has_begun(&self, now: SimTime) -> bool {
        now >= self.window.from
    }

    /// Nanoseconds measured so far.
    fn measured(&self) -> f64 {
        nanos(self.window.from, self.last.min(self.window.to)) as f64
    }

    /// Seconds measured so far.
    pub(super) fn seconds(&self) -> f64 {
        self.measured() * 1e-9
    }

    /// Time average of the number in the system, L.
    pub(super) fn number(&self) -> f64 {
        self.area as f64 / self.measured()
    }

    /// Time average of the number waiting, Lq.
    pub(super) fn waiting(&self) -> f64 {
        self.waiting_area as f64 / self.measured()
    }

    /// Share of the time with `n` in the system.
    pub(super) fn share(&self, n: usize) -> f64 {
        self.levels[n] as f64 / self.measured()
    }

    /// Mean time from arrival to departure, W, seconds.
    pub(super) fn sojourn(&self) -> f64 {
        self.sojourns as f64 * 1e-9 / self.served as f64
    }

    /// Mean time from arrival to start of service, Wq, seconds.
    pub(super) fn wait(&self) -> f64 {
        self.waits as f64 * 1e-9 / self.served as f64
    }
}

fn nanos(from: SimTime, to: SimTime) -> u64 {
    to.since(from).map_or(0, |span| span.as_nanos())
}

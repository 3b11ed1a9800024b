//! One device's processor: told what happens, it integrates the work done.

use fleetune_units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

use super::{background::BackgroundLoad, throttle::Throttle};
use crate::{
    availability::{Process, Sessions},
    moment::{Moment, TimeWentBack},
    streams::SeedTree,
};

/// What a processor does for us.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Nothing.
    #[default]
    Idle,
    /// It works, and the device draws so much.
    Busy(Watts),
}

impl Load {
    fn is_busy(self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

/// One device's processor: 248 bytes of plain data, for devices that throttle or have background
/// load. For all others work takes as long as the cost mode says.
///
/// Speeds change on whole nanoseconds, rounded up as everything is, so between any two moments
/// the work done is a sum of speed x whole nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Processor {
    throttle: Option<Throttle>,
    background: Option<(BackgroundLoad, Sessions)>,
    at: Moment,
    done: Seconds,
    load: Load,
    throttled: bool,
    /// Heat at `heat_since`, when the load or the state last changed: between changes it is never
    /// touched, so that asking in between moves no crossing by a bit.
    heat: f64,
    heat_since: Moment,
    occupied: bool,
    /// When `occupied` changes.
    flips: Option<Moment>,
}

impl Processor {
    /// A cool, idle processor at `start`, with background load from the stream of the device
    /// that `key` names.
    pub fn new(
        start: Moment,
        throttle: Option<Throttle>,
        background: Option<BackgroundLoad>,
        seeds: &SeedTree,
        key: u64,
    ) -> Self {
        let with_sessions = |load: BackgroundLoad| {
            (load, Sessions::of(Process::BackgroundLoad, load.running, seeds, key))
        };
        let mut processor = Self {
            throttle,
            background: background.map(with_sessions),
            at: start,
            done: Seconds::ZERO,
            load: Load::Idle,
            throttled: false,
            heat: 0.0,
            heat_since: start,
            occupied: false,
            flips: None,
        };
        processor.flip(start);
        processor
    }

    /// From `at` on it does `load`.
    ///
    /// # Errors
    /// `at` is before the moment it stands at; the processor is unchanged.
    pub fn set(&mut self, at: Moment, load: Load) -> Result<(), TimeWentBack> {
        self.advance(at)?;
        if load != self.load {
            (self.heat, self.heat_since) = (self.heat_at(at), at);
            self.load = load;
        }
        Ok(())
    }

    /// Goes on to `at` with the same load, and says how much work it has done since its start.
    ///
    /// # Errors
    /// `at` is before the moment it stands at; the processor is unchanged.
    pub fn advance(&mut self, at: Moment) -> Result<Seconds, TimeWentBack> {
        TimeWentBack::check(self.at, at)?;
        while let Some(change) = self.next_change().filter(|change| *change <= at) {
            self.pass(change);
            self.apply(change);
        }
        self.pass(at);
        Ok(self.done)
    }

    /// How much work it has done since its start or since that was last taken, in seconds of the
    /// undisturbed device.
    pub const fn done(&self) -> Seconds {
        self.done
    }

    /// [`Self::done`], counted from zero again: what one job did is then a sum of its own, without
    /// the rounding that a difference of large sums would have.
    pub fn take_done(&mut self) -> Seconds {
        std::mem::replace(&mut self.done, Seconds::ZERO)
    }

    /// The moment it stands at.
    pub const fn now(&self) -> Moment {
        self.at
    }

    /// Its speed now: 1 undisturbed, 0 idle.
    pub fn speed(&self) -> f64 {
        if !self.load.is_busy() {
            return 0.0;
        }
        let thermal = self.throttle.filter(|_| self.throttled).map_or(1.0, |t| t.factor.get());
        match &self.background {
            Some((load, _)) if self.occupied => thermal * load.remaining(),
            _ => thermal,
        }
    }

    /// Whether it is throttled now.
    pub const fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// When its speed or its thermal state changes next by itself; `None` if never.
    pub fn next_change(&self) -> Option<Moment> {
        match (self.thermal_change(), self.flips) {
            (Some(thermal), Some(flip)) => Some(thermal.min(flip)),
            (thermal, flip) => thermal.or(flip),
        }
    }

    /// The moment at which `work` will be done from now on, if the load stays; `None` if it is
    /// idle or that is after the last moment there is.
    ///
    /// Solves `work = integral of speed`, from change to change, through throttling and the
    /// background load to come, and rounds up to whole nanoseconds.
    pub fn finish(&self, work: Seconds) -> Option<Moment> {
        if !self.load.is_busy() {
            return None;
        }
        let mut ahead = self.clone();
        let mut left = work;
        loop {
            let speed = ahead.speed();
            let end = ahead.at.after(left / speed);
            let change = ahead.next_change();
            match (end, change) {
                (Some(end), Some(change)) if change < end => {}
                (None, Some(_)) => {}
                _ => return end,
            }
            let change = change?;
            left -= change.since(ahead.at) * speed;
            ahead.at = change;
            ahead.apply(change);
        }
    }

    /// How long `work` takes from now on, as [`Self::finish`] has it.
    pub fn compute_time(&self, work: Seconds) -> Option<Seconds> {
        self.finish(work).map(|end| end.since(self.at))
    }

    /// Works at the present speed until `at`.
    fn pass(&mut self, at: Moment) {
        self.done += at.since(self.at) * self.speed();
        self.at = at;
    }

    /// Makes the changes that are due at `at`.
    fn apply(&mut self, at: Moment) {
        if self.thermal_change() == Some(at) {
            self.throttled = !self.throttled;
            (self.heat, self.heat_since) = (if self.throttled { 1.0 } else { 0.0 }, at);
        }
        if self.flips == Some(at) {
            self.flip(at);
        }
    }

    /// Begins the next period of the background load.
    fn flip(&mut self, at: Moment) {
        self.flips = None;
        if let Some((_, sessions)) = &mut self.background
            && let Some(session) = sessions.next()
        {
            self.occupied = session.online;
            self.flips = session.ends_after().and_then(|length| at.after(length));
        }
    }

    /// When it becomes hot or cool: only under load while cool, or idle while hot.
    fn thermal_change(&self) -> Option<Moment> {
        let throttle = self.throttle.as_ref()?;
        let (way, rate) = match (self.load, self.throttled) {
            (Load::Busy(power), false) => (1.0 - self.heat, throttle.heating(power)),
            (Load::Idle, true) => (self.heat, throttle.cooling()),
            _ => return None,
        };
        // Work that draws nothing does not heat.
        (rate > 0.0).then(|| self.heat_since.after(Seconds::from_raw(way / rate)))?
    }

    fn heat_at(&self, at: Moment) -> f64 {
        let Some(throttle) = &self.throttle else { return 0.0 };
        let rate = match self.load {
            Load::Busy(power) => throttle.heating(power),
            Load::Idle => -throttle.cooling(),
        };
        (self.heat + rate * at.since(self.heat_since).get()).clamp(0.0, 1.0)
    }
}

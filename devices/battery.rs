//! Batteries: what is stored, integrated exactly, and the moments at which it crosses a level.
//!
//! Between changes of the draw P and of the plug, with η the discharge efficiency and C the
//! capacity, the stored energy is
//!
//! * unplugged: `max(0, E - P t / η)`. It is empty, and the device dead, at exactly t* = E η / P;
//! * plugged: `min(C, E + charge power t)`; the mains feed the device besides.
//!
//! At every moment `stored = initial + charged - delivered / η`, with `delivered` what the device
//! got out of the battery. Crossings are solved for and never polled: [`Battery::crossing`] is the
//! first whole nanosecond at which the answer to "is the level above x" is another one.

use fleetune_units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

use crate::{
    moment::{Moment, TimeWentBack},
    profile::Efficiency,
    validate::{bounded_number, positive},
};

bounded_number! {
    /// How full a battery is, from 0 (empty) to 1 (full).
    Level, "a battery level from 0 to 1", |value| (0.0..=1.0).contains(&value)
}

impl Level {
    /// Nothing left.
    pub const EMPTY: Self = Self(0.0);
    /// As much as it holds.
    pub const FULL: Self = Self(1.0);
}

/// What a class's battery is like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatteryConfig {
    /// What it holds when full.
    #[serde(deserialize_with = "positive")]
    pub capacity: Joules,
    /// The fraction of what leaves it that reaches the device. The default is 1.
    #[serde(default = "lossless")]
    pub discharge_efficiency: Efficiency,
    /// What flows into it while it is plugged in and not full.
    #[serde(deserialize_with = "positive")]
    pub charge_power: Watts,
    /// How full it is at the start. The default is 1.
    #[serde(default = "full")]
    pub initial: Level,
}

fn lossless() -> Efficiency {
    Efficiency::ONE
}

fn full() -> Level {
    Level::FULL
}

/// One device's battery: 80 bytes of plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    config: BatteryConfig,
    /// When the draw or the plug last changed; the rest is as of then.
    since: Moment,
    stored: Joules,
    delivered: Joules,
    charged: Joules,
    draw: Watts,
    plugged: bool,
}

impl Battery {
    /// A battery at its initial level, unplugged, with nothing drawn.
    pub fn new(config: BatteryConfig, start: Moment) -> Self {
        Self {
            config,
            since: start,
            stored: config.capacity * config.initial.get(),
            delivered: Joules::ZERO,
            charged: Joules::ZERO,
            draw: Watts::ZERO,
            plugged: false,
        }
    }

    /// From `at` on the device draws `draw`, and is plugged in or not.
    ///
    /// A dead battery delivers nothing, whatever is drawn; the caller makes sure that a device
    /// that died draws nothing and loses its work.
    ///
    /// # Errors
    /// `at` is before the last change; the battery is unchanged.
    pub fn set(&mut self, at: Moment, draw: Watts, plugged: bool) -> Result<(), TimeWentBack> {
        TimeWentBack::check(self.since, at)?;
        // Without a change the books stay open, so that splitting a stretch changes no bit.
        if (draw, plugged) != (self.draw, self.plugged) {
            let (stored, delivered, charged) = self.books(at);
            (self.stored, self.delivered, self.charged) = (stored, delivered, charged);
            (self.since, self.draw, self.plugged) = (at, draw, plugged);
        }
        Ok(())
    }

    /// What is stored at `at`, if nothing changes until then; the present amount for the past.
    pub fn stored(&self, at: Moment) -> Joules {
        self.books(at).0
    }

    /// What the device has got out of it until `at`.
    pub fn delivered(&self, at: Moment) -> Joules {
        self.books(at).1
    }

    /// What has flown into it until `at`.
    pub fn charged(&self, at: Moment) -> Joules {
        self.books(at).2
    }

    /// How full it is at `at`.
    pub fn level(&self, at: Moment) -> Level {
        Level((self.stored(at) / self.config.capacity).min(1.0))
    }

    /// Whether it holds more than `level` at `at`. Above [`Level::EMPTY`] a device lives.
    pub fn is_above(&self, level: Level, at: Moment) -> bool {
        self.stored(at) > self.config.capacity * level.get()
    }

    /// Whether the device can run at `at`: plugged in, or with something left.
    pub fn is_alive(&self, at: Moment) -> bool {
        self.plugged || self.is_above(Level::EMPTY, at)
    }

    /// Whether it is plugged in.
    pub fn is_plugged(&self) -> bool {
        self.plugged
    }

    /// The first moment after `from` at which [`Self::is_above`] answers otherwise than at `from`,
    /// if nothing changes; `None` if never. With [`Level::EMPTY`] that is when the device dies.
    pub fn crossing(&self, level: Level, from: Moment) -> Option<Moment> {
        let from = from.max(self.since);
        let target = self.config.capacity * level.get();
        let above = self.is_above(level, from);
        let length: Seconds = match (self.plugged, above) {
            (true, false) => (target - self.stored) / self.config.charge_power,
            (false, true) => {
                (self.stored - target) * self.config.discharge_efficiency.get() / self.draw
            }
            _ => return None,
        };
        // From the last change, so that asking later moves it by no bit. Rounding may have put it
        // a nanosecond off; the answer itself decides.
        let mut at = self.since.after(length)?.max(Moment(from.0.checked_add(1)?));
        for _ in 0..MOST_ROUNDING {
            if at.0 <= from.0 + 1 || self.is_above(level, Moment(at.0 - 1)) == above {
                break;
            }
            at.0 -= 1;
        }
        // Charging ends at the brim, so a full battery is never above its own level.
        let reachable = |at: Moment| self.is_above(level, at) != above;
        (0..=MOST_ROUNDING).map(|n| Moment(at.0.saturating_add(n))).find(|at| reachable(*at))
    }

    /// Stored, delivered and charged at `at`.
    fn books(&self, at: Moment) -> (Joules, Joules, Joules) {
        let time = at.since(self.since);
        if self.plugged {
            let room = self.config.capacity - self.stored;
            let flown = (self.config.charge_power * time).min(room);
            return (self.stored + flown, self.delivered, self.charged + flown);
        }
        let efficiency = self.config.discharge_efficiency.get();
        let wanted = self.draw * time;
        let given = wanted.min(self.stored * efficiency);
        // Exactly nothing at t* and after it, whatever the rounding of the division.
        let left = if given < wanted { Joules::ZERO } else { self.stored - given / efficiency };
        (left, self.delivered + given, self.charged)
    }
}

/// By how many nanoseconds a crossing computed in `f64` may be off: from 2^23 s on an `f64` of
/// seconds resolves no more.
const MOST_ROUNDING: u64 = 64;

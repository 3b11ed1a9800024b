//! Switching whose balance follows the time of day: an inhomogeneous Markov process.
//!
//! With U and D the mean times, S = 1/U + 1/D the total rate and A = U / (U + D) the long-run
//! availability, let
//!
//! `q(t) = A (1 + swing cos θ(t))`, `θ(t) = 2π (t - peak) / day`
//!
//! of the device's local time t. An absent device comes at rate S q(t), a present one goes at rate
//! S (1 - q(t)). The total rate is constant, so the chance p of being on obeys p' = S (q - p), and
//! its periodic solution, the stationary regime, is
//!
//! `p*(t) = A + A swing (S² cos θ + S ω sin θ) / (S² + ω²)`, `ω = 2π / day`:
//!
//! q's swing, weaker and later the slower the switching is. From any start,
//! `p(t) = p*(t) + (p(0) - p*(0)) exp(-S t)`. Over a day the share on is exactly A; without a
//! swing the process is the exponential one.
//!
//! Periods are exact: the integrated rate is inverted at an exponential number (Newton's method
//! inside a bracket), so one uniform number makes one period and nothing is ever polled.

use std::f64::consts::TAU;

use fleetune_units::Seconds;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::validate::{bounded_number, positive};

/// The length of a day.
pub const DAY: Seconds = Seconds::from_raw(86_400.0);
const OMEGA: f64 = TAU / DAY.get();

bounded_number! {
    /// How far the balance swings over a day, 0 to 1.
    Swing, "a swing from 0 to 1", |value| (0.0..=1.0).contains(&value)
}

/// Switching whose balance follows the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Diurnal {
    /// The mean time on of a device without a swing.
    pub mean_on: Seconds,
    /// The mean time off of a device without a swing.
    pub mean_off: Seconds,
    /// How far the balance swings: A (1 + swing) may not be above 1, with A the long-run
    /// availability.
    pub swing: Swing,
    /// The local time of day, after midnight, at which devices are most drawn in.
    pub peak: Seconds,
    /// Devices' clocks differ from the simulation's by an offset drawn evenly from
    /// ±`zones`/2, for the device's life. The default is 0: one time zone.
    pub zones: Seconds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    #[serde(deserialize_with = "positive")]
    mean_on: Seconds,
    #[serde(deserialize_with = "positive")]
    mean_off: Seconds,
    swing: Swing,
    peak: Seconds,
    #[serde(default)]
    zones: Seconds,
}

impl<'de> Deserialize<'de> for Diurnal {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let Unchecked { mean_on, mean_off, swing, peak, zones } = Unchecked::deserialize(source)?;
        let law = Self { mean_on, mean_off, swing, peak, zones };
        law.check().map_err(D::Error::custom)?;
        Ok(law)
    }
}

impl Diurnal {
    /// Checks what one field alone cannot tell; deserialising does it by itself.
    ///
    /// # Errors
    /// The swing would push the balance above 1, or `peak` or `zones` is more than a day.
    pub fn check(&self) -> Result<(), String> {
        let share = self.long_run();
        if share * (1.0 + self.swing.get()) > 1.0 {
            return Err(format!(
                "expected a swing of at most {:.3}, as devices are there {share:.3} of the time; \
                 found {}",
                1.0 / share - 1.0,
                self.swing.get()
            ));
        }
        for (name, time) in [("peak", self.peak), ("zones", self.zones)] {
            if time > DAY {
                return Err(format!("expected a `{name}` of at most one day; found {time}"));
            }
        }
        Ok(())
    }

    fn long_run(&self) -> f64 {
        self.mean_on / (self.mean_on + self.mean_off)
    }

    /// q of the page's formula: the balance at `local` time.
    pub fn balance_at(&self, local: Seconds) -> f64 {
        self.long_run() * (1.0 + self.swing.get() * libm::cos(self.angle(local.get())))
    }

    /// p* of the page's formula: the chance that a device of the stationary regime is on at
    /// `local` time.
    pub fn share_at(&self, local: Seconds) -> f64 {
        self.stationary(local.get())
    }

    /// As [`Self::share_at`], for local times that may be before midnight of the first day.
    pub(super) fn stationary(&self, local: f64) -> f64 {
        let (s, angle) = (self.rate(), self.angle(local));
        let swing = s * (s * libm::cos(angle) + OMEGA * libm::sin(angle)) / (s * s + OMEGA * OMEGA);
        self.long_run() * (1.0 + self.swing.get() * swing)
    }

    /// S of the page's formula [1/s].
    fn rate(&self) -> f64 {
        1.0 / self.mean_on.get() + 1.0 / self.mean_off.get()
    }

    fn angle(&self, local: f64) -> f64 {
        OMEGA * (local - self.peak.get())
    }

    /// The period that begins at `local` time [s], at the uniform number `u`.
    ///
    /// Solves x + (b/ω)(sin(θ + ωx) - sin θ) = -mean log u, with b = swing for times off and
    /// -swing A / (1 - A) = -swing mean_on / mean_off for times on.
    pub(super) fn period(&self, online: bool, local: f64, u: f64) -> Seconds {
        let swing = self.swing.get();
        let (mean, b) = if online {
            (self.mean_on, -swing * (self.mean_on / self.mean_off))
        } else {
            (self.mean_off, swing)
        };
        let wanted = mean.get() * -libm::log(u);
        // The left side grows by a day in a day, so whole days come off first.
        let days = (wanted / DAY.get()).floor();
        let rest = wanted - days * DAY.get();
        Seconds::from_raw(days * DAY.get() + within_a_day(b, self.angle(local), rest))
    }
}

/// The x in [0, day] with x + (b/ω)(sin(θ + ωx) - sin θ) = `wanted`, for |b| <= 1.
fn within_a_day(b: f64, angle: f64, wanted: f64) -> f64 {
    // Rates are periodic to rounding only over this small an angle.
    let angle = angle - TAU * (angle / TAU).floor();
    let start = libm::sin(angle);
    let excess = |x: f64| x + b / OMEGA * (libm::sin(angle + OMEGA * x) - start) - wanted;
    let (mut low, mut high) = (0.0, DAY.get());
    let mut x = wanted.min(high);
    // Halving alone ends after about 90 steps, when low and high are neighbours.
    for _ in 0..200 {
        let value = excess(x);
        if value < 0.0 {
            low = x
        } else {
            high = x
        }
        let slope = 1.0 + b * libm::cos(angle + OMEGA * x);
        let newton = x - value / slope;
        // Where the rate vanishes the slope does, and Newton's step leaves the bracket.
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if next == x || next <= low || next >= high || (next - x).abs() <= 1e-15 * x {
            return next;
        }
        x = next;
    }
    x
}

//! When a device is there: an alternating process of times on and off, a law a file, or a trace.
//!
//! | law | times on and off |
//! |---|---|
//! | `always`, `never` | one that does not end |
//! | [`exponential`](Means) | no memory |
//! | [`lognormal`](LognormalSessions) | many short, few very long |
//! | [`weibull`](WeibullSessions) | memory of either sign: a device likely to stay, or to go |
//! | [`diurnal`](Diurnal) | no memory, but the balance follows the time of day |
//! | [`trace`] | as recorded |
//!
//! But for the diurnal law, times on and off are independent, each with its own law, and the
//! long-run availability is mean_on / (mean_on + mean_off), whatever the laws.
//!
//! A **stationary** start is on with exactly that probability, and what is left of its first
//! period has the equilibrium law of renewal theory, density (1 - F(x)) / mean: a period chosen
//! with probability proportional to its length, cut at a uniform point.

mod diurnal;
mod exponential;
mod lognormal;
mod sessions;
pub mod trace;
mod weibull;

pub use diurnal::{DAY, Diurnal, Swing};
pub use exponential::Means;
pub use lognormal::LognormalSessions;
pub use sessions::{Position, Process, Session, Sessions};
pub use weibull::{Shape, WeibullSessions};

use fleetune_units::Seconds;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::MapAccess};

use crate::spelling::{self, OneOf};

/// When a device takes part. Written as a word, `always` or `never`, or as a map with one key
/// that names the law, such as `exponential: {...}`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Availability {
    /// All the time.
    #[default]
    Always,
    /// At no time.
    Never,
    /// Exponential times on and off: no memory.
    Exponential(Means),
    /// Log-normal times on and off: many short, few very long.
    Lognormal(LognormalSessions),
    /// Weibull times on and off: memory of either sign.
    Weibull(WeibullSessions),
    /// Switching whose balance follows the time of day.
    Diurnal(Diurnal),
}

impl Availability {
    /// The long-run fraction of time on.
    pub fn long_run(&self) -> f64 {
        match self.means() {
            Some(Means { mean_on, mean_off }) => mean_on / (mean_on + mean_off),
            None if *self == Self::Never => 0.0,
            None => 1.0,
        }
    }

    /// Whether it never changes: one period without end.
    pub fn is_constant(&self) -> bool {
        matches!(self, Self::Always | Self::Never)
    }

    /// The chance that a device whose clock shows `local` seconds after midnight is on, if it has
    /// been running for ever: the long-run fraction, but for the diurnal law.
    pub fn stationary_share(&self, local: Seconds) -> f64 {
        match self {
            Self::Diurnal(law) => law.share_at(local),
            _ => self.long_run(),
        }
    }

    fn means(&self) -> Option<Means> {
        match *self {
            Self::Always | Self::Never => None,
            Self::Exponential(means) => Some(means),
            Self::Lognormal(LognormalSessions { mean_on, mean_off, .. })
            | Self::Weibull(WeibullSessions { mean_on, mean_off, .. })
            | Self::Diurnal(Diurnal { mean_on, mean_off, .. }) => Some(Means { mean_on, mean_off }),
        }
    }
}

impl OneOf for Availability {
    const WHAT: &'static str = "availability law";
    const FORMS: &'static str = "`always`, `never`, `exponential: {...}`, `lognormal: {...}`, \
                                 `weibull: {...}` or `diurnal: {...}`";
    const NAMES: &'static [&'static str] =
        &["always", "never", "exponential", "lognormal", "weibull", "diurnal"];

    fn word(name: &str) -> Option<Result<Self, &'static str>> {
        Some(match name {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            "exponential" => Err("exponential needs its means, as in \
                                  `exponential: { mean_on: 2 h, mean_off: 6 h }`"),
            "lognormal" => Err("lognormal needs its means and sigma, as in \
                                `lognormal: { mean_on: 2 h, mean_off: 6 h, sigma: 1.0 }`"),
            "weibull" => Err("weibull needs its means and shape, as in \
                              `weibull: { mean_on: 2 h, mean_off: 6 h, shape: 0.6 }`"),
            "diurnal" => Err("diurnal needs its means, swing and peak, as in \
                              `diurnal: { mean_on: 2 h, mean_off: 6 h, swing: 0.8, peak: 2 h }`"),
            _ => return None,
        })
    }

    fn keyed<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Option<Result<Self, A::Error>> {
        Some(match name {
            "exponential" => map.next_value().map(Self::Exponential),
            "lognormal" => map.next_value().map(Self::Lognormal),
            "weibull" => map.next_value().map(Self::Weibull),
            "diurnal" => map.next_value().map(Self::Diurnal),
            _ => return None,
        })
    }
}

impl Serialize for Availability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Always => serializer.serialize_str("always"),
            Self::Never => serializer.serialize_str("never"),
            Self::Exponential(law) => spelling::write(serializer, "exponential", law),
            Self::Lognormal(law) => spelling::write(serializer, "lognormal", law),
            Self::Weibull(law) => spelling::write(serializer, "weibull", law),
            Self::Diurnal(law) => spelling::write(serializer, "diurnal", law),
        }
    }
}

impl<'de> Deserialize<'de> for Availability {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        spelling::read(source)
    }
}

//! Thermal throttling: two states, and heat between them.
//!
//! Heat h runs from 0 (cool) to 1 (hot). Under load it grows by 1 / `after` per second, or by the
//! power drawn over `energy`; idle it falls by 1 / `recovery` per second; it stays inside [0, 1].
//! A device that reaches 1 is throttled, and stays so until it is back at 0. So a cool device
//! throttles after exactly `after` of uninterrupted load (or `energy` drawn), a hot one recovers
//! after exactly `recovery` of idling, and short pauses count for what they are. Between changes
//! of the load h is linear, and both moments are solved for.

use fleetune_units::{Joules, Seconds, Watts};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::validate::{bounded_number, positive, positive_or_none};

bounded_number! {
    /// What is left of the speed of a throttled device, above 0 and at most 1.
    Slowdown, "a fraction above 0 and at most 1", |value| value > 0.0 && value <= 1.0
}

/// How a class throttles.
///
/// Written `{ after: 10 min, factor: 0.6, recovery: 5 min }`, or with `energy: 3 kJ` for `after`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// What a cool device bears.
    pub bears: Bears,
    /// What is left of its speed when throttled.
    pub factor: Slowdown,
    /// How long a hot device idles until it is cool.
    pub recovery: Seconds,
}

/// What a cool device bears before it throttles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bears {
    /// So long a time under load, whatever it draws.
    Time(Seconds),
    /// So much energy drawn under load.
    Energy(Joules),
}

impl Throttle {
    /// By how much heat grows in a second under load at `power` [1/s].
    pub(super) fn heating(&self, power: Watts) -> f64 {
        match self.bears {
            Bears::Time(time) => 1.0 / time.get(),
            Bears::Energy(energy) => power.get() / energy.get(),
        }
    }

    /// By how much heat falls in a second of idling [1/s].
    pub(super) fn cooling(&self) -> f64 {
        1.0 / self.recovery.get()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(
        default,
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    after: Option<Seconds>,
    #[serde(
        default,
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    energy: Option<Joules>,
    factor: Slowdown,
    #[serde(deserialize_with = "positive")]
    recovery: Seconds,
}

impl Serialize for Throttle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (after, energy) = match self.bears {
            Bears::Time(time) => (Some(time), None),
            Bears::Energy(energy) => (None, Some(energy)),
        };
        let Self { factor, recovery, .. } = *self;
        Written { after, energy, factor, recovery }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Throttle {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let Written { after, energy, factor, recovery } = Written::deserialize(source)?;
        let bears = match (after, energy) {
            (Some(time), None) => Bears::Time(time),
            (None, Some(energy)) => Bears::Energy(energy),
            _ => {
                return Err(D::Error::custom(
                    "expected either `after`, a time under load, or `energy`, drawn under load, \
                     until the device throttles",
                ));
            }
        };
        Ok(Self { bears, factor, recovery })
    }
}

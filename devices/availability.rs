//! When a device is there: an alternating renewal process of times on and off.
//!
//! Times on and off are independent, each with its own law; the long-run availability is
//! mean_on / (mean_on + mean_off), whatever the laws.
//!
//! A **stationary** start is on with exactly that probability, and what is left of its first
//! period has the equilibrium law of renewal theory, density (1 - F(x)) / mean: a period chosen
//! with probability proportional to its length, cut at a uniform point. For the exponential law
//! that is the law itself; for the log-normal law with log-deviation s, the length-biased period
//! is log-normal again with its mean multiplied by exp(s²).

use std::fmt;

use fleetune_units::Seconds;
use rand_chacha::ChaCha8Rng;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{
    fleet::Sigma,
    normal::{lognormal_mean_one, quantile},
    streams::{SeedTree, open_unit},
    validate::positive,
};

/// When a device takes part. Written `always`, `exponential: {...}` or `lognormal: {...}`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Availability {
    /// All the time.
    #[default]
    Always,
    /// Exponential times on and off: no memory.
    Exponential(Means),
    /// Log-normal times on and off: many short, few very long.
    Lognormal(LognormalSessions),
}

/// Mean times on and off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Means {
    /// Mean time on.
    #[serde(deserialize_with = "positive")]
    pub mean_on: Seconds,
    /// Mean time off.
    #[serde(deserialize_with = "positive")]
    pub mean_off: Seconds,
}

/// Log-normal times on and off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LognormalSessions {
    /// Mean time on.
    #[serde(deserialize_with = "positive")]
    pub mean_on: Seconds,
    /// Mean time off.
    #[serde(deserialize_with = "positive")]
    pub mean_off: Seconds,
    /// Standard deviation of the logarithm of both.
    pub sigma: Sigma,
}

impl Availability {
    /// The long-run fraction of time on.
    pub fn long_run(&self) -> f64 {
        match self.means() {
            None => 1.0,
            Some(Means { mean_on, mean_off }) => mean_on / (mean_on + mean_off),
        }
    }

    fn means(&self) -> Option<Means> {
        match *self {
            Self::Always => None,
            Self::Exponential(means) => Some(means),
            Self::Lognormal(LognormalSessions { mean_on, mean_off, .. }) => {
                Some(Means { mean_on, mean_off })
            }
        }
    }

    /// A fresh period, or what is left of one met in the stationary regime.
    fn period(&self, online: bool, residual: bool, rng: &mut ChaCha8Rng) -> Seconds {
        let Some(Means { mean_on, mean_off }) = self.means() else {
            return Seconds::from_raw(f64::INFINITY);
        };
        let mean = if online { mean_on } else { mean_off };
        let (law, cut) = (open_unit(rng), open_unit(rng));
        match self {
            Self::Always | Self::Exponential(_) => mean * -libm::log(law),
            Self::Lognormal(LognormalSessions { sigma, .. }) if residual => {
                let s = sigma.get();
                mean * (cut * libm::exp(s * quantile(law) + 0.5 * s * s))
            }
            Self::Lognormal(LognormalSessions { sigma, .. }) => {
                mean * lognormal_mean_one(sigma.get(), law)
            }
        }
    }
}

/// A period on or off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Whether the device is there.
    pub online: bool,
    /// How long; infinite for a device that is always there.
    pub length: Seconds,
}

impl Session {
    /// How long, or `None` if it never ends.
    pub fn ends_after(&self) -> Option<Seconds> {
        self.length.get().is_finite().then_some(self.length)
    }
}

/// A device's periods on and off, alternating without end (one endless period if it is always
/// there).
///
/// Holds no generator: period number n reads its numbers at a fixed place of the device's
/// stream, so a million of these are small and the state is plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct Sessions {
    law: Availability,
    seeds: SeedTree,
    key: u64,
    taken: u64,
    online: bool,
    stationary: bool,
}

const PURPOSE: &str = "device availability";
/// 32-bit words of the stream that each period owns: two 64-bit draws, and room.
const WORDS_PER_PERIOD: u128 = 16;

impl Sessions {
    /// Begins in the stationary regime, as if it had been running for ever.
    pub fn stationary(law: Availability, seeds: &SeedTree, key: u64) -> Self {
        let start = open_unit(&mut seeds.stream("device availability start", key));
        let online = start < law.long_run();
        Self { law, seeds: *seeds, key, taken: 0, online, stationary: true }
    }

    /// Begins with a fresh period on.
    pub fn starting_online(law: Availability, seeds: &SeedTree, key: u64) -> Self {
        Self { law, seeds: *seeds, key, taken: 0, online: true, stationary: false }
    }

    /// How many periods were taken, enough to resume: `skip` as many of a fresh one.
    pub const fn taken(&self) -> u64 {
        self.taken
    }
}

impl Iterator for Sessions {
    type Item = Session;

    fn next(&mut self) -> Option<Session> {
        if self.law == Availability::Always && self.taken > 0 {
            return None;
        }
        let mut rng = self.seeds.stream(PURPOSE, self.key);
        rng.set_word_pos(u128::from(self.taken) * WORDS_PER_PERIOD);
        let residual = self.stationary && self.taken == 0;
        let session = Session {
            online: self.online,
            length: self.law.period(self.online, residual, &mut rng),
        };
        self.taken += 1;
        self.online = !self.online;
        Some(session)
    }
}

const VARIANTS: &[&str] = &["always", "exponential", "lognormal"];

impl Serialize for Availability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A map with one key rather than serde's enum, which YAML would write as a tag.
        match self {
            Self::Always => serializer.serialize_str("always"),
            Self::Exponential(means) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("exponential", means)?;
                map.end()
            }
            Self::Lognormal(sessions) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("lognormal", sessions)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Availability {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct OneOf;

        impl<'de> Visitor<'de> for OneOf {
            type Value = Availability;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`always`, `exponential: {...}` or `lognormal: {...}`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Availability, E> {
                match name {
                    "always" => Ok(Availability::Always),
                    "exponential" => Err(E::custom(
                        "exponential needs its means, as in \
                         `exponential: { mean_on: 2 h, mean_off: 6 h }`",
                    )),
                    "lognormal" => Err(E::custom(
                        "lognormal needs its means and sigma, as in \
                         `lognormal: { mean_on: 2 h, mean_off: 6 h, sigma: 1.0 }`",
                    )),
                    _ => Err(E::unknown_variant(name, VARIANTS)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Availability, A::Error> {
                let Some(name) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("expected one availability law; found none"));
                };
                let law = match name.as_str() {
                    "exponential" => Availability::Exponential(map.next_value()?),
                    "lognormal" => Availability::Lognormal(map.next_value()?),
                    _ => return Err(A::Error::unknown_variant(&name, VARIANTS)),
                };
                if let Some(second) = map.next_key::<String>()? {
                    return Err(A::Error::custom(format!(
                        "expected one availability law; found {name} and {second}"
                    )));
                }
                Ok(law)
            }
        }

        source.deserialize_any(OneOf)
    }
}

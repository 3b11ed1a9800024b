//! Exponential times on and off.
//!
//! F(x) = 1 - exp(-x / mean), inverted: x = -mean log u. What is left of a period met at a random
//! moment has the same law: no memory.

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use crate::validate::positive;

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

impl Means {
    /// The mean time on, or off.
    pub(super) fn of(&self, online: bool) -> Seconds {
        if online { self.mean_on } else { self.mean_off }
    }

    /// The period at the uniform number `u`, fresh or what is left of one.
    pub(super) fn period(&self, online: bool, u: f64) -> Seconds {
        self.of(online) * -libm::log(u)
    }
}

//! What a device draws when only some of its cores work.
//!
//! `P(u) = P_idle` for u = 0, else `P_ε + (P_all - P_ε) u` for a share u of the cores: waking the
//! first core costs more than each further one (SimGrid's host energy plug-in, whose documented
//! `energy-exec` host is a test).

use fleetune_units::Watts;
use serde::{Deserialize, Serialize};

use crate::{
    profile::PowerStates,
    validate::{bounded_number, positive},
};

bounded_number! {
    /// A share of a whole, 0 to 1.
    Share, "a share from 0 to 1", |value| (0.0..=1.0).contains(&value)
}

/// Power against load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadCurve {
    /// No core works.
    pub idle: Watts,
    /// Just above idle: what is drawn as soon as a core works, before its own share.
    #[serde(deserialize_with = "positive")]
    pub epsilon: Watts,
    /// All cores work.
    #[serde(deserialize_with = "positive")]
    pub all: Watts,
}

impl LoadCurve {
    /// The curve through a profile's idle and compute states, without a step at the first core.
    pub fn through(states: &PowerStates) -> Self {
        Self { idle: states.idle, epsilon: states.idle, all: states.compute }
    }

    /// What is drawn when `load` of the cores work.
    pub fn at(&self, load: Share) -> Watts {
        match load.get() {
            0.0 => self.idle,
            // Written so that `all` may be below `epsilon`.
            load => self.epsilon * (1.0 - load) + self.all * load,
        }
    }
}

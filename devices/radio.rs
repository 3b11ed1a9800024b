//! The tail of a radio: after a transfer it stays in a high-power state for a while, in case more
//! is to come.
//!
//! A tail of length τ that begins when a transfer ends is cut short by the next transfer. With
//! transfers at the moments of a Poisson process of rate λ that take no time, it costs
//! P (1 - exp(-λτ)) / λ per transfer: P times the mean of min(τ, gap).

use fleetune_units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

use crate::{moment::Moment, validate::positive};

/// What a class's radio does after a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadioTail {
    /// What the whole device draws while the tail lasts and it does nothing else.
    #[serde(deserialize_with = "positive")]
    pub power: Watts,
    /// How long it lasts if no transfer cuts it short.
    #[serde(deserialize_with = "positive")]
    pub length: Seconds,
}

impl RadioTail {
    /// When a tail that begins at `transfer_end` is over, if no transfer cuts it short; `None` if
    /// that is after the last moment there is.
    pub fn ends(&self, transfer_end: Moment) -> Option<Moment> {
        transfer_end.after(self.length)
    }

    /// What the tail draws if the next transfer begins `gap` after the last one ended:
    /// `power * min(length, gap)`.
    pub fn energy(&self, gap: Seconds) -> Joules {
        self.power * self.length.min(gap)
    }
}

//! FwdLLM's clock (M. Xu et al., *FwdLLM*, USENIX ATC 2024), as in its published plots.
//!
//! One round of one client takes
//!
//! `T = t_train B v E + t_comm B`, `t_comm = trainable parameters * 4 B / (10 Mbit/s)`
//!
//! with B batches, each a round trip; v perturbations a batch; E rounds between evaluations. The
//! 10 Mbit/s are 10 * 2^20 bit/s, one way only. All devices are alike, transfers are free of
//! contention, and E multiplies the computation but not the transfers.

use fleetune_units::{Bytes, BytesPerSecond, Seconds};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Exchange, Times};
use crate::validate::positive;

/// 10 Mbit/s, with the M of the published plots.
const RATE: BytesPerSecond = BytesPerSecond::from_raw(10.0 * 1_048_576.0 / 8.0);
const BYTES_PER_PARAMETER: u64 = 4;

/// FwdLLM's clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fwdllm {
    /// t_train: the time of one batch, whatever the device.
    #[serde(deserialize_with = "positive")]
    pub step: Seconds,
    /// v: perturbations a batch. The default is 1.
    #[serde(default = "one", deserialize_with = "at_least_one")]
    pub perturbations: u32,
    /// E: rounds between evaluations. The default is 1.
    #[serde(default = "one", deserialize_with = "at_least_one")]
    pub evaluation_interval: u32,
}

fn one() -> u32 {
    1
}

fn at_least_one<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    match u32::deserialize(source)? {
        0 => Err(D::Error::custom("expected at least 1; found 0")),
        count => Ok(count),
    }
}

impl Fwdllm {
    /// The formula for a round of `batches` with so many `trainable` parameters.
    pub fn round(&self, batches: u32, trainable: u64) -> Times {
        let repeats = f64::from(self.perturbations) * f64::from(self.evaluation_interval);
        let sent = Bytes::new(trainable.saturating_mul(BYTES_PER_PARAMETER)) / RATE;
        let batches = f64::from(batches);
        Times { compute: self.step * (batches * repeats), transfer: Some(sent * batches) }
    }

    pub(super) fn times(&self, exchange: &Exchange<'_>) -> Times {
        self.round(exchange.steps, exchange.trainable)
    }
}

//! Log-normal times on and off.
//!
//! x = mean exp(sigma z - sigma²/2) with z standard normal. The length-biased period is log-normal
//! again with its mean multiplied by exp(sigma²), so what is left of a period met at a random
//! moment is that, cut at a uniform point.

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use super::exponential::Means;
use crate::{
    fleet::Sigma,
    normal::{lognormal_mean_one, quantile},
    validate::positive,
};

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

impl LognormalSessions {
    fn mean(&self, online: bool) -> Seconds {
        Means { mean_on: self.mean_on, mean_off: self.mean_off }.of(online)
    }

    /// A fresh period at the uniform number `u`.
    pub(super) fn period(&self, online: bool, u: f64) -> Seconds {
        self.mean(online) * lognormal_mean_one(self.sigma.get(), u)
    }

    /// What is left at the uniform number `cut` of a length-biased period at `u`.
    pub(super) fn residual(&self, online: bool, u: f64, cut: f64) -> Seconds {
        let s = self.sigma.get();
        self.mean(online) * (cut * libm::exp(s * quantile(u) + 0.5 * s * s))
    }
}

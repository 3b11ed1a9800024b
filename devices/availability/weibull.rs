//! Weibull times on and off.
//!
//! F(x) = 1 - exp(-(x/scale)^shape) with scale = mean / Γ(1 + 1/shape), inverted:
//! x = scale (-log u)^(1/shape). Below shape 1 a device that has stayed long is likely to stay,
//! above 1 it is likely to go; 1 is the exponential law.
//!
//! With y = (x/scale)^shape the length-biased law has density y^(1/shape) exp(-y) / Γ(1 + 1/shape):
//! a gamma law, drawn by the method of G. Marsaglia and W. W. Tsang, *A simple method for
//! generating gamma variables*, ACM TOMS 26 (2000) 363-372, exact for shapes of at least 1. What is
//! left of a period met at a random moment is such a period cut at a uniform point.

use fleetune_units::Seconds;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::exponential::Means;
use crate::{
    normal::quantile,
    streams::open_unit,
    validate::{bounded_number, positive},
};

bounded_number! {
    /// The shape of a Weibull law, 0.2 to 20. The smaller, the more uneven the periods: the
    /// coefficient of variation is 15.8 at 0.2, 1 at 1 and 0.062 at 20.
    Shape, "a Weibull shape from 0.2 to 20", |value| (0.2..=20.0).contains(&value)
}

/// Weibull times on and off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeibullSessions {
    /// Mean time on.
    #[serde(deserialize_with = "positive")]
    pub mean_on: Seconds,
    /// Mean time off.
    #[serde(deserialize_with = "positive")]
    pub mean_off: Seconds,
    /// The shape of both.
    pub shape: Shape,
}

impl WeibullSessions {
    /// The scale of the times on, or off: mean / Γ(1 + 1/shape).
    pub fn scale(&self, online: bool) -> Seconds {
        let mean = Means { mean_on: self.mean_on, mean_off: self.mean_off }.of(online);
        mean / libm::tgamma(1.0 + 1.0 / self.shape.get())
    }

    /// A fresh period at the uniform number `u`.
    pub(super) fn period(&self, online: bool, u: f64) -> Seconds {
        self.scale(online) * libm::pow(-libm::log(u), 1.0 / self.shape.get())
    }

    /// What is left at the uniform number `cut` of a length-biased period from `rng`.
    pub(super) fn residual(&self, online: bool, cut: f64, rng: &mut impl Rng) -> Seconds {
        let inverse = 1.0 / self.shape.get();
        self.scale(online) * (cut * libm::pow(gamma(1.0 + inverse, rng), inverse))
    }
}

/// A gamma number of `shape` >= 1 and scale 1, by rejection: more than 95 % of the first trials
/// are accepted.
fn gamma(shape: f64, rng: &mut impl Rng) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = quantile(open_unit(rng));
        let u = open_unit(rng);
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        if libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

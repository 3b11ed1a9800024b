//! The rule by which a stochastic check is accepted.
//!
//! R >= 30 independent replications with fixed seeds; the closed form θ must lie within
//! h = t(1 - α/2, R - 1) s / √R of their mean, with α = 1e-4 for each check, and h must be at most
//! 2 % of θ, or the check would prove nothing.
//!
//! [`Interval::of`] measures, [`accept`] is the rule as an assertion for tests; experiments put
//! the same numbers into a [`Finding`](crate::Finding).

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The probability with which a sound program fails one check.
pub const ALPHA: f64 = 1e-4;

/// The widest half-width of an interval that proves something, as a share of the closed form.
pub const POWER: f64 = 0.02;

/// The fewest replications that the rule takes.
pub const REPLICATIONS: usize = 30;

/// A mean and its confidence interval at level 1 - [`ALPHA`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The mean of the replications, in the unit of what was measured.
    pub mean: f64,
    /// t(1 - α/2, R - 1) s / √R, in the same unit.
    pub half_width: f64,
    /// The number of replications R.
    pub replications: usize,
}

impl Interval {
    /// The interval of independent `samples`.
    ///
    /// # Panics
    /// With fewer than two samples: they have no variance.
    pub fn of(samples: &[f64]) -> Self {
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        let law = StudentsT::new(0.0, 1.0, n - 1.0).expect("two samples or more");
        let t = law.inverse_cdf(1.0 - ALPHA / 2.0);
        Self { mean, half_width: t * (variance / n).sqrt(), replications: samples.len() }
    }

    /// Whether the interval is narrow enough, and there are replications enough, to prove
    /// something of `theta`.
    pub fn has_power(&self, theta: f64) -> bool {
        self.replications >= REPLICATIONS && self.half_width <= POWER * theta.abs()
    }

    /// Whether `theta` lies in the interval.
    pub fn holds(&self, theta: f64) -> bool {
        (self.mean - theta).abs() <= self.half_width
    }
}

/// Holds the mean of independent `samples` to `theta`: the rule as an assertion, for tests.
///
/// # Panics
/// If there are fewer than [`REPLICATIONS`] samples, if their interval is too wide to prove
/// anything, or if `theta` is outside it. The message begins with `what`.
#[track_caller]
pub fn accept(what: &str, samples: &[f64], theta: f64) {
    let n = samples.len();
    assert!(n >= REPLICATIONS, "{what}: {n} replications are too few");
    let interval = Interval::of(samples);
    let Interval { mean, half_width, .. } = interval;
    assert!(interval.has_power(theta), "{what}: half-width {half_width} proves nothing of {theta}");
    assert!(interval.holds(theta), "{what}: {mean} +- {half_width}, expected {theta}");
}

//! The rule by which a stochastic check is accepted.
//!
//! R >= 30 independent replications with fixed seeds; the closed form must lie within
//! t(1 - alpha/2, R-1) s / sqrt(R) of their mean, with alpha = 1e-4 for each check, and that
//! half-width must be at most 2 % of the closed form, or the check would prove nothing.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The probability with which a sound program fails one check.
pub(crate) const ALPHA: f64 = 1e-4;

/// Holds the mean of independent `samples` to `theta`.
#[track_caller]
pub(crate) fn accept(what: &str, samples: &[f64], theta: f64) {
    assert!(samples.len() >= 30, "{what}: {} replications are too few", samples.len());
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let law = StudentsT::new(0.0, 1.0, n - 1.0).expect("30 replications or more");
    let t = law.inverse_cdf(1.0 - ALPHA / 2.0);
    let half_width = t * (variance / n).sqrt();
    assert!(
        half_width <= 0.02 * theta,
        "{what}: half-width {half_width} proves nothing of {theta}"
    );
    assert!((mean - theta).abs() <= half_width, "{what}: {mean} +- {half_width}, expected {theta}");
}

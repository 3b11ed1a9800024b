//! The rule for stochastic checks: R independent replications with fixed seeds, accepted if the
//! mean is within t_{1-a/2,R-1} s/sqrt(R) of the theory at a = 1e-4, and only if that half-width
//! is at most 2 % of the theory: a check without power proves nothing.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The chance that a correct implementation fails one check.
pub(crate) const FALSE_ALARM: f64 = 1e-4;

/// Accepts or panics with the numbers.
pub(crate) fn assert_mean(samples: &[f64], theory: f64, what: &str) {
    let n = samples.len() as f64;
    assert!(n >= 30.0, "{what}: {n} replications are too few");
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).unwrap().inverse_cdf(1.0 - FALSE_ALARM / 2.0);
    let half_width = t * (variance / n).sqrt();
    assert!(
        half_width <= 0.02 * theory.abs(),
        "{what}: half-width {half_width} has no power against {theory}"
    );
    assert!(
        (mean - theory).abs() <= half_width,
        "{what}: mean {mean} is further than {half_width} from {theory}"
    );
}

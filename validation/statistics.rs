//! Tests of whole laws: Kolmogorov and Smirnov's, and chi-squared.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::{Finding, acceptance::ALPHA};

/// Holds independent `samples` to a continuous law by the statistic of Kolmogorov and Smirnov,
/// D = sup |F_n - F|. Critical: √(ln(2/α) / 2n), the tail of Kolmogorov's law.
pub fn kolmogorov(
    what: impl Into<String>,
    mut samples: Vec<f64>,
    cdf: impl Fn(f64) -> f64,
) -> Finding {
    samples.sort_by(f64::total_cmp);
    let n = samples.len() as f64;
    let distance = samples.iter().enumerate().fold(0.0_f64, |distance, (i, &x)| {
        let f = cdf(x);
        distance.max(f - i as f64 / n).max((i + 1) as f64 / n - f)
    });
    let critical = (libm::log(2.0 / ALPHA) / (2.0 * n)).sqrt();
    Finding::distance(what, distance, critical, samples.len())
}

/// Holds counts of independent draws to a discrete law by Pearson's χ² = Σ (O - E)² / E, as the
/// distance √(χ²/n).
///
/// # Panics
/// If there are fewer than two cells or their numbers differ.
pub fn chi_squared(what: impl Into<String>, counts: &[u64], law: &[f64]) -> Finding {
    assert_eq!(counts.len(), law.len(), "a probability for each cell");
    let n = counts.iter().sum::<u64>() as f64;
    let statistic: f64 = counts
        .iter()
        .zip(law)
        .map(|(&count, &p)| (count as f64 - n * p) * (count as f64 - n * p) / (n * p))
        .sum();
    let critical = chi(counts.len() as f64 - 1.0).inverse_cdf(1.0 - ALPHA);
    Finding::distance(what, (statistic / n).sqrt(), (critical / n).sqrt(), n as usize)
}

/// Where the variance estimated from normal `replications` is with probability 1 - α.
pub(crate) fn variance_band(expected: f64, replications: usize) -> (f64, f64) {
    let freedom = replications as f64 - 1.0;
    let end = |p: f64| expected * chi(freedom).inverse_cdf(p) / freedom;
    (end(ALPHA / 2.0), end(1.0 - ALPHA / 2.0))
}

fn chi(freedom: f64) -> ChiSquared {
    ChiSquared::new(freedom).expect("there are at least two cells or replications")
}

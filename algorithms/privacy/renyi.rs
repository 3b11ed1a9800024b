//! Rényi divergence of the Poisson-subsampled Gaussian mechanism.

use libm::{exp, expm1, lgamma, log, log1p};

/// The Rényi divergence of order α > 1 that one round may reveal: an upper bound on it, exact at integer orders.
///
/// With μ0 = N(0, σ²) and μ = (1 - q) μ0 + q N(1, σ²), this is D_α(μ ‖ μ0), which is no less than D_α(μ0 ‖ μ)
/// (Mironov, Talwar, Zhang 2019, theorem 5). At integers (their section 3.3)
///
/// ```text
/// (α - 1) D_α = log sum over k = 0..α of C(α, k) (1 - q)^(α - k) q^k exp((k² - k) / (2 σ²)).
/// ```
///
/// Without sampling, q = 1, it is α / (2 σ²). At other orders that is what is returned for any q: by quasi-convexity
/// of the divergence a mixture reveals no more than its worse part.
pub(super) fn divergence(order: f64, noise_multiplier: f64, sampling_rate: f64) -> f64 {
    if sampling_rate == 0.0 {
        return 0.0;
    }
    let unsampled = order / (2.0 * noise_multiplier * noise_multiplier);
    if sampling_rate == 1.0 || order.fract() != 0.0 {
        return unsampled;
    }
    // No more than without sampling, even where the sum is rounded.
    unsampled.min(log_moment(order, noise_multiplier, sampling_rate) / (order - 1.0))
}

/// The logarithm of the sum in [`divergence`].
///
/// The binomial weights sum to 1 and the exponentials of k = 0 and 1 are 1, so that the sum less 1 is that over k >= 2
/// of weight times (exponential - 1): all positive, nothing cancels however small q is.
fn log_moment(order: f64, noise_multiplier: f64, sampling_rate: f64) -> f64 {
    let twice_variance = 2.0 * noise_multiplier * noise_multiplier;
    let (log_q, log_rest) = (log(sampling_rate), log1p(-sampling_rate));
    let all = lgamma(order + 1.0);
    let terms: Vec<f64> = (2..=order as u64)
        .map(|k| {
            let k = k as f64;
            let ways = all - lgamma(k + 1.0) - lgamma(order - k + 1.0);
            let weight = ways + k * log_q + (order - k) * log_rest;
            weight + log_expm1((k * k - k) / twice_variance)
        })
        .collect();
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let excess = largest + log(terms.iter().map(|term| exp(term - largest)).sum());
    // log(1 + e^excess), whichever of the two is larger.
    if excess > 0.0 { excess + log1p(exp(-excess)) } else { log1p(exp(excess)) }
}

/// log(e^x - 1) for x > 0, where e^x may be beyond all numbers.
fn log_expm1(x: f64) -> f64 {
    x + log(-expm1(-x))
}

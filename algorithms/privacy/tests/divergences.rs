use libm::{exp, log, log1p};

use crate::privacy::renyi::divergence;

#[test]
fn without_sampling_it_is_that_of_the_gaussian_mechanism() {
    for order in [1.01, 1.5, 2.0, 7.0, 256.0] {
        for sigma in [0.3, 1.0, 20.0] {
            let expected = order / (2.0 * sigma * sigma);
            assert_eq!(divergence(order, sigma, 1.0), expected);
            // The sum tends to it too.
            let nearly = divergence(order, sigma, 1.0 - 1e-12);
            assert!((nearly / expected - 1.0).abs() < 1e-9, "{order} {sigma}: {nearly}");
        }
    }
}

/// log of (1 - q) + q exp((2x - 1) / (2 σ²)), the ratio of the mixture to N(0, σ²) at x.
fn log_ratio(x: f64, sigma: f64, q: f64) -> f64 {
    let shift = (2.0 * x - 1.0) / (2.0 * sigma * sigma) + log(q);
    let stay = log1p(-q);
    let most = shift.max(stay);
    most + log(exp(shift - most) + exp(stay - most))
}

/// log of the integral over x of N(x; 0, σ²) exp(power * log ratio), by the trapezoidal rule, which for smooth
/// integrands that vanish at both ends converges faster than any power of the step.
fn log_integral(sigma: f64, q: f64, power: f64) -> f64 {
    let (from, to) = (-15.0 * sigma - 2.0, power.max(0.0) + 15.0 * sigma + 2.0);
    let steps = 40_000;
    let step = (to - from) / f64::from(steps);
    let term = |i| {
        let x = from + step * f64::from(i);
        power * log_ratio(x, sigma, q) - x * x / (2.0 * sigma * sigma)
    };
    let terms: Vec<f64> = (0..=steps).map(term).collect();
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.iter().map(|t| exp(t - most)).sum();
    most + log(sum * step / (sigma * std::f64::consts::TAU.sqrt()))
}

/// The definition: D_α(μ ‖ μ0) = log E_μ0 (μ / μ0)^α / (α - 1), and with exponent 1 - α for D_α(μ0 ‖ μ).
#[test]
fn sums_equal_the_integrals_that_define_them() {
    for sigma in [0.6, 1.1, 4.0, 20.0] {
        for q in [1e-4, 0.004, 0.1, 0.5, 0.99] {
            for order in [2.0, 3.0, 8.0, 32.0, 128.0] {
                let found = divergence(order, sigma, q);
                let forward = log_integral(sigma, q, order) / (order - 1.0);
                let backward = log_integral(sigma, q, 1.0 - order) / (order - 1.0);
                let near = 1e-9 * found + 1e-13;
                let case = format!("order {order}, sigma {sigma}, q {q}");
                assert!((found - forward).abs() <= near, "{case}: {found}, not {forward}");
                assert!(found >= backward - near, "{case}: {found} < {backward}");
            }
            let fraction = log_integral(sigma, q, 2.5) / 1.5;
            assert!(divergence(2.5, sigma, q) >= fraction, "a bound between integers");
        }
    }
}

/// As q tends to 0 the term of k = 2 remains: α q² (exp(1/σ²) - 1) / 2, also where 1 + q² is 1 in floats.
#[test]
fn the_smallest_rates_are_not_lost_to_rounding() {
    for (sigma, order) in [(0.8, 2.0), (0.8, 5.0), (3.0, 2.0), (3.0, 40.0), (50.0, 300.0)] {
        let expected = order * 1e-20 * libm::expm1(1.0 / (sigma * sigma)) / 2.0;
        let found = divergence(order, sigma, 1e-10);
        assert!((found / expected - 1.0).abs() < 1e-6, "{sigma} {order}: {found} {expected}");
    }
}

/// The test of google/differential-privacy's `rdp_privacy_accountant_test.py`
/// (`test_compute_rdp_poisson_sampled_gaussian`): q = 0.01, noise multiplier 2.5, 50 rounds; its tolerance 1e-4.
#[test]
fn published_divergences() {
    for (order, expected) in
        [(5.0, 2.180_756_56e-3), (50.0, 2.384_603_75e-2), (100.0, 1.674_163_08e2)]
    {
        let found = 50.0 * divergence(order, 2.5, 0.01);
        assert!((found / expected - 1.0).abs() < 1e-4, "order {order}: {found}");
    }
}

//! Every law of periods is the law it says, fresh and as met in the stationary regime
//! (Kolmogorov-Smirnov against an independent implementation).

use fleetune_devices::{Availability, Sessions, streams::SeedTree};
use statrs::{
    distribution::{ContinuousCDF, Exp, LogNormal, Weibull},
    function::gamma::gamma_lr,
};

use crate::statistics::assert_law;

const UP: f64 = 3.0; // [s]
const SIGMA: f64 = 0.8;

fn law(text: &str) -> Availability {
    serde_yaml::from_str(&format!(
        "{text}: {{ mean_on: 3 s, mean_off: 5 s{} }}",
        match text {
            "lognormal" => ", sigma: 0.8",
            "weibull" => ", shape: 0.6",
            _ => "",
        }
    ))
    .unwrap()
}

/// The third periods, and so fresh ones, of 20,000 devices that start on.
fn fresh(law: Availability) -> Vec<f64> {
    let seeds = SeedTree::new(41);
    let third = |key| Sessions::starting_online(law, &seeds, key).nth(2);
    (0..20_000).filter_map(third).map(|session| session.length.get()).collect()
}

/// What is left of the first period, of those of 40,000 devices that are found on.
fn residual(law: Availability) -> Vec<f64> {
    let seeds = SeedTree::new(42);
    let first = |key| Sessions::stationary(law, &seeds, key).next();
    let on = (0..40_000).filter_map(first).filter(|session| session.online);
    on.map(|session| session.length.get()).collect()
}

#[test]
fn exponential_periods_are_exponential_fresh_and_residual() {
    let exponential = Exp::new(1.0 / UP).unwrap();
    let law = law("exponential");
    assert_law(&mut fresh(law), |x| exponential.cdf(x), "fresh");
    assert_law(&mut residual(law), |x| exponential.cdf(x), "residual");
}

#[test]
fn lognormal_periods_are_lognormal_and_their_residuals_equilibrium() {
    let lognormal = |mean_log: f64| LogNormal::new(mean_log, SIGMA).unwrap();
    let mean_log = libm::log(UP) - SIGMA * SIGMA / 2.0;
    let law = law("lognormal");
    assert_law(&mut fresh(law), |x| lognormal(mean_log).cdf(x), "fresh");
    // Integrated tail: (1/mean) ∫_0^x (1 - F) = F_biased(x) + (x/mean)(1 - F(x)).
    let biased = lognormal(mean_log + SIGMA * SIGMA);
    let equilibrium = |x| biased.cdf(x) + x / UP * (1.0 - lognormal(mean_log).cdf(x));
    assert_law(&mut residual(law), equilibrium, "residual");
}

#[test]
fn weibull_periods_are_weibull_and_their_residuals_equilibrium() {
    let shape = 0.6;
    let scale = UP / libm::tgamma(1.0 + 1.0 / shape);
    let weibull = Weibull::new(shape, scale).unwrap();
    let law = law("weibull");
    assert_law(&mut fresh(law), |x| weibull.cdf(x), "fresh");
    // (1/mean) ∫_0^x exp(-(u/scale)^k) du is the regularised gamma function P(1/k, (x/scale)^k).
    let equilibrium = |x: f64| gamma_lr(1.0 / shape, libm::pow(x / scale, shape));
    assert_law(&mut residual(law), equilibrium, "residual");
}

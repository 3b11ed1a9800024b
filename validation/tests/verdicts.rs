//! The rule itself: what it accepts, what it refuses, and what it calls proof.

use fleetune_validation::{
    Finding, Verdict,
    acceptance::{ALPHA, Interval, accept},
};

/// `n` samples of mean 1 and sample variance `spread`², for odd n: one at 1, the others in pairs.
fn samples(n: usize, spread: f64) -> Vec<f64> {
    let pairs = (1..n).map(|i| if i % 2 == 0 { 1.0 + spread } else { 1.0 - spread });
    std::iter::once(1.0).chain(pairs).collect()
}

fn verdict(theta: f64, samples: &[f64]) -> Verdict {
    Finding::mean("x", "", theta, samples).verdict
}

#[test]
fn a_mean_is_accepted_within_its_interval_only() {
    let samples = samples(41, 0.02);
    let Interval { mean, half_width, replications } = Interval::of(&samples);
    assert_eq!((mean, replications), (1.0, 41));
    // t(1 - α/2, 40) = 4.321 by the tables.
    let expected = 4.321 * 0.02 / 41.0_f64.sqrt();
    assert!((half_width / expected - 1.0).abs() < 2e-4, "{half_width}, {expected}");
    assert_eq!(verdict(1.0, &samples), Verdict::Accepted);
    assert_eq!(verdict(1.0 + 0.99 * half_width, &samples), Verdict::Accepted);
    assert_eq!(verdict(1.0 - 1.01 * half_width, &samples), Verdict::Rejected);
    assert_eq!(verdict(1.0 + 1.01 * half_width, &samples), Verdict::Rejected);
}

#[test]
fn a_check_that_could_not_fail_proves_nothing() {
    // Too wide; too few; both within the interval.
    assert_eq!(verdict(1.0, &samples(41, 0.1)), Verdict::Powerless);
    assert_eq!(verdict(1.0, &samples(29, 0.01)), Verdict::Powerless);
    assert_eq!(verdict(1.0, &[f64::NAN; 40]), Verdict::Rejected);
}

#[test]
fn exact_means_equal_beyond_what_a_float_can_tell() {
    let large = (1_u128 << 60) + 1;
    assert_eq!(Finding::exact("x", "ns", large, large).verdict, Verdict::Accepted);
    assert_eq!(Finding::exact("x", "ns", large, large - 1).verdict, Verdict::Rejected);
}

#[test]
#[should_panic(expected = "too few")]
fn the_assertion_wants_thirty_replications() {
    accept("x", &samples(29, 1e-6), 1.0);
}

#[test]
#[should_panic(expected = "proves nothing")]
fn the_assertion_wants_power() {
    accept("x", &samples(41, 0.1), 1.0);
}

#[test]
#[should_panic(expected = "expected 1.1")]
fn the_assertion_wants_the_closed_form() {
    accept("x", &samples(41, 0.01), 1.1);
}

/// About fifty checks: one false alarm in two hundred runs of all.
#[test]
fn the_level_is_what_the_catalogue_says() {
    assert_eq!(ALPHA, 1e-4);
}

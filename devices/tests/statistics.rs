//! Whether samples have a law.

/// The chance that a check raises a false alarm.
const FALSE_ALARM: f64 = 1e-4;

/// Kolmogorov and Smirnov's one-sample test, accepted at the same chance of a false alarm: the
/// probability of so large a distance is
/// `2 sum_k (-1)^(k-1) exp(-2 k² d²)`, `d = (sqrt(n) + 0.12 + 0.11 / sqrt(n)) D`
/// (M. A. Stephens, *JRSS B* 32 (1970) 115-122).
pub(crate) fn assert_law(samples: &mut [f64], distribution: impl Fn(f64) -> f64, what: &str) {
    samples.sort_by(f64::total_cmp);
    let n = samples.len() as f64;
    assert!(n >= 1000.0, "{what}: {n} samples are too few");
    let distance = samples
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let p = distribution(*x);
            (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs())
        })
        .fold(0.0, f64::max);
    let d = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance;
    let chance: f64 = (1..=100)
        .map(|k| {
            let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
            sign * libm::exp(-2.0 * f64::from(k * k) * d * d)
        })
        .sum();
    // Below d = 0.3 the series is slow and the chance is one.
    assert!(d < 0.3 || chance >= FALSE_ALARM, "{what}: distance {distance}, chance {chance}");
}

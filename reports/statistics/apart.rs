//! Which of several things differ, when all pairs are looked at together.

use std::cmp::Ordering;

use super::{holm, student::Mean};

/// The pairs, as indices with the order of their means, that replications tell apart.
///
/// `measured`: by thing, a value by replication; the replications of all are the same ones, so differences are taken
/// replication by replication. Each pair has Student's t test that the mean difference is zero, and those that are
/// rejected together by Holm's procedure ([`holm`]): the probability that any pair without a difference is among them is at
/// most 1 - `level`, however many pairs there are. A pair with a value that is not finite is not told apart.
pub fn told_apart(measured: &[&[f64]], level: f64) -> Vec<(usize, usize, Ordering)> {
    let mut pairs: Vec<(usize, usize, Ordering)> = Vec::new();
    let mut p_values = Vec::new();
    for (i, a) in measured.iter().enumerate() {
        for (j, b) in measured.iter().enumerate().skip(i + 1) {
            let differences: Vec<f64> = a.iter().zip(*b).map(|(a, b)| a - b).collect();
            let mean = Mean::of(&differences);
            pairs.push((i, j, mean.map_or(Ordering::Equal, Mean::side)));
            p_values.push(mean.map_or(1.0, Mean::p_value));
        }
    }
    let adjusted = holm(&p_values);
    let rejected = pairs.into_iter().zip(adjusted).filter(|(_, p)| *p <= 1.0 - level);
    rejected.map(|(pair, _)| pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: three things, three tests, at 0.05: the least p has to be at most 0.01667, the next 0.025, the last 0.05.
    #[test]
    fn holm_steps_down_and_stops_at_the_first_that_stands() {
        let a = [0.0, 0.1, -0.1, 0.0];
        let b = [1.0, 1.1, 1.0, 0.9];
        let c = [1.2, 1.5, 0.9, 1.6];
        let p = |x: &[f64], y: &[f64]| {
            let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
            Mean::of(&differences).unwrap().p_value()
        };
        let (ab, ac, bc) = (p(&a, &b), p(&a, &c), p(&b, &c));
        assert!(ab < 0.05 / 3.0 && ac < 0.05 / 2.0 && bc > 0.05, "{ab} {ac} {bc}");
        let apart = told_apart(&[&a, &b, &c], 0.95);
        assert_eq!(apart, [(0, 1, Ordering::Less), (0, 2, Ordering::Less)]);
        // At a level that the least p alone meets, the others are not looked at.
        let strict = 1.0 - 3.0 * ab * 1.01;
        assert_eq!(told_apart(&[&a, &b, &c], strict), [(0, 1, Ordering::Less)]);
        assert_eq!(told_apart(&[&a, &b, &c], 1.0 - 3.0 * ab * 0.99), []);
    }

    /// Nine equal things, 36 pairs, 400 families of five replications at 5 %: families with any pair told apart are 20
    /// on average; more than 38 have probability below 1e-4. One test at a time would find some in most families.
    #[test]
    fn equal_things_are_rarely_told_apart() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        // Sums of twelve uniform numbers less six: normal enough for a t test.
        let mut normal = || {
            (0..12).fold(-6.0, |sum, _| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                sum + (state >> 11) as f64 / (1_u64 << 53) as f64
            })
        };
        let mut families = 0;
        for _ in 0..400 {
            let things: Vec<Vec<f64>> =
                (0..9).map(|_| (0..5).map(|_| normal()).collect()).collect();
            let things: Vec<&[f64]> = things.iter().map(Vec::as_slice).collect();
            families += usize::from(!told_apart(&things, 0.95).is_empty());
        }
        assert!(families <= 38, "{families} of 400");
    }
}

//! Which of several things differ, when all pairs are looked at together.

use std::cmp::Ordering;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The pairs, as indices with the order of their means, that replications tell apart.
///
/// `measured`: by thing, a value by replication; the replications of all are the same ones, so differences are taken
/// replication by replication. Each pair has Student's t test that the mean difference is zero, and those that are
/// rejected together by Holm's step-down procedure (S. Holm, "A simple sequentially rejective multiple test procedure",
/// Scandinavian Journal of Statistics 6, 1979): the probability that any pair without a difference is among them is at
/// most 1 - `level`, however many pairs there are. A pair with a value that is not finite is not told apart.
pub fn told_apart(measured: &[&[f64]], level: f64) -> Vec<(usize, usize, Ordering)> {
    let mut pairs: Vec<(f64, usize, usize, Ordering)> = Vec::new();
    for (i, a) in measured.iter().enumerate() {
        for (j, b) in measured.iter().enumerate().skip(i + 1) {
            let differences: Vec<f64> = a.iter().zip(*b).map(|(a, b)| a - b).collect();
            let (p, order) = t_test(&differences);
            pairs.push((p, i, j, order));
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = pairs.len();
    let rejected = pairs.iter().enumerate().take_while(|(rank, (p, ..))| {
        // The smallest of m tests is held to (1 - level) / m, the next to (1 - level) / (m - 1), ...
        *p <= (1.0 - level) / (all - rank) as f64
    });
    let count = rejected.count();
    let mut apart: Vec<_> = pairs.drain(..count).map(|(_, i, j, order)| (i, j, order)).collect();
    apart.sort_unstable();
    apart
}

/// The two-sided p-value of a mean of zero, and on which side the mean is.
fn t_test(values: &[f64]) -> (f64, Ordering) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let order = mean.partial_cmp(&0.0).unwrap_or(Ordering::Equal);
    let squares = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let error = (squares / (n - 1.0) / n).sqrt();
    let t = mean.abs() / error;
    let p = match StudentsT::new(0.0, 1.0, n - 1.0) {
        // Equal differences that are not zero leave no doubt: t is infinite.
        Ok(law) if t > 0.0 => 2.0 * law.sf(t),
        _ => 1.0,
    };
    (p, order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_agree_with_printed_tables() {
        // Mean 2, s = 1, n = 3: t = 3.4641 with 2 degrees of freedom, p = 0.07418.
        let (p, order) = t_test(&[1.0, 2.0, 3.0]);
        assert!((p - 0.074_18).abs() < 1e-5, "{p}");
        assert_eq!(order, Ordering::Greater);
        assert_eq!(t_test(&[1.0, 1.0]), (0.0, Ordering::Greater));
        assert_eq!(t_test(&[0.0, 0.0]).0, 1.0);
        assert_eq!(t_test(&[f64::INFINITY, 1.0]).0, 1.0);
        assert_eq!(t_test(&[3.0]).0, 1.0);
    }

    /// By hand: three things, three tests, at 0.05: the least p has to be at most 0.01667, the next 0.025, the last 0.05.
    #[test]
    fn holm_steps_down_and_stops_at_the_first_that_stands() {
        let a = [0.0, 0.1, -0.1, 0.0];
        let b = [1.0, 1.1, 1.0, 0.9];
        let c = [1.2, 1.5, 0.9, 1.6];
        let p = |x: &[f64], y: &[f64]| {
            t_test(&x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>()).0
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

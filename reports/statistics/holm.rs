//! Several tests at once.

/// The p-values of a family of tests, adjusted by Holm's step-down procedure: those that are at most α are rejected, and
/// the probability that any true hypothesis is among them is at most α, however the tests depend on each other (S. Holm,
/// "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979).
///
/// With p(1) <= ... <= p(m), the adjusted value of p(i) is the largest of (m - j + 1) p(j) for j <= i, at most 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let all = p_values.len();
    let mut order: Vec<usize> = (0..all).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let (mut adjusted, mut most) = (vec![1.0; all], 0.0_f64);
    for (rank, place) in order.into_iter().enumerate() {
        most = most.max((all - rank) as f64 * p_values[place]).min(1.0);
        adjusted[place] = most;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::holm;

    /// By hand: 4 x 0.005, 3 x 0.01, then 2 x 0.03 and, not below it, 1 x 0.04.
    #[test]
    fn adjusted_values_step_down_and_never_fall() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        adjusted.iter().zip(expected).for_each(|(a, e)| assert!((a - e).abs() < 1e-12, "{a} {e}"));
        assert_eq!(holm(&[0.7, 0.9]), [1.0, 1.0]);
        assert_eq!(holm(&[0.02]), [0.02]);
        assert!(holm(&[]).is_empty());
    }
}

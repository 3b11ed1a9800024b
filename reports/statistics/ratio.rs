//! How many times dearer one algorithm is than another.

use super::Estimate;

/// The ratio of two costs, from pairs measured under the same seed.
///
/// The seeds of a run give every algorithm the same fleet, data split and availability, so the
/// logarithms of the costs are subtracted seed by seed, which removes what the seed does to both:
/// ratio = exp(mean of ln(aᵢ/bᵢ)), with the exponentials of the t interval's ends. It is the
/// geometric mean of the seeds' ratios, and need not equal the ratio of the two mean costs.
///
/// Only seeds in which **both** reached the target can form a pair. `left_out` counts the others:
/// if it is not zero, the ratio is censored and speaks for the successful seeds alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedRatio {
    /// The geometric mean of the ratios.
    pub ratio: f64,
    /// The confidence interval's ends; nothing from a single pair.
    pub interval: Option<(f64, f64)>,
    /// Seeds in which both costs are known and positive.
    pub pairs: usize,
    /// Seeds in which either is not.
    pub left_out: usize,
}

impl PairedRatio {
    /// The ratio of `a` to `b`, seed by seed. Nothing if no seed has both.
    pub fn new(a: &[Option<f64>], b: &[Option<f64>], level: f64) -> Option<Self> {
        let logs = a
            .iter()
            .zip(b)
            .filter_map(|(a, b)| Some(((*a)?, (*b)?)))
            // A start that already meets the target costs nothing, and nothing has no ratio.
            .filter(|(a, b)| *a > 0.0 && *b > 0.0)
            .map(|(a, b)| libm::log(a / b))
            .collect::<Vec<_>>();
        let mean = Estimate::new(&logs, level)?;
        Some(Self {
            ratio: libm::exp(mean.mean),
            interval: mean.interval().map(|(low, high)| (libm::exp(low), libm::exp(high))),
            pairs: logs.len(),
            left_out: a.len().max(b.len()) - logs.len(),
        })
    }

    /// Whether the interval excludes 1: the costs differ by more than the seeds do. Never from a
    /// single pair.
    pub fn is_distinguishable(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 1.0 || high < 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_factor_of_the_seeds_cancels() {
        let seeds = [1.0, 100.0, 7.0];
        let b = seeds.map(Some);
        let a = seeds.map(|x| Some(2.5 * x));
        let ratio = PairedRatio::new(&a, &b, 0.95).unwrap();
        assert!((ratio.ratio - 2.5).abs() < 1e-12);
        let (low, high) = ratio.interval.unwrap();
        assert!(high - low < 1e-12);
        assert!(ratio.is_distinguishable());
    }

    #[test]
    fn seeds_that_did_not_reach_are_left_out_and_counted() {
        let a = [Some(4.0), None, Some(4.0)];
        let b = [Some(2.0), Some(1.0), None];
        let ratio = PairedRatio::new(&a, &b, 0.95).unwrap();
        assert_eq!((ratio.pairs, ratio.left_out), (1, 2));
        assert!((ratio.ratio - 2.0).abs() < 1e-12);
        assert!(!ratio.is_distinguishable());
        assert_eq!(PairedRatio::new(&[None], &[Some(1.0)], 0.95), None);
        assert_eq!(PairedRatio::new(&[Some(0.0)], &[Some(1.0)], 0.95), None);
    }
}

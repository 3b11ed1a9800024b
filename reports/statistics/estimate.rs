//! A mean and how far it can be trusted.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean over independent replications.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The sample mean.
    pub mean: f64,
    /// Half the width of the confidence interval; nothing from a single replication.
    pub half_width: Option<f64>,
    /// The number of replications.
    pub count: usize,
}

impl Estimate {
    /// The mean of `values` with Student's t interval at `level`:
    /// mean ± t((1 + level)/2, n - 1) s / √n. It is exact for normal values, and approximate
    /// otherwise. Nothing from no values.
    pub fn new(values: &[f64], level: f64) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let n = count as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half_width = t_quantile(level, count).map(|t| {
            let squares = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            t * (squares / (n - 1.0) / n).sqrt()
        });
        Some(Self { mean, half_width, count })
    }

    /// The interval's ends, if there is one.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width.map(|w| (self.mean - w, self.mean + w))
    }
}

/// The two-sided quantile of Student's t for `count` replications; nothing for fewer than two.
fn t_quantile(level: f64, count: usize) -> Option<f64> {
    if count < 2 {
        return None;
    }
    let t = StudentsT::new(0.0, 1.0, (count - 1) as f64).ok()?;
    Some(t.inverse_cdf(0.5 + level / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_printed_tables() {
        for (count, expected) in [(2, 12.7062), (3, 4.30265), (6, 2.57058), (31, 2.04227)] {
            let t = t_quantile(0.95, count).unwrap();
            assert!((t - expected).abs() < 1e-4, "{count} replications: {t}");
        }
        assert!((t_quantile(0.9999, 31).unwrap() - 4.4818).abs() < 1e-3);
    }

    #[test]
    fn interval_of_three_values_is_the_textbook_one() {
        // Mean 2, s = 1: 4.30265 / sqrt(3).
        let e = Estimate::new(&[1.0, 2.0, 3.0], 0.95).unwrap();
        assert_eq!((e.mean, e.count), (2.0, 3));
        assert!((e.half_width.unwrap() - 2.48414).abs() < 1e-4);
    }

    #[test]
    fn one_value_has_no_interval_and_none_no_estimate() {
        assert_eq!(Estimate::new(&[5.0], 0.95).unwrap().interval(), None);
        assert_eq!(Estimate::new(&[], 0.95), None);
    }
}

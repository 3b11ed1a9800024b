//! A mean and how far it can be trusted.

use super::student::Mean;

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
        let mean = Mean::of(values)?;
        Some(Self { mean: mean.value, half_width: mean.half_width(level), count: values.len() })
    }

    /// The interval's ends, if there is one.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width.map(|w| (self.mean - w, self.mean + w))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

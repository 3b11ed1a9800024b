//! Student's t: of one mean, and Welch's of two.

use std::cmp::Ordering;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean, its standard error, and the degrees of freedom that the error was estimated with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    pub(crate) value: f64,
    pub(crate) error: f64,
    pub(crate) freedom: f64,
}

impl Mean {
    /// The mean of independent values: s / √n, n - 1. Nothing from no value; of one, the error is not a number.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        (!values.is_empty()).then(|| {
            let value = values.iter().sum::<f64>() / n;
            Self { value, error: deviation(values) / n.sqrt(), freedom: n - 1.0 }
        })
    }

    /// The difference of the means of two independent samples whose variances may differ: B. L. Welch, "The
    /// generalization of Student's problem when several different population variances are involved", Biometrika 34,
    /// 1947, with Satterthwaite's degrees of freedom.
    pub(crate) fn difference(a: &[f64], b: &[f64]) -> Option<Self> {
        let (a, b) = (Self::of(a)?, Self::of(b)?);
        let (va, vb) = (a.error * a.error, b.error * b.error);
        let freedom = (va + vb) * (va + vb) / (va * va / a.freedom + vb * vb / b.freedom);
        // Two samples without any spread: as sure as can be, with the least freedom that the formula can give.
        let freedom = if va + vb == 0.0 { a.freedom.min(b.freedom) } else { freedom };
        Some(Self { value: a.value - b.value, error: (va + vb).sqrt(), freedom })
    }

    /// Half the width of the two-sided interval at `level`; nothing from a single value.
    pub(crate) fn half_width(self, level: f64) -> Option<f64> {
        let half = self.law()?.inverse_cdf(0.5 + level / 2.0) * self.error;
        half.is_finite().then_some(half)
    }

    /// The ends of the two-sided interval at `level`; nothing from a single value.
    pub(crate) fn interval(self, level: f64) -> Option<(f64, f64)> {
        self.half_width(level).map(|half| (self.value - half, self.value + half))
    }

    /// The two-sided p-value of a true mean of zero; 1 from a single value.
    pub(crate) fn p_value(self) -> f64 {
        let t = self.value.abs() / self.error;
        match self.law() {
            // Equal values that are not zero leave no doubt: t is infinite.
            Some(law) if t > 0.0 => 2.0 * law.sf(t),
            _ => 1.0,
        }
    }

    /// On which side of zero it is.
    pub(crate) fn side(self) -> Ordering {
        self.value.partial_cmp(&0.0).unwrap_or(Ordering::Equal)
    }

    fn law(self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, self.freedom).ok()
    }
}

/// The sample's standard deviation, with n - 1; not a number from a single value.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    (squares / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_agree_with_printed_tables() {
        // Mean 2, s = 1, n = 3: t = 3.4641 with 2 degrees of freedom, p = 0.07418.
        let mean = Mean::of(&[1.0, 2.0, 3.0]).unwrap();
        assert!((mean.p_value() - 0.074_18).abs() < 1e-5, "{}", mean.p_value());
        assert_eq!(mean.side(), Ordering::Greater);
        let p = |values: &[f64]| Mean::of(values).unwrap().p_value();
        assert_eq!((p(&[1.0, 1.0]), p(&[0.0, 0.0])), (0.0, 1.0));
        assert_eq!((p(&[f64::INFINITY, 1.0]), p(&[3.0])), (1.0, 1.0));
        assert_eq!(Mean::of(&[3.0]).unwrap().interval(0.95), None);
    }
}

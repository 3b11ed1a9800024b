//! How many seeds a difference needs.

use statrs::{
    distribution::{ContinuousCDF, StudentsT},
    function::gamma::ln_gamma,
};

/// With this probability a difference that is really there is to be told.
pub const POWER: f64 = 0.8;

/// More seeds than this nobody runs.
const MOST: usize = 10_000;

/// How many values a test compares, seen from one of its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// So many pairs.
    Paired,
    /// So many values on each of two independent sides.
    Independent,
}

impl Design {
    /// Degrees of freedom with `n`, and what an effect of 1 moves t by.
    fn of(self, n: usize) -> (f64, f64) {
        let n = n as f64;
        match self {
            Self::Paired => (n - 1.0, n.sqrt()),
            Self::Independent => (2.0 * n - 2.0, (n / 2.0).sqrt()),
        }
    }

    /// The probability that the two-sided t test at `1 - level` tells an effect (mean over standard deviation) with `n`.
    pub fn power(self, n: usize, effect: f64, level: f64) -> f64 {
        let (freedom, scale) = self.of(n);
        let Ok(law) = StudentsT::new(0.0, 1.0, freedom) else { return 0.0 };
        let border = law.inverse_cdf(0.5 + level / 2.0);
        let shift = effect.abs() * scale;
        1.0 - noncentral(border, freedom, shift) + noncentral(-border, freedom, shift)
    }

    /// The fewest that tell an effect with probability [`POWER`]; nothing if thousands do not.
    pub fn needed(self, effect: f64, level: f64) -> Option<usize> {
        let enough = |n: usize| self.power(n, effect, level) >= POWER;
        if effect.is_infinite() {
            return Some(2);
        }
        if effect.is_nan() || !enough(MOST) {
            return None;
        }
        let (mut few, mut many) = (1, MOST);
        while many - few > 1 {
            let middle = usize::midpoint(few, many);
            if enough(middle) { many = middle } else { few = middle }
        }
        Some(many)
    }

    /// The least effect that `n` tell with probability [`POWER`]; nothing from a single one.
    pub fn detectable(self, n: usize, level: f64) -> Option<f64> {
        if n < 2 {
            return None;
        }
        let (mut low, mut high) = (0.0, 1.0);
        while self.power(n, high, level) < POWER {
            high *= 2.0;
        }
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.power(n, middle, level) < POWER { low = middle } else { high = middle }
        }
        Some(high)
    }
}

/// P(T <= t) of Student's t with `freedom` ν and noncentrality `shift` δ: of (Z + δ) / (χ / √ν), which is the mean of
/// Φ(t u - δ) over u = χ / √ν. By Simpson's rule: the integrand is smooth, and nothing lies beyond ten deviations.
fn noncentral(t: f64, freedom: f64, shift: f64) -> f64 {
    const STEPS: usize = 2000;
    let spread = 1.0 / (2.0 * freedom).sqrt();
    let (low, high) = ((1.0 - 10.0 * spread).max(0.0), 1.0 + 10.0 * spread);
    let half = freedom / 2.0;
    let scale = core::f64::consts::LN_2 + half * libm::log(half) - ln_gamma(half);
    let integrand = |u: f64| {
        // At u = 0 the density of one degree of freedom is not zero: log(0) must not meet a factor of 0.
        let rise = if freedom == 1.0 { 0.0 } else { (freedom - 1.0) * libm::log(u) };
        libm::exp(scale + rise - half * u * u) * normal(t * u - shift)
    };
    let step = (high - low) / STEPS as f64;
    let weighed = |i: usize| {
        let weight = if i == 0 || i == STEPS { 1.0 } else { [2.0, 4.0][i % 2] };
        weight * integrand(low + step * i as f64)
    };
    (0..=STEPS).map(weighed).sum::<f64>() * step / 3.0
}

/// Φ.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

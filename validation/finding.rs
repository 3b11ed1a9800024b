//! One number held to its closed form.

use serde::{Deserialize, Serialize};

use crate::acceptance::{Interval, POWER};

/// The widest band of an estimated variance that proves something, as a share of the closed form.
/// A variance from R replications is known to about 3.9 √(2/R): 2 % would take 76,000 of them.
const VARIANCE_POWER: f64 = 0.1;

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The closed form holds.
    Accepted,
    /// The check is too blunt to prove anything, whatever was measured.
    Powerless,
    /// The closed form does not hold.
    Rejected,
}

/// The rule by which a finding is judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Basis {
    /// Deterministic: accepted if equal, to the last nanosecond, byte or count.
    Exact,
    /// Deterministic, computed in floating point or rounded to whole nanoseconds: accepted if at
    /// most this far from the closed form; powerless if that is more than 2 % of it.
    Within {
        /// The largest distance, in the unit of what was measured.
        tolerance: f64,
    },
    /// A mean of replications, by the rule of [`acceptance`](crate::acceptance).
    Mean {
        /// Half the width of the confidence interval around the measured mean.
        half_width: f64,
        /// Independent replications.
        replications: usize,
    },
    /// A variance estimated from replications: accepted if it is in the band where the
    /// chi-squared law with R - 1 degrees of freedom has all but α of its mass; powerless if the
    /// band is more than 10 % wide on either side of the closed form.
    Variance {
        /// Lower end of the band.
        low: f64,
        /// Upper end of the band.
        high: f64,
        /// Independent replications.
        replications: usize,
    },
    /// A distance of a sample from a law, 0 expected: the statistic of Kolmogorov and Smirnov, or
    /// √(χ²/n) of a chi-squared test. Accepted if at most the critical distance at level α;
    /// powerless if that is more than 0.02.
    Distance {
        /// The critical distance.
        critical: f64,
        /// Size of the sample.
        samples: usize,
    },
}

/// A closed form, what was measured, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What was measured, such as `mean number in the system, ρ = 0.5`.
    pub what: String,
    /// Its unit; empty for a pure number.
    pub unit: String,
    /// The closed form's value.
    pub expected: f64,
    /// The measured value.
    pub measured: f64,
    /// The rule, with its numbers.
    pub basis: Basis,
    /// What follows.
    pub verdict: Verdict,
}

impl Finding {
    /// The mean of `samples`, one from each replication, held to `expected` by the rule of
    /// [`acceptance`](crate::acceptance).
    ///
    /// # Panics
    /// With fewer than two samples.
    pub fn mean(what: impl Into<String>, unit: &str, expected: f64, samples: &[f64]) -> Self {
        let interval = Interval::of(samples);
        let Interval { mean, half_width, replications } = interval;
        let verdict = judge(interval.has_power(expected), interval.holds(expected));
        let basis = Basis::Mean { half_width, replications };
        Self { what: what.into(), unit: unit.into(), expected, measured: mean, basis, verdict }
    }

    /// Two whole numbers that have to be the same. The record rounds them to `f64`, the verdict
    /// does not.
    pub fn exact(what: impl Into<String>, unit: &str, expected: u128, measured: u128) -> Self {
        Self {
            what: what.into(),
            unit: unit.into(),
            expected: expected as f64,
            measured: measured as f64,
            basis: Basis::Exact,
            verdict: judge(true, expected == measured),
        }
    }

    /// A number that may be at most `tolerance` away from the closed form.
    pub fn within(
        what: impl Into<String>,
        unit: &str,
        expected: f64,
        measured: f64,
        tolerance: f64,
    ) -> Self {
        let has_power = expected == 0.0 || tolerance <= POWER * expected.abs();
        Self {
            what: what.into(),
            unit: unit.into(),
            expected,
            measured,
            basis: Basis::Within { tolerance },
            verdict: judge(has_power, (measured - expected).abs() <= tolerance),
        }
    }

    /// How far from the measured value the closed form may be.
    pub fn half_width(&self) -> f64 {
        match self.basis {
            Basis::Exact | Basis::Variance { .. } | Basis::Distance { .. } => 0.0,
            Basis::Within { tolerance } => tolerance,
            Basis::Mean { half_width, .. } => half_width,
        }
    }

    /// A variance estimated from `replications`; `band` is where it may be by chance.
    pub(crate) fn variance(
        what: impl Into<String>,
        unit: &str,
        expected: f64,
        measured: f64,
        (low, high): (f64, f64),
        replications: usize,
    ) -> Self {
        let width = (high - expected).max(expected - low);
        Self {
            what: what.into(),
            unit: unit.into(),
            expected,
            measured,
            basis: Basis::Variance { low, high, replications },
            verdict: judge(width <= VARIANCE_POWER * expected, low <= measured && measured <= high),
        }
    }

    /// The distance of a sample from a law.
    pub(crate) fn distance(
        what: impl Into<String>,
        measured: f64,
        critical: f64,
        samples: usize,
    ) -> Self {
        Self {
            what: what.into(),
            unit: String::new(),
            expected: 0.0,
            measured,
            basis: Basis::Distance { critical, samples },
            verdict: judge(critical <= POWER, measured <= critical),
        }
    }
}

fn judge(has_power: bool, holds: bool) -> Verdict {
    match (holds, has_power) {
        // NaN compares as false and ends here.
        (false, _) => Verdict::Rejected,
        (true, false) => Verdict::Powerless,
        (true, true) => Verdict::Accepted,
    }
}

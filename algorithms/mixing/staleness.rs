use serde::{Deserialize, Serialize};

use crate::settings::{NonNegative, Positive};

/// What staleness leaves of an update's weight: s, which is 1 for an update that is not stale and never rises (Xie et
/// al. 2019, FedAsync, arXiv 1903.03934, section 5.2: s_a^Poly and s_{a,b}^Hinge, the latter with the 1 in the denominator
/// that makes it continuous at b).
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Discount {
    /// All of it: `s(n) = 1`.
    #[default]
    Constant,
    /// `s(n) = (1 + n)^-a`.
    Polynomial {
        /// a. FedAsync tries 0.5; FedBuff takes it, `1 / sqrt(1 + n)`.
        exponent: NonNegative,
    },
    /// All of it up to a number of versions, then ever less: `s(n) = 1` if n <= b, else `1 / (a (n - b) + 1)`.
    Hinge {
        /// a. FedAsync tries 4 and 10.
        slope: Positive,
        /// b. FedAsync tries 2 and 4.
        until: u32,
    },
}

impl Discount {
    /// s of an update that is stale by so many versions.
    pub fn factor(self, staleness: u64) -> f64 {
        let versions = staleness as f64;
        match self {
            Self::Constant => 1.0,
            Self::Polynomial { exponent } => libm::pow(1.0 + versions, -exponent.get()),
            Self::Hinge { slope, until } => {
                let beyond = versions - f64::from(until);
                if beyond <= 0.0 { 1.0 } else { 1.0 / (slope.get() * beyond + 1.0) }
            }
        }
    }
}

/// What staleness does to an update.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staleness {
    /// What it costs. The default is nothing.
    #[serde(default)]
    pub discount: Discount,
    /// Updates staler than this are discarded (bounded staleness, which FedAsync's analysis assumes). The default is
    /// none.
    #[serde(default)]
    pub bound: Option<u64>,
}

impl Staleness {
    /// What follows a rule's name in a report.
    pub(super) fn describe(&self) -> String {
        let discount = match self.discount {
            Discount::Constant => String::new(),
            Discount::Polynomial { exponent } => {
                format!(", an update stale by n weighs (1 + n)^-{}", exponent.get())
            }
            Discount::Hinge { slope, until } => format!(
                ", an update stale by n > {until} weighs 1 / ({} (n - {until}) + 1)",
                slope.get()
            ),
        };
        let bound = self.bound.map(|bound| format!(", discarded beyond {bound}"));
        discount + &bound.unwrap_or_default()
    }

    /// The share of an update that counts; nothing if it is too stale.
    pub fn factor(&self, staleness: u64) -> Option<f64> {
        let counts = self.bound.is_none_or(|bound| staleness <= bound);
        counts.then(|| self.discount.factor(staleness))
    }
}

//! Rounded texts for people: three significant digits and the unit one would say.

use std::fmt;

use crate::{decimal::Decimal, text::prefix_for};

/// A quantity rounded to three significant digits, made by the quantities' `human()` methods.
///
/// Honours width and alignment, so that columns line up: `format!("{:>9}", time.human())`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Human(String);

impl Human {
    /// With SI prefixes around `symbol`.
    pub(crate) fn prefixed(value: f64, symbol: &str, large: bool, small: bool) -> Self {
        let rounded = rounded(value);
        let (prefix, shift) = prefix_for(rounded.exponent, large, small);
        Self(format!("{} {prefix}{symbol}", rounded.place(shift)))
    }

    /// A time in the largest of days, hours, minutes and (prefixed) seconds that is at least one.
    pub(crate) fn time(seconds: f64) -> Self {
        let scales = [(86_400.0, "days"), (3_600.0, "h"), (60.0, "min")];
        for (size, unit) in scales {
            // Compare what would be printed, so that 59.96 min is written as 1 h.
            let shown = rounded(seconds / size);
            if !shown.digits.is_empty() && shown.exponent >= 0 {
                let number = shown.place(0);
                let unit = if number == "1" { unit.trim_end_matches('s') } else { unit };
                return Self(format!("{number} {unit}"));
            }
        }
        Self::prefixed(seconds, "s", false, true)
    }
}

fn rounded(value: f64) -> Decimal {
    let zero = Decimal { digits: String::new(), exponent: 0 };
    Decimal::parse(&format!("{value:.2e}")).unwrap_or(zero)
}

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

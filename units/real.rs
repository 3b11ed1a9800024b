//! What every real-valued quantity shares.

use crate::{error::QuantityError, grammar::Kind};

/// Refuses what no quantity can be, and normalises -0 to 0.
pub(crate) fn check(value: f64, kind: &Kind) -> Result<f64, QuantityError> {
    let (found, what) = (|| value.to_string(), kind.what);
    if !value.is_finite() {
        Err(QuantityError::NotFinite { found: found(), what })
    } else if value < 0.0 {
        Err(QuantityError::Negative { found: found(), what })
    } else {
        Ok(value + 0.0)
    }
}

/// Reads a real-valued quantity. Decimal prefixes shift the text's point, which is exact; other
/// factors (60, 1024, 1/8) are one multiplication and one division in `f64`.
pub(crate) fn parse(text: &str, kind: &Kind) -> Result<f64, QuantityError> {
    let (number, scale) = kind.read(text)?;
    let value = number.to_real(scale.shift) * scale.numerator as f64 / scale.denominator as f64;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(QuantityError::TooLarge { found: text.trim().to_owned(), what: kind.what })
    }
}

macro_rules! real_quantity {
    ($(#[$doc:meta])* $name:ident, $kind:expr, display: $display:expr, human: $human:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
        pub struct $name(f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0.0);

            /// Checks and wraps a number of base units.
            ///
            /// # Errors
            /// `value` is negative, NaN or infinite.
            pub fn new(value: f64) -> Result<Self, $crate::QuantityError> {
                $crate::real::check(value, &$kind).map(Self)
            }

            /// Wraps a number of base units that is known to be finite and not negative: a
            /// constant, or a result computed from other quantities. Checked in debug builds.
            pub const fn from_raw(value: f64) -> Self {
                debug_assert!(value >= 0.0, "a quantity is neither negative nor NaN");
                Self(value)
            }

            /// The number of base units.
            pub const fn get(self) -> f64 {
                self.0
            }

            /// Whether it is exactly nothing.
            pub fn is_zero(self) -> bool {
                self.0 == 0.0
            }

            /// The smaller of the two.
            pub const fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }

            /// The larger of the two.
            pub const fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }

            /// A total order, the numeric one for all values that can be built.
            pub fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.total_cmp(&other.0)
            }

            /// Rounded to three significant digits, for people.
            pub fn human(self) -> $crate::Human {
                let human: fn(f64) -> $crate::Human = $human;
                human(self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let display: fn(f64) -> String = $display;
                f.pad(&display(self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::QuantityError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::real::parse(text, &$kind).map(Self)
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        /// Saturates at zero.
        impl std::ops::Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self((self.0 - other.0).max(0.0))
            }
        }

        /// Saturates at zero.
        impl std::ops::SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }

        impl std::ops::Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self::from_raw(self.0 * factor)
            }
        }

        impl std::ops::Mul<$name> for f64 {
            type Output = $name;
            fn mul(self, quantity: $name) -> $name {
                quantity * self
            }
        }

        impl std::ops::Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self {
                Self::from_raw(self.0 / divisor)
            }
        }

        /// The ratio of the two; IEEE rules when the divisor is zero.
        impl std::ops::Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::ZERO, |total, item| total + item)
            }
        }

        impl<'a> std::iter::Sum<&'a $name> for $name {
            fn sum<I: Iterator<Item = &'a Self>>(items: I) -> Self {
                items.copied().sum()
            }
        }

        $crate::count::text_serde!($name, $kind);
    };
}
pub(crate) use real_quantity;

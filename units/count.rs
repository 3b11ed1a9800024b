//! What every counted quantity shares, and the serde form of all.

use crate::{error::QuantityError, grammar::Kind};

/// Reads a count. A fraction of a prefixed unit is rounded to the nearest whole base unit
/// ("1.3 GiB"); a fraction of the base unit itself is refused ("0.5 B").
pub(crate) fn parse(text: &str, kind: &Kind) -> Result<u128, QuantityError> {
    let found = || text.trim().to_owned();
    let (number, scale) = kind.read(text)?;
    let (count, exact) = number
        .to_count(scale.shift, scale.numerator, scale.denominator)
        .ok_or_else(|| QuantityError::TooLarge { found: found(), what: kind.what })?;
    let indivisible = scale.shift == 0 && scale.numerator == 1;
    if (indivisible || count == 0) && !exact {
        return Err(QuantityError::NotWhole { found: found(), unit: kind.base });
    }
    Ok(count)
}

/// Serialises as the exact text, reads any text the grammar allows, refuses bare numbers.
macro_rules! text_serde {
    ($name:ident, $kind:expr) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "a quantity with a unit, such as \"{}\"", $kind.example)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: serde::de::Error>(self, bare: u64) -> Result<$name, E> {
                        self.visit_str(&bare.to_string())
                    }

                    fn visit_i64<E: serde::de::Error>(self, bare: i64) -> Result<$name, E> {
                        self.visit_str(&bare.to_string())
                    }

                    fn visit_f64<E: serde::de::Error>(self, bare: f64) -> Result<$name, E> {
                        self.visit_str(&bare.to_string())
                    }
                }

                source.deserialize_str(Text)
            }
        }
    };
}
pub(crate) use text_serde;

macro_rules! counted_quantity {
    ($(#[$doc:meta])* $name:ident($int:ty), $kind:expr, display: $display:expr, symbol: $symbol:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name($int);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0);

            /// Wraps a count.
            pub const fn new(count: $int) -> Self {
                Self(count)
            }

            /// The count.
            pub const fn get(self) -> $int {
                self.0
            }

            /// Whether there is none.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The nearest `f64` to the count, for ratios and charts.
            pub const fn as_f64(self) -> f64 {
                self.0 as f64
            }

            /// The sum, or `None` if it does not fit.
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// The difference, or `None` if it would be negative.
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(difference) => Some(Self(difference)),
                    None => None,
                }
            }

            /// Rounded to three significant digits, for people.
            pub fn human(self) -> $crate::Human {
                $crate::Human::prefixed(self.as_f64(), $symbol, true, false)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let display: fn(u128) -> String = $display;
                f.pad(&display(u128::from(self.0)))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::QuantityError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let count = $crate::count::parse(text, &$kind)?;
                <$int>::try_from(count).map(Self).map_err(|_| $crate::QuantityError::TooLarge {
                    found: text.trim().to_owned(),
                    what: $kind.what,
                })
            }
        }

        /// Saturates at the largest count.
        impl std::ops::Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        /// Saturates at the largest count.
        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        /// Saturates at zero.
        impl std::ops::Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        /// Saturates at zero.
        impl std::ops::SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }

        /// Saturates at the largest count.
        impl std::ops::Mul<u64> for $name {
            type Output = Self;
            fn mul(self, times: u64) -> Self {
                Self(self.0.saturating_mul(<$int>::from(times)))
            }
        }

        /// Saturates at the largest count.
        impl std::ops::Mul<$name> for u64 {
            type Output = $name;
            fn mul(self, quantity: $name) -> $name {
                quantity * self
            }
        }

        /// The ratio of the two; IEEE rules when the divisor is zero.
        impl std::ops::Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.as_f64() / other.as_f64()
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
pub(crate) use counted_quantity;

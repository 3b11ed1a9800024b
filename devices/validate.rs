//! Checks that fail while deserialising, so that the error carries its line and column.

use std::fmt::Display;

use fleetune_units::{Bytes, BytesPerSecond, FlopsPerSecond, Joules, Seconds, Watts};
use serde::{Deserialize, Deserializer, de::Error};

/// A quantity that may not be zero in some places.
pub(crate) trait Quantity: Display {
    fn is_zero(&self) -> bool;
}

macro_rules! quantities {
    ($($name:ty),+) => {$(
        impl Quantity for $name {
            fn is_zero(&self) -> bool {
                <$name>::is_zero(*self)
            }
        }
    )+};
}
quantities!(Bytes, BytesPerSecond, FlopsPerSecond, Joules, Seconds, Watts);

/// For `#[serde(deserialize_with)]`: refuses zero.
pub(crate) fn positive<'de, D, T>(source: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Quantity + Deserialize<'de>,
{
    let value = T::deserialize(source)?;
    if value.is_zero() {
        return Err(D::Error::custom(format!("expected more than zero; found {value}")));
    }
    Ok(value)
}

/// As [`positive`], for a field that may be left out.
pub(crate) fn positive_or_none<'de, D, T>(source: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Quantity + Deserialize<'de>,
{
    positive(source).map(Some)
}

/// A newtype over a number with a range, checked wherever it comes from.
macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident, $range:literal, $holds:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Checks the range.
            ///
            /// # Errors
            /// The number is outside the range or NaN; the error says what was expected.
            pub fn new(value: f64) -> Result<Self, String> {
                let holds: fn(f64) -> bool = $holds;
                if holds(value) {
                    Ok(Self(value))
                } else {
                    Err(format!(concat!("expected ", $range, "; found {}"), value))
                }
            }

            /// The number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let value = f64::deserialize(source)?;
                Self::new(value).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use bounded_number;

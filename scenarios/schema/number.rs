//! Ranges, checked while a number is read.

use std::fmt::{self, Display};

use fleetune_units::{BytesPerSecond, Flops, FlopsPerSecond, Seconds};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// A whole number from `LEAST` to `MOST`.
pub(crate) fn whole<'de, D, T, const LEAST: u64, const MOST: u64>(source: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let value = source.deserialize_u64(Range { least: LEAST, most: MOST })?;
    let unexpected = Unexpected::Unsigned(value);
    T::try_from(value)
        .map_err(|_| D::Error::invalid_value(unexpected, &Range { least: LEAST, most: MOST }))
}

/// Reads a whole number within bounds, both included.
#[derive(Clone, Copy)]
struct Range {
    least: u64,
    most: u64,
}

impl Visitor<'_> for Range {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.least, self.most)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        match (self.least..=self.most).contains(&value) {
            true => Ok(value),
            false => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }
}

/// An accuracy to be reached: above 0 and at most 1.
pub(super) fn accuracy<'de, D: Deserializer<'de>>(source: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(source)?;
    if value > 0.0 && value <= 1.0 {
        return Ok(value);
    }
    let hint = match value {
        percent if (2.0..=100.0).contains(&percent) => {
            format!("; for {percent}% write {}", percent / 100.0)
        }
        _ => String::new(),
    };
    Err(D::Error::custom(format!(
        "expected an accuracy above 0 and at most 1; found {value}{hint}"
    )))
}

/// A factor of at least 1.
pub(super) fn over_commitment<'de, D: Deserializer<'de>>(source: D) -> Result<f64, D::Error> {
    /// Asking more than a hundred devices for each update wanted is no study of over-commitment.
    const MOST: f64 = 100.0;
    let value = f64::deserialize(source)?;
    if (1.0..=MOST).contains(&value) {
        return Ok(value);
    }
    Err(D::Error::custom(format!(
        "expected a factor from 1 to {MOST}; found {value} (1.3 asks 30% more devices than needed)"
    )))
}

/// A quantity that can be nothing, and may not be here.
pub(super) trait Quantity: Display {
    /// Whether it is nothing.
    fn is_nothing(&self) -> bool;
}

macro_rules! quantities {
    ($($name:ty),+) => {$(
        impl Quantity for $name {
            fn is_nothing(&self) -> bool {
                <$name>::is_zero(*self)
            }
        }
    )+};
}
quantities!(Seconds, Flops, BytesPerSecond, FlopsPerSecond);

/// A quantity above zero.
pub(super) fn positive<'de, D, T>(source: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Quantity + Deserialize<'de>,
{
    let value = T::deserialize(source)?;
    match value.is_nothing() {
        true => Err(D::Error::custom(format!("expected more than zero; found {value}"))),
        false => Ok(value),
    }
}

/// A quantity above zero, or none.
pub(super) fn positive_or_none<'de, D, T>(source: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Quantity + Deserialize<'de>,
{
    let value = Option::<T>::deserialize(source)?;
    match value {
        Some(value) if value.is_nothing() => Err(D::Error::custom(format!(
            "expected more than zero; found {value} (leave the key out for no limit)"
        ))),
        value => Ok(value),
    }
}

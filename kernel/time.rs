//! Simulated time: whole nanoseconds since the start.

use std::{fmt, iter::Sum};

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;

/// From here on, 2^23 s (97 days), neighbouring `f64` seconds are more than a nanosecond apart.
const COARSE: f64 = 8_388_608.0;

/// Why a number of seconds is no simulated time.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The number of seconds is `NaN`: some rate or size before it was not defined.
    #[error("expected a number of seconds, found NaN; look for a zero rate or an empty sum")]
    NotANumber,
    /// The number of seconds is below zero.
    #[error("expected a duration of at least 0 s, found {0} s")]
    Negative(f64),
    /// The number of seconds, or the sum of two times, exceeds what 64 bits of nanoseconds hold.
    #[error(
        "expected a time within 2^64 ns (about 584 years), found {0} s; is some rate nearly zero?"
    )]
    TooLong(f64),
}

/// An instant: nanoseconds since the start of the simulation. Lasts 584 years.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SimTime(u64);

/// A span of simulated time in whole nanoseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SimDuration(u64);

impl SimTime {
    /// The start of the simulation.
    pub const ZERO: Self = Self(0);
    /// The last instant that can be told.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, the nearest `f64`.
    pub fn as_seconds(self) -> f64 {
        seconds(self.0)
    }

    /// This instant moved later by `span`.
    ///
    /// # Errors
    /// [`TimeError::TooLong`] beyond [`SimTime::MAX`].
    pub fn after(self, span: SimDuration) -> Result<Self, TimeError> {
        match self.0.checked_add(span.0) {
            Some(nanos) => Ok(Self(nanos)),
            None => Err(TimeError::TooLong(seconds(self.0) + seconds(span.0))),
        }
    }

    /// The time gone by since `earlier`, or `None` if `earlier` is in fact later.
    pub fn since(self, earlier: Self) -> Option<SimDuration> {
        self.0.checked_sub(earlier.0).map(SimDuration)
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The shortest span of whole nanoseconds that is not less than `seconds`: the only place
    /// where seconds become nanoseconds.
    ///
    /// "Not less" is judged in `f64` seconds: `from_seconds(s)` is the least `n` with
    /// `n / 10^9 >= s` after rounding the quotient to `f64`. So work never ends early, 0.1 s is
    /// 100,000,000 ns and not one more, and [`SimDuration::as_seconds`] comes back exactly. This
    /// holds below 2^23 s (97 days); from there on an `f64` of seconds cannot tell single
    /// nanoseconds apart, and the product is taken as it is.
    ///
    /// # Errors
    /// [`TimeError`] for `NaN`, for a negative number and for 2^64 ns or more.
    pub fn from_seconds(seconds: f64) -> Result<Self, TimeError> {
        if seconds.is_nan() {
            return Err(TimeError::NotANumber);
        }
        if seconds < 0.0 {
            return Err(TimeError::Negative(seconds));
        }
        let nanos = (seconds * NANOS as f64).ceil();
        // `u64::MAX as f64` is 2^64, the first value that does not fit.
        if nanos >= u64::MAX as f64 {
            return Err(TimeError::TooLong(seconds));
        }
        let mut whole = nanos as u64;
        if seconds < COARSE {
            // The product was rounded once: it may be off by one either way.
            if whole > 0 && self::seconds(whole - 1) >= seconds {
                whole -= 1;
            } else if self::seconds(whole) < seconds {
                whole += 1;
            }
        }
        Ok(Self(whole))
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds, the nearest `f64`.
    pub fn as_seconds(self) -> f64 {
        seconds(self.0)
    }

    /// Both spans, one after the other.
    ///
    /// # Errors
    /// [`TimeError::TooLong`] if 64 bits of nanoseconds cannot hold the sum.
    pub fn plus(self, other: Self) -> Result<Self, TimeError> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Ok(Self(nanos)),
            None => Err(TimeError::TooLong(seconds(self.0) + seconds(other.0))),
        }
    }

    /// Both spans, one after the other, capped at the longest span there is.
    #[must_use]
    pub const fn saturating_plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Nanoseconds as seconds: one division, so correctly rounded below 2^53 ns.
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS as f64
}

impl Sum for SimDuration {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Self::saturating_plus)
    }
}

fn write_seconds(nanos: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}.{:09} s", nanos / NANOS, nanos % NANOS)
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

impl fmt::Display for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_seconds_become_their_own_nanoseconds() {
        for (seconds, nanos) in [
            (0.0, 0),
            (0.1, 100_000_000),
            (0.3, 300_000_000),
            (1.1, 1_100_000_000),
            (1e-9, 1),
            (86_400.123_456_789, 86_400_123_456_789),
        ] {
            assert_eq!(SimDuration::from_seconds(seconds), Ok(SimDuration(nanos)), "{seconds} s");
        }
    }

    #[test]
    fn the_rest_of_a_nanosecond_is_rounded_up() {
        for (seconds, nanos) in
            [(1e-10, 1), (1.000_000_000_1, 1_000_000_001), (f64::MIN_POSITIVE, 1)]
        {
            assert_eq!(SimDuration::from_seconds(seconds), Ok(SimDuration(nanos)), "{seconds} s");
        }
        let above = f64::from_bits(0.1_f64.to_bits() + 1);
        assert_eq!(SimDuration::from_seconds(above), Ok(SimDuration(100_000_001)));
    }

    #[test]
    fn every_whole_number_of_nanoseconds_comes_back() {
        let mut nanos = 1_u64;
        for step in 0..200_000_u64 {
            nanos = nanos.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step | 1);
            let span = SimDuration(nanos % 8_388_608_000_000_000);
            assert_eq!(SimDuration::from_seconds(span.as_seconds()), Ok(span));
        }
    }

    #[test]
    fn rounding_up_is_the_least_upper_bound() {
        let mut state = 7_u64;
        for step in 0..200_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step | 1);
            let asked = (state >> 12) as f64 * 1e-12;
            let span = SimDuration::from_seconds(asked).unwrap();
            assert!(span.as_seconds() >= asked, "{asked} s ends early");
            assert!(span.0 == 0 || seconds(span.0 - 1) < asked, "{asked} s is not tight");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(SimDuration::from_seconds(f64::NAN), Err(TimeError::NotANumber));
        assert_eq!(SimDuration::from_seconds(-1.0), Err(TimeError::Negative(-1.0)));
        for long in [f64::INFINITY, 1e300, 18_446_744_073.709_553] {
            assert_eq!(SimDuration::from_seconds(long), Err(TimeError::TooLong(long)));
        }
        assert!(SimDuration::from_seconds(18_446_744_073.0).is_ok());
        assert!(SimTime::MAX.after(SimDuration(1)).is_err());
        assert!(SimDuration(u64::MAX).plus(SimDuration(1)).is_err());
        assert_eq!(SimTime(3).since(SimTime(5)), None);
    }

    #[test]
    fn times_print_as_seconds() {
        assert_eq!(SimTime(1_500_000_007).to_string(), "1.500000007 s");
    }
}

//! Numbers of the transfer engine: sums that forget nothing, keys with a total order, and the one
//! place where seconds become nanoseconds.

use std::cmp::Ordering;

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use crate::energy::Moment;

/// Nanoseconds in a second.
const NANOS: f64 = 1e9;

/// Below this many seconds (97 days) an `f64` tells single nanoseconds apart.
const COARSE: f64 = 8_388_608.0;

/// A running sum in two floats, about 106 bits: what is added and later taken away leaves no
/// residue that a rate could notice (Knuth, *The Art of Computer Programming*, vol. 2, 4.2.2,
/// theorem B).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    pub(super) const fn of(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }

    /// Adds a finite number.
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let shadow = sum - self.high;
        let lost = (self.high - (sum - shadow)) + (value - shadow);
        let low = self.low + lost;
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }

    /// The nearest float.
    pub(super) const fn get(self) -> f64 {
        self.high
    }

    /// `from` less this sum.
    pub(super) fn taken_from(self, from: f64) -> f64 {
        (from - self.high) - self.low
    }
}

/// A number that is never NaN, as a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key(pub(super) f64);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// `nanos` as seconds.
pub(super) fn seconds(nanos: u64) -> Seconds {
    Seconds::from_raw(nanos as f64 / NANOS)
}

/// Seconds from `since` to `now`; none if `now` is earlier.
pub(super) fn elapsed(since: Moment, now: Moment) -> f64 {
    now.0.saturating_sub(since.0) as f64 / NANOS
}

/// The least whole number of nanoseconds n with n / 10⁹ >= `seconds`, judged in `f64`; `None` for
/// NaN and beyond 2⁶⁴ ns, which is never.
///
/// 0.1 s is 100,000,000 ns and not one more, and every n below 97 days comes back from its own
/// quotient.
pub(super) fn nanoseconds_up(seconds: f64) -> Option<u64> {
    let product = (seconds * NANOS).ceil();
    // `u64::MAX as f64` is 2⁶⁴, the first number that does not fit.
    if product.is_nan() || product >= u64::MAX as f64 {
        return None;
    }
    let nanos = product.max(0.0) as u64;
    if seconds >= COARSE {
        return Some(nanos);
    }
    // The product was rounded: the right answer may be its neighbour.
    let reaches = |n: u64| n as f64 / NANOS >= seconds;
    Some(match nanos {
        n if n > 0 && reaches(n - 1) => n - 1,
        n if !reaches(n) => n + 1,
        n => n,
    })
}

/// The moment `seconds` after `since`, rounded up; `None` if it is never.
pub(super) fn after(since: Moment, seconds: f64) -> Option<Moment> {
    since.0.checked_add(nanoseconds_up(seconds)?).map(Moment)
}

/// Serialises a [`Moment`] as its nanoseconds.
pub(super) mod moment {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::energy::Moment;

    pub(crate) fn serialize<S: Serializer>(at: &Moment, to: S) -> Result<S::Ok, S::Error> {
        at.0.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Moment, D::Error> {
        u64::deserialize(from).map(Moment)
    }
}

/// Serialises a [`Moment`] that may be missing.
pub(super) mod maybe_moment {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::energy::Moment;

    pub(crate) fn serialize<S: Serializer>(at: &Option<Moment>, to: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.0).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Moment>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Moment))
    }
}

/// Serialises a number that may be infinite; formats such as JSON have no infinity.
pub(super) mod unbounded {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_forget_nothing() {
        let mut sum = Sum::default();
        let terms = [1e16, 1.0, 1e-3, -1e16, 3.5];
        terms.iter().for_each(|term| sum.add(*term));
        assert!((sum.get() - 4.501).abs() < 1e-13);
        terms.iter().rev().for_each(|term| sum.add(-*term));
        assert!(sum.get().abs() < 1e-13);
        sum.add(1e16);
        sum.add(1.0);
        assert!((sum.taken_from(1e16 + 4.0) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn nanoseconds_are_the_least_that_are_enough() {
        for (seconds, nanos) in [
            (0.0, 0),
            (0.1, 100_000_000),
            (0.3, 300_000_000),
            (1e-10, 1),
            (1.000_000_000_1, 1_000_000_001),
        ] {
            assert_eq!(nanoseconds_up(seconds), Some(nanos), "{seconds}");
        }
        for nanos in (0..2_000_000_u64).map(|n| n * 4_194_303_999) {
            assert_eq!(nanoseconds_up(nanos as f64 / NANOS), Some(nanos));
        }
        assert_eq!(nanoseconds_up(f64::INFINITY), None);
        assert_eq!(nanoseconds_up(f64::NAN), None);
        assert_eq!(after(Moment(u64::MAX), 1.0), None);
    }
}

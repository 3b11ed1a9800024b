//! Moments of simulated time, in whole nanoseconds.

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const NANOS: f64 = 1e9;
/// From 2^23 s on an `f64` of seconds cannot tell single nanoseconds apart.
const COARSE: f64 = 8_388_608.0; // [s]

/// A moment of simulated time, in nanoseconds since the start. Differences are exact.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The first whole nanosecond that is not before `length` from here, as the kernel rounds:
    /// nothing ends early, and a number of nanoseconds written as seconds comes back exactly
    /// (below 2^23 s). `None` if that is never, or after the last moment there is.
    pub fn after(self, length: Seconds) -> Option<Self> {
        let seconds = length.get();
        let nanos = (seconds * NANOS).ceil();
        // `u64::MAX as f64` is 2^64, the first value that does not fit; infinity is above it.
        if nanos >= u64::MAX as f64 {
            return None;
        }
        let mut whole = nanos as u64;
        if seconds < COARSE {
            // The product was rounded once: it may be off by one either way.
            if whole > 0 && (whole - 1) as f64 / NANOS >= seconds {
                whole -= 1;
            } else if (whole as f64 / NANOS) < seconds {
                whole += 1;
            }
        }
        self.0.checked_add(whole).map(Self)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds::from_raw(self.0.saturating_sub(earlier.0) as f64 / NANOS)
    }
}

/// A meter was asked about the past. A broken invariant of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a meter that stands at {meter:?} was asked to go back to {asked:?}")]
pub struct TimeWentBack {
    /// Where the meter stands.
    pub meter: Moment,
    /// What it was asked for.
    pub asked: Moment,
}

impl TimeWentBack {
    /// Refuses to go from `meter` back to `asked`.
    pub(crate) fn check(meter: Moment, asked: Moment) -> Result<(), Self> {
        if asked < meter { Err(Self { meter, asked }) } else { Ok(()) }
    }
}

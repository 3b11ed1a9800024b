//! What the time of a round is made of.

use std::{iter::Sum, ops::AddAssign};

use serde::{Deserialize, Serialize};

use crate::kernel::SimDuration;

/// Time of engaged devices by activity, to the nanosecond: the parts add up to the time engaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anatomy {
    /// From the start of a download, its latency included, to its last byte.
    pub download: SimDuration,
    /// Computing.
    pub compute: SimDuration,
    /// From the start of an upload, its latency included, to its last byte.
    pub upload: SimDuration,
    /// Engaged with nothing to do: from the arrival of the update to the end of the exchange.
    pub wait: SimDuration,
}

impl Anatomy {
    /// All time engaged.
    pub fn engaged(&self) -> SimDuration {
        [self.download, self.compute, self.upload, self.wait].into_iter().sum()
    }
}

impl AddAssign for Anatomy {
    fn add_assign(&mut self, other: Self) {
        self.download = self.download.saturating_plus(other.download);
        self.compute = self.compute.saturating_plus(other.compute);
        self.upload = self.upload.saturating_plus(other.upload);
        self.wait = self.wait.saturating_plus(other.wait);
    }
}

impl Sum for Anatomy {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut sum, item| {
            sum += item;
            sum
        })
    }
}

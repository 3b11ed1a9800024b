//! What the fleet has spent, and on what.

use std::{iter::Sum, ops::AddAssign};

use fleetune_units::{Bytes, Flops, Joules};
use serde::{Deserialize, Serialize};

/// Amounts of the four things that a device spends on training.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Floating-point operations done by devices.
    pub device_flops: Flops,
    /// Bytes that left devices.
    pub uplink: Bytes,
    /// Bytes that reached devices.
    pub downlink: Bytes,
    /// Energy drawn by devices while engaged in a round.
    pub energy: Joules,
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        self.device_flops += other.device_flops;
        self.uplink += other.uplink;
        self.downlink += other.downlink;
        self.energy += other.energy;
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut sum, item| {
            sum += item;
            sum
        })
    }
}

/// Spending, split by what came of it: every amount is in exactly one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Spent in exchanges whose update was aggregated.
    pub useful: Resources,
    /// Spent in exchanges that came to nothing: the device left, was late, or lost the race.
    pub wasted: Resources,
}

impl Ledger {
    /// Useful and wasted together.
    pub fn total(&self) -> Resources {
        [self.useful, self.wasted].into_iter().sum()
    }

    /// The part of all device FLOPs that came to nothing, within 0..=1; 0 when none were done.
    pub fn wasted_flops_fraction(&self) -> f64 {
        let total = self.total().device_flops;
        if total.is_zero() { 0.0 } else { self.wasted.device_flops / total }
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.useful += other.useful;
        self.wasted += other.wasted;
    }
}

impl Sum for Ledger {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut sum, item| {
            sum += item;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn useful_and_wasted_make_the_total() {
        let some = |n: u64| Resources {
            device_flops: Flops::new(u128::from(n)),
            uplink: Bytes::new(n + 1),
            downlink: Bytes::new(n + 2),
            energy: Joules::from_raw(n as f64),
        };
        let ledger = Ledger { useful: some(30), wasted: some(10) };
        let total = ledger.total();
        assert_eq!(total.device_flops.get(), 40);
        assert_eq!((total.uplink.get(), total.downlink.get()), (42, 44));
        assert_eq!(total.energy.get(), 40.0);
        assert_eq!(ledger.wasted_flops_fraction(), 0.25);
        assert_eq!(Ledger::default().wasted_flops_fraction(), 0.0);
        let twice: Ledger = [ledger, ledger].into_iter().sum();
        assert_eq!(twice.total().device_flops.get(), 80);
    }
}

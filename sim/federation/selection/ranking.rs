//! Keys, and what is made of them: rankings and draws.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use fleetune_devices::streams::SeedTree;
use rand::Rng;

/// The purpose that keys are drawn for.
const PURPOSE: &str = "federation/selection";

/// The keys of the devices `0..devices` in `round`, each with its device.
///
/// The key of device `i` is the `i`-th draw of the round's stream: a device added at the end of
/// the fleet changes no other key.
pub(super) fn keys(
    seeds: &SeedTree,
    round: u64,
    devices: u32,
) -> impl Iterator<Item = (u64, u32)> + use<> {
    let mut stream = seeds.stream(PURPOSE, round);
    (0..devices).map(move |device| (stream.next_u64(), device))
}

/// Devices in ascending order of what they are ranked by, put in order as they are asked for: linear to make, and
/// logarithmic for each that is taken. What is equal falls back on the device's number.
#[derive(Debug)]
pub(super) struct Ranking<K>(BinaryHeap<Reverse<(K, u32)>>);

impl<K: Ord> FromIterator<(K, u32)> for Ranking<K> {
    fn from_iter<I: IntoIterator<Item = (K, u32)>>(ranked: I) -> Self {
        // From a whole vector a heap is made in linear time; one by one it would not be.
        Self(ranked.into_iter().map(Reverse).collect::<Vec<_>>().into())
    }
}

impl<K: Ord> Iterator for Ranking<K> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.pop().map(|Reverse((_, device))| device)
    }
}

/// A number to rank by, in the total order of IEEE 754.
#[derive(Debug, Clone, Copy)]
pub(super) struct By(pub(super) f64);

impl Ord for By {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for By {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for By {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for By {}

/// When an exponential clock of this rate rings, by a device's key: `-ln(1 - u) / weight` with `u` in [0, 1).
///
/// The first k clocks to ring are a sample of k drawn one after the other without replacement, each in proportion to its
/// weight (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). Of equal weights the least key
/// rings first. Without weight it never rings.
pub(super) fn rings(key: u64, weight: f64) -> By {
    // 2^-64, exactly; the greatest keys round to 1, and ring last.
    const UNIT: f64 = 1.0 / 18_446_744_073_709_551_616.0;
    if weight > 0.0 { By(-libm::log1p(-(key as f64 * UNIT)) / weight) } else { By(f64::INFINITY) }
}

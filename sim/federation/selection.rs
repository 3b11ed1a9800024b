//! Whom the server asks: a random cohort, coupled across algorithms.
//!
//! Every device draws one key per round, whatever the algorithm; the server asks the eligible
//! devices with the least keys. Two algorithms that see the same devices online thus ask the same
//! ones, and one that must leave some behind for want of memory differs from the other only in
//! their replacements: common random numbers, draw by draw.
//!
//! A uniformly random ranking makes every set of eligible devices of a given size equally likely,
//! so this is sampling without replacement.

use std::{cmp::Reverse, collections::BinaryHeap, iter};

use fleetune_devices::streams::SeedTree;
use rand::Rng;

/// The purpose that keys are drawn for.
const PURPOSE: &str = "federation/selection";

/// The devices `0..devices` in the order in which `round` prefers them.
///
/// The key of device `i` is the `i`-th draw of the round's stream: a device added at the end of
/// the fleet changes no other key. Equal keys fall back on the index. Only as much is put in order
/// as is taken: of n devices the first k cost n + k log n.
pub(super) fn ranking(
    seeds: &SeedTree,
    round: u64,
    devices: u32,
) -> impl Iterator<Item = u32> + use<> {
    let mut stream = seeds.stream(PURPOSE, round);
    let keyed: Vec<_> = (0..devices).map(|i| Reverse((stream.next_u64(), i))).collect();
    let mut least = BinaryHeap::from(keyed);
    iter::from_fn(move || least.pop().map(|Reverse((_, device))| device))
}

/// How many devices to ask so that `cohort` may answer: `ceil(cohort * factor)`, computed on the
/// decimal text of `factor`, so that 1.1 times 100 is 110 and not, as in binary fractions, 111.
///
/// `factor` has been validated: finite and at least 1.
pub(super) fn asked(cohort: u32, factor: f64) -> u32 {
    let text = factor.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole}{fraction}");
    let scale = 10_u128.checked_pow(fraction.len() as u32);
    match (digits.parse::<u128>(), scale) {
        (Ok(digits), Some(scale)) => {
            let exact = digits.saturating_mul(u128::from(cohort)).div_ceil(scale);
            u32::try_from(exact).unwrap_or(u32::MAX)
        }
        // A factor beyond 38 digits: more than any fleet has devices.
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranking_is_that_of_the_keys() {
        let seeds = SeedTree::new(7);
        for (round, devices) in [(0, 1), (1, 2), (2, 100), (3, 1_000)] {
            let mut stream = seeds.stream(PURPOSE, round);
            let mut keyed: Vec<(u64, u32)> = (0..devices).map(|i| (stream.next_u64(), i)).collect();
            keyed.sort_unstable();
            let sorted: Vec<u32> = keyed.into_iter().map(|(_, device)| device).collect();
            assert_eq!(ranking(&seeds, round, devices).collect::<Vec<_>>(), sorted);
            // What is left out changes nothing before it.
            assert_eq!(
                ranking(&seeds, round, devices).take(3).collect::<Vec<_>>(),
                sorted[..sorted.len().min(3)]
            );
        }
    }

    #[test]
    fn the_number_asked_is_exact_in_decimals() {
        for (cohort, factor, expected) in [
            (8, 1.3, 11),
            (10, 1.3, 13),
            (100, 1.1, 110),
            (3, 1.0, 3),
            (7, 1.000_000_1, 8),
            (5, 2.5, 13),
        ] {
            assert_eq!(asked(cohort, factor), expected, "{cohort} x {factor}");
        }
        assert_eq!(asked(u32::MAX, 1e300), u32::MAX);
    }
}

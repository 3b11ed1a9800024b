//! Whom the server asks: a random cohort, coupled across algorithms.
//!
//! Every device draws one key per round, whatever the algorithm; the server asks the eligible
//! devices with the least keys. Two algorithms that see the same devices online thus ask the same
//! ones, and one that must leave some behind for want of memory differs from the other only in
//! their replacements: common random numbers, draw by draw.
//!
//! A uniformly random ranking makes every set of eligible devices of a given size equally likely,
//! so this is sampling without replacement.

use fleetune_devices::streams::SeedTree;
use rand::Rng;

/// The purpose that keys are drawn for.
const PURPOSE: &str = "federation/selection";

/// The devices `0..devices` in the order in which `round` prefers them.
///
/// The key of device `i` is the `i`-th draw of the round's stream: a device added at the end of
/// the fleet changes no other key. Equal keys fall back on the index.
pub(super) fn ranking(seeds: &SeedTree, round: u64, devices: u32) -> Vec<u32> {
    let mut stream = seeds.stream(PURPOSE, round);
    let mut keyed: Vec<(u64, u32)> = (0..devices).map(|i| (stream.next_u64(), i)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, device)| device).collect()
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

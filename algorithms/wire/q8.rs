//! Integers from -127 to 127 and a scale per block of 256: a byte a value.
//!
//! x' = s q with s = max |x| / 127 over the block, rounded up so that |x / s| <= 127. Rounding to nearest keeps
//! |x - x'| <= s / 2. Stochastic rounding, q = floor(x / s + u) with u uniform on [0, 1) (QSGD: Alistarh et al. 2017),
//! keeps |x - x'| <= s and is unbiased: E x' = x. Both bounds are to the rounding of the product s q.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    reader::{DecodeError, Reader},
    values::BLOCK,
};

/// How values become integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Up or down at random, so that the mean over many draws is the value. The default.
    #[default]
    Stochastic,
    /// To the nearest, ties to even: the smallest error of one message, but biased.
    Nearest,
}

/// Operations to code a value: magnitude and maximum for the scale; quotient, rounding, conversion.
pub(super) const ENCODE_OPERATIONS: u64 = 5;

/// Operations for the random part of stochastic rounding: a word of ChaCha8, whose 8 rounds of four quarter-rounds of
/// 12 operations and 16 final sums make 16 words, 25 each; its conversion, scaling and sum.
pub(super) const RANDOM_OPERATIONS: u64 = (8 * 4 * 12 + 16) / 16 + 3;

/// Operations to read a value: conversion, product.
pub(super) const DECODE_OPERATIONS: u64 = 2;

const LARGEST: f32 = 127.0;

/// The bytes of `count` values.
pub(super) fn size(count: u64) -> u64 {
    count + 4 * count.div_ceil(BLOCK as u64)
}

pub(super) fn put(values: &[f32], rounding: Rounding, seed: u64, out: &mut Vec<u8>) {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    for block in values.chunks(BLOCK) {
        let scale = scale(block);
        out.extend(scale.to_le_bytes());
        out.extend(block.iter().map(|&value| {
            // Zero in a block of zeros and, as NaN, in one that is not finite: that one's scale tells.
            let quotient = f64::from(value) / f64::from(scale);
            let rounded = match rounding {
                Rounding::Nearest => quotient.round_ties_even(),
                Rounding::Stochastic => (quotient + unit(&mut stream)).floor(),
            };
            (rounded as i8) as u8
        }));
    }
}

/// Uniform on [0, 1): midpoints of 2^32 cells, so that no mean is off by more than half a cell.
fn unit(stream: &mut ChaCha8Rng) -> f64 {
    (f64::from(stream.next_u32()) + 0.5) / 4_294_967_296.0
}

/// The scale of a block: not a number if a value is not finite.
fn scale(block: &[f32]) -> f32 {
    let largest = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    if !block.iter().all(|value| value.is_finite()) {
        return f32::NAN;
    }
    if largest == 0.0 {
        return 0.0;
    }
    let scale = largest / LARGEST;
    match f64::from(scale) * f64::from(LARGEST) < f64::from(largest) {
        true => scale.next_up(),
        false => scale,
    }
}

pub(super) fn take(count: usize, from: &mut Reader) -> Result<Vec<f32>, DecodeError> {
    if (from.left() as u64) < size(count as u64) {
        return Err(DecodeError::WrongLength);
    }
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let scale = from.scale()?;
        for &byte in from.take((count - values.len()).min(BLOCK) as u64)? {
            let code = byte as i8;
            if code == i8::MIN {
                return Err(DecodeError::Malformed("the integer -128"));
            }
            // The largest value of all, divided and multiplied again, may round to beyond it.
            let product = f64::from(code) * f64::from(scale);
            values.push(product.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::noise::fill_normal;

    fn round_trip(values: &[f32], rounding: Rounding, seed: u64) -> Vec<f32> {
        let mut bytes = Vec::new();
        put(values, rounding, seed, &mut bytes);
        assert_eq!(bytes.len() as u64, size(values.len() as u64));
        take(values.len(), &mut Reader::new(&bytes)).expect("finite values come back")
    }

    /// Of every block: its scale as the formula has it, before it is rounded.
    fn scales(values: &[f32]) -> Vec<f64> {
        let largest = |b: &[f32]| b.iter().fold(0.0, |m: f64, v| m.max(f64::from(v.abs()))) / 127.0;
        values.chunks(256).map(largest).collect()
    }

    /// Half a unit in the last place of the scale and of the product, relative to the scale.
    const ROUNDING: f64 = 3.0 * 127.0 / 16_777_216.0;

    proptest! {
        #[test]
        fn errors_are_within_the_scale(
            values in prop::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 0..700),
            exponent in -140_i32..0,
            seed in any::<u64>(),
        ) {
            let values: Vec<f32> = values.iter().map(|v| v * 2.0_f32.powi(exponent)).collect();
            let scales = scales(&values);
            for (rounding, share) in [(Rounding::Nearest, 0.5), (Rounding::Stochastic, 1.0)] {
                for (i, back) in round_trip(&values, rounding, seed).into_iter().enumerate() {
                    let error = (f64::from(back) - f64::from(values[i])).abs();
                    // The used scale is rounded, to a multiple of the smallest float if it is subnormal.
                    let scale = scales[i / 256] + f64::from(f32::from_bits(1));
                    prop_assert!(error <= scale * (share + ROUNDING), "{rounding:?} {i}: {error}");
                }
            }
        }
    }

    /// The mean of n draws of floor(y + u) has variance f (1 - f) / n with f the fractional part of y: 1000 values,
    /// each within 6 standard errors, which all of them are with probability 1 - 1000 * 2e-9 or more.
    #[test]
    fn stochastic_rounding_is_unbiased_and_nearest_is_not() {
        const DRAWS: u64 = 2000;
        let mut values = vec![0.0; 1000];
        fill_normal(3, 0, &mut values);
        let mut sums = vec![0.0; values.len()];
        for seed in 0..DRAWS {
            let back = round_trip(&values, Rounding::Stochastic, seed);
            sums.iter_mut().zip(back).for_each(|(sum, v)| *sum += f64::from(v));
        }
        let scales = scales(&values);
        let mut biased = 0;
        for (i, back) in round_trip(&values, Rounding::Nearest, 0).into_iter().enumerate() {
            let (value, scale) = (f64::from(values[i]), scales[i / 256]);
            let fraction = (value / scale).rem_euclid(1.0);
            let error = scale * (fraction * (1.0 - fraction) / DRAWS as f64).sqrt();
            // Besides chance: the rounding of scale and product.
            let allowed = 6.0 * error + scale * ROUNDING;
            assert!((sums[i] / DRAWS as f64 - value).abs() <= allowed, "value {i}");
            biased += usize::from((f64::from(back) - value).abs() > allowed);
        }
        assert!(biased > 700, "rounding to nearest is off for {biased} of 1000");
    }

    #[test]
    fn draws_follow_the_seed() {
        let values: Vec<f32> = (0..300).map(|i| i as f32 / 7.0).collect();
        let [a, b, c] = [1, 1, 2].map(|seed| round_trip(&values, Rounding::Stochastic, seed));
        assert!(a == b && a != c);
    }

    #[test]
    fn extremes_come_back_and_integers_exactly() {
        for largest in [f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            let back = round_trip(&[largest, -largest, 0.0], Rounding::Nearest, 0);
            assert!(back.iter().all(|v| v.is_finite()) && back[2] == 0.0);
        }
        let integers: Vec<f32> = (-127..=127).map(|i| i as f32).collect();
        for rounding in [Rounding::Nearest, Rounding::Stochastic] {
            assert_eq!(round_trip(&integers, rounding, 1), integers);
            assert_eq!(round_trip(&[0.0; 300], rounding, 1), [0.0; 300]);
        }
    }

    #[test]
    fn blocks_that_are_not_finite_are_refused() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut bytes = Vec::new();
            put(&[1.0, bad], Rounding::Nearest, 0, &mut bytes);
            assert_eq!(bytes.len() as u64, size(2));
            assert_eq!(take(2, &mut Reader::new(&bytes)), Err(DecodeError::NotFinite));
        }
    }
}

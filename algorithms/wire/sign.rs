//! A bit a value and the mean magnitude: x' = ±s, s the mean of |x| (scaled signSGD: Karimireddy et al. 2019).
//!
//! The mean magnitude is kept, to the rounding of s. Of all constants s this one is the nearest to x: it minimises the
//! sum of (|x| - s)². Zeros become s. The signs follow the scale, eight a byte from the lowest bit; set is negative.

use serde::{Deserialize, Serialize};

use super::{
    reader::{DecodeError, Reader},
    values::BLOCK,
};

/// Which values share a mean magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignScale {
    /// Blocks of 256. The default: layers whose updates differ in size keep their sizes.
    #[default]
    Block,
    /// All.
    Vector,
}

/// Operations to code a value: magnitude and sum for the scale; comparison, shift and union for the bit.
pub(super) const ENCODE_OPERATIONS: u64 = 5;

/// Operations to read a value: mask its bit, move it to the sign's place, unite it with the scale.
pub(super) const DECODE_OPERATIONS: u64 = 3;

impl SignScale {
    /// Values of a block, of `count`.
    fn block(self, count: usize) -> usize {
        match self {
            Self::Block => BLOCK,
            Self::Vector => count.max(1),
        }
    }
}

/// The bytes of `count` values. (A block's bits fill whole bytes, so that only the last byte can be padded.)
pub(super) fn size(scale: SignScale, count: u64) -> u64 {
    let scales = match scale {
        SignScale::Block => count.div_ceil(BLOCK as u64),
        SignScale::Vector => count.min(1),
    };
    4 * scales + count.div_ceil(8)
}

pub(super) fn put(values: &[f32], scale: SignScale, out: &mut Vec<u8>) {
    for block in values.chunks(scale.block(values.len())) {
        let sum: f64 = block.iter().map(|&v| f64::from(v.abs())).sum();
        out.extend(((sum / block.len() as f64) as f32).to_le_bytes());
        out.extend(block.chunks(8).map(|eight| {
            let bit = |(i, &value): (usize, &f32)| u8::from(value < 0.0) << i;
            eight.iter().enumerate().map(bit).fold(0, |byte, bit| byte | bit)
        }));
    }
}

pub(super) fn take(
    scale: SignScale,
    count: usize,
    from: &mut Reader,
) -> Result<Vec<f32>, DecodeError> {
    if (from.left() as u64) < size(scale, count as u64) {
        return Err(DecodeError::WrongLength);
    }
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let magnitude = from.scale()?;
        let block = (count - values.len()).min(scale.block(count));
        let bits = from.take(block.div_ceil(8) as u64)?;
        let bit = |i: usize| bits[i / 8] >> (i % 8) & 1 == 1;
        if (block..8 * bits.len()).any(bit) {
            return Err(DecodeError::Malformed("signs of values that there are not"));
        }
        values.extend((0..block).map(|i| if bit(i) { -magnitude } else { magnitude }));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(values: &[f32], scale: SignScale) -> Vec<f32> {
        let mut bytes = Vec::new();
        put(values, scale, &mut bytes);
        assert_eq!(bytes.len() as u64, size(scale, values.len() as u64));
        take(scale, values.len(), &mut Reader::new(&bytes)).expect("finite values come back")
    }

    fn mean_magnitude(values: &[f32]) -> f64 {
        values.iter().map(|v| f64::from(v.abs())).sum::<f64>() / values.len() as f64
    }

    proptest! {
        #[test]
        fn signs_and_mean_magnitudes_are_kept(values in prop::collection::vec(-1e3_f32..1e3, 1..700)) {
            for (scale, block) in [(SignScale::Block, 256), (SignScale::Vector, values.len())] {
                let back = round_trip(&values, scale);
                for (sent, back) in values.chunks(block).zip(back.chunks(block)) {
                    let mean = mean_magnitude(sent);
                    prop_assert!((mean_magnitude(back) - mean).abs() <= 1e-7 * mean);
                    prop_assert!(back.iter().all(|v| v.abs() == back[0].abs()));
                    prop_assert!(sent.iter().zip(back).all(|(s, b)| (*s < 0.0) == (*b < 0.0)));
                }
            }
        }
    }

    #[test]
    fn zeros_of_either_sign_are_positive() {
        assert_eq!(round_trip(&[-0.0, 0.0, 3.0], SignScale::Vector), [1.0; 3]);
    }

    #[test]
    fn updates_that_are_not_finite_and_padding_are_refused() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut bytes = Vec::new();
            put(&[1.0, bad], SignScale::Block, &mut bytes);
            let back = take(SignScale::Block, 2, &mut Reader::new(&bytes));
            assert_eq!(back, Err(DecodeError::NotFinite));
        }
        let mut bytes = Vec::new();
        put(&[1.0, -1.0, 1.0], SignScale::Block, &mut bytes);
        bytes[4] |= 0b1000;
        let back = take(SignScale::Block, 3, &mut Reader::new(&bytes));
        assert!(matches!(back, Err(DecodeError::Malformed(_))));
    }
}

//! IEEE 754 half floats: 2 bytes a value, rounded to nearest, ties to even.
//!
//! The relative error is at most 2^-11 from 2^-14 up to [`LARGEST`], the absolute error at most 2^-25 below. Finite
//! values beyond [`LARGEST`] are sent as [`LARGEST`], so that one outlier does not make the whole update infinite.

use half::f16;

/// Bytes of a value.
pub(super) const BYTES: u64 = 2;

/// The largest half float, (2 - 2^-10) 2^15.
pub(super) const LARGEST: f32 = 65_504.0;

/// Operations to code a value: limit it from below and above, convert it.
pub(super) const ENCODE_OPERATIONS: u64 = 3;

/// Operations to read a value: convert it.
pub(super) const DECODE_OPERATIONS: u64 = 1;

pub(super) fn put(values: &[f32], out: &mut Vec<u8>) {
    out.extend(values.iter().flat_map(|&value| {
        let within = if value.is_finite() { value.clamp(-LARGEST, LARGEST) } else { value };
        f16::from_f32(within).to_le_bytes()
    }));
}

pub(super) fn halves(bytes: &[u8]) -> impl ExactSizeIterator<Item = f32> {
    bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(values: &[f32]) -> Vec<f32> {
        let mut bytes = Vec::new();
        put(values, &mut bytes);
        assert_eq!(bytes.len() as u64, BYTES * values.len() as u64);
        halves(&bytes).collect()
    }

    #[test]
    fn every_half_float_comes_back_with_the_same_bits() {
        let all: Vec<f32> = (0..=u16::MAX).map(|bits| f16::from_bits(bits).to_f32()).collect();
        for (back, sent) in round_trip(&all).into_iter().zip(all) {
            assert!(back.to_bits() == sent.to_bits() || (back.is_nan() && sent.is_nan()));
        }
    }

    #[test]
    fn values_out_of_range_become_the_largest_and_infinities_stay() {
        let sent = [1e6, -1e6, f32::MAX, f32::INFINITY, f32::NEG_INFINITY];
        let expected = [LARGEST, -LARGEST, LARGEST, f32::INFINITY, f32::NEG_INFINITY];
        assert_eq!(round_trip(&sent), expected);
    }

    proptest! {
        #[test]
        fn the_error_is_within_half_a_unit_in_the_last_place(value in -65_504.0_f32..65_504.0, shrink in 0..40) {
            let value = value * 0.5_f32.powi(shrink);
            let error = (f64::from(round_trip(&[value])[0]) - f64::from(value)).abs();
            let bound = if value.abs() < 0.5_f32.powi(14) {
                0.5_f64.powi(25)
            } else {
                0.5_f64.powi(11) * f64::from(value.abs())
            };
            prop_assert!(error <= bound, "{value}: {error} > {bound}");
        }
    }
}

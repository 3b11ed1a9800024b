//! The positions of the largest magnitudes, and which these are.
//!
//! k ascending positions below d are written by Elias and Fano's code (Elias 1974, Fano 1971): the lowest l bits of each,
//! one after the other; then of the rest, r = position >> l, bit r + i is set for the i-th position of k + ((d - 1) >> l).
//! Bits fill bytes from the lowest; l is what makes the whole shortest, about log2(d / k). Whatever the positions are,
//! it takes the same number of bits, k l + k + ((d - 1) >> l): at most 3 + log2(d / k) for each. Of equal magnitudes at
//! the border the first positions are kept.

use super::reader::{DecodeError, Reader};

/// The bits of a magnitude that each pass of the selection looks at: where they start and how many they are.
const DIGITS: [(u32, u32); 3] = [(20, 11), (10, 10), (0, 10)];

/// Operations per value to select the largest: each of three passes takes the magnitude, compares its upper bits
/// (shift, comparison), takes the digit (shift, mask) and counts it; the last pass takes the magnitude, compares it
/// with the least kept, and looks whether it ties.
pub(super) const SELECT_OPERATIONS: u64 = 3 * 6 + 3;

/// How often each value is read to select the largest.
pub(super) const SELECT_READS: u64 = DIGITS.len() as u64 + 1;

/// Operations to write or read a kept position: mask, move and unite its low bits (3); move, count and unite its high
/// bit, or look for it among at most three (6).
pub(super) const POSITION_OPERATIONS: u64 = 3 + 6;

/// How many of `count` values are kept: `ceil(fraction count)`.
///
/// A product within rounding of an integer counts as that integer: 0.07 of 100 is 7, though the float nearest to 0.07
/// is a little more than that.
pub(super) fn kept(fraction: f64, count: usize) -> usize {
    let exact = fraction * count as f64;
    let whole = exact.round();
    let kept = match (exact - whole).abs() <= 2.0 * f64::EPSILON * exact {
        true => whole,
        false => exact.ceil(),
    };
    (kept as usize).min(count)
}

/// The bytes of the positions of `kept` of `count` values.
pub(super) fn size(kept: u64, count: u64) -> u64 {
    Shape::of(kept, count).bits().div_ceil(8)
}

/// How `kept` positions below `count` are laid out.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kept: u64,
    /// Low bits of each, l.
    low: u32,
    /// What the largest position leaves beyond its low bits.
    highest: u64,
}

impl Shape {
    /// The shortest; none longer than 32 low bits is looked at, for positions have no more.
    fn of(kept: u64, count: u64) -> Self {
        let highest = |low| count.saturating_sub(1) >> low;
        let shapes = (0..=32).map(|low| Self { kept, low, highest: highest(low) });
        shapes.min_by_key(Self::bits).unwrap_or(Self { kept, low: 0, highest: highest(0) })
    }

    fn bits(&self) -> u64 {
        match self.kept {
            0 => 0,
            kept => kept.saturating_mul(u64::from(self.low) + 1).saturating_add(self.highest),
        }
    }
}

/// The positions of the `kept` largest magnitudes, ascending; what is not a number counts as larger than infinity.
pub(super) fn select(values: &[f32], kept: usize) -> Vec<u32> {
    if kept == 0 {
        return Vec::new();
    }
    let (least, mut ties) = least_kept(values, kept);
    let mut positions = Vec::with_capacity(kept);
    for (position, &value) in values.iter().enumerate() {
        let magnitude = magnitude(value);
        if magnitude > least {
            positions.push(position as u32);
        } else if magnitude == least && ties > 0 {
            ties -= 1;
            positions.push(position as u32);
        }
    }
    positions
}

/// The bits of |x|, which as integers are in the order of |x|.
fn magnitude(value: f32) -> u32 {
    value.to_bits() & 0x7fff_ffff
}

/// The least magnitude that is kept, and how many of those that equal it: a radix selection from the top digit down,
/// whose work does not depend on the values.
fn least_kept(values: &[f32], kept: usize) -> (u32, usize) {
    let (mut prefix, mut wanted) = (0_u32, kept);
    for (start, bits) in DIGITS {
        let mut counts = vec![0_usize; 1 << bits];
        for magnitude in values.iter().map(|&v| magnitude(v)) {
            if (magnitude ^ prefix) >> (start + bits) == 0 {
                counts[(magnitude >> start) as usize & ((1 << bits) - 1)] += 1;
            }
        }
        let mut digit = counts.len() - 1;
        while counts[digit] < wanted {
            wanted -= counts[digit];
            digit -= 1;
        }
        prefix |= (digit as u32) << start;
    }
    (prefix, wanted)
}

/// Writes ascending positions below `count`.
pub(super) fn put(positions: &[u32], count: usize, out: &mut Vec<u8>) {
    let shape = Shape::of(positions.len() as u64, count as u64);
    let start = out.len();
    out.resize(start + shape.bits().div_ceil(8) as usize, 0);
    let bits = &mut out[start..];
    let mut set = |at: u64| bits[(at / 8) as usize] |= 1 << (at % 8);
    for (i, &position) in (0..).zip(positions) {
        let low = u64::from(shape.low);
        (0..low).filter(|bit| position >> bit & 1 == 1).for_each(|bit| set(i * low + bit));
        set(shape.kept * low + (u64::from(position) >> low) + i);
    }
}

/// Reads `kept` ascending positions below `count`.
pub(super) fn take(kept: usize, count: usize, from: &mut Reader) -> Result<Vec<u32>, DecodeError> {
    let shape = Shape::of(kept as u64, count as u64);
    let bits = from.take(shape.bits().div_ceil(8))?;
    let bit = |at: u64| u64::from(bits[(at / 8) as usize] >> (at % 8) & 1);
    let mut positions: Vec<u32> = Vec::with_capacity(kept);
    let low = u64::from(shape.low);
    let high = shape.kept * low;
    for at in (high..8 * bits.len() as u64).filter(|&at| bit(at) == 1) {
        let i = positions.len() as u64;
        if i == shape.kept {
            return Err(DecodeError::Malformed("a position too many"));
        }
        // A bit in the padding is further up than the largest position's could be.
        let rest = (at - high - i) << low;
        let position = (0..low).fold(rest, |position, b| position | bit(i * low + b) << b);
        if position >= count as u64 {
            return Err(DecodeError::Malformed("a position beyond the vector"));
        }
        if positions.last().is_some_and(|&last| position <= u64::from(last)) {
            return Err(DecodeError::Malformed("positions that do not ascend"));
        }
        positions.push(position as u32);
    }
    match positions.len() == kept {
        true => Ok(positions),
        false => Err(DecodeError::Malformed("a position too few")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sorted by magnitude, then by position: the definition, done slowly.
    fn largest(values: &[f32], kept: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        let size = |i: u32| values[i as usize].abs();
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
        order.truncate(kept);
        order.sort_unstable();
        order
    }

    fn bytes(positions: &[u32], count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(positions, count, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn the_largest_are_selected_and_ties_go_to_the_first(
            values in prop::collection::vec(
                prop_oneof![
                    any::<f32>(),
                    prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, f32::NAN]),
                    // Neighbours, which differ in the lowest bits.
                    (0_u32..9).prop_map(|beyond| f32::from_bits(1.0_f32.to_bits() + beyond)),
                ],
                1..300,
            ),
            share in 0.0..1.0,
        ) {
            let kept = kept(share, values.len());
            // Which not-a-number is the larger is a matter of its bits in both.
            prop_assert_eq!(select(&values, kept), largest(&values, kept));
        }

        #[test]
        fn positions_come_back_and_their_bytes_do_not_depend_on_them(
            gaps in prop::collection::vec(
                prop_oneof![0_u32..4, 100_u32..200, 16_000_u32..17_000, 0_u32..9_000_000],
                0..40,
            ),
            after in 0_usize..1000,
        ) {
            let mut next = 0;
            let positions: Vec<u32> = gaps.iter().map(|gap| { next += gap + 1; next - 1 }).collect();
            let count = next as usize + after;
            let bytes = bytes(&positions, count);
            prop_assert_eq!(bytes.len() as u64, size(positions.len() as u64, count as u64));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(take(positions.len(), count, &mut reader), Ok(positions));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }

    /// There are (d choose k) sets of positions, so no code of one length for all has fewer than log2 of it; Elias and
    /// Fano's has at most 2 bits more for each position (and fills up a byte).
    #[test]
    fn positions_take_little_more_than_they_must() {
        for (kept, count) in
            [(1_u64, 1_u64), (1, 1 << 31), (7, 7), (50, 1000), (1000, 20_000), (300, 4_000_000)]
        {
            let choices = |n: u64| libm::lgamma(n as f64 + 1.0) / std::f64::consts::LN_2;
            let least = choices(count) - choices(kept) - choices(count - kept);
            let bits = 8 * size(kept, count);
            assert!(bits as f64 >= least - 1e-3, "{kept} of {count}: {bits} bits, not {least}");
            assert!((bits as f64) < least + 2.0 * kept as f64 + 8.0, "{kept} of {count}: {bits}");
        }
        assert_eq!(size(0, 0), 0);
    }

    #[test]
    fn the_number_kept_is_the_fraction_rounded_up() {
        for (fraction, count, expected) in [
            (0.01, 100, 1),
            (0.01, 101, 2),
            (0.07, 100, 7),
            (0.29, 100, 29),
            (1.0, 7, 7),
            (1e-9, 7, 1),
            (0.5, 0, 0),
            (1.0 / 3.0, 3_000_000, 1_000_000),
        ] {
            assert_eq!(kept(fraction, count), expected, "{fraction} of {count}");
        }
    }

    /// Two of 16 positions: l = 2, so 2 + 2 low bits and 2 + (15 >> 2) high ones, 9 bits in two bytes.
    #[test]
    fn positions_that_no_sender_writes_are_refused() {
        let read = |bytes: [u8; 2]| take(2, 16, &mut Reader::new(&bytes));
        // 6 = 01|10 and 9 = 10|01: low bits 2 and 1, high bits 1 + 0 and 2 + 1.
        let honest = [0b1010_0110, 0];
        assert_eq!(bytes(&[6, 9], 16), honest);
        assert_eq!(read(honest), Ok(vec![6, 9]));
        let malformed = |bytes| matches!(read(bytes), Err(DecodeError::Malformed(_)));
        assert!(malformed([0b0010_0110, 0]), "too few");
        assert!(malformed([0b1110_0110, 0]), "too many");
        assert!(malformed([0b1010_0110, 2]), "in the padding");
        assert!(malformed([0b0010_0110, 2]), "in the padding, in place of the last");
        // Both in the same bucket, low bits 2 and 1, then 2 and 2.
        assert!(malformed([0b0011_0110, 0]), "descending");
        assert!(malformed([0b0011_1010, 0]), "repeated");
        assert_eq!(take(2, 16, &mut Reader::new(&[0])), Err(DecodeError::WrongLength), "cut");
        // Of 15 positions 15 is beyond, though its bits fit.
        let beyond = take(2, 15, &mut Reader::new(&bytes(&[6, 15], 16)));
        assert!(matches!(beyond, Err(DecodeError::Malformed(_))), "beyond");
    }
}

//! The positions of the largest magnitudes, and which these are.
//!
//! Positions ascend; the first and then each number of positions skipped is written as a LEB128 varint (7 bits a byte,
//! lowest first, the top bit set on all bytes but the last; no longer than needed), so that positions that repeat or
//! descend cannot be written at all. Of equal magnitudes at the border the first positions are kept.

use super::reader::{DecodeError, Reader};

/// The bits of a magnitude that each pass of the selection looks at: where they start and how many they are.
const DIGITS: [(u32, u32); 3] = [(20, 11), (10, 10), (0, 10)];

/// Operations per value to select the largest: each of three passes takes the magnitude, compares its upper bits
/// (shift, comparison), takes the digit (shift, mask) and counts it; the last pass takes the magnitude, compares it
/// with the least kept, and looks whether it ties.
pub(super) const SELECT_OPERATIONS: u64 = 3 * 6 + 3;

/// How often each value is read to select the largest.
pub(super) const SELECT_READS: u64 = DIGITS.len() as u64 + 1;

/// Operations to write or read a kept position: its difference (2) and at most 5 bytes of shift, mask and comparison.
pub(super) const POSITION_OPERATIONS: u64 = 2 + 5 * 3;

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

/// The least and the most bytes of the positions of `kept` of `count` values.
///
/// Least: the first positions, a byte each. Most: what is skipped, `count - kept` in all, is shared out where a byte
/// more costs least, which is to bring all to two bytes, then to three and so on.
pub(super) fn size(kept: u64, count: u64) -> [u64; 2] {
    let (mut most, mut skipped) = (kept, count - kept);
    for longer in 1..=4 {
        let (least, shorter) = (1_u64 << (7 * longer), 1_u64 << (7 * (longer - 1)));
        let step = if longer == 1 { least } else { least - shorter };
        let lengthened = kept.min(skipped / step);
        most += lengthened;
        skipped -= lengthened * step;
    }
    [kept, most]
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

/// Writes ascending positions.
pub(super) fn put(positions: &[u32], out: &mut Vec<u8>) {
    let mut next = 0;
    for &position in positions {
        let mut skipped = position - next;
        while skipped >= 0x80 {
            out.push(skipped as u8 | 0x80);
            skipped >>= 7;
        }
        out.push(skipped as u8);
        next = position + 1;
    }
}

/// Reads `kept` ascending positions below `count`.
pub(super) fn take(kept: usize, count: usize, from: &mut Reader) -> Result<Vec<u32>, DecodeError> {
    if from.left() < kept {
        return Err(DecodeError::WrongLength);
    }
    let mut positions = Vec::with_capacity(kept);
    let mut next = 0_u64;
    for _ in 0..kept {
        let position = next + varint(from)?;
        if position >= count as u64 {
            return Err(DecodeError::Malformed("a position beyond the vector"));
        }
        positions.push(position as u32);
        next = position + 1;
    }
    Ok(positions)
}

fn varint(from: &mut Reader) -> Result<u64, DecodeError> {
    let mut value = 0_u64;
    for place in 0..5 {
        let byte = from.byte()?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return match byte == 0 && place > 0 {
                true => Err(DecodeError::Malformed("a position in more bytes than it needs")),
                false => Ok(value),
            };
        }
    }
    Err(DecodeError::Malformed("a position of more than five bytes"))
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

    fn bytes(positions: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(positions, &mut bytes);
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
        fn positions_come_back_and_their_bytes_are_within_bounds(
            gaps in prop::collection::vec(
                prop_oneof![0_u32..4, 100_u32..200, 16_000_u32..17_000, 0_u32..9_000_000],
                0..40,
            ),
            after in 0_usize..1000,
        ) {
            let mut next = 0;
            let positions: Vec<u32> = gaps.iter().map(|gap| { next += gap + 1; next - 1 }).collect();
            let count = next as usize + after;
            let bytes = bytes(&positions);
            let [least, most] = size(positions.len() as u64, count as u64);
            prop_assert!((least..=most).contains(&(bytes.len() as u64)));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(take(positions.len(), count, &mut reader), Ok(positions));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn both_bounds_of_the_size_are_attained() {
        for (kept, count) in
            [(1, 1), (1, 1_u32 << 31), (1, 129), (3, 300), (7, 128 * 7 + 6), (7, 128 * 7 + 7)]
                .into_iter()
                .chain([
                    (5, 5 * 16_385 - 1),
                    (5, 5 * 16_385),
                    (9, 9 * 70_000),
                    (4, 3 << 21),
                    (2, u32::MAX),
                ])
        {
            let [least, most] = size(u64::from(kept), u64::from(count));
            let first: Vec<u32> = (0..kept).collect();
            assert_eq!(bytes(&first).len() as u64, least);
            assert_eq!(bytes(&longest(kept, count)).len() as u64, most, "{kept} of {count}");
            assert_eq!(best(kept, count), most, "{kept} of {count}");
        }
    }

    /// Positions that take the most bytes, each gap brought to the next length in turn.
    fn longest(kept: u32, count: u32) -> Vec<u32> {
        let mut gaps = vec![0_u32; kept as usize];
        let mut left = count - kept;
        for length in 1..=4 {
            for gap in &mut gaps {
                let more = (1 << (7 * length)) - *gap;
                if more <= left {
                    *gap += more;
                    left -= more;
                }
            }
        }
        let mut next = 0;
        gaps.iter()
            .map(|gap| {
                next += gap + 1;
                next - 1
            })
            .collect()
    }

    /// The most bytes of any way to share out what is skipped: how many gaps have each length, all tried.
    fn best(kept: u32, count: u32) -> u64 {
        fn most(gaps: u64, skipped: u64, length: u32) -> u64 {
            if length == 1 {
                return gaps;
            }
            let least = 1_u64 << (7 * (length - 1));
            let with =
                |n: u64| n * u64::from(length) + most(gaps - n, skipped - n * least, length - 1);
            (0..=gaps.min(skipped / least)).map(with).max().unwrap_or(0)
        }
        most(u64::from(kept), u64::from(count - kept), 5)
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

    #[test]
    fn positions_that_no_sender_writes_are_refused() {
        let read = |bytes: &[u8]| take(1, 1000, &mut Reader::new(bytes));
        assert_eq!(read(&[0xe7, 0x07]), Ok(vec![999]));
        assert!(matches!(read(&[0xe8, 0x07]), Err(DecodeError::Malformed(_))), "beyond");
        assert!(matches!(read(&[0x80, 0x00]), Err(DecodeError::Malformed(_))), "too long for 0");
        assert!(matches!(read(&[0xff; 9]), Err(DecodeError::Malformed(_))), "endless");
        assert_eq!(read(&[0x80]), Err(DecodeError::WrongLength), "cut");
        let two = take(2, 1000, &mut Reader::new(&[0xe7, 0x07, 0x00]));
        assert!(matches!(two, Err(DecodeError::Malformed(_))), "the second lies beyond");
    }
}

//! Directions of independent signs.
//!
//! Every bit of a block's four words is an element. In each group of 2048 elements, element e is bit `e / 64` of word
//! `e % 64 / 16` of block `16 * group + e % 16`: a vector of lanes computes neighbouring elements.

use super::philox::{LANES, words_of_block, words_of_lanes};

/// Words that are made side by side.
const WORDS: usize = 4 * LANES;
/// Elements of a group.
const GROUP: usize = WORDS * 32;

/// Arithmetic operations to make one sign on a device: a word costs 20 (see
/// [`OPERATIONS_PER_NORMAL`](super::OPERATIONS_PER_NORMAL)) and gives 32 signs, each by a shift, a mask and an
/// exclusive-or.
pub const OPERATIONS_PER_SIGN: u64 = 4;

/// Writes the direction's elements `0..out.len()` of one tensor: +1 or -1.
pub fn fill_signs(seed: u64, tensor: u64, out: &mut [f32]) {
    fill_signs_from(seed, tensor, 0, out);
}

/// Writes the direction's elements `first..first + out.len()` of one tensor: the same as in [`fill_signs`].
pub fn fill_signs_from(seed: u64, tensor: u64, first: u64, out: &mut [f32]) {
    pulp::Arch::new().dispatch(Fill { seed, tensor, first, out });
}

/// [`fill_signs_from`], compiled once for every vector width.
struct Fill<'a> {
    seed: u64,
    tensor: u64,
    first: u64,
    out: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (mut group, mut skipped) =
            (self.first / GROUP as u64, (self.first % GROUP as u64) as usize);
        let mut rest = self.out;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at_mut(rest.len().min(GROUP - skipped));
            let words = words_of_lanes(self.seed, self.tensor, group);
            fill_group(words.as_flattened(), skipped, chunk);
            (rest, group, skipped) = (after, group + 1, 0);
        }
    }
}

/// Writes the elements of a group from its words, but for the first `skipped`.
#[inline(always)]
fn fill_group(words: &[u32], skipped: usize, out: &mut [f32]) {
    let (first, within) = (skipped / WORDS, skipped % WORDS);
    let (head, whole) = out.split_at_mut(out.len().min((WORDS - within) % WORDS));
    for (value, word) in head.iter_mut().zip(&words[within..]) {
        *value = of_bit(*word, first);
    }
    for (part, bit) in whole.chunks_mut(WORDS).zip(first + usize::from(within > 0)..) {
        for (value, word) in part.iter_mut().zip(words) {
            *value = of_bit(*word, bit);
        }
    }
}

/// One element of the direction, computed alone: the same as in [`fill_signs`].
pub fn sign(seed: u64, tensor: u64, element: u64) -> f32 {
    let (group, within) = (element / GROUP as u64, (element % GROUP as u64) as usize);
    let (bit, word) = (within / WORDS, within % WORDS);
    let block = group * LANES as u64 + (word % LANES) as u64;
    of_bit(words_of_block(seed, tensor, block)[word / LANES], bit)
}

/// The bit as the sign of a one.
#[inline(always)]
fn of_bit(word: u32, bit: usize) -> f32 {
    f32::from_bits(1.0_f32.to_bits() | (word >> bit) << 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widths::assert_same_bits;

    #[test]
    fn every_width_gives_the_same_bits() {
        assert_same_bits(&[0.0; 10_001], |width, out| {
            width.run(Fill { seed: 3, tensor: 4, first: 7, out });
        });
    }

    #[test]
    fn any_element_alone_is_the_same() {
        for length in [1, 63, 65, 2048, 5000] {
            let mut all = vec![0.0; length];
            fill_signs(42, 7, &mut all);
            for (i, &value) in all.iter().enumerate() {
                assert_eq!(sign(42, 7, i as u64), value, "element {i} of {length}");
                assert_eq!(value.abs(), 1.0);
            }
        }
    }

    /// Mean, and correlations of neighbouring elements, bits, blocks, tensors and seeds: each below five standard
    /// errors, which chance exceeds with probability 6e-7.
    #[test]
    fn signs_are_fair_and_uncorrelated() {
        const N: usize = 200_000;
        let draw = |seed, tensor| {
            let mut out = vec![0.0_f32; N];
            fill_signs(seed, tensor, &mut out);
            out
        };
        let base = draw(1, 1);
        let ones = vec![1.0; N];
        let shifted = |by: usize| base[by..].to_vec();
        let others =
            [ones, draw(2, 1), draw(1, 2), shifted(1), shifted(16), shifted(64), shifted(2048)];
        for (i, other) in others.iter().enumerate() {
            let sum: f32 = base.iter().zip(other).map(|(a, b)| a * b).sum();
            let errors = f64::from(sum) / (other.len() as f64).sqrt();
            assert!(errors.abs() < 5.0, "pair {i}: {errors}");
        }
    }
}

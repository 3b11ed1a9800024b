//! Standard normal directions.
//!
//! The four words of a block give four normals by two Box-Muller transforms whose logarithm, sine and cosine are
//! polynomials in plain f32 arithmetic: no platform maths, no fused multiply-add, hence the same bits at every SIMD
//! width.
//!
//! Elements are laid out so that a vector of lanes computes neighbouring elements: in each group of 64 elements,
//! element e takes word `e / 16` of block `16 * group + e % 16`.

use super::philox::{LANES, words_of_block, words_of_lanes};

/// Elements of a group: four words per block.
const GROUP: usize = 4 * LANES;

/// Arithmetic operations to make one normal on a device: ten Philox rounds take 20 integer operations a word
/// (two multiplications and four exclusive-ors per round and block, and the key schedule); the Box-Muller
/// transform takes 21 floating-point operations a normal. Integer operations count like floating-point ones.
pub const OPERATIONS_PER_NORMAL: u64 = 41;

/// Writes the direction's elements `0..out.len()` of one tensor.
pub fn fill_normal(seed: u64, tensor: u64, out: &mut [f32]) {
    fill_normal_from(seed, tensor, 0, out);
}

/// Writes the direction's elements `first..first + out.len()` of one tensor: the same bits as in [`fill_normal`].
pub fn fill_normal_from(seed: u64, tensor: u64, first: u64, out: &mut [f32]) {
    pulp::Arch::new().dispatch(Fill { seed, tensor, first, out });
}

/// [`fill_normal_from`], compiled once for every vector width. A closure would not do: it need not be inlined into the
/// function that has the wider instructions, and then is compiled without them.
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
        let (group, skipped) = (self.first / GROUP as u64, (self.first % GROUP as u64) as usize);
        // What is left of the first group, and then whole groups.
        let left = self.out.len().min((GROUP - skipped) % GROUP);
        let (head, whole) = self.out.split_at_mut(left);
        if !head.is_empty() {
            let normals = group_of_normals(self.seed, self.tensor, group);
            head.copy_from_slice(&normals[skipped..][..head.len()]);
        }
        for (chunk, group) in whole.chunks_mut(GROUP).zip(group + u64::from(skipped > 0)..) {
            let normals = group_of_normals(self.seed, self.tensor, group);
            chunk.copy_from_slice(&normals[..chunk.len()]);
        }
    }
}

/// One element of the direction, computed alone: the same bits as in [`fill_normal`].
pub fn normal(seed: u64, tensor: u64, element: u64) -> f32 {
    let group = element / GROUP as u64;
    let within = (element % GROUP as u64) as usize;
    let block = group * LANES as u64 + (within % LANES) as u64;
    let words = words_of_block(seed, tensor, block);
    let word = within / LANES;
    let (cosine, sine) = box_muller(words[word & 2], words[(word & 2) + 1]);
    if word.is_multiple_of(2) { cosine } else { sine }
}

#[inline(always)]
fn group_of_normals(seed: u64, tensor: u64, group: u64) -> [f32; GROUP] {
    let words = words_of_lanes(seed, tensor, group);
    let mut out = [0.0; GROUP];
    for half in 0..2 {
        let (radii, turns) = (&words[2 * half], &words[2 * half + 1]);
        let (cosines, sines) = out[2 * half * LANES..][..2 * LANES].split_at_mut(LANES);
        for lane in 0..LANES {
            (cosines[lane], sines[lane]) = box_muller(radii[lane], turns[lane]);
        }
    }
    out
}

/// Two independent normals from two words: `sqrt(-2 ln u) (cos, sin)(2 pi v)`.
#[inline(always)]
fn box_muller(first: u32, second: u32) -> (f32, f32) {
    // 24 bits each, through signed integers, whose conversion every instruction set has: u in (0, 1], v in [0, 1).
    let u = ((first >> 8) as i32 + 1) as f32 * (1.0 / 16_777_216.0);
    let radius = (-2.0 * ln(u)).sqrt();
    let (cosine, sine) = turn(second >> 8);
    (radius * cosine, radius * sine)
}

/// Natural logarithm on (0, 1]: exponent and a degree-9 polynomial of the mantissa (the Cephes coefficients).
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    // The mantissa in [sqrt(1/2), sqrt(2)).
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let exponent = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let p = 7.037_683_6e-2_f32;
    let p = p * m - 1.151_461e-1;
    let p = p * m + 1.167_699_9e-1;
    let p = p * m - 1.242_014_1e-1;
    let p = p * m + 1.424_932_3e-1;
    let p = p * m - 1.666_805_7e-1;
    let p = p * m + 2.000_071_5e-1;
    let p = p * m - 2.499_999_4e-1;
    let p = p * m + 3.333_333e-1;
    let square = m * m;
    let tail = p * m * square - 0.5 * square;
    exponent * std::f32::consts::LN_2 + (m + tail)
}

/// Cosine and sine of the angle that is `n / 2^24` of a turn: its distance to the nearest quarter turn, and Cephes'
/// polynomials on [-pi/4, pi/4].
#[inline(always)]
fn turn(n: u32) -> (f32, f32) {
    let quarter = (n + (1 << 21)) >> 22;
    let beyond = n as i32 - (quarter << 22) as i32;
    let angle = beyond as f32 * (std::f32::consts::TAU / 16_777_216.0);
    let square = angle * angle;
    let s = (-1.951_529_6e-4 * square + 8.332_161e-3) * square - 1.666_665_5e-1;
    let s = s * square * angle + angle;
    let c = (2.443_315_7e-5 * square - 1.388_731_6e-3) * square + 4.166_664_6e-2;
    let c = c * square * square - 0.5 * square + 1.0;
    let (cosine, sine) = if quarter & 1 == 1 { (-s, c) } else { (c, s) };
    let sign = if quarter & 2 == 2 { -1.0 } else { 1.0 };
    (cosine * sign, sine * sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{noise::tensor_key, widths::assert_same_bits};

    #[test]
    fn any_element_alone_has_the_same_bits() {
        for length in [1, 63, 64, 65, 1000] {
            let mut all = vec![0.0; length];
            fill_normal(42, tensor_key("encoder.blocks.0.up.weight"), &mut all);
            for (i, &value) in all.iter().enumerate() {
                let alone = normal(42, tensor_key("encoder.blocks.0.up.weight"), i as u64);
                assert_eq!(alone.to_bits(), value.to_bits(), "element {i} of {length}");
            }
        }
    }

    #[test]
    fn every_width_gives_the_same_bits() {
        for first in [0, 5, 64] {
            assert_same_bits(&[0.0; 10_001], |width, out| {
                width.run(Fill { seed: 3, tensor: 4, first, out });
            });
        }
    }

    #[test]
    fn logarithm_and_turn_are_within_a_few_ulp() {
        for i in 1..=1_000_000_u32 {
            let u = (i * 16) as f32 / 16_777_216.0;
            let exact = libm::log(f64::from(u));
            assert!((f64::from(ln(u)) - exact).abs() <= 3e-7 * exact.abs().max(1.0), "ln({u})");
            let angle = std::f64::consts::TAU * f64::from(u);
            if u < 1.0 {
                let (cosine, sine) = turn(i * 16);
                assert!((f64::from(cosine) - libm::cos(angle)).abs() < 5e-7, "cos at {u}");
                assert!((f64::from(sine) - libm::sin(angle)).abs() < 5e-7, "sin at {u}");
            }
        }
    }

    /// Kolmogorov-Smirnov on 200,000 draws; the threshold is exceeded with probability 1e-6 if the law is right
    /// (D > sqrt(-ln(5e-7) / 2) / sqrt(n)).
    #[test]
    fn the_law_is_standard_normal() {
        let mut draws = vec![0.0; 200_000];
        fill_normal(7, 1, &mut draws);
        draws.sort_by(f32::total_cmp);
        let n = draws.len() as f64;
        let distance = draws
            .iter()
            .enumerate()
            .map(|(i, &x)| {
                let law = 0.5 * libm::erfc(-f64::from(x) / std::f64::consts::SQRT_2);
                (law - i as f64 / n).abs().max((law - (i + 1) as f64 / n).abs())
            })
            .fold(0.0, f64::max);
        assert!(distance < (-libm::log(5e-7) / 2.0).sqrt() / n.sqrt(), "D = {distance}");
    }

    /// Correlations of neighbouring elements, tensors and seeds: each below five standard errors.
    #[test]
    fn neighbours_are_uncorrelated() {
        let draw = |seed, tensor| {
            let mut out = vec![0.0_f32; 100_000];
            fill_normal(seed, tensor, &mut out);
            out
        };
        let base = draw(1, 1);
        let pairs =
            [draw(2, 1), draw(1, 2), base[1..].to_vec(), base[16..].to_vec(), base[32..].to_vec()];
        for (i, other) in pairs.iter().enumerate() {
            let n = other.len() as f64;
            let sum: f64 = base.iter().zip(other).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            assert!((sum / n.sqrt()).abs() < 5.0, "pair {i}: {}", sum / n.sqrt());
        }
    }
}

use burn::tensor::{Tensor, activation};

/// Attention weights: `softmax(scale * scores + mask)` over the last axis.
///
/// `scores` is `[batch, heads, seq, seq]`; `mask`, `[batch, 1, 1, seq]` or, where every query has its own,
/// `[batch, 1, seq, seq]`, is added. Where no gradient is tracked, one
/// pass in place does it all, with an exponential that the compiler vectorises and sums in a fixed order: the same bits
/// at every vector width. On an autodiff device Burn's own operations keep the gradient whole.
pub(crate) fn attention_weights(scores: Tensor<4>, scale: f32, mask: Tensor<4>) -> Tensor<4> {
    let device = scores.device();
    let [_, heads, queries, keys] = scores.dims();
    let [_, _, masks, _] = mask.dims();
    if device.is_autodiff() {
        return activation::softmax(scores.mul_scalar(scale) + mask, 3);
    }
    let (mut scores, mask) = (scores.into_data(), mask.into_data());
    match (scores.as_mut_slice::<f32>(), mask.as_slice::<f32>()) {
        (Ok(values), Ok(mask)) => {
            pulp::Arch::new().dispatch(Rows {
                values,
                mask,
                scale,
                per_text: heads * queries,
                masks,
                keys,
            });
            Tensor::from_data(scores, &device)
        }
        // Another precision: Burn's kernel knows it.
        _ => {
            let (scores, mask) =
                (Tensor::from_data(scores, &device), Tensor::from_data(mask, &device));
            activation::softmax(scores.mul_scalar(scale) + mask, 3)
        }
    }
}

/// Rows of scores, `per_text` of a text, which has `masks` rows of the mask: one for all, or one a query.
struct Rows<'a> {
    values: &'a mut [f32],
    mask: &'a [f32],
    scale: f32,
    per_text: usize,
    masks: usize,
    keys: usize,
}

impl pulp::NullaryFnOnce for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let texts = self.values.chunks_exact_mut(self.per_text * self.keys);
        for (text, masks) in texts.zip(self.mask.chunks_exact(self.masks * self.keys)) {
            for (i, row) in text.chunks_exact_mut(self.keys).enumerate() {
                let at = i % self.masks * self.keys;
                softmax(row, &masks[at..at + self.keys], self.scale);
            }
        }
    }
}

/// Partial sums kept side by side, whatever the width of a vector.
const LANES: usize = 16;

#[inline(always)]
fn softmax(row: &mut [f32], mask: &[f32], scale: f32) {
    for (x, &m) in row.iter_mut().zip(mask) {
        *x = *x * scale + m;
    }
    let largest = by_lanes(row, f32::NEG_INFINITY, |a, b| if a > b { a } else { b });
    for x in row.iter_mut() {
        *x = exp(*x - largest);
    }
    let share = 1.0 / by_lanes(row, 0.0, |a, b| a + b);
    for x in row {
        *x *= share;
    }
}

/// Folds the row into [`LANES`] lanes, then the lanes in order.
#[inline(always)]
fn by_lanes(row: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let whole = row.chunks_exact(LANES);
    let rest = whole.remainder();
    for chunk in whole {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = fold(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = fold(*lane, x);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = fold(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// e^x for x <= 0, zero below -87, where f32 has no normal numbers left.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by Cephes' polynomial, 2^n by the exponent's bits.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts, the first with trailing zeros, so that n * LN_2_HIGH is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and subtracting 1.5 * 2^23 rounds to an integer, without an instruction that not all processors have.
    const ROUND: f32 = 12_582_912.0;
    let kept = if x < -87.0 { -87.0 } else { x };
    let rounded = kept * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = kept - n * LN_2_HIGH;
    let r = r - n * LN_2_LOW;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let e = p * r * r + r + 1.0;
    let power = f32::from_bits((n as i32 + 127).cast_unsigned() << 23);
    if x < -87.0 { 0.0 } else { e * power }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use proptest::prelude::*;

    use super::*;
    use crate::{backend::Backend, widths::assert_same_bits};

    #[test]
    fn the_exponential_is_within_two_ulp_on_its_whole_range() {
        for i in 0..=870_000 {
            let x = -(i as f32) * 1e-4;
            let exact = libm::exp(f64::from(x));
            assert!(
                (f64::from(exp(x)) - exact).abs() <= 2.0 * f64::from(f32::EPSILON) * exact,
                "{x}"
            );
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-87.5), 0.0);
        assert_eq!(exp(-1e9), 0.0);
    }

    #[test]
    fn every_width_gives_the_same_bits() {
        for keys in [1, 16, 37] {
            let of = |n: usize| (0..n).map(|i| ((i * 7919) % 1000) as f32 * 0.01 - 5.0);
            let (scores, mask): (Vec<f32>, Vec<f32>) =
                (of(6 * keys).collect(), of(2 * keys).collect());
            assert_same_bits(&scores, |width, values| {
                let (mask, per_text) = (&mask[..], 3);
                width.run(Rows { values, mask, scale: 0.3, per_text, masks: 1, keys });
            });
        }
    }

    proptest! {
        /// One pass in place gives what Burn's operations give.
        #[test]
        fn it_agrees_with_burn(
            seed in any::<u64>(),
            texts in 1_usize..4,
            keys in 1_usize..40,
            causal in any::<bool>(),
        ) {
            let device = Backend::Flex.device();
            let (heads, shape) = (2, [texts, 2, keys, keys]);
            let mut state = seed | 1;
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 40) as f32 / 16_777_216.0 * 20.0 - 10.0
            };
            let scores: Vec<f32> = (0..texts * heads * keys * keys).map(|_| draw()).collect();
            let real = 1 + keys / 2;
            let queries = if causal { keys } else { 1 };
            let hidden = |i: usize| i % keys >= real || causal && i % keys > i / keys % keys;
            let mask = (0..texts * queries * keys).map(|i| if hidden(i) { -1e9 } else { 0.0 });
            let mask: Vec<f32> = mask.collect();
            let scores = Tensor::<4>::from_data(TensorData::new(scores, shape), &device);
            let shape = [texts, 1, queries, keys];
            let mask = Tensor::<4>::from_data(TensorData::new(mask, shape), &device);
            let expected = activation::softmax(scores.clone().mul_scalar(0.3) + mask.clone(), 3);
            let found = attention_weights(scores, 0.3, mask);
            let (expected, found) = (expected.into_data(), found.into_data());
            let pairs = expected.as_slice::<f32>().unwrap().iter().zip(found.as_slice::<f32>().unwrap());
            for (e, f) in pairs {
                prop_assert!((e - f).abs() <= 1e-6 * e.abs() + 1e-9, "{e} {f}");
            }
        }
    }
}

use crate::architecture::Frozen;

/// A weight `[input, output]` as integers and scales: `W[i, o] = codes[i, o] * scales[o]`, or `scales[0]` if there is one
/// for all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Codes {
    /// Whole numbers, row by row.
    pub(super) codes: Vec<f32>,
    pub(super) scales: Vec<f32>,
}

/// The largest code of 8 bits that its negative has a code for, too.
const LARGEST_CODE: f32 = 127.0;

impl Codes {
    /// Quantises; nothing if weights are to stay as they are.
    pub(super) fn of(frozen: Frozen, weight: &[f32], output: usize) -> Option<Self> {
        match frozen {
            Frozen::Plain => None,
            Frozen::Int8 => Some(Self::by_channel(weight, output)),
            Frozen::Ternary => Some(Self::by_sign(weight)),
        }
    }

    /// The largest absolute value of each output over 127: an error of half a scale at most.
    fn by_channel(weight: &[f32], output: usize) -> Self {
        let mut scales = vec![0.0_f32; output];
        for row in weight.chunks_exact(output) {
            scales.iter_mut().zip(row).for_each(|(most, w)| *most = most.max(w.abs()));
        }
        scales.iter_mut().for_each(|scale| *scale /= LARGEST_CODE);
        let scale_of = scales.iter().cycle();
        let codes = weight.iter().zip(scale_of).map(|(&w, &s)| nearest(w, s, LARGEST_CODE));
        Self { codes: codes.collect(), scales }
    }

    /// `RoundClip(W / γ, -1, 1)` with γ the mean absolute value: an error of γ / 2 at most, but |w| - γ beyond 3 γ / 2.
    fn by_sign(weight: &[f32]) -> Self {
        let sum: f64 = weight.iter().map(|w| f64::from(w.abs())).sum();
        let scale = (sum / weight.len() as f64) as f32;
        let codes = weight.iter().map(|&w| nearest(w, scale, 1.0)).collect();
        Self { codes, scales: vec![scale] }
    }
}

/// The whole number nearest to `value / scale`, no further from zero than `most`; 0 if all values are 0.
fn nearest(value: f32, scale: f32, most: f32) -> f32 {
    if scale > 0.0 { (value / scale).round().clamp(-most, most) } else { 0.0 }
}

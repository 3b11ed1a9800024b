use burn::tensor::{Tensor, TensorData};

use super::Rotary;
use crate::ledger::{Ledger, ops};

/// Turns `[batch, heads, seq, width]`, queries or keys, by their positions (Su et al. 2021), halves against each other as
/// in GPT-NeoX and LLaMA.
pub(super) fn turn(x: Tensor<4>, rotary: &Rotary, ledger: &mut Ledger) -> Tensor<4> {
    let [batch, heads, seq, width] = x.dims();
    ledger.elementwise(batch * heads * seq * width, ops::ROTARY, 2, false);
    let half = width / 2;
    let frequencies = rotary.frequencies(width);
    let angles = (0..seq).flat_map(|position| frequencies.iter().map(move |f| position as f64 * f));
    let (sines, cosines): (Vec<f32>, Vec<f32>) =
        angles.map(|angle| (libm::sin(angle) as f32, libm::cos(angle) as f32)).unzip();
    let device = x.device();
    let table = |values: Vec<f32>| {
        Tensor::<4>::from_data(TensorData::new(values, [1, 1, seq, half]), &device)
    };
    let (sin, cos) = (table(sines), table(cosines));
    let (first, second) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
    let turned = first.clone() * cos.clone() - second.clone() * sin.clone();
    Tensor::cat(vec![turned, second * cos + first * sin], 3)
}

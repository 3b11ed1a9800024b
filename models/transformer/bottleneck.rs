use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};

use super::{gelu::gelu, linear::Linear};
use crate::ledger::{Ledger, ops};

/// An adapter (Houlsby et al. 2019): `x + GELU(x D + a) U + b`, between a part of a layer and its residual.
#[derive(Module, Debug)]
pub struct Bottleneck {
    /// D, `[d, m]`, Gaussian with standard deviation 1/sqrt(d) at the start; and a, zero.
    pub down: Linear,
    /// U, `[m, d]`, and b: zero at the start, so that the adapted model is the pretrained one.
    pub up: Linear,
}

impl Bottleneck {
    /// At rest; `noise` gives standard normal values.
    pub(super) fn new(
        [outer, inner]: [usize; 2],
        device: &Device,
        noise: &mut dyn FnMut() -> f32,
    ) -> Self {
        let scale = 1.0 / (outer as f32).sqrt();
        let values: Vec<f32> = (0..outer * inner).map(|_| noise() * scale).collect();
        let mut down = Linear::zeros([outer, inner], true, device);
        let values = Tensor::from_data(TensorData::new(values, [outer, inner]), device);
        down.weight = Param::from_tensor(values);
        Self { down, up: Linear::zeros([inner, outer], true, device) }
    }

    /// `[rows, d]` to `[rows, d]`.
    pub(super) fn forward(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, outer] = x.dims();
        let hidden = gelu(self.down.forward(x.clone(), ledger), ledger);
        let [_, inner] = hidden.dims();
        // The residual of the part, what came in, what comes out.
        ledger.live(3 * rows * outer + rows * inner);
        let y = self.up.forward(hidden, ledger);
        ledger.elementwise(rows * outer, ops::ADD, 3, false);
        y + x
    }
}

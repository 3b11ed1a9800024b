use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, module::layer_norm},
};

use crate::ledger::{Ledger, ops};

/// Layer normalisation over the last axis.
#[derive(Module, Debug)]
pub struct Norm {
    /// Gain, `[d]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[d]`.
    pub beta: Param<Tensor<1>>,
    /// Added to the variance.
    pub epsilon: f64,
}

impl Norm {
    /// The identity norm: gain one, shift zero.
    pub fn identity(width: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            gamma: Param::from_tensor(Tensor::ones([width], device)),
            beta: Param::from_tensor(Tensor::zeros([width], device)),
            epsilon,
        }
    }

    /// `[rows, d]` to `[rows, d]`, in place on a device.
    pub fn forward(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, width] = x.dims();
        let trains = self.gamma.is_require_grad() || self.beta.is_require_grad();
        ledger.elementwise(rows * width, ops::LAYER_NORM, 2, trains);
        ledger.keep(rows * width, trains || ledger.flowing());
        ledger.flow(trains);
        layer_norm(x, self.gamma.val(), Some(self.beta.val()), self.epsilon)
    }
}

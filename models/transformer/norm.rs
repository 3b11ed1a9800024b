use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, module::layer_norm},
};

use crate::{
    architecture,
    ledger::{Ledger, ops},
};

/// A norm over the last axis: layer norm with a gain and a shift, or RMS norm with a gain alone.
#[derive(Module, Debug)]
pub struct Norm {
    /// Gain, `[d]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[d]`, of a layer norm.
    pub beta: Option<Param<Tensor<1>>>,
    /// Added to the variance, or to the mean square.
    pub epsilon: f64,
}

impl Norm {
    /// The identity norm: gain one, shift zero.
    pub fn identity(kind: architecture::Norm, width: usize, epsilon: f64, device: &Device) -> Self {
        let shift = || Param::from_tensor(Tensor::zeros([width], device));
        let beta = match kind {
            architecture::Norm::Layer => Some(shift()),
            architecture::Norm::Rms => None,
        };
        Self { gamma: Param::from_tensor(Tensor::ones([width], device)), beta, epsilon }
    }

    /// `[rows, d]` to `[rows, d]`, in place on a device.
    pub fn forward(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, width] = x.dims();
        let shifts = self.beta.as_ref().is_some_and(|beta| beta.is_require_grad());
        let trains = self.gamma.is_require_grad() || shifts;
        let operations = if self.beta.is_some() { ops::LAYER_NORM } else { ops::RMS_NORM };
        ledger.elementwise(rows * width, operations, 2, trains);
        ledger.keep(rows * width, trains || ledger.flowing());
        ledger.flow(trains);
        match &self.beta {
            Some(beta) => layer_norm(x, self.gamma.val(), Some(beta.val()), self.epsilon),
            None => {
                let square = x.clone().square().mean_dim(1).add_scalar(self.epsilon);
                x / square.sqrt() * self.gamma.val().unsqueeze()
            }
        }
    }
}

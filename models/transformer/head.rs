use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use crate::{
    batch::Masks,
    ledger::{Gradients, Ledger, ops},
};

/// The classifier: `logits = scale * normalise(mean pool(x)) W`.
///
/// There is no bias: at this scale a bias carries no signal for zeroth order and much curvature, hence noise.
#[derive(Module, Debug)]
pub struct Head {
    /// `[d, classes]`.
    pub weight: Param<Tensor<2>>,
    /// The inverse temperature of the cosine scores.
    pub scale: f64,
}

/// Keeps the norm of a pooled vector away from zero.
const SMALLEST_NORM: f64 = 1e-6;

impl Head {
    /// A head of zeros.
    pub fn zeros(width: usize, classes: usize, scale: f64, device: &Device) -> Self {
        Self { weight: Param::from_tensor(Tensor::zeros([width, classes], device)), scale }
    }

    /// `[rows, d]` token states to `[batch, d]` sentence vectors of length one.
    pub fn pool(x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, d] = x.dims();
        let [batch, seq] = masks.shape();
        ledger.live(rows * d + batch * d);
        ledger.elementwise(rows * d, ops::POOL, 1, false);
        ledger.elementwise(batch * d, ops::NORMALISE, 2, false);
        ledger.keep(batch * d, ledger.flowing());
        let states = x.reshape([batch, seq, d]);
        let pooled: Tensor<2> = (states * masks.pooling()).sum_dim(1).reshape([batch, d]);
        let norm = pooled.clone().square().sum_dim(1).sqrt().add_scalar(SMALLEST_NORM);
        pooled / norm
    }

    /// `[rows, d]` token states to `[batch, classes]` logits.
    pub fn forward(&self, x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        let pooled = Self::pool(x, masks, ledger);
        let [batch, d] = pooled.dims();
        let [_, classes] = self.weight.shape().dims::<2>();
        let trains = self.weight.is_require_grad();
        let flowing = ledger.flowing();
        ledger.product(1, [batch, d, classes], Gradients { left: flowing, right: trains });
        ledger.keep(batch * d, trains);
        ledger.elementwise(batch * classes, ops::CROSS_ENTROPY, 2, trains);
        ledger.flow(trains);
        pooled.matmul(self.weight.val()).mul_scalar(self.scale)
    }
}

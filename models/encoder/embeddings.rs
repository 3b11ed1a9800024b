use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use super::{EncoderConfig, norm::Norm};
use crate::{
    batch::DeviceBatch,
    ledger::{Ledger, ops},
};

/// Token, position and segment embeddings, summed and normalised.
#[derive(Module, Debug)]
pub struct Embeddings {
    /// `[V, d]`.
    pub word: Param<Tensor<2>>,
    /// `[positions, d]`.
    pub position: Param<Tensor<2>>,
    /// `[segments, d]`; every token here belongs to segment 0.
    pub segment: Param<Tensor<2>>,
    /// The norm after the sum.
    pub norm: Norm,
}

impl Embeddings {
    /// Tables of zeros.
    pub fn zeros(config: &EncoderConfig, device: &Device) -> Self {
        let d = config.hidden_size;
        let table = |rows| Param::from_tensor(Tensor::zeros([rows, d], device));
        Self {
            word: table(config.vocab_size),
            position: table(config.max_position_embeddings),
            segment: table(config.type_vocab_size),
            norm: Norm::identity(d, config.layer_norm_eps, device),
        }
    }

    /// A batch's token ids to `[rows, d]`.
    pub fn forward(&self, batch: &DeviceBatch, ledger: &mut Ledger) -> Tensor<2> {
        let [size, seq] = batch.masks.shape();
        let [_, d] = self.word.shape().dims::<2>();
        let rows = size * seq;
        let trains = self.word.is_require_grad();
        let words = self.word.val().select(0, batch.ids.clone());
        let positions = self.position.val().slice(0..seq) + self.segment.val().slice(0..1);
        ledger.live(rows * d + rows);
        // Per element: the word's row and the position's are read, the sum is written.
        ledger.elementwise(rows * d, 2 * ops::ADD, 3, trains);
        ledger.flow(trains);
        let sum = words.reshape([size, seq, d]) + positions.unsqueeze();
        self.norm.forward(sum.reshape([rows, d]), ledger)
    }
}

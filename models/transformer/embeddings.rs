use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use super::{TransformerConfig, norm::Norm};
use crate::{
    architecture::{Placement, Positions},
    batch::DeviceBatch,
    ledger::{Ledger, ops},
};

/// Token embeddings, with those of positions and segments where there are such tables; summed, and normalised where norms
/// come after.
#[derive(Module, Debug)]
pub struct Embeddings {
    /// `[V, d]`.
    pub word: Param<Tensor<2>>,
    /// `[positions, d]`; without it positions are rotary.
    pub position: Option<Param<Tensor<2>>>,
    /// `[segments, d]`; every token here belongs to segment 0.
    pub segment: Option<Param<Tensor<2>>>,
    /// The norm after the sum.
    pub norm: Option<Norm>,
    /// The row of the first token's position.
    pub first_position: usize,
}

impl Embeddings {
    /// Tables of zeros.
    pub fn zeros(config: &TransformerConfig, device: &Device) -> Self {
        let c = &config.architecture;
        let d = c.hidden_size;
        let table = |rows| Param::from_tensor(Tensor::zeros([rows, d], device));
        let (position, first_position) = match c.positions {
            Positions::Learned { rows, unused } => (Some(table(rows)), unused),
            Positions::Rotary => (None, 0),
        };
        let norm = || Norm::identity(c.norm, d, config.numerics.norm_epsilon, device);
        Self {
            word: table(c.vocab_size),
            position,
            segment: (c.type_vocab_size > 0).then(|| table(c.type_vocab_size)),
            norm: (c.placement == Placement::Post).then(norm),
            first_position,
        }
    }

    /// A batch's token ids to `[rows, d]`.
    pub fn forward(&self, batch: &DeviceBatch, ledger: &mut Ledger) -> Tensor<2> {
        let [size, seq] = batch.masks.shape();
        let [_, d] = self.word.shape().dims::<2>();
        let rows = size * seq;
        let trains = self.word.is_require_grad();
        let words = self.word.val().select(0, batch.ids.clone());
        let first = self.first_position;
        let positions = self.position.as_ref().map(|table| table.val().slice(first..first + seq));
        let segments = self.segment.as_ref().map(|table| table.val().slice(0..1));
        let tables = u64::from(positions.is_some()) + u64::from(segments.is_some());
        ledger.live(rows * d + rows);
        // Per element: the word's row is read, one of the others' sum if there is any, and the sum is written.
        ledger.elementwise(rows * d, tables * ops::ADD, 2 + u64::from(tables > 0), trains);
        ledger.flow(trains);
        let beside = match (positions, segments) {
            (Some(positions), Some(segments)) => Some(positions + segments),
            (positions, segments) => positions.or(segments),
        };
        let sum = match beside {
            Some(beside) => (words.reshape([size, seq, d]) + beside.unsqueeze()).reshape([rows, d]),
            None => words,
        };
        match &self.norm {
            Some(norm) => norm.forward(sum, ledger),
            None => sum,
        }
    }
}

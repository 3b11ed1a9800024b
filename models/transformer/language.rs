use std::sync::Arc;

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, TensorData},
};

use super::{Head, Linear, Norm, Place, Reads, TransformerConfig, activation::activated};
use crate::{
    architecture::{self, FeedForward},
    ledger::Ledger,
};

/// The head that a model was pretrained with: a score for every token of the vocabulary.
#[derive(Module, Debug)]
pub struct LanguageHead {
    /// What the scores are products with, `[V, d]`.
    pub table: Param<Tensor<2>>,
    /// `[V]`, of masked models.
    pub bias: Option<Param<Tensor<1>>>,
    /// What stands before the products, in masked models.
    pub transform: Option<Transform>,
    /// Whether the table is that of the embeddings.
    pub tied: bool,
}

/// A dense layer, an activation and a layer norm, `[rows, d]` to `[rows, d]`: what stands between the states of a masked
/// model and the products with its output embeddings.
#[derive(Module, Debug)]
pub struct Transform {
    /// `[d, d]`.
    pub dense: Linear,
    /// The norm after the activation.
    pub norm: Norm,
    #[module(skip)]
    activation: FeedForward,
}

/// What a family's language-model head is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageHeadShape {
    /// The activation of the transform; without one there is neither transform nor bias.
    pub transform: Option<FeedForward>,
    /// Whether the output embeddings are the input's.
    pub tied: bool,
}

impl LanguageHead {
    /// A head of zeros, to be filled from a checkpoint.
    pub fn zeros(config: &TransformerConfig, shape: LanguageHeadShape, device: &Device) -> Self {
        let c = &config.architecture;
        let [v, d] = [c.vocab_size, c.hidden_size];
        let epsilon = config.numerics.norm_epsilon;
        Self {
            table: Param::from_tensor(Tensor::zeros([v, d], device)),
            bias: shape.transform.map(|_| Param::from_tensor(Tensor::zeros([v], device))),
            transform: shape.transform.map(|kind| Transform::zeros(kind, d, epsilon, device)),
            tied: shape.tied,
        }
    }

    /// Token states `[rows, d]` to a score for every token of the vocabulary, `[rows, V]`.
    pub fn forward(&self, states: Tensor<2>) -> Tensor<2> {
        let states = match &self.transform {
            Some(transform) => transform.forward(states, &mut Ledger::new()),
            None => states,
        };
        let scores = states.matmul(self.table.val().transpose());
        match &self.bias {
            Some(bias) => scores + bias.val().unsqueeze(),
            None => scores,
        }
    }

    /// The head that scores one word a class, of one token each, at `place`: of the table, and of the bias, it has the
    /// words' rows alone.
    pub fn of_words(self, words: &[u32], place: Place) -> Head {
        let ids: Vec<i32> = words.iter().map(|&word| word as i32).collect();
        let device = self.table.device();
        let ids: Tensor<1, Int> = Tensor::from_data(TensorData::new(ids, [words.len()]), &device);
        let rows = self.table.val().select(0, ids.clone());
        Head {
            weight: plain(rows.transpose()),
            bias: self.bias.map(|bias| plain(bias.val().select(0, ids))),
            transform: self.transform,
            scale: 1.0,
            reads: Reads::Token(place),
        }
    }

    /// The head that scores options of several tokens, one a class, by all of the vocabulary.
    pub fn of_options(self, options: Vec<Vec<u32>>) -> Head {
        Head {
            weight: plain(self.table.val().transpose()),
            bias: self.bias,
            transform: self.transform,
            scale: 1.0,
            reads: Reads::Options { tokens: Arc::from(options), tied: self.tied },
        }
    }
}

/// A parameter whose elements lie in the order of its axes.
fn plain<const D: usize>(tensor: Tensor<D>) -> Param<Tensor<D>> {
    let device = tensor.device();
    Param::from_tensor(Tensor::from_data(tensor.into_data(), &device))
}

impl Transform {
    /// A transform of zeros with an identity norm.
    pub fn zeros(activation: FeedForward, width: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            dense: Linear::zeros([width, width], true, device),
            norm: Norm::identity(architecture::Norm::Layer, width, epsilon, device),
            activation,
        }
    }

    /// Its activation.
    pub fn activation(&self) -> FeedForward {
        self.activation
    }

    /// `[rows, d]` to `[rows, d]`.
    pub fn forward(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let wide = self.dense.forward(x, ledger);
        self.norm.forward(activated(self.activation, wide, None, ledger), ledger)
    }
}

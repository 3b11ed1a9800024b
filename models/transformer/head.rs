use std::sync::Arc;

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, TensorData, activation::log_softmax},
};

use super::Transform;
use crate::{
    architecture::HeadShape,
    batch::Masks,
    ledger::{Gradients, Ledger, ops},
};

/// The classifier: what it [reads](Reads) of a text's states, times `W`, is a score for every class.
///
/// * The mean: `logits = scale * normalise(mean pool(x)) W`. There is no bias: at this scale a bias carries no signal for
///   zeroth order and much curvature, hence noise.
/// * A token: `logits = transform(x at the token) W + b`, a column of W being a class's label word.
/// * Options: a class's logit is the mean log-likelihood of its option's tokens, W being all output embeddings.
#[derive(Module, Debug)]
pub struct Head {
    /// `[d, classes]`, or `[d, V]` where options are scored.
    pub weight: Param<Tensor<2>>,
    /// `[classes]`, of a masked model's label words.
    pub bias: Option<Param<Tensor<1>>>,
    /// A masked model's, before the product.
    pub transform: Option<Transform>,
    /// The inverse temperature of the cosine scores; 1 for label words and options.
    pub scale: f64,
    /// What it reads.
    #[module(skip)]
    pub reads: Reads,
}

/// What a head reads of the states of a text's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Their mean, brought to length one.
    Mean,
    /// The state of one token.
    Token(Place),
    /// The states from which the tokens of an option are predicted: a text is read once with each option at its end.
    Options {
        /// The option of each class; none is empty.
        tokens: Arc<[Vec<u32>]>,
        /// Whether the output embeddings are a copy of the input's, which a device that trains neither holds once.
        tied: bool,
    },
}

/// A token of a text, whatever its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many tokens after the first.
    FromStart(usize),
    /// So many tokens before the last.
    FromEnd(usize),
}

impl Place {
    /// Its index in a text of `length` tokens.
    ///
    /// # Panics
    /// If the text is too short to have it.
    pub fn index(self, length: usize) -> usize {
        match self {
            Self::FromStart(index) if index < length => index,
            Self::FromEnd(back) if back < length => length - 1 - back,
            _ => panic!("a text of {length} tokens has none at {self:?}"),
        }
    }
}

/// Keeps the norm of a pooled vector away from zero.
const SMALLEST_NORM: f64 = 1e-6;

impl Head {
    /// A head of zeros that reads the mean.
    pub fn zeros(width: usize, classes: usize, scale: f64, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::zeros([width, classes], device)),
            bias: None,
            transform: None,
            scale,
            reads: Reads::Mean,
        }
    }

    /// All that its costs depend on.
    pub fn shape(&self) -> HeadShape {
        let [_, classes] = self.weight.shape().dims::<2>();
        let transform = self.transform.as_ref().map(Transform::activation);
        match &self.reads {
            Reads::Mean => HeadShape::Mean { classes },
            Reads::Token(_) => HeadShape::Words { classes, transform },
            Reads::Options { tokens, tied } => {
                HeadShape::Options { tokens: tokens.iter().map(Vec::len).collect(), tied: *tied }
            }
        }
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

    /// `[rows, d]` token states to `[texts, classes]` logits.
    pub fn forward(&self, x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        match &self.reads {
            Reads::Mean => self.classes(Self::pool(x, masks, ledger), ledger),
            Reads::Token(place) => {
                let [_, seq] = masks.shape();
                let at = masks.lengths().iter().enumerate();
                let rows = at.map(|(text, &length)| text * seq + place.index(length));
                let read = pick(x, rows.collect(), ledger);
                let read = match &self.transform {
                    Some(transform) => transform.forward(read, ledger),
                    None => read,
                };
                self.classes(read, ledger)
            }
            Reads::Options { tokens, .. } => self.options(x, tokens, masks, ledger),
        }
    }

    /// `[batch, d]` to `[batch, classes]`, and what the loss will cost.
    fn classes(&self, read: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [batch, _] = read.dims();
        let [_, classes] = self.weight.shape().dims::<2>();
        let scores = self.product(read, ledger).mul_scalar(self.scale);
        let biased = self.bias.as_ref().is_some_and(|bias| bias.is_require_grad());
        let scores = match &self.bias {
            Some(bias) => {
                ledger.elementwise(batch * classes, ops::ADD, 0, biased);
                scores + bias.val().unsqueeze()
            }
            None => scores,
        };
        ledger.flow(biased);
        let trains = self.weight.is_require_grad();
        ledger.elementwise(batch * classes, ops::CROSS_ENTROPY, 2, trains);
        ledger.flow(trains);
        scores
    }

    /// `[rows, d]` times W.
    fn product(&self, read: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, d] = read.dims();
        let [_, outputs] = self.weight.shape().dims::<2>();
        let trains = self.weight.is_require_grad();
        let left = ledger.flowing();
        ledger.product(1, [rows, d, outputs], Gradients { left, right: trains });
        ledger.keep(rows * d, trains);
        read.matmul(self.weight.val())
    }

    /// The mean log-likelihood of each option's tokens given what comes before them: `[texts, options]`, of sequences
    /// that are ordered by text, then by option.
    fn options(
        &self,
        x: Tensor<2>,
        options: &[Vec<u32>],
        masks: &Masks,
        ledger: &mut Ledger,
    ) -> Tensor<2> {
        let [_, seq] = masks.shape();
        let (lengths, device) = (masks.lengths(), x.device());
        let texts = lengths.len() / options.len();
        let tokens: usize = options.iter().map(Vec::len).sum();
        // A token is predicted from the state of the one before it.
        let mut rows = Vec::with_capacity(texts * tokens);
        for (sequence, &length) in lengths.iter().enumerate() {
            let option = options[sequence % options.len()].len();
            rows.extend((length - 1 - option..length - 1).map(|at| sequence * seq + at));
        }
        let read = pick(x, rows, ledger);
        let [predicted, d] = read.dims();
        let [_, vocabulary] = self.weight.shape().dims::<2>();
        let scores = self.product(read, ledger);
        ledger.flow(self.weight.is_require_grad());
        ledger.live(predicted * (d + vocabulary));
        ledger.elementwise(predicted * vocabulary, ops::SOFTMAX, 2, false);
        ledger.keep(predicted * vocabulary, ledger.flowing());
        let expected = options.iter().flatten().map(|&token| token as i32);
        let expected: Vec<i32> = expected.collect::<Vec<_>>().repeat(texts);
        let expected = TensorData::new(expected, [predicted, 1]);
        let expected = Tensor::<2, Int>::from_data(expected, &device);
        let likelihoods = log_softmax(scores, 1).gather(1, expected).reshape([texts, tokens]);
        let gradients = Gradients { left: ledger.flowing(), right: false };
        ledger.product(1, [texts, tokens, options.len()], gradients);
        ledger.elementwise(texts * options.len(), ops::CROSS_ENTROPY, 2, false);
        likelihoods.matmul(Tensor::from_data(means(options), &device))
    }
}

/// These rows of `[rows, d]`.
fn pick(x: Tensor<2>, rows: Vec<usize>, ledger: &mut Ledger) -> Tensor<2> {
    let ([all, d], picked) = (x.dims(), rows.len());
    ledger.live((all + picked) * d);
    ledger.elementwise(picked * d, 0, 2, false);
    let rows: Vec<i32> = rows.into_iter().map(|row| row as i32).collect();
    let device = x.device();
    x.select(0, Tensor::<1, Int>::from_data(TensorData::new(rows, [picked]), &device))
}

/// What makes each option's mean of the values of all options' tokens, `[tokens, options]`.
fn means(options: &[Vec<u32>]) -> TensorData {
    let classes = options.len();
    let rows = options.iter().enumerate().flat_map(|(class, option)| {
        let share = 1.0 / option.len() as f32;
        let row = (0..classes).map(move |c| if c == class { share } else { 0.0 });
        std::iter::repeat_n(row, option.len()).flatten()
    });
    let values: Vec<f32> = rows.collect();
    TensorData::new(values.clone(), [values.len() / classes, classes])
}

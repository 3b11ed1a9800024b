//! What a forward and a backward cost, in closed form: the [`crate::ledger`]'s numbers without running anything.
//!
//! Notation: B texts of S tokens, T = B S rows, width d, feed-forward width f, h heads, C classes. Per layer a
//! forward takes `8 T d^2 + 4 T d f + 4 T S d` FLOPs in products; a LoRA of rank r adds `4 T d r` per adapted
//! projection; the head takes `2 B d C`. Elementwise work, traffic and memory follow the conventions of the ledger.

mod layer;

use std::ops::Range;

use fleetune_units::Bytes;

use crate::{
    encoder::EncoderConfig,
    ledger::{Cost, ELEMENT, ops},
    parameters::Trainable,
};

/// The shape of a classifier and of what trains in it: all that a cost depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct CostModel {
    /// The encoder.
    pub encoder: EncoderConfig,
    /// Classes of the head, C.
    pub classes: usize,
    /// What trains (only LoRA changes the forward; backward depends on it).
    pub train: Trainable,
}

/// What a pass over some stages costs a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassCost {
    /// The forward.
    pub forward: Cost,
    /// The backward, if one follows.
    pub backward: Cost,
    /// Peak elements alive in a forward that keeps nothing.
    pub peak: u64,
    /// Elements kept for the backward.
    pub kept: u64,
}

impl PassCost {
    /// Peak bytes of activations in a forward that keeps nothing.
    pub fn peak_activations(&self) -> Bytes {
        Bytes::new(self.peak * ELEMENT)
    }

    /// Bytes of activations kept for the backward.
    pub fn kept_activations(&self) -> Bytes {
        Bytes::new(self.kept * ELEMENT)
    }

    fn then(&mut self, next: Self) {
        self.forward += next.forward;
        self.backward += next.backward;
        self.peak = self.peak.max(next.peak);
        self.kept += next.kept;
    }
}

/// A batch's shape: texts, and tokens per text.
pub type BatchShape = [usize; 2];

impl CostModel {
    /// A pass over `stages` (0 the embeddings, 1..=L the layers, L + 1 the head) of a batch.
    ///
    /// `backward` says whether gradients are tracked, that is, whether [`CostModel::train`] is to be trained by
    /// backpropagation; without it the backward and the kept elements are zero.
    pub fn pass(&self, stages: Range<usize>, batch: BatchShape, backward: bool) -> PassCost {
        // Gradients flow from the first stage that trains.
        self.run(stages, batch, backward, false)
    }

    /// A pass with backward over the upper part of a split at `split` of 1 or more, down to the gradient of the
    /// activations that it began with: what a server does whose clients hold the lower part.
    pub fn upper_training(&self, split: usize, batch: BatchShape) -> PassCost {
        self.run(split + 1..self.encoder.num_hidden_layers + 2, batch, true, true)
    }

    /// `flowing`: whether gradients are owed for what comes into the first stage.
    fn run(
        &self,
        stages: Range<usize>,
        batch: BatchShape,
        backward: bool,
        mut flowing: bool,
    ) -> PassCost {
        let layers = self.encoder.num_hidden_layers;
        let mut total = PassCost::default();
        for stage in stages {
            let (cost, trains) = if stage == 0 {
                self.embeddings(batch, backward)
            } else if stage <= layers {
                self.layer(batch, flowing, backward)
            } else {
                self.head(batch, flowing, backward)
            };
            total.then(cost);
            flowing |= trains;
        }
        total
    }

    /// All stages.
    pub fn whole(&self, batch: BatchShape, backward: bool) -> PassCost {
        self.pass(0..self.encoder.num_hidden_layers + 2, batch, backward)
    }

    /// Parameters of the model, frozen ones and adapters included.
    pub fn parameters(&self) -> u64 {
        self.parameters_of(0..self.encoder.num_hidden_layers + 2)
    }

    /// Parameters of `stages`, frozen ones and adapters included.
    pub fn parameters_of(&self, stages: Range<usize>) -> u64 {
        let c = &self.encoder;
        let [v, p, s, d, f] = [
            c.vocab_size,
            c.max_position_embeddings,
            c.type_vocab_size,
            c.hidden_size,
            c.intermediate_size,
        ]
        .map(|x| x as u64);
        let layer =
            4 * (d * d + d) + (d * f + f) + (f * d + d) + 4 * d + 2 * self.adapter() * 2 * d;
        stages
            .map(|stage| match stage {
                0 => (v + p + s) * d + 2 * d,
                stage if stage <= c.num_hidden_layers => layer,
                _ => d * self.classes as u64,
            })
            .sum()
    }

    /// Trainable elements of a stage.
    pub fn trainable(&self, stage: usize) -> u64 {
        let c = &self.encoder;
        let [d, f] = [c.hidden_size, c.intermediate_size].map(|x| x as u64);
        let tables = (c.vocab_size + c.max_position_embeddings + c.type_vocab_size) as u64;
        if stage > c.num_hidden_layers {
            return d * self.classes as u64;
        }
        match (self.train, stage) {
            (Trainable::Full, 0) => tables * d + 2 * d,
            (_, 0) | (Trainable::Head, _) => 0,
            (Trainable::Full | Trainable::Layers, _) => {
                4 * (d * d + d) + (d * f + f) + (f * d + d) + 4 * d
            }
            // Six biases (five of width d, one of width f) and two shifts.
            (Trainable::Bitfit, _) => 7 * d + f,
            (Trainable::Lora { rank, .. }, _) => 2 * 2 * d * rank as u64,
        }
    }

    fn adapter(&self) -> u64 {
        match self.train {
            Trainable::Lora { rank, .. } => rank as u64,
            _ => 0,
        }
    }

    fn embeddings(&self, [b, s]: BatchShape, backward: bool) -> (PassCost, bool) {
        let n = (b * s * self.encoder.hidden_size) as u64;
        let trains = backward && self.train == Trainable::Full;
        let forward = elementwise(n, 2 * ops::ADD, 3) + elementwise(n, ops::LAYER_NORM, 2);
        let cost = PassCost {
            forward,
            backward: if trains { forward * 2 } else { Cost::default() },
            peak: n + (b * s) as u64,
            kept: if trains { n } else { 0 },
        };
        (cost, trains)
    }

    fn head(&self, [b, s]: BatchShape, flowing: bool, backward: bool) -> (PassCost, bool) {
        let [b, s, d, c] = [b, s, self.encoder.hidden_size, self.classes].map(|x| x as u64);
        let pooling = elementwise(b * s * d, ops::POOL, 1) + elementwise(b * d, ops::NORMALISE, 2);
        let product = product(1, b, d, c);
        let entropy = elementwise(b * c, ops::CROSS_ENTROPY, 2);
        let mut cost = PassCost { forward: pooling + product + entropy, ..PassCost::default() };
        cost.peak = b * s * d + b * d;
        if backward {
            cost.backward = product + entropy * 2;
            cost.kept = b * d;
        }
        if flowing {
            cost.backward += product;
            cost.backward += pooling * 2;
            cost.kept += b * d;
        }
        (cost, backward)
    }
}

pub(crate) fn product(batch: u64, m: u64, k: u64, n: u64) -> Cost {
    Cost {
        products: 2 * u128::from(batch) * u128::from(m) * u128::from(k) * u128::from(n),
        elementwise: 0,
        elements: batch * (m * k + k * n + m * n),
    }
}

pub(crate) fn elementwise(elements: u64, operations: u64, touched: u64) -> Cost {
    Cost {
        products: 0,
        elementwise: u128::from(elements) * u128::from(operations),
        elements: elements * touched,
    }
}

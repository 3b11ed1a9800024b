//! What a forward and a backward cost, from shapes alone: the [`crate::ledger`]'s numbers without running anything.
//!
//! Notation: B texts of S tokens, T = B S rows, width d, feed-forward width f, h heads, C classes. Per layer of an
//! encoder a forward takes `8 T d^2 + 4 T d f + 4 T S d` FLOPs in products; a LoRA of rank r adds `4 T d r` per adapted
//! projection; the head takes `2 B d C`, a masked model's transform before it `2 B d^2`; options of K tokens in all take
//! `2 B K d V`, and the layers read every text once with each option. In general, with queries of width q = h w and keys and values of width
//! k = g w, it is `4 T d (q + k) + 2 n T d f + 4 T S q` with n = 2 products of the feed-forward layer, or 3 with a gate.
//! Elementwise work, traffic and memory follow the conventions of the ledger.
//!
//! The walk over the operations is the same for the encoder that is run, where tests hold it to what a run counts, and
//! for an [`Architecture`] that is not. All have the head that is run ([`HeadShape`]), as wide as they are.
//!
//! Memory traffic and activations are counted in elements; their bytes depend on the numbers that a device computes in.

mod head;
mod parameters;
mod walk;

use std::ops::Range;

use fleetune_units::Bytes;

use self::walk::Walk;
use crate::{
    architecture::{Architecture, HeadShape},
    ledger::{Cost, ELEMENT},
    parameters::Trainable,
};

/// The shape of a classifier and of what trains in it: all that a cost depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct CostModel {
    /// The transformer.
    pub architecture: Architecture,
    /// Its head.
    pub head: HeadShape,
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
    /// Peak bytes of activations in a forward that keeps nothing, in 32-bit floats.
    pub fn peak_activations(&self) -> Bytes {
        Bytes::new(self.peak * ELEMENT)
    }

    /// Bytes of activations kept for the backward, in 32-bit floats.
    pub fn kept_activations(&self) -> Bytes {
        Bytes::new(self.kept * ELEMENT)
    }
}

/// A batch's shape: sequences, and tokens per sequence. A sequence is a text, or a text with one of its options.
pub type BatchShape = [usize; 2];

impl CostModel {
    /// Of a model of this architecture.
    pub fn of(
        architecture: impl Into<Architecture>,
        head: impl Into<HeadShape>,
        train: Trainable,
    ) -> Self {
        Self { architecture: architecture.into(), head: head.into(), train }
    }

    /// Layers, L.
    pub fn layers(&self) -> usize {
        self.architecture.num_hidden_layers
    }

    /// A pass over `stages` (0 the embeddings, 1..=L the layers, L + 1 the head) of a batch.
    ///
    /// `backward` says whether gradients are tracked, that is, whether [`CostModel::train`] is to be trained by
    /// backpropagation; without it the backward and the kept elements are zero.
    pub fn pass(&self, stages: Range<usize>, batch: BatchShape, backward: bool) -> PassCost {
        // Gradients flow from the first stage that trains.
        self.run(stages, Walk::new(self, batch, backward, false))
    }

    /// A pass with backward over the upper part of a split at `split` of 1 or more, down to the gradient of the
    /// activations that it began with: what a server does whose clients hold the lower part.
    pub fn upper_training(&self, split: usize, batch: BatchShape) -> PassCost {
        self.run(split + 1..self.layers() + 2, Walk::new(self, batch, true, true))
    }

    fn run(&self, stages: Range<usize>, mut walk: Walk<'_>) -> PassCost {
        for stage in stages {
            match stage {
                0 => walk.embeddings(),
                stage if stage <= self.layers() => walk.layer(),
                _ => walk.head(),
            }
        }
        let ledger = walk.ledger;
        let (peak, kept) = (ledger.peak(), ledger.kept());
        PassCost { forward: ledger.forward, backward: ledger.backward, peak, kept }
    }

    /// All stages.
    pub fn whole(&self, batch: BatchShape, backward: bool) -> PassCost {
        self.pass(0..self.layers() + 2, batch, backward)
    }

    /// Rank of the adapters, 0 without.
    fn rank(&self) -> usize {
        match self.train {
            Trainable::Lora { rank, .. } => rank,
            _ => 0,
        }
    }
}

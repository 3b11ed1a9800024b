//! What a forward and a backward cost, from shapes alone: the [`crate::ledger`]'s numbers without running anything.
//!
//! Notation: B texts of S tokens, T = B S rows, width d, feed-forward width f, h heads, C classes. Per layer of an
//! encoder a forward takes `8 T d^2 + 4 T d f + 4 T S d` FLOPs in products; a LoRA of rank r adds `2 T r (m + n)` to a
//! projection from m to n, two bottlenecks of width b add `8 T d b` to a layer, a prefix of p makes S keys p + S; the head
//! takes `2 B d C`, a masked model's transform before it `2 B d^2`; options of K tokens in all take `2 B K d V`, and the
//! layers read every text once with each option. In general, with queries of width q = h w and keys and values of width
//! k = g w, it is `4 T d (q + k) + 2 n T d f + 4 T S q` with n = 2 products of the feed-forward layer, or 3 with a gate.
//! Elementwise work, traffic and memory follow the conventions of the ledger.
//!
//! A figure and its formula are one: the walk charges products of named dimensions, and a [`Breakdown`] keeps them.
//!
//! The walk over the operations is the same for the encoder that is run, where tests hold it to what a run counts, and
//! for an [`Architecture`] that is not. All have the head that is run ([`HeadShape`]), as wide as they are.
//!
//! Memory traffic and activations are counted in elements; their bytes depend on the numbers that a device computes in.

mod attention;
mod formula;
mod head;
mod parameters;
mod walk;

use std::ops::Range;

use fleetune_units::Bytes;

use self::{formula::Dim, walk::Walk};
pub use self::{
    formula::{Alive, Breakdown, Size, Term},
    parameters::{Stored, Tensors},
};
use crate::{
    architecture::{Architecture, Frozen, HeadShape, Projection},
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
    /// What trains: it decides what is added to the forward, and the backward.
    pub train: Trainable,
    /// How the layers' weights are stored if they do not train.
    pub frozen: Frozen,
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
    /// Which pass it is: [`CostModel::breakdown`] says where its figures come from.
    pub of: Pass,
}

/// A pass over some stages of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// From this stage on.
    pub first: usize,
    /// To before this one.
    pub end: usize,
    /// Of what.
    pub batch: BatchShape,
    /// Whether gradients are tracked.
    pub backward: bool,
    /// Whether they are owed for what comes into the first stage.
    pub flowing: bool,
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
    /// Of a model of this architecture, whose weights are stored as they are computed with.
    pub fn of(
        architecture: impl Into<Architecture>,
        head: impl Into<HeadShape>,
        train: Trainable,
    ) -> Self {
        let (architecture, head) = (architecture.into(), head.into());
        Self { architecture, head, train, frozen: Frozen::Plain }
    }

    /// With what does not train stored so.
    #[must_use]
    pub fn with_frozen(self, frozen: Frozen) -> Self {
        Self { frozen, ..self }
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
        let (first, end) = (stages.start, stages.end);
        self.run(Pass { first, end, batch, backward, flowing: false })
    }

    /// A pass with backward over the upper part of a split at `split` of 1 or more, down to the gradient of the
    /// activations that it began with: what a server does whose clients hold the lower part.
    pub fn upper_training(&self, split: usize, batch: BatchShape) -> PassCost {
        let (first, end) = (split + 1, self.layers() + 2);
        self.run(Pass { first, end, batch, backward: true, flowing: true })
    }

    fn run(&self, of: Pass) -> PassCost {
        let ledger = self.walk(of, None).ledger;
        let (peak, kept) = (ledger.peak(), ledger.kept());
        PassCost { forward: ledger.forward, backward: ledger.backward, peak, kept, of }
    }

    /// Where the figures of a pass come from: kept by the walk that makes them.
    pub fn breakdown(&self, of: Pass) -> Breakdown {
        let walk = self.walk(of, Some(Breakdown::default()));
        walk.breakdown.expect("it was asked for")
    }

    fn walk(&self, of: Pass, breakdown: Option<Breakdown>) -> Walk<'_> {
        let mut walk = Walk::new(self, of.batch, of.backward, of.flowing);
        walk.breakdown = breakdown;
        for stage in of.first..of.end {
            match stage {
                0 => walk.embeddings(),
                stage if stage <= self.layers() => walk.layer(),
                _ => walk.head(),
            }
        }
        walk
    }

    /// All stages.
    pub fn whole(&self, batch: BatchShape, backward: bool) -> PassCost {
        self.pass(0..self.layers() + 2, batch, backward)
    }

    /// Rank of the side path of a projection, 0 without.
    fn rank(&self, projection: Projection) -> usize {
        let gated = self.architecture.feed_forward.is_gated();
        let there = gated || projection != Projection::Gate;
        match self.train {
            Trainable::Lora { rank, projections, .. } if there && projections.has(projection) => {
                rank
            }
            _ => 0,
        }
    }

    /// Keys and values before those of the texts, 0 without.
    fn prefix(&self) -> usize {
        match self.train {
            Trainable::Prefix { length } => length,
            _ => 0,
        }
    }

    /// Input and output width of a projection: d wide, f in the feed-forward layer, q for queries, k for keys and
    /// values.
    fn widths(&self, projection: Projection) -> [Dim; 2] {
        let c = &self.architecture;
        let d = Dim::new("d", c.hidden_size);
        let f = Dim::new("f", c.intermediate_size);
        let q = Dim::new("q", c.query_width());
        match projection {
            Projection::Query => [d, q],
            Projection::Key | Projection::Value => [d, Dim::new("k", c.key_value_width())],
            Projection::Output => [q, d],
            Projection::Up | Projection::Gate => [d, f],
            Projection::Down => [f, d],
        }
    }

    /// Bytes that a weight of these widths is packed into; nothing if weights are as they came.
    fn packed(&self, [input, output]: [Dim; 2]) -> Option<usize> {
        let frozen = !self.train.trains_weights();
        let codes = self.frozen.codes_per_byte().filter(|_| frozen)?;
        Some((input * output).value().div_ceil(codes))
    }
}

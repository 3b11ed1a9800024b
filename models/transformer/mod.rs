//! A transformer whose layers can be run by range: encoders as BERT, decoders as OPT and LLaMA
//! ([`crate::families`]).
//!
//! The stages of a model with L layers are: the embeddings, layers 1 to L, the head. A **split** at k puts the
//! embeddings and layers 1..k in the lower part and the rest with the head in the upper part; k = 0 leaves the
//! lower part empty. Running the two parts one after the other gives the same bits as running the whole.

mod activation;
mod attention;
mod block;
mod bottleneck;
mod config;
mod embeddings;
mod gelu;
mod head;
mod language;
mod linear;
mod norm;
mod prefix;
mod quantise;
mod rotary;
mod softmax;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

pub use self::{
    block::Block,
    bottleneck::Bottleneck,
    config::{Numerics, Rotary, Stretch, TransformerConfig},
    embeddings::Embeddings,
    head::{Head, Place, Reads},
    language::{LanguageHead, LanguageHeadShape, Transform},
    linear::{Linear, Lora},
    norm::Norm,
    prefix::Prefix,
};
use crate::{
    architecture::{Frozen, Placement},
    batch::{Batch, DeviceBatch, Encoded, Masks, Padding},
    ledger::Ledger,
};

/// Embeddings and layers.
#[derive(Module, Debug)]
pub struct Transformer {
    /// Embedding tables.
    pub embeddings: Embeddings,
    /// Layers 1 to L.
    pub blocks: Vec<Block>,
    /// The norm after the last layer, where norms stand before the parts of a layer: runs with the head.
    pub final_norm: Option<Norm>,
}

/// An encoder with its classifier head: the model that is fine-tuned.
#[derive(Module, Debug)]
pub struct Classifier {
    /// The pretrained part.
    pub encoder: Transformer,
    /// The task's head.
    pub head: Head,
}

/// What crosses the split: nothing yet (the input itself), or the activations of the lower part, `[rows, d]`.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a pass; it is moved, never stored")]
pub enum Boundary {
    /// The upper part starts from the token ids.
    Input,
    /// The upper part starts from these token states.
    States(Tensor<2>),
}

impl Transformer {
    /// An encoder of zeros with identity norms, to be filled from a checkpoint.
    pub fn zeros(config: &TransformerConfig, device: &Device) -> Self {
        let c = &config.architecture;
        let norm = || Norm::identity(c.norm, c.hidden_size, config.numerics.norm_epsilon, device);
        Self {
            embeddings: Embeddings::zeros(config, device),
            blocks: (0..c.num_hidden_layers).map(|_| Block::zeros(config, device)).collect(),
            final_norm: (c.placement == Placement::Pre).then(norm),
        }
    }

    /// What the head reads, of the last layer's states.
    fn finish(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        match &self.final_norm {
            Some(norm) => norm.forward(x, ledger),
            None => x,
        }
    }

    /// All layers: token states `[rows, d]`.
    pub fn forward(&self, batch: &DeviceBatch, ledger: &mut Ledger) -> Tensor<2> {
        let x = self.embeddings.forward(batch, ledger);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, &batch.masks, ledger));
        self.finish(x, ledger)
    }

    /// Sentence vectors: mean of the token states, length one, `[batch, d]`.
    pub fn embed(&self, batch: &DeviceBatch, ledger: &mut Ledger) -> Tensor<2> {
        Head::pool(self.forward(batch, ledger), &batch.masks, ledger)
    }
}

impl Classifier {
    /// With the weights of the layers' products, none of which may train from now on, stored so.
    #[must_use]
    pub fn quantised(mut self, frozen: Frozen) -> Self {
        self.encoder.blocks.iter_mut().for_each(|block| block.quantise(frozen));
        self
    }

    /// A batch of `examples` as the head reads them: each once, or once with each option.
    ///
    /// # Panics
    /// As [`Batch::of_options`].
    pub fn collate(&self, examples: &[&Encoded], max_length: usize, padding: Padding) -> Batch {
        match &self.head.reads {
            Reads::Options { tokens, .. } => {
                Batch::of_options(examples, tokens, max_length, padding)
            }
            Reads::Mean | Reads::Token(_) => Batch::collate(examples, max_length, padding),
        }
    }

    /// The lower part of a split at `split`.
    ///
    /// # Panics
    /// If `split` exceeds the number of layers: configurations are checked before a model exists.
    pub fn lower(&self, split: usize, batch: &DeviceBatch, ledger: &mut Ledger) -> Boundary {
        if split == 0 {
            return Boundary::Input;
        }
        let x = self.encoder.embeddings.forward(batch, ledger);
        let blocks = &self.encoder.blocks[..split];
        Boundary::States(blocks.iter().fold(x, |x, b| b.forward(x, &batch.masks, ledger)))
    }

    /// The upper part of a split at `split`, from what the lower part gave: logits `[batch, classes]`.
    pub fn upper(
        &self,
        split: usize,
        boundary: Boundary,
        batch: &DeviceBatch,
        ledger: &mut Ledger,
    ) -> Tensor<2> {
        let x = match boundary {
            Boundary::Input => self.encoder.embeddings.forward(batch, ledger),
            Boundary::States(x) => x,
        };
        self.above(split, x, &batch.masks, ledger)
    }

    /// The layers above `split` and the head, from token states `[rows, d]`: logits `[batch, classes]`. Whoever holds
    /// the upper part alone needs to know of the texts only which tokens are real.
    pub fn above(
        &self,
        split: usize,
        states: Tensor<2>,
        masks: &Masks,
        ledger: &mut Ledger,
    ) -> Tensor<2> {
        let blocks = &self.encoder.blocks[split..];
        let x = blocks.iter().fold(states, |x, b| b.forward(x, masks, ledger));
        let x = self.encoder.finish(x, ledger);
        self.head.forward(x, masks, ledger)
    }

    /// The whole model: logits `[batch, classes]`.
    pub fn forward(&self, batch: &DeviceBatch, ledger: &mut Ledger) -> Tensor<2> {
        self.upper(0, Boundary::Input, batch, ledger)
    }
}

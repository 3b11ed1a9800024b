//! Transformers as far as their costs tell them apart: shapes, and which operations there are.
//!
//! An [`Architecture`] is what a [model](crate::transformer) is made of and what costs are [counted](crate::cost) by, whether
//! it is run or not. It covers what the published models of the field are
//! made of: layer norms and RMS norms, before or after the attention and the feed-forward layer; learned and rotary
//! positions; grouped-query attention; gated and plain feed-forward layers; with and without biases.
//!
//! What does not change a cost has no field:
//!
//! * whether attention is causal: scores are computed for all pairs and masked, as the plain implementation does;
//! * whether the output embedding is tied: the body is counted, and of the outputs the task's classes alone, so that
//!   there is no output embedding. In the published models here it is tied, and holds no parameters of its own.

mod frozen;
mod head;
mod projections;
mod published;

use serde::{Deserialize, Serialize};

pub use self::{
    frozen::Frozen,
    head::HeadShape,
    projections::{Projection, Projections},
    published::{llama_3_2_3b, opt_1_3b, roberta_large},
};
use crate::{ModelError, ledger::ops};

/// A transformer's shape, with the names of Hugging Face's `config.json` where it has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Tokens of the vocabulary, V.
    pub vocab_size: usize,
    /// Width of the residual stream, d.
    pub hidden_size: usize,
    /// Number of layers, L.
    pub num_hidden_layers: usize,
    /// Heads of the queries, h.
    pub num_attention_heads: usize,
    /// Heads of keys and values, g; divides h (grouped-query attention, Ainslie et al. 2023). The default is h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head. The default is d / h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Width of the feed-forward layer, f.
    pub intermediate_size: usize,
    /// How positions are told apart.
    pub positions: Positions,
    /// Segments with an embedding. The default is 0: there is no such table.
    #[serde(default)]
    pub type_vocab_size: usize,
    /// What the feed-forward layer is made of.
    pub feed_forward: FeedForward,
    /// Which norm.
    pub norm: Norm,
    /// Where the norms stand.
    pub placement: Placement,
    /// Whether the products of the layers have biases.
    pub biases: bool,
}

/// How positions are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Positions {
    /// By a learned table, added to the tokens'.
    Learned {
        /// Rows of the table.
        rows: usize,
        /// Rows that no token ever has. The default is 0.
        #[serde(default)]
        unused: usize,
    },
    /// By turning queries and keys (RoPE, Su et al. 2021): no parameters and no longest input.
    Rotary,
}

/// What the feed-forward layer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedForward {
    /// Up, GELU, down.
    Gelu,
    /// Up, GELU by the hyperbolic tangent, down.
    GeluTanh,
    /// Up, ReLU, down.
    Relu,
    /// Up and gate, SiLU of the gate times up, down (SwiGLU, Shazeer 2020).
    Swiglu,
}

impl FeedForward {
    /// Whether there is a product for a gate.
    pub fn is_gated(self) -> bool {
        self == Self::Swiglu
    }

    /// Operations per element of the wide layer, and how many elements each reads and writes.
    pub(crate) fn elementwise(self) -> (u64, u64) {
        match self {
            Self::Gelu => (ops::GELU, 2),
            Self::GeluTanh => (ops::GELU_TANH, 2),
            Self::Relu => (ops::RELU, 2),
            Self::Swiglu => (ops::SWIGLU, 3),
        }
    }
}

/// Which norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Layer norm, with a gain and a shift.
    Layer,
    /// RMS norm (Zhang and Sennrich 2019), with a gain alone.
    Rms,
}

impl Norm {
    /// Vectors of parameters: gain, and shift.
    pub(crate) fn vectors(self) -> usize {
        1 + usize::from(self.shifts())
    }

    pub(crate) fn shifts(self) -> bool {
        self == Self::Layer
    }

    pub(crate) fn operations(self) -> u64 {
        match self {
            Self::Layer => ops::LAYER_NORM,
            Self::Rms => ops::RMS_NORM,
        }
    }
}

/// Where the norms stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// After the embeddings, and after each residual sum, as in BERT.
    Post,
    /// Before attention and feed-forward layer, and before the head, as in GPT-2.
    Pre,
}

/// In what numbers a model is stored and computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// IEEE binary32.
    #[default]
    F32,
    /// IEEE binary16.
    F16,
    /// bfloat16.
    #[serde(rename = "bf16")]
    BF16,
}

impl Dtype {
    /// Bytes of one number.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
        }
    }
}

/// A model whose costs are charged in place of the trained one's.
#[derive(Clone, Debug, PartialEq)]
pub struct Larger {
    /// What reports call it.
    pub name: String,
    /// Its shape.
    pub architecture: Architecture,
    /// In what numbers devices store it and compute.
    pub dtype: Dtype,
}

/// No dimension is larger: products of three still fit 64 bits.
const LARGEST_DIMENSION: usize = 1 << 20;
/// No model has more parameters: what it costs a run is still counted in 64 bits.
const MOST_PARAMETERS: u128 = 1 << 38;

impl Architecture {
    /// Width of a head.
    pub fn head_width(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Heads of keys and values, g.
    pub fn key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of all queries.
    pub fn query_width(&self) -> usize {
        self.num_attention_heads * self.head_width()
    }

    /// Width of all keys, and of all values.
    pub fn key_value_width(&self) -> usize {
        self.key_value_heads() * self.head_width()
    }

    /// Tokens of the longest input; `None` if there is no limit.
    pub fn longest_input(&self) -> Option<usize> {
        match self.positions {
            Positions::Learned { rows, unused } => Some(rows.saturating_sub(unused)),
            Positions::Rotary => None,
        }
    }

    /// Whether [`Trainable::Bitfit`](crate::parameters::Trainable::Bitfit) finds anything to train in the layers.
    pub fn has_biases(&self) -> bool {
        self.biases || self.norm.shifts()
    }

    /// The products of one layer with a weight, in the order in which it computes them, each with its input and output
    /// width.
    pub fn projections(&self) -> impl Iterator<Item = (Projection, [usize; 2])> {
        let (d, f) = (self.hidden_size, self.intermediate_size);
        let (q, kv, gated) =
            (self.query_width(), self.key_value_width(), self.feed_forward.is_gated());
        let there = move |&projection: &Projection| gated || projection != Projection::Gate;
        Projection::ALL.into_iter().filter(there).map(move |projection| {
            let widths = match projection {
                Projection::Query => [d, q],
                Projection::Key | Projection::Value => [d, kv],
                Projection::Output => [q, d],
                Projection::Up | Projection::Gate => [d, f],
                Projection::Down => [f, d],
            };
            (projection, widths)
        })
    }

    /// Tables of embeddings, by what they are of and their rows.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let positions = match self.positions {
            Positions::Learned { rows, .. } => Some(("positions", rows)),
            Positions::Rotary => None,
        };
        let segments = (self.type_vocab_size > 0).then_some(("segments", self.type_vocab_size));
        [("V", self.vocab_size)].into_iter().chain(positions).chain(segments)
    }

    /// Checks that such a model can exist, and be counted.
    ///
    /// # Errors
    /// [`ModelError::Architecture`] if a dimension is zero or absurd, heads do not divide, or it has more parameters
    /// than can be counted.
    pub fn validate(&self) -> Result<(), ModelError> {
        let wrong = |reason: String| Err(ModelError::Architecture(reason));
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.key_value_heads()),
            ("head_dim", self.head_width()),
            ("intermediate_size", self.intermediate_size),
            ("positions", self.longest_input().unwrap_or(1)),
        ];
        for (name, size) in sizes {
            if size == 0 || size > LARGEST_DIMENSION {
                return wrong(format!("{name} is {size}; expected 1 to {LARGEST_DIMENSION}"));
            }
        }
        if self.type_vocab_size > LARGEST_DIMENSION {
            let found = self.type_vocab_size;
            return wrong(format!("type_vocab_size is {found}; expected 0 to {LARGEST_DIMENSION}"));
        }
        let (heads, width) = (self.num_attention_heads, self.hidden_size);
        if self.head_dim.is_none() && !width.is_multiple_of(heads) {
            let reason =
                format!("hidden_size {width} is not a multiple of num_attention_heads {heads}");
            return wrong(format!("{reason}, and head_dim does not say how wide they are"));
        }
        if !heads.is_multiple_of(self.key_value_heads()) {
            let groups = self.key_value_heads();
            return wrong(format!("{heads} heads do not share {groups} heads of keys evenly"));
        }
        let layer: u128 = self.projections().map(|(_, [m, n])| m as u128 * n as u128).sum();
        let tables: u128 = self.tables().map(|(_, rows)| (rows * width) as u128).sum();
        let weights = layer * self.num_hidden_layers as u128 + tables;
        if weights > MOST_PARAMETERS {
            return wrong(format!("{weights} weights; expected at most {MOST_PARAMETERS}"));
        }
        Ok(())
    }
}

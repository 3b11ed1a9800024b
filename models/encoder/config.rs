use serde::{Deserialize, Serialize};

use crate::ModelError;

/// The architecture of a BERT-style encoder, with the field names of Hugging Face's `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderConfig {
    /// Token types of the vocabulary, V.
    pub vocab_size: usize,
    /// Width of the residual stream, d.
    pub hidden_size: usize,
    /// Number of layers, L.
    pub num_hidden_layers: usize,
    /// Attention heads, h; divides d.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer, f.
    pub intermediate_size: usize,
    /// Positions with an embedding: the longest input.
    pub max_position_embeddings: usize,
    /// Segments with an embedding.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// Added to the variance in layer norms.
    #[serde(default = "bert_epsilon")]
    pub layer_norm_eps: f64,
}

fn two() -> usize {
    2
}

fn bert_epsilon() -> f64 {
    1e-12
}

/// Larger than any architecture this program is for, small enough that sizes cannot overflow.
const LARGEST_DIMENSION: usize = 1 << 20;

impl EncoderConfig {
    /// Width of one head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Checks that such an encoder can exist.
    ///
    /// # Errors
    /// [`ModelError::Architecture`] if a dimension is zero or absurd, or the heads do not divide the width.
    pub fn validate(&self) -> Result<(), ModelError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (name, size) in sizes {
            if size == 0 || size > LARGEST_DIMENSION {
                let reason = format!("{name} is {size}; expected 1 to {LARGEST_DIMENSION}");
                return Err(ModelError::Architecture(reason));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(ModelError::Architecture(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.hidden_size, self.num_attention_heads
            )));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err(ModelError::Architecture(format!(
                "layer_norm_eps is {}; expected a small positive number such as 1e-12",
                self.layer_norm_eps
            )));
        }
        Ok(())
    }
}

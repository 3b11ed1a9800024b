use serde::{Deserialize, Serialize};

use super::{
    Stored, of_block, plain,
    settings::{Activation, epsilon, only},
    torch_tensor,
};
use crate::{
    ModelError,
    architecture::{Architecture, Norm, Placement, Positions},
    transformer::{LanguageHeadShape, Numerics, TransformerConfig},
};

/// A BERT-style encoder, with the field names of Hugging Face's `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
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
    /// Of the feed-forward layer.
    #[serde(default, skip_serializing_if = "is_gelu")]
    pub hidden_act: Activation,
    /// Must be `absolute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_embedding_type: Option<String>,
}

fn is_gelu(activation: &Activation) -> bool {
    *activation == Activation::Gelu
}

fn two() -> usize {
    2
}

fn bert_epsilon() -> f64 {
    1e-12
}

impl BertConfig {
    /// Width of one head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Checks that such an encoder can exist.
    ///
    /// # Errors
    /// [`ModelError::Architecture`] if a dimension is zero or absurd, the heads do not divide the width, or a setting asks
    /// for what is not computed here.
    pub fn validate(&self) -> Result<(), ModelError> {
        Architecture::from(self).validate()?;
        if self.type_vocab_size == 0 {
            let reason = "type_vocab_size is 0; expected at least 1".to_owned();
            return Err(ModelError::Architecture(reason));
        }
        if let Some(positions) = &self.position_embedding_type {
            only("position_embedding_type", &positions.as_str(), &"absolute")?;
        }
        epsilon("layer_norm_eps", self.layer_norm_eps)
    }
}

impl From<&BertConfig> for Architecture {
    fn from(encoder: &BertConfig) -> Self {
        Self {
            vocab_size: encoder.vocab_size,
            hidden_size: encoder.hidden_size,
            num_hidden_layers: encoder.num_hidden_layers,
            num_attention_heads: encoder.num_attention_heads,
            num_key_value_heads: None,
            head_dim: None,
            intermediate_size: encoder.intermediate_size,
            positions: Positions::Learned { rows: encoder.max_position_embeddings, unused: 0 },
            type_vocab_size: encoder.type_vocab_size,
            feed_forward: encoder.hidden_act.feed_forward(),
            norm: Norm::Layer,
            placement: Placement::Post,
            biases: true,
        }
    }
}

impl From<&BertConfig> for TransformerConfig {
    fn from(encoder: &BertConfig) -> Self {
        let numerics = Numerics { norm_epsilon: encoder.layer_norm_eps, ..Numerics::default() };
        Self { architecture: encoder.into(), numerics }
    }
}

/// Where BERT keeps the parameter at `path`.
pub(super) fn stored(path: &str) -> Option<Stored> {
    match path {
        "embeddings.word" => return plain("embeddings.word_embeddings.weight"),
        "embeddings.position" => return plain("embeddings.position_embeddings.weight"),
        "embeddings.segment" => return plain("embeddings.token_type_embeddings.weight"),
        "embeddings.norm.gamma" => return plain("embeddings.LayerNorm.weight"),
        "embeddings.norm.beta" => return plain("embeddings.LayerNorm.bias"),
        _ => {}
    }
    let (index, part, tensor) = of_block(path)?;
    let part = match part {
        "query" => "attention.self.query",
        "key" => "attention.self.key",
        "value" => "attention.self.value",
        "output" => "attention.output.dense",
        "attention_norm" => "attention.output.LayerNorm",
        "up" => "intermediate.dense",
        "down" => "output.dense",
        "output_norm" => "output.LayerNorm",
        _ => return None,
    };
    let (tensor, transposed) = torch_tensor(tensor)?;
    Some(Stored { name: format!("encoder.layer.{index}.{part}.{tensor}"), transposed })
}

/// The head of masked words. Its output embeddings are stored apart only in checkpoints that were saved before tied
/// tensors were left out.
pub(super) fn language_head(config: &BertConfig) -> LanguageHeadShape {
    LanguageHeadShape { transform: Some(config.hidden_act.feed_forward()), tied: true }
}

/// Where BERT keeps the parameter at `path` of that head.
pub(super) fn stored_head(path: &str) -> Option<Stored> {
    match path {
        "table" => return plain("cls.predictions.decoder.weight"),
        "bias" => return plain("cls.predictions.bias"),
        _ => {}
    }
    let (part, tensor) = path.strip_prefix("transform.")?.split_once('.')?;
    let part = match part {
        "dense" => "dense",
        "norm" => "LayerNorm",
        _ => return None,
    };
    let (tensor, transposed) = torch_tensor(tensor)?;
    Some(Stored { name: format!("cls.predictions.transform.{part}.{tensor}"), transposed })
}

/// Tensors of BERT checkpoints that a sentence classifier does not use.
pub(super) fn is_unused(name: &str) -> bool {
    name.ends_with("position_ids") || name.starts_with("pooler.") || name.starts_with("cls.")
}

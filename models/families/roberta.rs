use serde::{Deserialize, Serialize};

use super::{
    Stored, bert, plain,
    settings::{Activation, epsilon, only},
    torch_tensor,
};
use crate::{
    ModelError,
    architecture::{Architecture, FeedForward, Norm, Placement, Positions},
    transformer::{LanguageHeadShape, Numerics, TransformerConfig},
};

/// RoBERTa (Liu et al. 2019), with the field names of Hugging Face's `config.json`: BERT whose positions begin behind the
/// padding token's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobertaConfig {
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
    /// Rows of the table of positions, of which the first `pad_token_id + 1` stand before the first token.
    pub max_position_embeddings: usize,
    /// The padding token.
    #[serde(default = "one")]
    pub pad_token_id: usize,
    /// Segments with an embedding.
    #[serde(default = "one")]
    pub type_vocab_size: usize,
    /// Added to the variance in layer norms.
    #[serde(default = "usual_epsilon")]
    pub layer_norm_eps: f64,
    /// Of the feed-forward layer.
    #[serde(default)]
    pub hidden_act: Activation,
    /// Must be `absolute`.
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
}

fn one() -> usize {
    1
}

fn usual_epsilon() -> f64 {
    1e-5
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl RobertaConfig {
    pub(super) fn validate(&self) -> Result<(), ModelError> {
        Architecture::from(self).validate()?;
        only("position_embedding_type", &self.position_embedding_type.as_str(), &"absolute")?;
        epsilon("layer_norm_eps", self.layer_norm_eps)
    }
}

impl From<&RobertaConfig> for Architecture {
    fn from(roberta: &RobertaConfig) -> Self {
        let rows = roberta.max_position_embeddings;
        Self {
            vocab_size: roberta.vocab_size,
            hidden_size: roberta.hidden_size,
            num_hidden_layers: roberta.num_hidden_layers,
            num_attention_heads: roberta.num_attention_heads,
            num_key_value_heads: None,
            head_dim: None,
            intermediate_size: roberta.intermediate_size,
            positions: Positions::Learned { rows, unused: roberta.pad_token_id.saturating_add(1) },
            type_vocab_size: roberta.type_vocab_size,
            feed_forward: roberta.hidden_act.feed_forward(),
            norm: Norm::Layer,
            placement: Placement::Post,
            biases: true,
        }
    }
}

impl From<&RobertaConfig> for TransformerConfig {
    fn from(roberta: &RobertaConfig) -> Self {
        let numerics = Numerics { norm_epsilon: roberta.layer_norm_eps, ..Numerics::default() };
        Self { architecture: roberta.into(), numerics }
    }
}

/// RoBERTa's tensors are called as BERT's.
pub(super) fn stored(path: &str) -> Option<Stored> {
    bert::stored(path)
}

/// The head of masked words: GELU, whatever the layers have (`RobertaLMHead`).
pub(super) fn language_head() -> LanguageHeadShape {
    LanguageHeadShape { transform: Some(FeedForward::Gelu), tied: true }
}

/// Where RoBERTa keeps the parameter at `path` of that head.
pub(super) fn stored_head(path: &str) -> Option<Stored> {
    match path {
        "table" => return plain("lm_head.decoder.weight"),
        "bias" => return plain("lm_head.bias"),
        _ => {}
    }
    let (part, tensor) = path.strip_prefix("transform.")?.split_once('.')?;
    let part = match part {
        "dense" => "dense",
        "norm" => "layer_norm",
        _ => return None,
    };
    let (tensor, transposed) = torch_tensor(tensor)?;
    Some(Stored { name: format!("lm_head.{part}.{tensor}"), transposed })
}

/// Tensors of RoBERTa checkpoints that a sentence classifier does not use.
pub(super) fn is_unused(name: &str) -> bool {
    let beside = ["pooler.", "lm_head.", "classifier."];
    name.ends_with("position_ids") || beside.iter().any(|part| name.starts_with(part))
}

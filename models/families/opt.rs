use serde::{Deserialize, Serialize};

use super::{
    Stored, of_block, plain,
    settings::{Activation, only},
    torch_tensor,
};
use crate::{
    ModelError,
    architecture::{Architecture, Norm, Placement, Positions},
    transformer::{Numerics, TransformerConfig},
};

/// OPT (Zhang et al. 2022), with the field names of Hugging Face's `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptConfig {
    /// Token types of the vocabulary, V.
    pub vocab_size: usize,
    /// Width of the residual stream, d.
    pub hidden_size: usize,
    /// Number of layers, L.
    pub num_hidden_layers: usize,
    /// Attention heads, h; divides d.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer, f.
    pub ffn_dim: usize,
    /// The longest input; the table of positions has two rows more, which no token has.
    pub max_position_embeddings: usize,
    /// Width of the token embeddings: must be `hidden_size`.
    #[serde(default)]
    pub word_embed_proj_dim: Option<usize>,
    /// Of the feed-forward layer.
    #[serde(default = "relu")]
    pub activation_function: Activation,
    /// Whether norms stand before attention and feed-forward layer (all sizes but 350M).
    #[serde(default = "yes")]
    pub do_layer_norm_before: bool,
    /// Must be absent or false.
    #[serde(default, rename = "_remove_final_layer_norm")]
    pub remove_final_layer_norm: bool,
    /// Must be true.
    #[serde(default = "yes")]
    pub enable_bias: bool,
    /// Must be true.
    #[serde(default = "yes")]
    pub layer_norm_elementwise_affine: bool,
    /// Whether the output embedding is the input's.
    #[serde(default = "yes")]
    pub tie_word_embeddings: bool,
}

fn relu() -> Activation {
    Activation::Relu
}

fn yes() -> bool {
    true
}

/// Rows of the table of positions that no token has (`OPTLearnedPositionalEmbedding`).
const UNUSED_POSITIONS: usize = 2;
/// Of PyTorch's layer norm, which OPT leaves as it is.
const EPSILON: f64 = 1e-5;

impl OptConfig {
    pub(super) fn validate(&self) -> Result<(), ModelError> {
        Architecture::from(self).validate()?;
        let width = self.word_embed_proj_dim.unwrap_or(self.hidden_size);
        only("word_embed_proj_dim", &width, &self.hidden_size)?;
        only("do_layer_norm_before", &self.do_layer_norm_before, &true)?;
        only("_remove_final_layer_norm", &self.remove_final_layer_norm, &false)?;
        only("enable_bias", &self.enable_bias, &true)?;
        only("layer_norm_elementwise_affine", &self.layer_norm_elementwise_affine, &true)
    }
}

impl From<&OptConfig> for Architecture {
    fn from(opt: &OptConfig) -> Self {
        let rows = opt.max_position_embeddings.saturating_add(UNUSED_POSITIONS);
        Self {
            vocab_size: opt.vocab_size,
            hidden_size: opt.hidden_size,
            num_hidden_layers: opt.num_hidden_layers,
            num_attention_heads: opt.num_attention_heads,
            num_key_value_heads: None,
            head_dim: None,
            intermediate_size: opt.ffn_dim,
            positions: Positions::Learned { rows, unused: UNUSED_POSITIONS },
            type_vocab_size: 0,
            feed_forward: opt.activation_function.feed_forward(),
            norm: Norm::Layer,
            placement: Placement::Pre,
            biases: true,
        }
    }
}

impl From<&OptConfig> for TransformerConfig {
    fn from(opt: &OptConfig) -> Self {
        let numerics = Numerics { norm_epsilon: EPSILON, causal: true, ..Numerics::default() };
        Self { architecture: opt.into(), numerics }
    }
}

/// Where OPT keeps the parameter at `path`.
pub(super) fn stored(path: &str) -> Option<Stored> {
    match path {
        "embeddings.word" => return plain("decoder.embed_tokens.weight"),
        "embeddings.position" => return plain("decoder.embed_positions.weight"),
        "final_norm.gamma" => return plain("decoder.final_layer_norm.weight"),
        "final_norm.beta" => return plain("decoder.final_layer_norm.bias"),
        _ => {}
    }
    let (index, part, tensor) = of_block(path)?;
    let part = match part {
        "query" => "self_attn.q_proj",
        "key" => "self_attn.k_proj",
        "value" => "self_attn.v_proj",
        "output" => "self_attn.out_proj",
        "attention_norm" => "self_attn_layer_norm",
        "up" => "fc1",
        "down" => "fc2",
        "output_norm" => "final_layer_norm",
        _ => return None,
    };
    let (tensor, transposed) = torch_tensor(tensor)?;
    Some(Stored { name: format!("decoder.layers.{index}.{part}.{tensor}"), transposed })
}

/// Tensors of OPT checkpoints that a sentence classifier does not use.
pub(super) fn is_unused(name: &str) -> bool {
    name == "lm_head.weight"
}

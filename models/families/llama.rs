use serde::{Deserialize, Serialize};

use super::{
    Stored, of_block, plain,
    settings::{epsilon, only},
    torch_tensor,
};
use crate::{
    ModelError,
    architecture::{Architecture, FeedForward, Norm, Placement, Positions},
    transformer::{Numerics, Rotary, Stretch, TransformerConfig},
};

/// LLaMA (Touvron et al. 2023; Meta 2024), with the field names of Hugging Face's `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlamaConfig {
    /// Token types of the vocabulary, V.
    pub vocab_size: usize,
    /// Width of the residual stream, d.
    pub hidden_size: usize,
    /// Number of layers, L.
    pub num_hidden_layers: usize,
    /// Heads of the queries, h.
    pub num_attention_heads: usize,
    /// Heads of keys and values. The default is h.
    #[serde(default)]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head. The default is d / h.
    #[serde(default)]
    pub head_dim: Option<usize>,
    /// Width of the feed-forward layer, f.
    pub intermediate_size: usize,
    /// The longest input that it was trained on.
    pub max_position_embeddings: usize,
    /// Added to the mean square in RMS norms.
    #[serde(default = "usual_epsilon")]
    pub rms_norm_eps: f64,
    /// The base of the rotary positions' frequencies.
    #[serde(default = "usual_base")]
    pub rope_theta: f64,
    /// How longer inputs than it was first trained on are reached.
    #[serde(default)]
    pub rope_scaling: Option<RopeScaling>,
    /// Must be `silu`.
    #[serde(default = "silu")]
    pub hidden_act: String,
    /// Must be false.
    #[serde(default)]
    pub attention_bias: bool,
    /// Must be false.
    #[serde(default)]
    pub mlp_bias: bool,
    /// Whether the output embedding is the input's.
    #[serde(default)]
    pub tie_word_embeddings: bool,
}

/// `rope_scaling`: LLaMA 3's, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeScaling {
    /// `llama3` or `default`.
    #[serde(alias = "type")]
    pub rope_type: String,
    /// By how much low frequencies are slowed down.
    #[serde(default)]
    pub factor: Option<f64>,
    /// Waves longer than the original context over this are slowed down.
    #[serde(default)]
    pub low_freq_factor: Option<f64>,
    /// Waves shorter than the original context over this stay.
    #[serde(default)]
    pub high_freq_factor: Option<f64>,
    /// The context that it was first trained on.
    #[serde(default)]
    pub original_max_position_embeddings: Option<usize>,
}

fn usual_epsilon() -> f64 {
    1e-6
}

fn usual_base() -> f64 {
    10_000.0
}

fn silu() -> String {
    "silu".to_owned()
}

impl LlamaConfig {
    pub(super) fn validate(&self) -> Result<(), ModelError> {
        let architecture = Architecture::from(self);
        architecture.validate()?;
        only("hidden_act", &self.hidden_act.as_str(), &"silu")?;
        only("attention_bias", &self.attention_bias, &false)?;
        only("mlp_bias", &self.mlp_bias, &false)?;
        epsilon("rms_norm_eps", self.rms_norm_eps)?;
        let wrong = |reason: String| Err(ModelError::Architecture(reason));
        if !(self.rope_theta > 1.0 && self.rope_theta.is_finite()) {
            return wrong(format!(
                "rope_theta is {}; expected more than 1, such as 1e4",
                self.rope_theta
            ));
        }
        if !architecture.head_width().is_multiple_of(2) {
            let width = architecture.head_width();
            return wrong(format!(
                "heads are {width} wide; rotary positions turn pairs of elements"
            ));
        }
        if self.max_position_embeddings == 0 {
            return wrong("max_position_embeddings is 0; expected at least 1".to_owned());
        }
        self.stretch().map(drop)
    }

    /// How rotary frequencies are stretched.
    fn stretch(&self) -> Result<Option<Stretch>, ModelError> {
        let Some(scaling) = &self.rope_scaling else { return Ok(None) };
        if scaling.rope_type == "default" {
            return Ok(None);
        }
        only("rope_scaling.rope_type", &scaling.rope_type.as_str(), &"llama3")?;
        let RopeScaling { factor, low_freq_factor: low, high_freq_factor: high, .. } = scaling;
        match (factor, low, high, scaling.original_max_position_embeddings) {
            (&Some(factor), &Some(low), &Some(high), Some(context))
                if factor >= 1.0 && low > 0.0 && high > low && high.is_finite() && context > 0 =>
            {
                Ok(Some(Stretch { factor, low, high, context: context as f64 }))
            }
            _ => Err(ModelError::Architecture(
                "rope_scaling of type llama3 needs factor >= 1, 0 < low_freq_factor < high_freq_factor and \
                 original_max_position_embeddings > 0"
                    .to_owned(),
            )),
        }
    }
}

impl From<&LlamaConfig> for Architecture {
    fn from(llama: &LlamaConfig) -> Self {
        Self {
            vocab_size: llama.vocab_size,
            hidden_size: llama.hidden_size,
            num_hidden_layers: llama.num_hidden_layers,
            num_attention_heads: llama.num_attention_heads,
            num_key_value_heads: llama.num_key_value_heads,
            head_dim: llama.head_dim,
            intermediate_size: llama.intermediate_size,
            positions: Positions::Rotary,
            type_vocab_size: 0,
            feed_forward: FeedForward::Swiglu,
            norm: Norm::Rms,
            placement: Placement::Pre,
            biases: false,
        }
    }
}

impl From<&LlamaConfig> for TransformerConfig {
    fn from(llama: &LlamaConfig) -> Self {
        let stretch = llama.stretch().unwrap_or_default();
        let numerics = Numerics {
            norm_epsilon: llama.rms_norm_eps,
            causal: true,
            rotary: Rotary { base: llama.rope_theta, stretch },
        };
        Self { architecture: llama.into(), numerics }
    }
}

/// Where LLaMA keeps the parameter at `path`.
pub(super) fn stored(path: &str) -> Option<Stored> {
    match path {
        "embeddings.word" => return plain("embed_tokens.weight"),
        "final_norm.gamma" => return plain("norm.weight"),
        _ => {}
    }
    let (index, part, tensor) = of_block(path)?;
    let part = match part {
        "query" => "self_attn.q_proj",
        "key" => "self_attn.k_proj",
        "value" => "self_attn.v_proj",
        "output" => "self_attn.o_proj",
        "attention_norm" => "input_layernorm",
        "gate" => "mlp.gate_proj",
        "up" => "mlp.up_proj",
        "down" => "mlp.down_proj",
        "output_norm" => "post_attention_layernorm",
        _ => return None,
    };
    let (tensor, transposed) = torch_tensor(tensor)?;
    Some(Stored { name: format!("layers.{index}.{part}.{tensor}"), transposed })
}

/// Tensors of LLaMA checkpoints that a sentence classifier does not use.
pub(super) fn is_unused(name: &str) -> bool {
    name == "lm_head.weight" || name.ends_with("rotary_emb.inv_freq")
}

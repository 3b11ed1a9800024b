use serde::{Deserialize, Serialize};

use super::{
    BertConfig, LlamaConfig, OptConfig, RobertaConfig, Stored, bert, llama, opt, roberta,
    stored_output,
};
use crate::{
    ModelError,
    architecture::Architecture,
    transformer::{LanguageHeadShape, TransformerConfig},
};

/// A `config.json`, as far as it decides what the model computes. Written as its family has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelConfig {
    /// BERT, MiniLM and what else calls itself `bert`.
    Bert(BertConfig),
    /// RoBERTa.
    Roberta(RobertaConfig),
    /// OPT.
    Opt(OptConfig),
    /// LLaMA.
    Llama(LlamaConfig),
}

/// How a family's tensors are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `bert`.
    Bert,
    /// `roberta`.
    Roberta,
    /// `opt`.
    Opt,
    /// `llama`.
    Llama,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    model_type: Option<String>,
}

impl ModelConfig {
    /// Reads a `config.json`. Without a `model_type` it is taken for BERT's.
    ///
    /// # Errors
    /// What is wrong with it, without the file's name: not JSON, of an unknown family, or with a field missing.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let kind: Kind = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let read = |error: serde_json::Error| error.to_string();
        match kind.model_type.as_deref() {
            None | Some("bert") => serde_json::from_slice(json).map(Self::Bert).map_err(read),
            Some("roberta") => serde_json::from_slice(json).map(Self::Roberta).map_err(read),
            Some("opt") => serde_json::from_slice(json).map(Self::Opt).map_err(read),
            Some("llama") => serde_json::from_slice(json).map(Self::Llama).map_err(read),
            Some(other) => {
                Err(format!("model_type is `{other}`; expected bert, roberta, opt or llama"))
            }
        }
    }

    /// Checks that such a model can exist and is computed here.
    ///
    /// # Errors
    /// [`ModelError::Architecture`] says what is impossible, or not computed.
    pub fn validate(&self) -> Result<(), ModelError> {
        match self {
            Self::Bert(config) => config.validate(),
            Self::Roberta(config) => config.validate(),
            Self::Opt(config) => config.validate(),
            Self::Llama(config) => config.validate(),
        }
    }

    /// Its family.
    pub fn family(&self) -> Family {
        match self {
            Self::Bert(_) => Family::Bert,
            Self::Roberta(_) => Family::Roberta,
            Self::Opt(_) => Family::Opt,
            Self::Llama(_) => Family::Llama,
        }
    }

    /// What it is made of, and how that computes.
    pub fn transformer(&self) -> TransformerConfig {
        match self {
            Self::Bert(config) => config.into(),
            Self::Roberta(config) => config.into(),
            Self::Opt(config) => config.into(),
            Self::Llama(config) => config.into(),
        }
    }

    /// What its language-model head is made of, if the checkpoint has one.
    pub fn language_head(&self) -> LanguageHeadShape {
        match self {
            Self::Bert(config) => bert::language_head(config),
            Self::Roberta(_) => roberta::language_head(),
            Self::Opt(OptConfig { tie_word_embeddings: tied, .. })
            | Self::Llama(LlamaConfig { tie_word_embeddings: tied, .. }) => {
                LanguageHeadShape { transform: None, tied: *tied }
            }
        }
    }

    /// Whether it predicts the next word, and not a masked one.
    pub fn is_causal(&self) -> bool {
        self.transformer().numerics.causal
    }

    /// What it is made of.
    pub fn architecture(&self) -> Architecture {
        self.transformer().architecture
    }

    /// Width of the residual stream, d.
    pub fn width(&self) -> usize {
        self.architecture().hidden_size
    }

    /// Number of layers, L.
    pub fn layers(&self) -> usize {
        self.architecture().num_hidden_layers
    }

    /// Tokens of the longest input.
    pub fn longest_input(&self) -> usize {
        match self {
            Self::Llama(config) => config.max_position_embeddings,
            _ => self.architecture().longest_input().unwrap_or(0),
        }
    }
}

impl Family {
    /// Where it keeps the parameter at a path of a transformer; `None` if it has no such parameter.
    pub fn stored(self, path: &str) -> Option<Stored> {
        match self {
            Self::Bert => bert::stored(path),
            Self::Roberta => roberta::stored(path),
            Self::Opt => opt::stored(path),
            Self::Llama => llama::stored(path),
        }
    }

    /// Where it keeps the parameter at a path of its language-model head, whose tensors have no prefix; `None` if it has
    /// no such parameter. Where output embeddings are tied and not stored apart, they are those of the input.
    pub fn stored_head(self, path: &str) -> Option<Stored> {
        match self {
            Self::Bert => bert::stored_head(path),
            Self::Roberta => roberta::stored_head(path),
            Self::Opt | Self::Llama => stored_output(path),
        }
    }

    /// What some checkpoints put before every name of the body's.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::Roberta => "roberta.",
            Self::Opt | Self::Llama => "model.",
        }
    }

    /// Whether checkpoints of the family may hold this tensor beside the body.
    pub fn is_unused(self, name: &str) -> bool {
        match self {
            Self::Bert => bert::is_unused(name),
            Self::Roberta => roberta::is_unused(name),
            Self::Opt => opt::is_unused(name),
            Self::Llama => llama::is_unused(name),
        }
    }
}

use std::path::PathBuf;

use fleetune_models::{architecture::Frozen, batch::Padding, pretrained::Pretrained};
use serde::{Deserialize, Serialize};

use super::{costs::CostsOf, whole};

/// What is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The pretrained weights. The default is `embedded`.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// Tokens of the longest input, special tokens included; longer texts are cut. At least 3, at most the model's
    /// positions. The default is 32.
    #[serde(default = "max_length", deserialize_with = "whole::<_, _, 3, 1_000_000>")]
    pub max_length: usize,
    /// How the texts of a batch are brought to one length. The default is `fixed`.
    #[serde(default)]
    pub padding: Padding,
    /// How the weights of the layers' products are stored and computed with if they do not train: `plain`, as they are;
    /// `int8`, or `ternary`. What is added to them, biases, norms and embeddings stay as they are, and so does all in
    /// algorithms that train the weights: those are refused. The default is `plain`.
    #[serde(default, skip_serializing_if = "Frozen::is_plain")]
    pub frozen: Frozen,
    /// The model whose time, memory, bytes and energy are charged, while this one learns. The default is this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs_of: Option<CostsOf>,
    /// Classes that the head tells apart, 2 to 10000, in a scenario without training that has no `task` to say it. The
    /// default is then 2.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "classes")]
    pub classes: Option<usize>,
}

fn classes<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<usize>, D::Error> {
    whole::<_, _, 2, 10_000>(source).map(Some)
}

const fn max_length() -> usize {
    32
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            checkpoint: CheckpointConfig::default(),
            max_length: max_length(),
            padding: Padding::default(),
            frozen: Frozen::default(),
            costs_of: None,
            classes: None,
        }
    }
}

/// Where pretrained weights come from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointConfig {
    /// The small encoder that is part of the program.
    #[default]
    Embedded,
    /// A folder as Hugging Face lays it out, with `config.json`, `tokenizer.json` and `model.safetensors`; a relative
    /// path is taken from the scenario's own folder.
    Directory(PathBuf),
    /// A model that `fleetune fetch` has installed.
    Installed(Pretrained),
    /// A checkpoint by its name on the Hugging Face hub, `org/name`, in the cache that its tools keep (`HF_HUB_CACHE`,
    /// `HF_HOME`, or the default); it is never downloaded.
    Hub(String),
}

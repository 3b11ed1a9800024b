use std::path::PathBuf;

use fleetune_models::architecture::{
    Architecture, Dtype, Larger, llama_3_2_3b, opt_1_3b, roberta_large,
};
use serde::{Deserialize, Serialize};

use super::Label;

/// A model whose costs are charged while the scenario's own learns: one of the published ones by name, by
/// its `config.json`, or by a shape.
///
/// ```yaml
/// costs_of: roberta-large
/// costs_of: { llama-3.2-3b: { dtype: f16 } }
/// costs_of: { config: { file: models/opt-1.3b.json, dtype: f16 } }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum CostsOf {
    /// RoBERTa-large, 355 million parameters.
    #[serde(rename = "roberta-large")]
    RobertaLarge {
        /// In what numbers devices store it and compute. The default is f32.
        #[serde(default)]
        dtype: Dtype,
    },
    /// OPT-1.3B.
    #[serde(rename = "opt-1.3b")]
    Opt {
        /// In what numbers devices store it and compute. The default is f32.
        #[serde(default)]
        dtype: Dtype,
    },
    /// LLaMA-3.2-3B.
    #[serde(rename = "llama-3.2-3b")]
    Llama {
        /// In what numbers devices store it and compute. The default is f32.
        #[serde(default)]
        dtype: Dtype,
    },
    /// One by its `config.json`; the weights are not needed. Resolved, it is a `custom` one, called as the file.
    #[serde(rename = "config")]
    Config {
        /// As its authors publish it, of a family that this program knows: bert, roberta, opt or llama. A relative path
        /// is taken from the scenario's own folder.
        file: PathBuf,
        /// In what numbers devices store it and compute. The default is f32.
        #[serde(default)]
        dtype: Dtype,
    },
    /// Any other.
    #[serde(rename = "custom")]
    Custom {
        /// What reports call it.
        name: Label,
        /// In what numbers devices store it and compute. The default is f32.
        #[serde(default)]
        dtype: Dtype,
        /// Its shape.
        architecture: Architecture,
    },
}

impl CostsOf {
    /// The model.
    pub fn larger(&self) -> Larger {
        let (name, architecture, dtype) = match self {
            Self::RobertaLarge { dtype } => ("RoBERTa-large", roberta_large(), dtype),
            Self::Opt { dtype } => ("OPT-1.3B", opt_1_3b(), dtype),
            Self::Llama { dtype } => ("LLaMA-3.2-3B", llama_3_2_3b(), dtype),
            Self::Custom { name, dtype, architecture } => {
                (name.as_str(), architecture.clone(), dtype)
            }
            Self::Config { .. } => unreachable!("checking a scenario reads the file"),
        };
        Larger { name: name.to_owned(), architecture, dtype: *dtype }
    }

    /// What reports call it, with the numbers that it is computed in.
    pub fn title(&self) -> String {
        let Larger { name, dtype, .. } = self.larger();
        format!("{name} in {}", dtype.name())
    }

    /// As the key under `costs_of`.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::RobertaLarge { .. } => "roberta-large",
            Self::Opt { .. } => "opt-1.3b",
            Self::Llama { .. } => "llama-3.2-3b",
            Self::Config { .. } => "config",
            Self::Custom { .. } => "custom",
        }
    }
}

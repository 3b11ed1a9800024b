//! Pretrained weights: Hugging Face directories of the BERT family, and the embedded default model.
//!
//! A checkpoint is a folder with `config.json`, `tokenizer.json` and `model.safetensors` (f32, f16 or bf16; never a
//! pickle). Every tensor of the architecture must be there with its shape; tensors beyond it must be known to be
//! unused ([`names::is_unused`]), so that a wrong mapping is never silent.

mod load;
pub mod names;
mod save;

use std::{path::Path, sync::OnceLock};

use burn::tensor::Device;

pub use self::save::save_f16;
use crate::{
    ModelError,
    encoder::{Encoder, EncoderConfig},
    tokenizer::Tokenizer,
};

/// A checkpoint's files in memory.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it came from, for messages.
    name: String,
    /// The architecture.
    pub config: EncoderConfig,
    tokenizer: Vec<u8>,
    weights: Vec<u8>,
}

const EMBEDDED_CONFIG: &[u8] = include_bytes!("../assets/encoder/config.json");
const EMBEDDED_TOKENIZER: &[u8] = include_bytes!("../assets/encoder/tokenizer.json");
const EMBEDDED_WEIGHTS: &[u8] = include_bytes!("../assets/encoder/model.safetensors");

impl Checkpoint {
    /// The default model, built into the program: see `models/assets/README.md`.
    ///
    /// # Panics
    /// Never in a build whose tests passed: the assets are part of the program.
    pub fn embedded() -> Self {
        static EMBEDDED: OnceLock<Checkpoint> = OnceLock::new();
        EMBEDDED
            .get_or_init(|| {
                Self::from_parts(
                    "embedded model",
                    EMBEDDED_CONFIG,
                    EMBEDDED_TOKENIZER,
                    EMBEDDED_WEIGHTS,
                )
                .expect("the embedded model is complete")
            })
            .clone()
    }

    /// Reads a Hugging Face directory.
    ///
    /// # Errors
    /// If a file is missing or malformed, or the architecture is impossible.
    pub fn from_dir(dir: &Path) -> Result<Self, ModelError> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read(&path).map_err(|source| ModelError::Io { path, source })
        };
        let (config, tokenizer) = (read("config.json")?, read("tokenizer.json")?);
        let weights = read("model.safetensors")?;
        Self::from_parts(&dir.display().to_string(), &config, &tokenizer, &weights)
    }

    fn from_parts(
        name: &str,
        config: &[u8],
        tokenizer: &[u8],
        weights: &[u8],
    ) -> Result<Self, ModelError> {
        let config: EncoderConfig = serde_json::from_slice(config).map_err(|e| {
            ModelError::Malformed { file: format!("{name}/config.json"), reason: e.to_string() }
        })?;
        config.validate()?;
        Ok(Self {
            name: name.to_owned(),
            config,
            tokenizer: tokenizer.to_vec(),
            weights: weights.to_vec(),
        })
    }

    /// The tokenizer, truncating at `max_length` tokens.
    ///
    /// # Errors
    /// If `tokenizer.json` is not one, has an id for which the model has no embedding, or `max_length` does not fit.
    pub fn tokenizer(&self, max_length: usize) -> Result<Tokenizer, ModelError> {
        let positions = self.config.max_position_embeddings;
        if max_length > positions {
            return Err(ModelError::Tokenizer(format!(
                "max_length is {max_length}, but {} has {positions} positions",
                self.name
            )));
        }
        let tokenizer = Tokenizer::from_bytes(&self.tokenizer, max_length)?;
        let (largest, embeddings) = (tokenizer.largest_id(), self.config.vocab_size);
        if largest as usize >= embeddings {
            return Err(ModelError::Tokenizer(format!(
                "{}: the tokenizer's largest id is {largest}, but the model has only {embeddings} embeddings",
                self.name
            )));
        }
        Ok(tokenizer)
    }

    /// The encoder with its weights, on `device`.
    ///
    /// # Errors
    /// If the weights do not fit the architecture, naming file and tensor.
    pub fn encoder(&self, device: &Device) -> Result<Encoder, ModelError> {
        let file = format!("{}/model.safetensors", self.name);
        load::load(&self.config, device, &self.weights, &file)
    }

    /// All the bytes that decide what the model computes, for a run's manifest.
    pub fn bytes(&self) -> [&[u8]; 2] {
        [&self.tokenizer, &self.weights]
    }
}

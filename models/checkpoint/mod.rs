//! Pretrained weights: Hugging Face directories of the [families](crate::families), and the embedded default model.
//!
//! A checkpoint is a folder with `config.json`, `tokenizer.json` and `model.safetensors`, or the shards that
//! `model.safetensors.index.json` names (f32, f16 or bf16; never a pickle). Every tensor of the architecture must be there
//! with its shape; tensors beyond it must be known to be unused ([`Family::is_unused`]), so that a wrong mapping is never
//! silent.
//!
//! [`Family::is_unused`]: crate::families::Family::is_unused

mod hub;
mod load;
mod save;
mod shapes;
mod shards;
mod tensors;

use std::{path::Path, sync::OnceLock};

use burn::tensor::Device;

pub use self::{hub::cached, save::save_f16};
use self::{
    load::Loader,
    tensors::{Shard, Tensors},
};
use crate::{
    ModelError,
    families::ModelConfig,
    tokenizer::Tokenizer,
    transformer::{LanguageHead, Transformer},
};

/// A checkpoint's files in memory.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it came from, for messages.
    name: String,
    /// What the model computes.
    pub config: ModelConfig,
    tokenizer: Vec<u8>,
    weights: Vec<Shard>,
}

/// What messages call the default model.
const NAME: &str = "embedded model";
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
                let file = format!("{NAME}/{}", shards::ONE);
                let weights = vec![Shard { file, bytes: EMBEDDED_WEIGHTS.to_vec() }];
                Self::from_parts(NAME, EMBEDDED_CONFIG, EMBEDDED_TOKENIZER, weights)
                    .expect("the embedded model is complete")
            })
            .clone()
    }

    /// Reads a Hugging Face directory.
    ///
    /// # Errors
    /// If a file is missing or malformed, or the architecture is impossible or not computed here.
    pub fn from_dir(dir: &Path) -> Result<Self, ModelError> {
        let (config, tokenizer) =
            (read(&dir.join("config.json"))?, read(&dir.join("tokenizer.json"))?);
        let weights = shards::read_all(dir)?;
        Self::from_parts(&dir.display().to_string(), &config, &tokenizer, weights)
    }

    fn from_parts(
        name: &str,
        config: &[u8],
        tokenizer: &[u8],
        weights: Vec<Shard>,
    ) -> Result<Self, ModelError> {
        let file = format!("{name}/config.json");
        let config = ModelConfig::from_json(config)
            .map_err(|reason| ModelError::Malformed { file: file.clone(), reason })?;
        config.validate().map_err(|error| error.in_file(&file))?;
        Ok(Self { name: name.to_owned(), config, tokenizer: tokenizer.to_vec(), weights })
    }

    /// The tokenizer, truncating at `max_length` tokens.
    ///
    /// # Errors
    /// If `tokenizer.json` is not one, has an id for which the model has no embedding, or `max_length` does not fit.
    pub fn tokenizer(&self, max_length: usize) -> Result<Tokenizer, ModelError> {
        let positions = self.config.longest_input();
        if max_length > positions {
            return Err(ModelError::Tokenizer(format!(
                "max_length is {max_length}, but {}/config.json has {positions} positions",
                self.name
            )));
        }
        let file = self.tokenizer_file();
        let tokenizer = Tokenizer::from_bytes(&self.tokenizer, max_length)
            .map_err(|error| error.in_file(&file))?;
        let (largest, embeddings) = (tokenizer.largest_id(), self.config.architecture().vocab_size);
        if largest as usize >= embeddings {
            return Err(ModelError::Tokenizer(format!(
                "{file}: the largest id is {largest}, but the model has only {embeddings} embeddings"
            )));
        }
        Ok(tokenizer.of_file(file))
    }

    /// The encoder with its weights, on `device`.
    ///
    /// # Errors
    /// If the weights do not fit the architecture, naming file and tensor.
    pub fn encoder(&self, device: &Device) -> Result<Transformer, ModelError> {
        self.loader()?.body_on(device)
    }

    /// The head that the model was pretrained with, on `device`.
    ///
    /// # Errors
    /// As those of [`Self::encoder`], and if the checkpoint is of the body alone.
    pub fn language_head(&self, device: &Device) -> Result<LanguageHead, ModelError> {
        self.loader()?.language_head_on(device)
    }

    /// Checks that all tensors of the body are there with their shapes, and those of the language-model head if it is
    /// asked for, without making anything of them.
    ///
    /// # Errors
    /// As those of [`Self::encoder`] and [`Self::language_head`], but for elements that are no numbers.
    pub fn check(&self, language_head: bool) -> Result<(), ModelError> {
        let loader = self.loader()?;
        loader.check()?;
        if language_head { loader.check_language_head() } else { Ok(()) }
    }

    fn loader(&self) -> Result<Loader<'_>, ModelError> {
        Ok(Loader::new(&self.config, Tensors::open(&self.weights)?))
    }

    /// What messages call `tokenizer.json`.
    pub(crate) fn tokenizer_file(&self) -> String {
        format!("{}/tokenizer.json", self.name)
    }

    /// The bytes of `tokenizer.json`.
    pub fn tokenizer_json(&self) -> &[u8] {
        &self.tokenizer
    }

    /// All the bytes that decide what the model computes, for a run's manifest: the tokenizer, then the weights.
    pub fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        let weights = self.weights.iter().map(|shard| shard.bytes.as_slice());
        std::iter::once(self.tokenizer.as_slice()).chain(weights)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    std::fs::read(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })
}

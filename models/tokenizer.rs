//! WordPiece from a `tokenizer.json`.

use std::path::Path;

use tokenizers::{Tokenizer as Inner, TruncationParams};

use crate::{ModelError, batch::Encoded};

/// Turns text into token ids, special tokens included, truncated to a fixed length and never padded.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: Inner,
    largest: u32,
}

impl Tokenizer {
    /// Reads a `tokenizer.json` from memory.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the text is not a tokenizer, if it adds no special tokens (an empty text would
    /// have no token to compute on), or if `max_length` leaves no room for a word between them.
    pub fn from_bytes(json: &[u8], max_length: usize) -> Result<Self, ModelError> {
        let refuse = |reason: String| Err(ModelError::Tokenizer(reason));
        let mut inner = parse(json).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        // Not what the file says of truncation and padding: the scenario does.
        inner.with_truncation(None).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        inner.with_padding(None);
        let mut tokenizer = Self { inner, largest: 0 };
        let special = tokenizer.encode("", 0)?.ids;
        if special.is_empty() {
            return refuse(
                "it adds no special tokens such as [CLS] and [SEP] to a text".to_owned(),
            );
        }
        let least = special.len() + 1;
        if max_length < least {
            return refuse(format!("max_length is {max_length}; expected at least {least} tokens"));
        }
        let vocabulary = tokenizer.inner.get_vocab(true);
        tokenizer.largest = vocabulary.into_values().chain(special).max().unwrap_or(0);
        tokenizer
            .inner
            .with_truncation(Some(TruncationParams { max_length, ..Default::default() }))
            .map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        Ok(tokenizer)
    }

    /// Reads a `tokenizer.json` file.
    ///
    /// # Errors
    /// [`ModelError::Io`] if it cannot be read, and those of [`Self::from_bytes`].
    pub fn from_file(path: &Path, max_length: usize) -> Result<Self, ModelError> {
        let json = std::fs::read(path)
            .map_err(|source| ModelError::Io { path: path.to_path_buf(), source })?;
        Self::from_bytes(&json, max_length)
    }

    /// The largest id a text can get: a model needs one embedding more than that.
    pub fn largest_id(&self) -> u32 {
        self.largest
    }

    /// The ids of one text.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer's own pipeline fails.
    pub fn encode(&self, text: &str, label: usize) -> Result<Encoded, ModelError> {
        let encoding =
            self.inner.encode_fast(text, true).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        Ok(Encoded { ids: encoding.get_ids().to_vec(), label })
    }
}

/// Reads the document without its decoder: nothing is decoded here, and the library panics on a malformed one.
fn parse(json: &[u8]) -> Result<Inner, Box<dyn std::error::Error + Send + Sync>> {
    let mut document: serde_json::Value = serde_json::from_slice(json)?;
    if let Some(document) = document.as_object_mut() {
        document.remove("decoder");
    }
    Inner::from_bytes(serde_json::to_vec(&document)?)
}

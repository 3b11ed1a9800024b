//! WordPiece from a `tokenizer.json`.

use std::path::Path;

use tokenizers::{Tokenizer as Inner, TruncationParams};

use crate::{ModelError, batch::Encoded};

/// Turns text into token ids, special tokens included, truncated to a fixed length and never padded.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: Inner,
}

impl Tokenizer {
    /// Reads a `tokenizer.json` from memory.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the text is not a tokenizer, or `max_length` leaves no room for a word between
    /// the special tokens.
    pub fn from_bytes(json: &[u8], max_length: usize) -> Result<Self, ModelError> {
        let mut inner =
            Inner::from_bytes(json).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        if max_length < 3 {
            let reason = format!("max_length is {max_length}; expected at least 3 tokens");
            return Err(ModelError::Tokenizer(reason));
        }
        inner
            .with_truncation(Some(TruncationParams { max_length, ..Default::default() }))
            .map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        inner.with_padding(None);
        Ok(Self { inner })
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

    /// Token types, added tokens included.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
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

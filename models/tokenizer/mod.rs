//! WordPiece from a `tokenizer.json`.

mod document;

use std::path::Path;

use tokenizers::{Tokenizer as Inner, TruncationParams};

use self::document::{Parsed, parse};
use crate::{ModelError, batch::Encoded};

/// Turns text into token ids, special tokens included, truncated to a fixed length and never padded.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: Inner,
    largest: u32,
    /// Its file, for messages.
    file: Option<String>,
    /// What stands for words that are not in the vocabulary.
    unknown: Option<u32>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json` from memory.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the text is not a tokenizer, if it adds no special tokens (an empty text would
    /// have no token to compute on), or if `max_length` leaves no room for a word between them.
    pub fn from_bytes(json: &[u8], max_length: usize) -> Result<Self, ModelError> {
        let refuse = |reason: String| Err(ModelError::Tokenizer(reason));
        let Parsed { mut inner, unknown } =
            parse(json).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        // Not what the file says of truncation and padding: the scenario does.
        inner.with_truncation(None).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        inner.with_padding(None);
        let mut tokenizer = Self { inner, largest: 0, file: None, unknown };
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

    /// The same tokenizer, whose messages name its file.
    pub(crate) fn of_file(self, file: String) -> Self {
        Self { file: Some(file), ..self }
    }

    fn failed(&self, error: impl std::fmt::Display) -> ModelError {
        let failed = ModelError::Tokenizer(error.to_string());
        match &self.file {
            Some(file) => failed.in_file(file),
            None => failed,
        }
    }

    /// The same tokenizer, cutting nothing.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer refuses.
    pub(crate) fn uncut(mut self) -> Result<Self, ModelError> {
        self.inner.with_truncation(None).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        Ok(self)
    }

    /// What stands for words that are not in the vocabulary, if anything does.
    pub(crate) fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// The id of a token, if there is one of this name.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The special tokens before and behind every text.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer's own pipeline fails.
    pub(crate) fn special(&self) -> Result<[Vec<u32>; 2], ModelError> {
        let around = self.inner.encode("a", true);
        let around = around.map_err(|e| self.failed(e))?;
        let (ids, added) = (around.get_ids(), around.get_special_tokens_mask());
        let first = added.iter().position(|&added| added == 0).unwrap_or(ids.len());
        let last = added.iter().rposition(|&added| added == 0).map_or(ids.len(), |at| at + 1);
        Ok([ids[..first].to_vec(), ids[last..].to_vec()])
    }

    /// The ids of a part of a text, without special tokens.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer's own pipeline fails.
    pub(crate) fn part(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let encoding = self.inner.encode_fast(text, false);
        Ok(encoding.map_err(|e| self.failed(e))?.get_ids().to_vec())
    }

    /// The ids of one text.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer's own pipeline fails.
    pub fn encode(&self, text: &str, label: usize) -> Result<Encoded, ModelError> {
        let encoding = self.inner.encode_fast(text, true).map_err(|e| self.failed(e))?;
        Ok(Encoded { ids: encoding.get_ids().to_vec(), label })
    }
}

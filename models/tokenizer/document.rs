//! Reading a `tokenizer.json`.

use serde_json::Value;
use tokenizers::Tokenizer as Inner;

/// Reads the document without its decoder: nothing is decoded here, and the library panics on a malformed one.
pub(super) fn parse(json: &[u8]) -> Result<Parsed, Box<dyn std::error::Error + Send + Sync>> {
    let mut document: Value = serde_json::from_slice(json)?;
    if let Some(document) = document.as_object_mut() {
        document.remove("decoder");
    }
    processor(&document["post_processor"])?;
    let inner = Inner::from_bytes(serde_json::to_vec(&document)?)?;
    let model = &document["model"];
    let unknown = match (model["unk_token"].as_str(), model["unk_id"].as_u64()) {
        (Some(token), _) => inner.token_to_id(token),
        (None, id) => id.and_then(|id| u32::try_from(id).ok()),
    };
    Ok(Parsed { inner, unknown })
}

/// A tokenizer, and what it says besides.
pub(super) struct Parsed {
    pub(super) inner: Inner,
    /// What stands for words that are not in the vocabulary.
    pub(super) unknown: Option<u32>,
}

/// Refuses templates of special tokens that the library takes and panics at when a text comes: those that name a token
/// which is not listed, or a second text where there is one.
fn processor(of: &Value) -> Result<(), String> {
    for part in of["processors"].as_array().into_iter().flatten() {
        processor(part)?;
    }
    for piece in of["single"].as_array().into_iter().flatten() {
        if let Some(token) = piece["SpecialToken"]["id"].as_str()
            && of["special_tokens"].get(token).is_none()
        {
            return Err(format!("post_processor: `{token}` is not among its special_tokens"));
        }
        if let Some(text) = piece["Sequence"]["id"].as_str().filter(|text| *text != "A") {
            return Err(format!("post_processor: sequence `{text}` in `single`; expected `A`"));
        }
    }
    Ok(())
}

//! How Hugging Face names the tensors of a BERT encoder.

/// The name and whether the tensor is stored transposed (`[output, input]`), for a path of [`crate::encoder::Encoder`].
///
/// Returns `None` for a path that has no counterpart.
pub fn bert(path: &str) -> Option<(String, bool)> {
    let plain = |name: &str| Some((name.to_owned(), false));
    match path {
        "embeddings.word" => return plain("embeddings.word_embeddings.weight"),
        "embeddings.position" => return plain("embeddings.position_embeddings.weight"),
        "embeddings.segment" => return plain("embeddings.token_type_embeddings.weight"),
        "embeddings.norm.gamma" => return plain("embeddings.LayerNorm.weight"),
        "embeddings.norm.beta" => return plain("embeddings.LayerNorm.bias"),
        _ => {}
    }
    let (index, rest) = path.strip_prefix("blocks.")?.split_once('.')?;
    let (part, tensor) = rest.rsplit_once('.')?;
    let part = match part {
        "query" => "attention.self.query",
        "key" => "attention.self.key",
        "value" => "attention.self.value",
        "output" => "attention.output.dense",
        "attention_norm" => "attention.output.LayerNorm",
        "up" => "intermediate.dense",
        "down" => "output.dense",
        "output_norm" => "output.LayerNorm",
        _ => return None,
    };
    let (tensor, transposed) = match tensor {
        "weight" => ("weight", true),
        "gamma" => ("weight", false),
        "bias" | "beta" => ("bias", false),
        _ => return None,
    };
    Some((format!("encoder.layer.{index}.{part}.{tensor}"), transposed))
}

/// Tensors of BERT checkpoints that a sentence classifier does not use.
pub fn is_unused(name: &str) -> bool {
    name.ends_with("position_ids") || name.starts_with("pooler.") || name.starts_with("cls.")
}

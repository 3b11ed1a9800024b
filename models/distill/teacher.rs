//! The teacher's sentence vectors.

use std::path::Path;

use burn::tensor::Device;
use sha2::{Digest, Sha256};

use super::DistillConfig;
use crate::{
    ModelError,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    ledger::Ledger,
};

/// Sentences per forward.
const BATCH: usize = 32;

/// The vectors that are kept at [`DistillConfig::vectors`], if they are of this teacher and corpus; otherwise computed,
/// and kept.
///
/// # Errors
/// Those of [`embed`], and if the vectors cannot be written.
pub fn embed_or_reuse(
    checkpoint: &Checkpoint,
    sentences: &[&str],
    config: &DistillConfig,
    device: &Device,
    progress: &mut dyn FnMut(String),
) -> Result<Vec<f32>, ModelError> {
    let Some(path) = &config.vectors else {
        return embed(checkpoint, sentences, config.max_length, device, progress);
    };
    let key = key(checkpoint, sentences, config.max_length);
    if let Some(vectors) = kept(path, &key, sentences.len() * checkpoint.config.width()) {
        progress(format!("teacher: vectors reused from {}", path.display()));
        return Ok(vectors);
    }
    let vectors = embed(checkpoint, sentences, config.max_length, device, progress)?;
    let bytes: Vec<u8> =
        key.into_iter().chain(vectors.iter().flat_map(|v| v.to_le_bytes())).collect();
    std::fs::write(path, bytes).map_err(|source| ModelError::Io { path: path.clone(), source })?;
    Ok(vectors)
}

/// What the vectors depend on.
fn key(checkpoint: &Checkpoint, sentences: &[&str], max_length: usize) -> Vec<u8> {
    let mut hash = Sha256::new();
    checkpoint.bytes().for_each(|part| hash.update(part));
    hash.update((max_length as u64).to_le_bytes());
    for sentence in sentences {
        hash.update(sentence.as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().to_vec()
}

fn kept(path: &Path, key: &[u8], values: usize) -> Option<Vec<f32>> {
    let bytes = std::fs::read(path).ok()?;
    let body = bytes.strip_prefix(key)?;
    (body.len() == 4 * values).then(|| {
        body.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    })
}

/// One vector of length one per sentence, `[sentences, d]` in row order.
///
/// # Errors
/// If the teacher cannot be loaded or a sentence not tokenised.
pub fn embed(
    checkpoint: &Checkpoint,
    sentences: &[&str],
    max_length: usize,
    device: &Device,
    progress: &mut dyn FnMut(String),
) -> Result<Vec<f32>, ModelError> {
    let tokenizer = checkpoint.tokenizer(max_length)?;
    let encoder = checkpoint.encoder(device)?;
    let encoded: Vec<Encoded> =
        sentences.iter().map(|s| tokenizer.encode(s, 0)).collect::<Result<_, _>>()?;
    let width = checkpoint.config.width();
    let mut order: Vec<usize> = (0..encoded.len()).collect();
    order.sort_by_key(|&i| encoded[i].ids.len());
    let mut vectors = vec![0.0; encoded.len() * width];
    for (done, rows) in order.chunks(BATCH).enumerate() {
        let texts: Vec<&Encoded> = rows.iter().map(|&i| &encoded[i]).collect();
        let batch = Batch::collate(&texts, max_length, Padding::Longest);
        let data = encoder.embed(&batch.to_device(device), &mut Ledger::new()).into_data();
        let values = data.as_slice::<f32>().expect("the teacher computes in f32");
        for (&row, vector) in rows.iter().zip(values.chunks_exact(width)) {
            vectors[row * width..][..width].copy_from_slice(vector);
        }
        if done % 200 == 0 {
            progress(format!("teacher: {} of {} sentences", done * BATCH, encoded.len()));
        }
    }
    Ok(vectors)
}

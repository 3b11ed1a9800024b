//! How the embedded default model is made: a small encoder distilled from a sentence encoder.
//!
//! The recipe, in order:
//! 1. the teacher embeds every sentence of the corpus ([`teacher`]);
//! 2. its vocabulary is cut to the pieces the corpus uses most ([`vocabulary`]);
//! 3. its embedding tables and its sentence vectors are projected onto their principal directions ([`projection`]);
//! 4. a student with random layers is trained to give the projected vectors ([`student`]): the cosine distance to
//!    the target, plus the squared difference of the batch's Gram matrices;
//! 5. the student is measured on sentences that it never saw ([`quality`]).
//!
//! Pretraining the same small model by masked language modelling for as long gave a much worse encoder.

pub mod projection;
pub mod quality;
pub mod student;
pub mod teacher;
pub mod vocabulary;

use std::path::PathBuf;

use burn::tensor::Device;

use crate::{
    ModelError,
    checkpoint::Checkpoint,
    families::{Activation, BertConfig},
};

/// What to distil, from what, and for how long.
#[derive(Clone, Debug)]
pub struct DistillConfig {
    /// The teacher: a Hugging Face directory.
    pub teacher: PathBuf,
    /// The corpus: one sentence a line.
    pub corpus: PathBuf,
    /// Where the student is written.
    pub out: PathBuf,
    /// Where the teacher's vectors are kept, so that another student of the same teacher and corpus starts at once.
    pub vectors: Option<PathBuf>,
    /// Entries of the student's vocabulary.
    pub vocabulary: usize,
    /// The student's width; also that of the targets.
    pub width: usize,
    /// The student's layers.
    pub layers: usize,
    /// The student's attention heads.
    pub heads: usize,
    /// The student's feed-forward width.
    pub feed_forward: usize,
    /// Positions the student can embed.
    pub positions: usize,
    /// Tokens to which a sentence is truncated.
    pub max_length: usize,
    /// Training steps.
    pub steps: usize,
    /// Sentences per step.
    pub batch_size: usize,
    /// Peak learning rate of AdamW.
    pub learning_rate: f64,
    /// Weight of the Gram term.
    pub gram_weight: f64,
    /// Seed of the student's layers and of the order of batches.
    pub seed: u64,
}

/// Sentences kept out of the training for [`quality`].
pub const HELD_OUT: usize = 2_000;

/// Runs the whole recipe and writes `config.json`, `tokenizer.json` and `model.safetensors`.
///
/// `progress` gets a line of text now and then.
///
/// # Errors
/// If a file cannot be read or written, or the teacher is no usable checkpoint.
pub fn distill(
    config: &DistillConfig,
    device: &Device,
    progress: &mut dyn FnMut(String),
) -> Result<quality::Quality, ModelError> {
    let checkpoint = Checkpoint::from_dir(&config.teacher)?;
    let corpus = read(&config.corpus)?;
    let sentences: Vec<&str> = corpus.lines().filter(|l| !l.trim().is_empty()).collect();
    progress(format!("corpus: {} sentences", sentences.len()));
    let targets = teacher::embed_or_reuse(&checkpoint, &sentences, config, device, progress)?;
    let basis = projection::Basis::of(&targets, checkpoint.config.width(), config.width);
    progress(format!("targets keep {:.2}% of the teacher's energy", 100.0 * basis.kept));
    let pieces = vocabulary::Pieces::most_used(&checkpoint, &sentences, config.vocabulary)?;
    progress(format!(
        "vocabulary: {} pieces cover {:.2}% of the corpus",
        pieces.len(),
        100.0 * pieces.coverage
    ));
    let encoder_config = BertConfig {
        vocab_size: pieces.len(),
        hidden_size: config.width,
        num_hidden_layers: config.layers,
        num_attention_heads: config.heads,
        intermediate_size: config.feed_forward,
        max_position_embeddings: config.positions,
        type_vocab_size: 1,
        layer_norm_eps: 1e-12,
        hidden_act: Activation::Gelu,
        position_embedding_type: None,
    };
    encoder_config.validate()?;
    let start = student::initial(&checkpoint, &pieces, &encoder_config, config.seed, device)?;
    let data = student::Data {
        sentences: pieces.tokenise(&sentences, config.max_length)?,
        targets: basis.project(&targets),
        width: config.width,
    };
    let trained = student::train(start, &data, config, device, progress);
    let quality = quality::measure(&trained, &data, config.max_length, device);
    write(config, "config.json", &to_json(&encoder_config)?)?;
    write(config, "tokenizer.json", pieces.json.as_bytes())?;
    write(config, "model.safetensors", &crate::checkpoint::save_f16(&trained)?)?;
    Ok(quality)
}

fn read(path: &std::path::Path) -> Result<String, ModelError> {
    std::fs::read_to_string(path)
        .map_err(|source| ModelError::Io { path: path.to_path_buf(), source })
}

fn to_json(config: &BertConfig) -> Result<Vec<u8>, ModelError> {
    let mut json = serde_json::to_vec_pretty(config).map_err(|e| ModelError::Malformed {
        file: "config.json".to_owned(),
        reason: e.to_string(),
    })?;
    json.push(b'\n');
    Ok(json)
}

fn write(config: &DistillConfig, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
    let path = config.out.join(name);
    std::fs::create_dir_all(&config.out)
        .and_then(|()| std::fs::write(&path, bytes))
        .map_err(|source| ModelError::Io { path, source })
}

use std::path::PathBuf;

use clap::Args;
use fleetune_models::{
    ModelError,
    backend::Backend,
    distill::{DistillConfig, distill},
};

use super::{Failure, say};

/// Arguments of `distill`. The defaults are the recipe of the embedded model.
#[derive(Debug, Args)]
pub(super) struct Distill {
    /// The teacher: a folder with config.json, tokenizer.json and model.safetensors.
    #[arg(long, value_name = "DIR")]
    teacher: PathBuf,
    /// The corpus: one sentence a line.
    #[arg(long, value_name = "FILE")]
    corpus: PathBuf,
    /// Where the student is written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Keep the teacher's vectors here, and use them if they are there already.
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// Entries of the student's vocabulary.
    #[arg(long, default_value_t = 8_000)]
    vocabulary: usize,
    /// The student's width.
    #[arg(long, default_value_t = 128)]
    width: usize,
    /// The student's layers.
    #[arg(long, default_value_t = 4)]
    layers: usize,
    /// The student's attention heads.
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// The student's feed-forward width.
    #[arg(long, default_value_t = 512)]
    feed_forward: usize,
    /// Positions the student can embed.
    #[arg(long, default_value_t = 128)]
    positions: usize,
    /// Tokens to which sentences are cut.
    #[arg(long, default_value_t = 48)]
    max_length: usize,
    /// Training steps.
    #[arg(long, default_value_t = 12_000)]
    steps: usize,
    /// Sentences per step.
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Peak learning rate.
    #[arg(long, default_value_t = 1.5e-3)]
    learning_rate: f64,
    /// Weight of the Gram term.
    #[arg(long, default_value_t = 5.0)]
    gram_weight: f64,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Distill {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = DistillConfig {
            teacher: self.teacher,
            corpus: self.corpus,
            out: self.out,
            vectors: self.vectors,
            vocabulary: self.vocabulary,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            feed_forward: self.feed_forward,
            positions: self.positions,
            max_length: self.max_length,
            steps: self.steps,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            gram_weight: self.gram_weight,
            seed: self.seed,
        };
        let device = Backend::default().device();
        let quality = distill(&config, &device, &mut |line| eprintln!("{line}")).map_err(
            |error| match error {
                ModelError::Io { .. } => Failure::Io(format!("error: {error}")),
                _ => Failure::Usage(format!("error: {error}")),
            },
        )?;
        say(&format!(
            "held-out sentences: cosine to the teacher {:.4}, correlation of pairwise cosines {:.4}\n",
            quality.cosine, quality.pairs
        ))
    }
}

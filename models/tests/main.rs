//! Laws that the model, its ledger and its checkpoints must obey.

mod architectures;
mod checkpoints;
mod costs;
mod evaluation;
mod golden;
mod gradients;
mod minilm;
mod parameters;
mod pretrained;
mod tiny;
mod tokenizers;
mod transformer;

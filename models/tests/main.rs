//! Laws that the model, its ledger and its checkpoints must obey.

mod architectures;
mod checkpoints;
mod costs;
mod evaluation;
mod golden;
mod gradients;
mod heads;
mod label_words;
mod parameters;
mod tiny;
mod tokenizers;
mod transformer;

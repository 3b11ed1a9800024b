//! Laws that the model, its ledger and its checkpoints must obey.

mod adapters;
mod architectures;
mod checkpoints;
mod costs;
mod evaluation;
mod golden;
mod gradients;
mod heads;
mod label_words;
mod minilm;
mod parameters;
mod pretrained;
mod quantised;
mod tiny;
mod tokenizers;
mod transformer;

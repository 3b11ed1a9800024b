//! The families of published models: what their `config.json` says, and how their tensors are called.
//!
//! | family | `model_type` | norms | positions | feed-forward | attention |
//! |---|---|---|---|---|---|
//! | BERT, MiniLM | `bert` | layer norm, after | learned | GELU | both ways |
//! | RoBERTa | `roberta` | layer norm, after | learned, two rows unused | GELU | both ways |
//! | OPT (but 350M) | `opt` | layer norm, before | learned, two rows unused | ReLU | causal |
//! | LLaMA | `llama` | RMS norm, before | rotary | SwiGLU | causal, grouped queries |
//!
//! A family is one file: the settings of its `config.json` that decide what it computes, those that this program does not
//! compute refused by name, and a table of names. What its blocks are made of is an
//! [`Architecture`](crate::architecture::Architecture), the same that costs are counted by.

mod bert;
mod config;
mod llama;
mod opt;
mod roberta;
mod settings;

pub use self::{
    bert::BertConfig,
    config::{Family, ModelConfig},
    llama::LlamaConfig,
    opt::OptConfig,
    roberta::RobertaConfig,
    settings::Activation,
};

/// Where a parameter of a transformer is in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The tensor's name, without the prefix that some checkpoints give to all.
    pub name: String,
    /// Whether it is stored as `[output, input]`.
    pub transposed: bool,
}

/// The parts of a path `blocks.I.PART.TENSOR`, as (I, PART, TENSOR).
fn of_block(path: &str) -> Option<(&str, &str, &str)> {
    let (index, rest) = path.strip_prefix("blocks.")?.split_once('.')?;
    let (part, tensor) = rest.rsplit_once('.')?;
    Some((index, part, tensor))
}

/// How PyTorch calls a parameter of a dense layer or a norm, and whether it stores it transposed.
fn torch_tensor(tensor: &str) -> Option<(&'static str, bool)> {
    match tensor {
        "weight" => Some(("weight", true)),
        "gamma" => Some(("weight", false)),
        "bias" | "beta" => Some(("bias", false)),
        _ => None,
    }
}

/// Where OPT and LLaMA keep the parameter at `path` of their language-model head: the output embeddings.
fn stored_output(path: &str) -> Option<Stored> {
    if path == "table" { plain("lm_head.weight") } else { None }
}

fn plain(name: &str) -> Option<Stored> {
    Some(Stored { name: name.to_owned(), transposed: false })
}

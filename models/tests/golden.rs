//! The families against the reference library: `golden/make.py` made the checkpoints, and what it computed of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::Tensor;
use fleetune_models::{
    ModelError,
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    families::{Family, ModelConfig},
    ledger::Ledger,
};
use safetensors::SafeTensors;
use serde::Deserialize;

use crate::tiny::numbers;

/// What the reference made of a text.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) text: String,
    pub(crate) ids: Vec<u32>,
    /// Of every token, behind the last layer and the final norm.
    pub(crate) states: Vec<Vec<f32>>,
    /// Of every token, by the language-model head.
    pub(crate) logits: Vec<Vec<f32>>,
}

pub(crate) const FAMILIES: [(&str, Family); 4] = [
    ("bert", Family::Bert),
    ("roberta", Family::Roberta),
    ("opt", Family::Opt),
    ("llama", Family::Llama),
];

pub(crate) fn folder(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(family)
}

pub(crate) fn golden(family: &str) -> Vec<Golden> {
    let json = std::fs::read(folder(family).join("golden.json")).expect("it is committed");
    serde_json::from_slice(&json).expect("the script wrote it")
}

/// Token ids are the reference's, and the states of every token and the language-model head's logits of them agree within
/// 1e-4, alone and padded in a batch.
#[test]
fn every_family_computes_what_the_reference_computes() {
    for (name, family) in FAMILIES {
        let checkpoint = Checkpoint::from_dir(&folder(name)).expect("it is complete");
        assert_eq!(checkpoint.config.family(), family);
        let tokenizer = checkpoint.tokenizer(14).expect("it fits the model");
        let texts = golden(name);
        let encoded: Vec<Encoded> = texts
            .iter()
            .map(|text| tokenizer.encode(&text.text, 0).expect("it is a text"))
            .collect();
        for (text, encoded) in texts.iter().zip(&encoded) {
            assert_eq!(encoded.ids, text.ids, "{name}, {}", text.text);
        }
        for backend in [Backend::Flex, Backend::Ndarray] {
            let device = backend.device();
            let encoder = checkpoint.encoder(&device).expect("it is complete");
            let head = checkpoint.language_head(&device).expect("it is complete");
            let alone = (0..texts.len()).map(|text| vec![text]);
            for batched in alone.chain([(0..texts.len()).collect()]) {
                let examples: Vec<&Encoded> = batched.iter().map(|&text| &encoded[text]).collect();
                let batch = Batch::collate(&examples, 14, Padding::Longest);
                let [_, seq] = batch.shape();
                let states = encoder.forward(&batch.to_device(&device), &mut Ledger::new());
                let computed = [states.clone(), head.forward(states)];
                for (row, &text) in batched.iter().enumerate() {
                    let Golden { states, logits, .. } = &texts[text];
                    let what = format!("{name}, {backend}, {}", texts[text].text);
                    for (found, expected) in computed.iter().zip([states, logits]) {
                        agree(found.clone(), row * seq, expected, &what);
                    }
                }
            }
        }
    }
}

/// The rows of `found` from the `first` on are the `expected`, within 1e-4.
fn agree(found: Tensor<2>, first: usize, expected: &[Vec<f32>], what: &str) {
    let [_, width] = found.dims();
    let found = numbers(found);
    for (found, expected) in found.chunks_exact(width).skip(first).zip(expected) {
        assert_eq!(expected.len(), width, "{what}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-4, "{what}: {found}, not {expected}");
        }
    }
}

/// The tensors of a checkpoint, in files of about equal numbers, with the index that names them.
fn sharded(family: &str, pieces: usize) -> tempfile::TempDir {
    let (from, dir) = (folder(family), tempfile::tempdir().expect("a temporary folder"));
    for file in ["config.json", "tokenizer.json"] {
        std::fs::copy(from.join(file), dir.path().join(file)).expect("it is committed");
    }
    let whole = std::fs::read(from.join("model.safetensors")).expect("it is committed");
    let whole = SafeTensors::deserialize(&whole).expect("the script wrote it");
    let mut map = BTreeMap::new();
    for piece in 0..pieces {
        let name = format!("model-{piece:05}-of-{pieces:05}.safetensors");
        let mine = whole.iter().enumerate().filter(|(i, _)| i % pieces == piece);
        let mine: Vec<_> = mine.map(|(_, tensor)| tensor).collect();
        map.extend(mine.iter().map(|(tensor, _)| ((*tensor).to_owned(), name.clone())));
        let bytes = safetensors::serialize(mine, None).expect("they were in one");
        std::fs::write(dir.path().join(name), bytes).expect("a temporary folder");
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    std::fs::write(dir.path().join(INDEX), index.to_string()).expect("a temporary folder");
    dir
}

const INDEX: &str = "model.safetensors.index.json";

/// A model in pieces is the model in one, to the bit; a piece that is missing or lies elsewhere is named.
#[test]
fn a_checkpoint_may_be_in_pieces() {
    let device = Backend::Flex.device();
    let text = Encoded { ids: vec![2, 5, 7, 4], label: 0 };
    let batch = Batch::collate(&[&text], 8, Padding::Longest).to_device(&device);
    let states = |dir: &Path| {
        let checkpoint = Checkpoint::from_dir(dir)?;
        Ok::<_, ModelError>(numbers(
            checkpoint.encoder(&device)?.forward(&batch, &mut Ledger::new()),
        ))
    };
    for (family, _) in FAMILIES {
        let whole = states(&folder(family)).expect("it is complete");
        let dir = sharded(family, 3);
        assert_eq!(states(dir.path()).expect("it is complete"), whole, "{family}");
        let second = dir.path().join("model-00001-of-00003.safetensors");
        std::fs::remove_file(second).expect("it was written");
        let error = states(dir.path()).expect_err("a piece is missing").to_string();
        assert!(error.contains("model-00001-of-00003.safetensors"), "{error}");
        for elsewhere in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", ""] {
            let index = serde_json::json!({ "weight_map": { "x": elsewhere } });
            std::fs::write(dir.path().join(INDEX), index.to_string()).expect("it was written");
            let error = states(dir.path()).expect_err("it is not beside").to_string();
            assert!(error.contains("no file beside it"), "{elsewhere}: {error}");
        }
    }
}

/// What a family's settings ask for and is not computed here is refused by name.
#[test]
fn settings_that_are_not_computed_are_refused_by_name() {
    let cases = [
        ("bert", "position_embedding_type", r#""relative_key""#),
        ("bert", "hidden_act", r#""swish""#),
        ("bert", "model_type", r#""t5""#),
        ("bert", "type_vocab_size", "0"),
        ("roberta", "position_embedding_type", r#""relative_key""#),
        ("roberta", "pad_token_id", "16"),
        ("opt", "do_layer_norm_before", "false"),
        ("opt", "word_embed_proj_dim", "12"),
        ("opt", "enable_bias", "false"),
        ("opt", "num_attention_heads", "5"),
        ("llama", "attention_bias", "true"),
        ("llama", "mlp_bias", "true"),
        ("llama", "hidden_act", r#""gelu""#),
        ("llama", "num_key_value_heads", "3"),
        ("llama", "rope_theta", "0.5"),
        ("llama", "rope_scaling", r#"{"rope_type":"yarn","factor":2.0}"#),
        ("llama", "rope_scaling", r#"{"rope_type":"llama3","factor":2.0}"#),
        ("llama", "rms_norm_eps", "0"),
        ("llama", "intermediate_size", "-1"),
    ];
    for (family, field, value) in cases {
        let json = std::fs::read(folder(family).join("config.json")).expect("it is committed");
        let mut config: serde_json::Value =
            serde_json::from_slice(&json).expect("the script wrote it");
        config[field] = serde_json::from_str(value).expect("a value");
        let read = ModelConfig::from_json(config.to_string().as_bytes());
        let refused = match read {
            Ok(config) => config.validate().expect_err("it is not computed here").to_string(),
            Err(error) => error,
        };
        let named = [field, "activation `swish`", "positions is 0", "expected usize", "heads"];
        assert!(named.iter().any(|name| refused.contains(name)), "{family}, {field}: {refused}");
    }
}

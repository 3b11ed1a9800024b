//! The families against the reference library: `golden/make.py` made the checkpoints, and what it computed of them.

use std::path::{Path, PathBuf};

use fleetune_models::{
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    families::Family,
    ledger::Ledger,
};
use serde::Deserialize;

use crate::tiny::numbers;

/// What the reference made of a text.
#[derive(Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    /// Of every token, behind the last layer and the final norm.
    states: Vec<Vec<f32>>,
}

const FAMILIES: [(&str, Family); 4] = [
    ("bert", Family::Bert),
    ("roberta", Family::Roberta),
    ("opt", Family::Opt),
    ("llama", Family::Llama),
];

fn folder(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(family)
}

fn golden(family: &str) -> Vec<Golden> {
    let json = std::fs::read(folder(family).join("golden.json")).expect("it is committed");
    serde_json::from_slice(&json).expect("the script wrote it")
}

/// Token ids are the reference's, and the states of every token agree within 1e-4, alone and padded in a batch.
#[test]
fn every_family_computes_what_the_reference_computes() {
    for (name, family) in FAMILIES {
        let checkpoint = Checkpoint::from_dir(&folder(name)).expect("it is complete");
        assert_eq!(checkpoint.config.family(), family);
        let tokenizer = checkpoint.tokenizer(14).expect("it fits the model");
        for backend in [Backend::Flex, Backend::Ndarray] {
            let device = backend.device();
            let encoder = checkpoint.encoder(&device).expect("it is complete");
            let texts = golden(name);
            let encoded: Vec<Encoded> = texts
                .iter()
                .map(|text| tokenizer.encode(&text.text, 0).expect("it is a text"))
                .collect();
            let together: Vec<&Encoded> = encoded.iter().collect();
            let alone = together.iter().map(|text| vec![*text]);
            for texts_at_once in alone.chain([together.clone()]) {
                let batch = Batch::collate(&texts_at_once, 14, Padding::Longest);
                let [_, seq] = batch.shape();
                let states = encoder.forward(&batch.to_device(&device), &mut Ledger::new());
                let width = states.dims()[1];
                let states = numbers(states);
                for (row, text) in texts_at_once.iter().enumerate() {
                    let expected = texts.iter().find(|golden| golden.ids == text.ids);
                    let expected = expected.expect("the ids are the reference's");
                    for (token, expected) in expected.states.iter().enumerate() {
                        let found = &states[(row * seq + token) * width..][..width];
                        for (found, expected) in found.iter().zip(expected) {
                            let off = (found - expected).abs();
                            assert!(off <= 1e-4, "{name}, {:?}: {found}, not {expected}", backend);
                        }
                    }
                }
            }
        }
    }
}

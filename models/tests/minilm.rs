//! The installed all-MiniLM-L6-v2 against the reference implementation: `golden/minilm/make.py` made what is expected.
//!
//! The model is not in the repository. To hold it to the reference, install it and run what is otherwise left out:
//!
//!     fleetune fetch minilm
//!     cargo test --release -p fleetune-models --test main minilm -- --ignored

use fleetune_models::{
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    ledger::Ledger,
    pretrained::{Pretrained, Store, find},
};
use serde::Deserialize;

use crate::tiny::numbers;

/// What the model's own configuration cuts texts at, and the script with it.
const LONGEST: usize = 256;

/// What the reference made of a text.
#[derive(Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    embedding: Vec<f32>,
}

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("golden/minilm/golden.json")).expect("the script wrote it")
}

/// The model that is installed; without one, the test fails.
fn installed() -> Checkpoint {
    let [download, fetch] = Pretrained::Minilm.commands();
    let store = Store::of_user().expect("a place for models");
    let found = find(&Pretrained::Minilm.package(), &store).expect("what is there is the model");
    let folder = found.unwrap_or_else(|| panic!("run `{download}`, `{fetch}`, and this again"));
    Checkpoint::from_dir(&folder).expect("it is complete")
}

/// Token ids are the reference's, and the embeddings agree within 1e-4 in every component, alone and in a padded batch.
#[test]
#[ignore = "needs all-MiniLM-L6-v2: `fleetune fetch minilm`"]
fn the_installed_model_embeds_as_the_reference_does() {
    let checkpoint = installed();
    let tokenizer = checkpoint.tokenizer(LONGEST).expect("it has as many positions");
    let golden = golden();
    let encoded: Vec<Encoded> =
        golden.iter().map(|g| tokenizer.encode(&g.text, 0).expect("it is a text")).collect();
    for (golden, encoded) in golden.iter().zip(&encoded) {
        assert_eq!(encoded.ids, golden.ids, "{:?}", golden.text);
    }
    for backend in [Backend::Flex, Backend::Ndarray] {
        let device = backend.device();
        let encoder = checkpoint.encoder(&device).expect("it is complete");
        let embedded = |texts: &[&Encoded]| {
            let batch = Batch::collate(texts, LONGEST, Padding::Longest);
            numbers(encoder.embed(&batch.to_device(&device), &mut Ledger::new()))
        };
        let alone: Vec<f32> = encoded.iter().flat_map(|text| embedded(&[text])).collect();
        let together = embedded(&encoded.iter().collect::<Vec<_>>());
        for (how, vectors) in [("alone", alone), ("together", together)] {
            let worst = agreement(&golden, &vectors);
            println!("{backend:?}, {how}: {worst:.1e}");
        }
    }
}

/// The largest difference of a component, which is at most 1e-4.
fn agreement(golden: &[Golden], vectors: &[f32]) -> f32 {
    let components: usize = golden.iter().map(|golden| golden.embedding.len()).sum();
    assert_eq!(vectors.len(), components);
    let expected = golden.iter().flat_map(|golden| &golden.embedding);
    expected.zip(vectors).fold(0.0, |worst: f32, (expected, found)| {
        let off = (expected - found).abs();
        assert!(off <= 1e-4, "{found}, not {expected}");
        worst.max(off)
    })
}

/// The committed file itself: as many texts as promised, of every length up to the longest, embedded at length one.
#[test]
fn the_reference_is_complete() {
    let golden = golden();
    assert!(golden.len() >= 20);
    let lengths: Vec<usize> = golden.iter().map(|golden| golden.ids.len()).collect();
    assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&2), Some(&LONGEST)));
    for Golden { text, embedding, .. } in &golden {
        assert_eq!(embedding.len(), 384, "{text:?}");
        let length: f64 = embedding.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        assert!((length - 1.0).abs() < 1e-5, "{text:?}: {length}");
    }
}

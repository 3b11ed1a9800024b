//! Damaged checkpoints: no mutation of the files of the four families makes a panic, or takes more memory than is stated
//! here; every refusal names the file.
//!
//! A short run is a normal test; the long one, with its own seeds, is
//! `cargo test --release -p fleetune-models --test fuzz -- --ignored`.

mod mutate;

use std::{
    alloc::System,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use cap::Cap;
use fleetune_models::{
    alignment::{AlignmentError, Cut, LabelWords, LabelWordsConfig},
    backend::Backend,
    checkpoint::Checkpoint,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use safetensors::SafeTensors;

use self::mutate::{Files, Mutator, NAMES};

/// Counts what the process holds.
#[global_allocator]
static HELD: Cap<System> = Cap::new(System, usize::MAX);

/// What reading a damaged checkpoint may take beside what the process held before: the files here are below 30 kB, of
/// about 13,000 parameters. It leaves room for a tokenizer's tables and patterns, and for no allocation by what a header
/// claims.
const BOUND: usize = 4 << 20;

const FAMILIES: [&str; 4] = ["bert", "roberta", "opt", "llama"];

/// A golden checkpoint, its weights in one file or in two with an index.
fn whole(family: &str, pieces: bool) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(family);
    let read = |name: &str| std::fs::read(folder.join(name)).expect("it is committed");
    let (config, tokenizer, weights) =
        (read("config.json"), read("tokenizer.json"), read("model.safetensors"));
    let mut files = [Some(config), Some(tokenizer), None, None, None, None];
    if !pieces {
        files[2] = Some(weights);
        return files;
    }
    let tensors = SafeTensors::deserialize(&weights).expect("the script wrote it");
    let mut map = serde_json::Map::new();
    for piece in 0..2 {
        let mine = tensors.iter().enumerate().filter(|(i, _)| i % 2 == piece);
        let mine: Vec<_> = mine.map(|(_, tensor)| tensor).collect();
        for (name, _) in &mine {
            map.insert((*name).to_owned(), NAMES[4 + piece].into());
        }
        files[4 + piece] = Some(safetensors::serialize(mine, None).expect("they were in one"));
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    files[3] = Some(index.to_string().into_bytes());
    files
}

/// All that is made of a checkpoint.
fn open(dir: &Path) -> Result<(), AlignmentError> {
    let checkpoint = Checkpoint::from_dir(dir)?;
    let device = Backend::Flex.device();
    let words = [("x", "fish"), ("y", "sea")].map(|(class, word)| (class.into(), word.into()));
    let template = "{text} and a {mask}".to_owned();
    let config = LabelWordsConfig { template, words: words.into_iter().collect(), cut: Cut::End };
    let words = LabelWords::new(&config, &["x", "y"], &checkpoint, 12)?;
    let ids = words.encode("the old dog swam home", 0)?.ids;
    assert!(ids.len() <= 12);
    let embeddings = checkpoint.config.architecture().vocab_size;
    assert!(ids.iter().all(|&id| (id as usize) < embeddings), "{ids:?}");
    checkpoint.encoder(&device)?;
    words.head(checkpoint.language_head(&device)?);
    Ok(())
}

#[derive(Debug, Default)]
struct Counts {
    read: usize,
    refused: usize,
}

fn fuzz(cases: usize, seed: u64) -> Counts {
    let mut mutator = Mutator { draw: ChaCha8Rng::seed_from_u64(seed) };
    let originals: Vec<Files> =
        [false, true].iter().flat_map(|p| FAMILIES.map(|family| whole(family, *p))).collect();
    let mut counts = Counts::default();
    let dir = tempfile::tempdir().expect("a temporary folder");
    for case in 0..cases {
        let mut files = originals[case % originals.len()].clone();
        mutator.damage(&mut files, &originals);
        let path: PathBuf = dir.path().join("checkpoint");
        std::fs::create_dir(&path).expect("it was removed");
        for (name, bytes) in NAMES.iter().zip(&files) {
            if let Some(bytes) = bytes {
                std::fs::write(path.join(name), bytes).expect("a temporary folder");
            }
        }
        let result = catch_unwind(AssertUnwindSafe(|| open(&path)));
        let result = result.unwrap_or_else(|_| panic!("case {case} of seed {seed} panicked"));
        match result {
            Ok(()) => counts.read += 1,
            Err(error) => {
                counts.refused += 1;
                let text = error.to_string();
                // A word that a tokenizer has no more is told by its class: the files are whole in themselves.
                let of_words = !matches!(error, AlignmentError::Model(_));
                let named = text.contains("checkpoint/");
                assert!(of_words || named, "case {case} of seed {seed}: {text}");
            }
        }
        std::fs::remove_dir_all(&path).expect("it was made");
    }
    counts
}

fn bounded(cases: usize, seed: u64) {
    // What is built once, in the first use of anything, is no checkpoint's.
    fuzz(8, 0);
    let before = HELD.max_allocated();
    let counts = fuzz(cases, seed);
    let more = HELD.max_allocated() - before;
    println!("{counts:?}, at most {more} B more held than after the first cases, of {before} B");
    assert!(HELD.max_allocated() < BOUND, "{} B", HELD.max_allocated());
    // Neither all refused, which would test one check, nor all read.
    assert!(counts.refused > cases / 2 && counts.read > cases / 100, "{counts:?}");
}

#[test]
fn damaged_checkpoints_are_refused_by_file_without_panic_and_within_bounds() {
    bounded(2_000, 1);
}

#[test]
#[ignore = "the long run: ten times the cases"]
fn damaged_checkpoints_in_the_long_run() {
    bounded(20_000, 2);
}

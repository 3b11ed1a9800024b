//! What reads files of others, as functions of bytes: for the fuzzer (`targets/`) and for the tests (`sim/tests/fuzzing.rs`).
//!
//! Each returns whether the bytes were accepted. None may panic, hang or take more than bounded memory, whatever it gets.
#![allow(dead_code, reason = "every fuzzer uses one of them")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use fleetune_devices::availability::trace::{TraceConfig, Traces};
use fleetune_models::{
    backend::Backend,
    checkpoint::Checkpoint,
    tasks::{FileConfig, files::load},
};
use fleetune_scenarios::{Overrides, check_text};
use tempfile::TempDir;

/// A scenario's text.
pub(crate) fn scenario(bytes: &[u8]) -> bool {
    check_text("fuzz.yaml", bytes, &folder(), &Overrides::none()).is_ok()
}

/// A trace of availability.
pub(crate) fn trace(bytes: &[u8]) -> bool {
    let path = put("trace.csv", bytes);
    let config = TraceConfig { file: path.display().to_string(), repeat: None };
    Traces::load(&config, 1000).is_ok()
}

/// A file of labelled texts: the first byte says of which format.
pub(crate) fn dataset(bytes: &[u8]) -> bool {
    let Some((&format, bytes)) = bytes.split_first() else { return false };
    let path = put(["texts.jsonl", "texts.csv", "texts.tsv"][usize::from(format) % 3], bytes);
    let config: FileConfig =
        serde_yaml::from_str(&format!("path: {:?}", path.display().to_string()))
            .expect("a path is all that it needs");
    load(&config, &folder()).is_ok()
}

/// A file of a checkpoint: the first byte says of which family, the second which file; the others are whole.
pub(crate) fn checkpoint(bytes: &[u8]) -> bool {
    let [family, file, bytes @ ..] = bytes else { return false };
    let family = FAMILIES[usize::from(*family) % FAMILIES.len()];
    let file = FILES[usize::from(*file) % FILES.len()];
    let whole = golden(family);
    let folder = folder().join(family);
    fs::create_dir_all(&folder).expect("the folder can be written");
    for (name, content) in FILES.iter().zip(whole) {
        let content = if *name == file { bytes } else { content };
        fs::write(folder.join(name), content).expect("the folder can be written");
    }
    let read = || {
        let checkpoint = Checkpoint::from_dir(&folder).ok()?;
        checkpoint.tokenizer(checkpoint.config.longest_input().min(16)).ok()?;
        checkpoint.encoder(&Backend::Flex.device()).ok()
    };
    read().is_some()
}

/// Families of which there are checkpoints in `models/tests/golden`.
pub(crate) const FAMILIES: [&str; 4] = ["bert", "roberta", "opt", "llama"];

/// The files of a checkpoint.
pub(crate) const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// The files of a family's checkpoint.
pub(crate) fn golden(family: &str) -> &'static [Vec<u8>; 3] {
    static GOLDEN: OnceLock<Vec<[Vec<u8>; 3]>> = OnceLock::new();
    let read = |family: &str| {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/golden").join(family);
        FILES.map(|file| fs::read(folder.join(file)).expect("it is in the repository"))
    };
    let all = GOLDEN.get_or_init(|| FAMILIES.map(read).into());
    let place = FAMILIES.iter().position(|name| *name == family).expect("one of the families");
    &all[place]
}

/// A file of these bytes, in memory where the system has such files.
fn put(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("the folder can be written");
    path
}

/// This thread's folder.
fn folder() -> PathBuf {
    thread_local! {
        static FOLDER: TempDir = {
            let memory = Path::new("/dev/shm");
            let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
            made.expect("the folder can be made")
        };
    }
    FOLDER.with(|folder| folder.path().to_owned())
}

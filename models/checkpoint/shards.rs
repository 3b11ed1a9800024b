//! The files of a checkpoint's weights: one, or those that an index names.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::{read, tensors::Shard};
use crate::ModelError;

/// The file of a checkpoint that is not in pieces.
pub(super) const ONE: &str = "model.safetensors";
/// What names the pieces.
const INDEX: &str = "model.safetensors.index.json";
/// A checkpoint in Python's pickles.
const PICKLE: &str = "pytorch_model.bin";
/// What names the pieces of such a one.
const PICKLE_INDEX: &str = "pytorch_model.bin.index.json";

#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

/// All files with weights in `dir`, in the order of their names.
pub(super) fn read_all(dir: &Path) -> Result<Vec<Shard>, ModelError> {
    let there = |name: &str| dir.join(name).exists();
    if !there(ONE) && !there(INDEX) && (there(PICKLE) || there(PICKLE_INDEX)) {
        return Err(ModelError::Malformed {
            file: dir.join(PICKLE).display().to_string(),
            reason: format!(
                "a pickle, which can run code and is not read; convert it once by the reference library, \
                 `model.save_pretrained(folder, safe_serialization=True)`, or fetch a revision that has {ONE}"
            ),
        });
    }
    let files =
        if there(ONE) || !there(INDEX) { BTreeSet::from([ONE.to_owned()]) } else { named(dir)? };
    files
        .into_iter()
        .map(|name| {
            let path = dir.join(name);
            Ok(Shard { bytes: read(&path)?, file: path.display().to_string() })
        })
        .collect()
}

/// The files that the index names; they must lie beside it.
fn named(dir: &Path) -> Result<BTreeSet<String>, ModelError> {
    let path = dir.join(INDEX);
    let malformed =
        |reason: String| ModelError::Malformed { file: path.display().to_string(), reason };
    let index: Index =
        serde_json::from_slice(&read(&path)?).map_err(|error| malformed(error.to_string()))?;
    let files: BTreeSet<String> = index.weight_map.into_values().collect();
    let beside = |name: &&String| Path::new(name.as_str()).file_name() == Some(name.as_ref());
    if let Some(elsewhere) = files.iter().find(|name| !beside(name)) {
        return Err(malformed(format!("it names `{elsewhere}`, which is no file beside it")));
    }
    if files.is_empty() {
        return Err(malformed("it names no file".to_owned()));
    }
    Ok(files)
}

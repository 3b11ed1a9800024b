use std::path::{Path, absolute};

use fleetune_models::{
    ModelError,
    checkpoint::{Checkpoint, cached},
};

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::CheckpointConfig,
};

/// The checkpoint is there and can be one, and has room for the longest input.
pub(super) fn checkpoint(
    draft: &mut Draft,
    folder: &Path,
    faults: &mut Vec<Fault>,
) -> Option<Checkpoint> {
    let model = draft.model.as_mut()?;
    let base = FieldPath::from("model.checkpoint");
    let (checkpoint, path) = match &mut model.checkpoint {
        CheckpointConfig::Embedded => (Ok(Checkpoint::embedded()), base),
        CheckpointConfig::Directory(directory) => {
            let path = base.key("directory");
            match resolved(directory, folder) {
                Ok(absolute) => *directory = absolute,
                Err(fault) => {
                    faults.push(Fault::value(path, fault));
                    return None;
                }
            }
            (Checkpoint::from_dir(directory), path)
        }
        CheckpointConfig::Hub(name) => {
            (cached(name).and_then(|folder| Checkpoint::from_dir(&folder)), base.key("hub"))
        }
    };
    let checkpoint = match checkpoint {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            faults.push(unusable(path, &error));
            return None;
        }
    };
    if let Err(error) = checkpoint.check(false) {
        faults.push(unusable(path, &error));
        return None;
    }
    let positions = checkpoint.config.longest_input();
    if model.max_length > positions {
        let message =
            format!("{} tokens; the model has only {positions} positions", model.max_length);
        faults.push(
            Fault::value(FieldPath::from("model.max_length"), message)
                .with_help(format!("at most {positions}")),
        );
    } else if let Err(error) = checkpoint.tokenizer(model.max_length) {
        faults.push(unusable(path, &error));
        return None;
    }
    Some(checkpoint)
}

fn unusable(path: FieldPath, error: &ModelError) -> Fault {
    Fault::value(path, error.to_string()).with_help(
        "a checkpoint is a folder with `config.json`, `tokenizer.json` and `model.safetensors`",
    )
}

/// The path of a file that a scenario names, so that it means the same wherever the scenario is copied to.
pub(super) fn resolved(path: &Path, folder: &Path) -> Result<std::path::PathBuf, String> {
    let path = absolute(folder.join(path))
        .map_err(|error| format!("{} cannot be made absolute: {error}", path.display()))?;
    match path.to_str() {
        Some(_) => Ok(path),
        None => Err(format!("{} is not UTF-8: rename the folder", path.display())),
    }
}

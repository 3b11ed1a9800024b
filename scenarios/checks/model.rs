use std::path::{Path, PathBuf, absolute};

use fleetune_models::{
    ModelError,
    checkpoint::{Checkpoint, cached},
    pretrained::{Pretrained, Store},
};

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::{CheckpointConfig, Training},
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
        CheckpointConfig::Installed(pretrained) => {
            let path = base.key("installed");
            match installed(*pretrained) {
                Ok(folder) => (Checkpoint::from_dir(&folder), path),
                Err((message, help)) => {
                    faults.push(Fault::value(path, message).with_help(help));
                    return None;
                }
            }
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
    if !reads(draft) {
        return Some(checkpoint);
    }
    let model = draft.model.as_ref()?;
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

/// Whether the model reads any text: without training and without a task it only stands for the one whose costs are
/// charged, which has positions of its own.
fn reads(draft: &Draft) -> bool {
    let untold = matches!(draft.task, Some(None));
    let stands_in = draft.model.as_ref().is_some_and(|model| model.costs_of.is_some());
    !(draft.training == Some(Training::None) && untold && stands_in)
}

/// The folder of an installed model, or what is wrong and what to do about it.
fn installed(model: Pretrained) -> Result<PathBuf, (String, String)> {
    let [download, fetch] = model.commands();
    let store = Store::of_user()
        .map_err(|error| (error.to_string(), format!("then run `{download}` and `{fetch}`")))?;
    let folder = store.folder(&model.package());
    if folder.is_dir() {
        return Ok(folder);
    }
    let message = format!("{model} is not installed: there is no folder {}", folder.display());
    Err((message, format!("to install it, run `{download}`, and then `{fetch}`")))
}

fn unusable(path: FieldPath, error: &ModelError) -> Fault {
    Fault::value(path, error.to_string()).with_help(
        "a checkpoint is a folder with `config.json`, `tokenizer.json` and `model.safetensors`",
    )
}

/// The path of a file that a scenario names, so that it means the same wherever the scenario is copied to.
pub(super) fn resolved(path: &Path, folder: &Path) -> Result<PathBuf, String> {
    let path = absolute(folder.join(path))
        .map_err(|error| format!("{} cannot be made absolute: {error}", path.display()))?;
    match path.to_str() {
        Some(_) => Ok(path),
        None => Err(format!("{} is not UTF-8: rename the folder", path.display())),
    }
}

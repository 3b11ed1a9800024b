use std::path::Path;

use fleetune_devices::MAX_DEVICES;
use fleetune_models::tasks::{
    DatasetConfig, FileConfig, PartitionConfig, PartitionError, Task, TaskError, TestSource,
};

use super::{fleet, model::resolved};
use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::Training,
};

/// The dataset can be read and learned from.
pub(super) fn task(draft: &mut Draft, folder: &Path, faults: &mut Vec<Fault>) -> Option<Task> {
    let dataset = &mut draft.task.as_mut()?.as_mut()?.dataset;
    let base = FieldPath::from("task.dataset.file");
    if let DatasetConfig::File(file) = dataset {
        let mut paths = vec![(&mut file.path, base.key("path"))];
        if let TestSource::File(test) = &mut file.test {
            paths.push((test, base.key("test").key("file")));
        }
        for (path, field) in paths {
            match resolved(path, folder) {
                Ok(absolute) => *path = absolute,
                Err(message) => {
                    faults.push(Fault::value(field, message));
                    return None;
                }
            }
        }
        if let Err(error) = file.validate() {
            faults.push(Fault::key(base, error.to_string()));
            return None;
        }
    }
    match dataset.load(folder) {
        Ok(task) => Some(task),
        Err(error) => {
            let field = match dataset {
                DatasetConfig::File(file) => blamed(&error, file, &base),
                DatasetConfig::Builtin(_) => FieldPath::from("task.dataset"),
            };
            faults.push(Fault::value(field, error.to_string()));
            None
        }
    }
}

/// The field that a dataset's error is about.
fn blamed(error: &TaskError, file: &FileConfig, base: &FieldPath) -> FieldPath {
    let in_test = |path: &Path| matches!(&file.test, TestSource::File(test) if test == path);
    match error {
        TaskError::UnknownPrompt { label, .. } => base.key("prompts").key(label),
        TaskError::Line { problem, .. } if missing(&problem.to_string(), file.text.as_str()) => {
            base.key("text")
        }
        TaskError::Line { problem, .. } if missing(&problem.to_string(), file.label.as_str()) => {
            base.key("label")
        }
        TaskError::SingleClass { .. } | TaskError::TooManyClasses { .. } => base.key("label"),
        TaskError::Io { path, .. }
        | TaskError::UnknownFormat { path }
        | TaskError::TooLarge { path, .. }
        | TaskError::Line { path, .. }
        | TaskError::NoExamples { path }
            if in_test(path) =>
        {
            base.key("test").key("file")
        }
        _ => base.key("path"),
    }
}

/// Whether a line's problem is that the column or key `name` is not there.
fn missing(problem: &str, name: &str) -> bool {
    ["column", "key"].iter().any(|kind| problem.starts_with(&format!("no {kind} `{name}`")))
}

/// There are enough training examples for the clients.
pub(super) fn clients(draft: &Draft, task: Option<&Task>, faults: &mut Vec<Fault>) {
    let (Some(Some(config)), Some(fleet), Some(task)) = (&draft.task, &draft.fleet, task) else {
        return;
    };
    let devices = fleet::devices(fleet);
    // A fleet beyond the limit has been refused as such.
    let Ok(devices @ 0..=MAX_DEVICES) = u32::try_from(devices) else { return };
    let Err(error) = config.partition.validate(task.train.len(), devices as usize) else { return };
    let path = match (&error, &config.partition) {
        (PartitionError::TooFewExamples { .. }, PartitionConfig::BySize { .. }) => {
            FieldPath::from("task.partition")
        }
        (PartitionError::TooManyExamples { .. }, _) => FieldPath::from("task.dataset"),
        _ => FieldPath::from("fleet.groups"),
    };
    let fault = Fault::key(path, error.to_string());
    faults.push(match draft.training {
        Some(Training::None) => {
            fault.with_help("leave `task` out: without training no texts are needed")
        }
        _ => fault,
    });
}

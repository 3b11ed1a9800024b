//! Reads a task from the user's own file.
//!
//! Everything that can be wrong with such a file ends in a [`TaskError`] with the path, the line, what was found and
//! what was expected; nothing is skipped silently. Memory is bounded by [`MAX_MIB`].

mod json;
mod read;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use self::read::Source;
use super::{
    config::{FileConfig, TestSource},
    error::{LineProblem, TaskError},
    split::{Split, collapse, normalise, split_of},
    task::{ClassInfo, Example, Task},
};

/// Largest file read, in MiB. The texts are held in memory twice while they are being read.
pub const MAX_MIB: u64 = 128;

/// Most classes a file may have. A column with more values holds names or numbers rather than classes.
pub const MAX_CLASSES: usize = 1000;

/// One labelled text as found in a file.
struct Record {
    line: u64,
    text: String,
    label: String,
}

/// Loads the task a file describes; relative paths are taken from `folder`.
///
/// # Errors
///
/// See [`TaskError`].
pub fn load(config: &FileConfig, folder: &Path) -> Result<Task, TaskError> {
    config.validate()?;
    let path = folder.join(&config.path);
    let records = records(&path, config)?;
    let labels = labels(&records, &path, config)?;
    let classes = classes(&labels, &path, config)?;

    let tested = match &config.test {
        TestSource::Percent(_) => Vec::new(),
        TestSource::File(file) => test_file(&folder.join(file), config, &labels)?,
    };
    let held_out: BTreeSet<String> = tested.iter().map(|e| normalise(&e.text)).collect();
    let mut examples: Vec<_> = tested.into_iter().map(|e| (Split::Test, e)).collect();
    let mut dropped = 0;
    for record in records {
        let key = normalise(&record.text);
        // A text of the test file would be trained on and tested on: the test keeps it.
        if held_out.contains(&key) {
            dropped += 1;
            continue;
        }
        let split = split_of(&key, config.validation.get(), config.test.percent());
        examples.push((split, Example { text: record.text, label: labels[&record.label] }));
    }
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    let mut task = Task::assemble(name, classes, examples);
    task.dropped = dropped;
    check_splits(&task, &path)?;
    Ok(task)
}

/// The records of one file, each with a text and a label.
fn records(path: &Path, config: &FileConfig) -> Result<Vec<Record>, TaskError> {
    let extension = path.extension().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let read: fn(&Source, &FileConfig) -> Result<Vec<Record>, TaskError> =
        match extension.as_deref() {
            Some("csv") => table::csv,
            Some("tsv") => table::tsv,
            Some("jsonl" | "ndjson") => json::lines,
            _ => return Err(TaskError::UnknownFormat { path: path.to_owned() }),
        };
    let source = Source::open(path)?;
    let mut records = read(&source, config)?;
    for record in &mut records {
        record.text = collapse(&record.text);
        record.label = collapse(&record.label);
        if record.text.is_empty() {
            let column = config.text.as_str().to_owned();
            return Err(source.error(record.line, LineProblem::EmptyText { column }));
        }
        if record.label.is_empty() {
            let column = config.label.as_str().to_owned();
            return Err(source.error(record.line, LineProblem::EmptyLabel { column }));
        }
    }
    if records.is_empty() {
        return Err(TaskError::NoExamples { path: path.to_owned() });
    }
    Ok(records)
}

/// The different labels in sorted order, numbered.
fn labels(
    records: &[Record],
    path: &Path,
    config: &FileConfig,
) -> Result<BTreeMap<String, usize>, TaskError> {
    let column = || config.label.as_str().to_owned();
    let distinct: BTreeSet<&str> = records.iter().map(|record| record.label.as_str()).collect();
    if distinct.len() > MAX_CLASSES {
        let (path, limit) = (path.to_owned(), MAX_CLASSES);
        return Err(TaskError::TooManyClasses { path, column: column(), limit });
    }
    if distinct.len() == 1 {
        let label = records[0].label.clone();
        return Err(TaskError::SingleClass { path: path.to_owned(), label, column: column() });
    }
    Ok(distinct.into_iter().map(str::to_owned).zip(0..).collect())
}

/// The classes with their prompts.
fn classes(
    labels: &BTreeMap<String, usize>,
    path: &Path,
    config: &FileConfig,
) -> Result<Vec<ClassInfo>, TaskError> {
    if let Some(label) = config.prompts.keys().find(|label| !labels.contains_key(*label)) {
        let (path, label) = (path.to_owned(), label.clone());
        return Err(TaskError::UnknownPrompt { path, label, known: listed(labels) });
    }
    let prompt = |label| config.prompts.get(label).unwrap_or(label);
    Ok(labels.keys().map(|label| ClassInfo::new(label, prompt(label))).collect())
}

/// The examples of a separate test file.
fn test_file(
    path: &Path,
    config: &FileConfig,
    labels: &BTreeMap<String, usize>,
) -> Result<Vec<Example>, TaskError> {
    let labelled = |Record { line, text, label }: Record| match labels.get(&label) {
        Some(&label) => Ok(Example { text, label }),
        None => {
            let problem = LineProblem::UnknownLabel { label, known: listed(labels) };
            Err(TaskError::Line { path: path.to_owned(), line, problem })
        }
    };
    records(path, config)?.into_iter().map(labelled).collect()
}

/// Every class can be learned and something can be measured. Validation may be empty: only tuning needs it.
fn check_splits(task: &Task, path: &Path) -> Result<(), TaskError> {
    let counts = Split::ALL.map(|split| task.class_counts(split));
    let [train, ..] = &counts;
    if let Some(missing) = train.iter().position(|&count| count == 0) {
        return Err(TaskError::MissingClass {
            path: path.to_owned(),
            split: Split::Train,
            label: task.classes[missing].name.clone(),
            present: counts.iter().map(|split| split[missing]).sum(),
        });
    }
    if task.test.is_empty() {
        let examples = task.train.len() + task.validation.len();
        let path = path.to_owned();
        return Err(TaskError::EmptySplit { path, split: Split::Test, examples });
    }
    Ok(())
}

/// Some of the labels, for a message.
fn listed(labels: &BTreeMap<String, usize>) -> String {
    enumerate(labels.keys().map(String::as_str))
}

/// Up to ten names in backquotes, and how many more there are.
fn enumerate<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<_> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    match (shown.is_empty(), more) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;

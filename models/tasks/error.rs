//! What can be wrong with a user's data.

use std::path::PathBuf;

use super::split::Split;

/// Why a task could not be loaded. Every variant is final: the data or the scenario must be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// No built-in task has this name.
    #[error("there is no built-in task `{name}`; there are {known}")]
    UnknownTask {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The file could not be opened or read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file's name does not say what it is.
    #[error(
        "{path}: cannot tell the format from the name; expected a name ending in .csv, .tsv, .jsonl or .ndjson"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than is read into memory.
    #[error(
        "{path}: larger than {limit} MiB, the most that is read into memory; train on a sample of it"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in MiB.
        limit: u64,
    },
    /// A line is malformed.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1; of a record over several lines, its first.
        line: u64,
        /// What is wrong there, and what was expected.
        problem: LineProblem,
    },
    /// The file has no examples at all.
    #[error("{path}: no examples; expected one or more records after the header")]
    NoExamples {
        /// The file.
        path: PathBuf,
    },
    /// All examples have one label.
    #[error(
        "{path}: every example has the label `{label}`; a task needs at least two classes (is `{column}` the right column?)"
    )]
    SingleClass {
        /// The file.
        path: PathBuf,
        /// The only label.
        label: String,
        /// The column labels were read from.
        column: String,
    },
    /// There are more labels than a classifier could learn.
    #[error(
        "{path}: column `{column}` has more than {limit} different values; it does not look like a column of class labels"
    )]
    TooManyClasses {
        /// The file.
        path: PathBuf,
        /// The column labels were read from.
        column: String,
        /// The most classes allowed.
        limit: usize,
    },
    /// A class would be missing from a split that cannot do without it.
    #[error("{path}: no {} example of class `{label}`: {present} in all; give more, or another share", split.name())]
    MissingClass {
        /// The file.
        path: PathBuf,
        /// The split that lacks it.
        split: Split,
        /// The class.
        label: String,
        /// How many examples of the class the file has.
        present: usize,
    },
    /// A split is empty.
    #[error("{path}: no {} example among {examples}: too few examples for its share", split.name())]
    EmptySplit {
        /// The file.
        path: PathBuf,
        /// The empty split.
        split: Split,
        /// How many examples the file has.
        examples: usize,
    },
    /// A prompt is given for a class the data does not have.
    #[error("`prompts` names the class `{label}`, which {path} does not have; it has {known}")]
    UnknownPrompt {
        /// The file.
        path: PathBuf,
        /// The class named.
        label: String,
        /// The classes there are.
        known: String,
    },
    /// Text and label are the same column.
    #[error("`text` and `label` both name the column `{column}`; name the column of each")]
    SameColumn {
        /// The column.
        column: String,
    },
    /// The shares leave nothing to train on.
    #[error(
        "a test share of {test}% and a validation share of {validation}% leave nothing to train on; together they must stay below 100%"
    )]
    Shares {
        /// Test share in percent.
        test: u64,
        /// Validation share in percent.
        validation: u64,
    },
}

/// What is wrong with a line of a data file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 at byte {column} of the line{hint}; save the file as UTF-8")]
    Encoding {
        /// The byte within the line, from 1.
        column: usize,
        /// A guess at what it is instead, starting with a comma, or nothing.
        hint: &'static str,
    },
    /// A named column or key is missing.
    #[error("no {kind} `{name}`; found {found}")]
    Missing {
        /// "column" or "key".
        kind: &'static str,
        /// What the scenario names.
        name: String,
        /// What there is.
        found: String,
    },
    /// A name stands twice in the header.
    #[error("the header names the column `{name}` twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// The text is empty or blank.
    #[error("empty text in `{column}`; remove the record or give it a text")]
    EmptyText {
        /// Column of the text.
        column: String,
    },
    /// The label is empty or blank.
    #[error("empty label in `{column}`; remove the record or give it a label")]
    EmptyLabel {
        /// Column of the label.
        column: String,
    },
    /// A record has more or fewer fields than the header.
    #[error("{found} fields where the header has {expected}; quote fields that hold the separator")]
    Fields {
        /// Fields of the record.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A quoted field is never closed.
    #[error(
        "a quoted field opens here and is never closed; close it, and double the quotes inside fields"
    )]
    OpenQuote,
    /// Something follows the closing quote of a field.
    #[error(
        "`{found}` follows the closing quote of a field; double the quotes inside fields (\"\")"
    )]
    AfterQuote {
        /// The character found where a separator was expected.
        found: char,
    },
    /// The line is not a JSON object.
    #[error(
        "{message}; expected one JSON object on a line, such as {{\"text\": \"…\", \"label\": \"…\"}}"
    )]
    Json {
        /// What the parser said.
        message: String,
    },
    /// A JSON value has a type that cannot be used.
    #[error("`{key}` is {found}; expected {expected}")]
    Type {
        /// The key.
        key: String,
        /// The type found, with its article.
        found: &'static str,
        /// The types that would do.
        expected: &'static str,
    },
    /// A label of the separate test file does not occur in the training file.
    #[error("label `{label}` does not occur in the training file, which has {known}")]
    UnknownLabel {
        /// The label.
        label: String,
        /// The labels of the training file.
        known: String,
    },
}

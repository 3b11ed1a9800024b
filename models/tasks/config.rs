//! How a scenario names its data.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{builtin::BuiltinTask, error::TaskError, files, split, task::Task};

/// Where the labelled texts come from.
///
/// ```
/// # use fleetune_models::tasks::{BuiltinTask, DatasetConfig};
/// let config: DatasetConfig = serde_json::from_str(r#"{"builtin": "movie"}"#)?;
/// assert_eq!(config, DatasetConfig::Builtin(BuiltinTask::Movie));
///
/// let own = r#"{"file": {"path": "letters.csv", "text": "body", "label": "topic"}}"#;
/// assert!(matches!(serde_json::from_str(own)?, DatasetConfig::File(_)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetConfig {
    /// A task that comes with the program.
    Builtin(BuiltinTask),
    /// The user's own file.
    File(FileConfig),
}

impl DatasetConfig {
    /// Loads the task. Relative paths are taken from `folder`, the scenario's own.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the user's file, with its path and line; built-in tasks do not fail.
    pub fn load(&self, folder: &Path) -> Result<Task, TaskError> {
        match self {
            Self::Builtin(task) => Ok(task.load()),
            Self::File(config) => files::load(config, folder),
        }
    }
}

/// The user's own file, in CSV (`.csv`), tab-separated (`.tsv`) or JSON Lines (`.jsonl`, `.ndjson`) format, UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file.
    pub path: PathBuf,
    /// Column (CSV, TSV) or key (JSON) of the text. The default is `text`.
    #[serde(default = "ColumnName::text")]
    pub text: ColumnName,
    /// Column or key of the label. The different labels, in sorted order, are the classes. The default is `label`.
    #[serde(default = "ColumnName::label")]
    pub label: ColumnName,
    /// Where test examples come from. The default is 15% of the file.
    #[serde(default)]
    pub test: TestSource,
    /// Share of the file's examples for validation. The default is 10%.
    #[serde(default = "Percent::validation")]
    pub validation: Percent,
    /// A prompt for each class, for task alignment. A class without one is prompted by its label.
    #[serde(default)]
    pub prompts: IndexMap<String, String>,
}

impl FileConfig {
    /// Checks what concerns several fields at once.
    ///
    /// # Errors
    ///
    /// [`TaskError::Shares`] if nothing would be left to train on, [`TaskError::SameColumn`] if text and label are to be
    /// read from one column.
    pub fn validate(&self) -> Result<(), TaskError> {
        if self.text == self.label {
            return Err(TaskError::SameColumn { column: self.text.as_str().to_owned() });
        }
        let (test, validation) = (self.test.percent(), self.validation.get());
        if test + validation < 100 { Ok(()) } else { Err(TaskError::Shares { test, validation }) }
    }
}

/// Where the test examples of a user's file come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestSource {
    /// A share of the same file, chosen by the hash of the text ([`split`]).
    Percent(Percent),
    /// A separate file with the same columns.
    File(PathBuf),
}

impl TestSource {
    /// Share taken from the training file.
    pub(super) fn percent(&self) -> u64 {
        match self {
            Self::Percent(percent) => percent.get(),
            Self::File(_) => 0,
        }
    }
}

impl Default for TestSource {
    fn default() -> Self {
        Self::Percent(Percent(split::TEST_PERCENT))
    }
}

/// A share in whole percent, from 1 to 99.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Percent(u64);

impl Percent {
    /// The share, if it is from 1 to 99.
    pub const fn new(percent: u64) -> Option<Self> {
        if percent >= 1 && percent <= 99 { Some(Self(percent)) } else { None }
    }

    /// The share in percent.
    pub const fn get(self) -> u64 {
        self.0
    }

    const fn validation() -> Self {
        Self(split::VALIDATION_PERCENT)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = u64::deserialize(deserializer)?;
        let message = || format!("a share of {percent}%: expected a whole percentage, 1 to 99");
        Self::new(percent).ok_or_else(|| D::Error::custom(message()))
    }
}

/// Name of a column or key; not blank.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ColumnName(String);

impl ColumnName {
    /// The name, unless it is blank.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        (!name.trim().is_empty()).then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text() -> Self {
        Self("text".to_owned())
    }

    fn label() -> Self {
        Self("label".to_owned())
    }
}

impl<'de> Deserialize<'de> for ColumnName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(name)
            .ok_or_else(|| D::Error::custom("expected the name of a column, not a blank"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<DatasetConfig, String> {
        serde_json::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_written_out_and_read_back() {
        let config = parse(r#"{"file": {"path": "a.csv"}}"#).unwrap();
        let written = serde_json::to_string(&config).unwrap();
        let expected = r#"{"file":{"path":"a.csv","text":"text","label":"label","test":{"percent":15},"validation":10,"prompts":{}}}"#;
        assert_eq!(written, expected);
        assert_eq!(parse(&written).unwrap(), config);
    }

    #[test]
    fn mistakes_are_refused_while_reading() {
        let mistakes = [
            (r#"{"builtin": "imdb"}"#, "expected one of `source`, `movie`, `tweet`"),
            (r#"{"file": {"path": "a.csv", "txt": "t"}}"#, "unknown field `txt`"),
            (r#"{"file": {"text": "t"}}"#, "missing field `path`"),
            (r#"{"file": {"path": "a.csv", "text": " "}}"#, "expected the name of a column"),
            (r#"{"file": {"path": "a.csv", "validation": 0}}"#, "expected a whole percentage"),
            (r#"{"file": {"path": "a.csv", "test": {"percent": 100}}}"#, "1 to 99"),
            (r#"{"file": {"path": "a.csv", "test": {"percent": 0.15}}}"#, "invalid type"),
            (r#"{"http": "a.csv"}"#, "unknown variant `http`"),
        ];
        for (json, expected) in mistakes {
            let error = parse(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn shares_must_leave_something_to_train_on() {
        let json = r#"{"path": "a.csv", "test": {"percent": 60}, "validation": 40}"#;
        let mut config: FileConfig = serde_json::from_str(json).unwrap();
        assert!(matches!(config.validate(), Err(TaskError::Shares { test: 60, validation: 40 })));
        config.validation = Percent::new(39).unwrap();
        config.validate().unwrap();
        config.test = TestSource::File("test.csv".into());
        config.validation = Percent::new(99).unwrap();
        config.validate().unwrap();
        config.label = config.text.clone();
        assert!(matches!(config.validate(), Err(TaskError::SameColumn { .. })));
    }
}

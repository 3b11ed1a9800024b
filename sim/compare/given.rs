//! A run directory with what it was asked.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use fleetune_reports::{ReportError, Run, timing::is_timed};
use serde_yaml::Value;

use super::CompareError;

/// A run, and the fields of its scenario by their paths.
#[derive(Debug)]
pub(crate) struct Given {
    /// As it was named.
    pub(super) path: PathBuf,
    /// Where it really is.
    pub(super) real: PathBuf,
    /// What it says.
    pub(super) run: Run,
    /// Every field of the resolved scenario, such as `federation.stop.rounds`, as text.
    pub(super) fields: BTreeMap<String, String>,
}

const SCENARIO: &str = "scenario.resolved.yaml";

impl Given {
    /// Reads the run directory `path`, which really is `real`.
    ///
    /// # Errors
    /// It cannot be read, or nothing was trained in it.
    pub(crate) fn read(path: &Path, real: PathBuf) -> Result<Self, CompareError> {
        if is_timed(path)? {
            return Err(CompareError::Untrained(path.to_owned()));
        }
        let run = Run::load(path)?;
        let file = path.join(SCENARIO);
        let text = fs::read_to_string(&file).map_err(|source| {
            CompareError::Report(ReportError::Io { action: "read", path: file.clone(), source })
        })?;
        let scenario: Value = serde_yaml::from_str(&text).map_err(|error| {
            let problem = error.to_string();
            CompareError::Report(ReportError::Corrupt { path: file, problem })
        })?;
        let mut fields = BTreeMap::new();
        flatten(String::new(), &scenario, &mut fields);
        Ok(Self { path: path.to_owned(), real, run, fields })
    }

    /// The fields at `path` and below it.
    pub(super) fn section(&self, path: &str) -> BTreeMap<&str, &str> {
        let below = |field: &str| {
            field
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let fields = self.fields.iter().filter(|(field, _)| below(field));
        fields.map(|(field, value)| (field.as_str(), value.as_str())).collect()
    }
}

fn flatten(path: String, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = scalar(key);
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(path, value, fields);
            }
        }
        Value::Sequence(list) if !list.is_empty() => {
            for (place, value) in list.iter().enumerate() {
                flatten(format!("{path}[{place}]"), value, fields);
            }
        }
        Value::Tagged(tagged) => flatten(path, &tagged.value, fields),
        other => {
            fields.insert(path, scalar(other));
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

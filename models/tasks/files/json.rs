//! JSON Lines: one object a line.

use serde_json::{Map, Value};

use super::{
    super::{
        config::{ColumnName, FileConfig},
        error::{LineProblem, TaskError},
    },
    Record, enumerate,
    read::Source,
};

/// The records of a JSON Lines file; blank lines are passed over.
pub(super) fn lines(source: &Source, config: &FileConfig) -> Result<Vec<Record>, TaskError> {
    let numbered = (1..).zip(source.text.lines()).filter(|(_, line)| !line.trim().is_empty());
    numbered
        .map(|(line, content)| {
            record(line, content, config).map_err(|problem| source.error(line, problem))
        })
        .collect()
}

fn record(line: u64, content: &str, config: &FileConfig) -> Result<Record, LineProblem> {
    let object: Map<String, Value> = serde_json::from_str(content).map_err(|error| {
        // The parser knows only this line: its "line 1" would contradict ours.
        let message = error.to_string().replace(" at line 1 column", " at column");
        LineProblem::Json { message }
    })?;
    let text = match get(&object, &config.text)? {
        Value::String(text) => text.clone(),
        other => return Err(mistyped(&config.text, other, "a string")),
    };
    let label = match get(&object, &config.label)? {
        Value::String(label) => label.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        Value::Bool(label) => label.to_string(),
        other => return Err(mistyped(&config.label, other, "a string, an integer or a boolean")),
    };
    Ok(Record { line, text, label })
}

fn get<'a>(object: &'a Map<String, Value>, key: &ColumnName) -> Result<&'a Value, LineProblem> {
    object.get(key.as_str()).ok_or_else(|| LineProblem::Missing {
        kind: "key",
        name: key.as_str().to_owned(),
        found: enumerate(object.keys().map(String::as_str).collect::<Vec<_>>().into_iter()),
    })
}

fn mistyped(key: &ColumnName, value: &Value, expected: &'static str) -> LineProblem {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    LineProblem::Type { key: key.as_str().to_owned(), found, expected }
}

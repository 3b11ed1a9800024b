//! Tables with a header line: CSV and tab-separated values.

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::{
    super::{
        config::{ColumnName, FileConfig},
        error::{LineProblem, TaskError},
    },
    Record, enumerate,
    read::Source,
};

/// The records of a CSV file (RFC 4180: commas, fields may be quoted, quotes inside them doubled).
pub(super) fn csv(source: &Source, config: &FileConfig) -> Result<Vec<Record>, TaskError> {
    // The reader is lenient with quotes: an open one would swallow the rest of the file into one text.
    check_quotes(&source.text).map_err(|(line, problem)| source.error(line, problem))?;
    table(source, config, ReaderBuilder::new().delimiter(b','))
}

/// The records of a tab-separated file (text/tab-separated-values: no quoting, no tabs in fields).
pub(super) fn tsv(source: &Source, config: &FileConfig) -> Result<Vec<Record>, TaskError> {
    table(source, config, ReaderBuilder::new().delimiter(b'\t').quoting(false))
}

fn table(
    source: &Source,
    config: &FileConfig,
    builder: &ReaderBuilder,
) -> Result<Vec<Record>, TaskError> {
    let mut reader = builder.from_reader(source.text.as_bytes());
    let header = reader.headers().map_err(|error| translate(source, &error))?.clone();
    if header.iter().all(|name| name.trim().is_empty()) {
        return Err(source.empty());
    }
    let column = |name| column(&header, name).map_err(|problem| source.error(1, problem));
    let (text, label) = (column(&config.text)?, column(&config.label)?);
    reader
        .into_records()
        .map(|record| {
            let record = record.map_err(|error| translate(source, &error))?;
            let line = record.position().map_or(0, csv::Position::line);
            // Every record has as many fields as the header: the reader refuses others.
            Ok(Record { line, text: record[text].to_owned(), label: record[label].to_owned() })
        })
        .collect()
}

/// Index of a named column.
fn column(header: &StringRecord, name: &ColumnName) -> Result<usize, LineProblem> {
    let wanted = name.as_str().trim();
    let mut found = (0..).zip(header).filter(|(_, title)| title.trim() == wanted);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => Err(LineProblem::Twice { name: wanted.to_owned() }),
        (None, _) => Err(LineProblem::Missing {
            kind: "column",
            name: wanted.to_owned(),
            found: enumerate(header.iter().collect::<Vec<_>>().into_iter()),
        }),
    }
}

fn translate(source: &Source, error: &csv::Error) -> TaskError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            LineProblem::Fields { found: *len as usize, expected: *expected_len as usize }
        }
        // The bytes are valid UTF-8 in memory: no other kind arises from them.
        _ => LineProblem::Encoding { column: 1, hint: "" },
    };
    source.error(line, problem)
}

/// Where the scan stands within a field.
enum State {
    Start,
    Unquoted,
    Quoted {
        opened: u64,
    },
    /// After a quote within a quoted field: its end, or the first of two.
    Closed {
        opened: u64,
    },
}

/// Checks that every quoted field is closed and followed by a separator or a line's end.
fn check_quotes(text: &str) -> Result<(), (u64, LineProblem)> {
    let (mut line, mut state) = (1, State::Start);
    for c in text.chars() {
        state = match (state, c) {
            (State::Start, '"') => State::Quoted { opened: line },
            (State::Quoted { opened }, '"') => State::Closed { opened },
            // A doubled quote: the field goes on.
            (State::Closed { opened }, '"') => State::Quoted { opened },
            (quoted @ State::Quoted { .. }, _) => quoted,
            (_, ',' | '\n' | '\r') => State::Start,
            (State::Closed { .. }, found) => return Err((line, LineProblem::AfterQuote { found })),
            (State::Start | State::Unquoted, _) => State::Unquoted,
        };
        line += u64::from(c == '\n');
    }
    match state {
        State::Quoted { opened } => Err((opened, LineProblem::OpenQuote)),
        _ => Ok(()),
    }
}

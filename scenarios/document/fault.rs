use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use super::{
    FieldPath,
    node::{quoted, real},
};
use crate::suggest::{listed, nearest};

/// Which part of a field an error points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// Its key; for entries of a list, and for the scenario itself, the value.
    Key,
    /// Its value.
    Value,
}

/// What kind of mistake it is, where the reader acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key that is not in the schema, and the one that was probably meant.
    UnknownKey(Option<String>),
    /// Any other.
    Other,
}

/// A mistake in a field, not yet located in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// The field; `None` until the reader adds it.
    pub(crate) path: Option<FieldPath>,
    /// Which part of it.
    pub(crate) spot: Spot,
    /// What was expected and what is there.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// What kind it is.
    pub(crate) kind: Kind,
}

impl Fault {
    fn unplaced(message: String) -> Self {
        Self { path: None, spot: Spot::Value, message, help: None, kind: Kind::Other }
    }

    /// A mistake in the value of a field.
    pub(crate) fn value(path: FieldPath, message: impl Into<String>) -> Self {
        Self { path: Some(path), ..Self::unplaced(message.into()) }
    }

    /// A mistake of the field as a whole: its key is pointed at.
    pub(crate) fn key(path: FieldPath, message: impl Into<String>) -> Self {
        Self { spot: Spot::Key, ..Self::value(path, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Says where, unless a reader further inside already has.
    #[must_use]
    pub(crate) fn placed(mut self, path: impl FnOnce() -> FieldPath, spot: Spot) -> Self {
        if self.path.is_none() {
            self.path = Some(path());
            if self.spot == Spot::Value {
                self.spot = spot;
            }
        }
        self
    }

    /// A name that is not in a list of known ones.
    pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> Self {
        let message = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("unknown {what} {}: did you mean `{meant}`?", ticked(name)),
            None => format!("unknown {what} {}", ticked(name)),
        };
        Self::unplaced(message).with_help(format!("expected {}", listed(known)))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::unplaced(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unplaced(format!("expected {}; found {}", plain(expected), describe(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("choice", variant, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let meant = nearest(field, expected.iter().copied()).map(str::to_owned);
        let fault = Self::unknown("key", field, expected);
        let help = match expected {
            [] => "no key is accepted here".to_owned(),
            _ => format!("accepted keys: {}", expected.join(", ")),
        };
        Self { kind: Kind::UnknownKey(meant), spot: Spot::Key, ..fault }.with_help(help)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { spot: Spot::Key, ..Self::unplaced(format!("missing key `{field}`")) }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::unplaced(format!("`{field}` is given twice, under two of its names"))
    }
}

/// What serde's own types expect, said for people.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let whole = |most: &dyn Display| format!("a whole number from 0 to {most}");
    let nonzero = |most: &dyn Display| format!("a whole number from 1 to {most}");
    match text.as_str() {
        "u8" => whole(&u8::MAX),
        "u16" => whole(&u16::MAX),
        "u32" => whole(&u32::MAX),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "a nonzero u8" => nonzero(&u8::MAX),
        "a nonzero u16" => nonzero(&u16::MAX),
        "a nonzero u32" => nonzero(&u32::MAX),
        "a nonzero u64" | "a nonzero usize" => "a whole number, 1 or more".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "a borrowed string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ => text,
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => real(value),
        Unexpected::Str(text) => quoted(text),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

/// A name in backticks, cut short if it is long.
fn ticked(name: &str) -> String {
    let text = quoted(name);
    format!("`{}`", text.replacen('"', "", 1).trim_end_matches('"'))
}

//! Everything that touches `serde_yaml`: text to tree, path to position, values to text.
//!
//! `serde_yaml` tells no positions except those of errors. So a tree is read first ([`parse`]), and where a
//! mistake turns up in it, [`locate`] reads the text once more, walking only to the mistake's path and failing
//! there on purpose: the error's position is the field's.

mod emit;
mod guard;
mod locate;
mod survey;
mod syntax;

pub(crate) use self::{
    emit::{emit, tree},
    guard::LONGEST,
    locate::locate,
    survey::parse,
};

/// A place in a text, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The first character.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place of the character that begins at byte `offset` of `text`.
    pub(crate) fn of_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn of_error(error: &serde_yaml::Error) -> Option<Self> {
        let at = error.location()?;
        Some(Self { line: at.line(), column: at.column() })
    }
}

/// A text that is not YAML as this language takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) position: Option<Position>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Malformed {
    fn at(position: Position, message: impl Into<String>) -> Self {
        Self { position: Some(position), message: message.into(), help: None }
    }

    fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

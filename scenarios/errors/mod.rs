//! What is wrong with a scenario, said where it is.

mod snippet;
mod source;

use std::fmt;

use self::snippet::Snippet;
pub(crate) use self::source::Source;
use crate::document::FieldPath;

/// One mistake in a scenario: where it is, what was expected, what to do.
///
/// `Display` writes it over several lines with the source and a caret; [`Self::message`] is the first line alone.
/// The scenario has to be mended; nothing was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    origin: Origin,
    position: Option<(usize, usize)>,
    path: FieldPath,
    message: String,
    help: Option<String>,
    snippet: Option<Snippet>,
}

/// What the mistake was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A scenario file, as it was named.
    File(String),
    /// An override, as it was given: `path=value`.
    Set(String),
}

impl ScenarioError {
    /// What the mistake was written in.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The line in the file, counted from 1. None if the file as a whole is meant.
    pub fn line(&self) -> Option<usize> {
        self.0.position.map(|(line, _)| line)
    }

    /// The column in the line, in characters, counted from 1. None if the file as a whole is meant.
    pub fn column(&self) -> Option<usize> {
        self.0.position.map(|(_, column)| column)
    }

    /// The field, such as `fleet.groups.0.count`; empty if the file as a whole is meant.
    pub fn path(&self) -> &FieldPath {
        &self.0.path
    }

    /// What was expected and what was found.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// In the order of the file, overrides last.
    fn order(&self) -> (bool, Option<(usize, usize)>) {
        (matches!(self.0.origin, Origin::Set(_)), self.0.position)
    }

    /// Sorts by place and drops what is said twice of one place.
    pub(crate) fn sorted(mut errors: Vec<Self>) -> Vec<Self> {
        errors.sort_by_key(Self::order);
        errors.dedup();
        errors
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { origin, position, path, message, help, snippet } = &*self.0;
        writeln!(f, "error: {}", shown(message))?;
        let gutter = snippet.as_ref().map_or(1, Snippet::gutter);
        let place = match (origin, position) {
            (Origin::File(file), Some((line, column))) => format!("{file}:{line}:{column}"),
            (Origin::File(file), None) => file.clone(),
            (Origin::Set(text), _) => format!("--set {text}"),
        };
        write!(f, "{:gutter$}--> {}", "", shown(&place))?;
        if let Some(snippet) = snippet {
            snippet.write(f, &shown(&path.to_string()))?;
        } else if !path.is_root() {
            write!(f, "\n{:gutter$} = field: {}", "", shown(&path.to_string()))?;
        }
        if let Some(help) = help {
            write!(f, "\n{:gutter$} = help: {}", "", shown(help))?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}

/// Text for a terminal: what came from the file cannot move the cursor, nor flood the screen.
fn shown(text: &str) -> String {
    const LONGEST: usize = 2_000;
    let plain = text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c });
    plain.collect()
}

use super::{Origin, Parts, ScenarioError, Snippet};
use crate::{
    document::{Fault, FieldPath, Segment, Spot},
    overrides::Applied,
    yaml::{Malformed, Position, locate},
};

/// What a scenario was read from, to find a mistake's place in.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file as it was named.
    pub(crate) file: String,
    /// Its text, bytes that are none replaced.
    pub(crate) text: String,
    /// The overrides that changed it.
    pub(crate) applied: Vec<Applied>,
    /// Keys that were misspelt in the text, as (where they were read from, where they stand).
    pub(crate) respelt: Vec<(FieldPath, FieldPath)>,
}

impl Source {
    /// A file's text.
    pub(crate) fn new(file: String, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Self { file, text, applied: Vec::new(), respelt: Vec::new() }
    }

    /// A mistake of the text itself.
    pub(crate) fn malformed(&self, malformed: Malformed) -> ScenarioError {
        let Malformed { position, message, help } = malformed;
        self.in_file(position, FieldPath::root(), message, help)
    }

    /// A mistake in a field: in the override that set it, or in the file.
    pub(crate) fn fault(&self, fault: Fault) -> ScenarioError {
        let Fault { path, spot, message, help, .. } = fault;
        let path = self.as_written(path.unwrap_or_default());
        let set = self.applied.iter().rev().find(|applied| path.is_within(&applied.touched));
        if let Some(applied) = set {
            return applied.error(path, spot, message, help);
        }
        self.in_file(self.position(&path, spot), path, message, help)
    }

    /// The path with its keys as the text spells them.
    pub(crate) fn as_written(&self, path: FieldPath) -> FieldPath {
        self.respelt
            .iter()
            .rev()
            .fold(path, |path, (read, written)| path.rebased(read, written).unwrap_or(path))
    }

    /// The field's place, or that of the nearest field around it that is there.
    pub(crate) fn position(&self, path: &FieldPath, spot: Spot) -> Option<Position> {
        let (mut path, mut spot) = (path.clone(), spot);
        loop {
            let keyed = matches!(path.segments().last(), Some(Segment::Key(_)));
            let wanted = if keyed { spot } else { Spot::Value };
            if let Some(position) = locate(&self.text, &path, wanted) {
                return Some(position);
            }
            path = path.parent()?;
            spot = Spot::Key;
        }
    }

    fn in_file(
        &self,
        position: Option<Position>,
        path: FieldPath,
        message: String,
        help: Option<String>,
    ) -> ScenarioError {
        // The parser puts the end of the text on a line of its own, which nobody sees in an editor.
        let lines = self.text.lines().count().max(1);
        let position = position.map(|at| match at.line > lines {
            true => {
                let last = self.text.lines().last().unwrap_or_default();
                Position { line: lines, column: last.chars().count() + 1 }
            }
            false => at,
        });
        let snippet = position.map(|at| {
            let line = self.text.lines().nth(at.line - 1).unwrap_or_default();
            Snippet::new(Some(at.line), line, at.column)
        });
        ScenarioError(Box::new(Parts {
            origin: Origin::File(self.file.clone()),
            position: position.map(|at| (at.line, at.column)),
            path,
            message,
            help,
            snippet,
        }))
    }
}

impl Applied {
    /// A mistake in a field that this override set.
    fn error(
        &self,
        path: FieldPath,
        spot: Spot,
        message: String,
        help: Option<String>,
    ) -> ScenarioError {
        let inside = path.rebased(&self.path, &FieldPath::root());
        let value_column = self.text.find('=').map_or(0, |at| self.text[..at].chars().count() + 1);
        let column = match inside {
            Some(inside) if !inside.is_root() || spot == Spot::Value => {
                let value = self.text.split_once('=').map_or("", |(_, value)| value);
                let at = locate(value, &inside, spot).unwrap_or(Position::START);
                value_column + at.column
            }
            _ => 1,
        };
        Self::set_error(&self.text, column, path, message, help)
    }

    /// A mistake at `column` of an override's text.
    pub(crate) fn set_error(
        text: &str,
        column: usize,
        path: FieldPath,
        message: String,
        help: Option<String>,
    ) -> ScenarioError {
        ScenarioError(Box::new(Parts {
            origin: Origin::Set(text.to_owned()),
            position: Some((1, column)),
            path,
            message,
            help,
            snippet: Some(Snippet::new(None, text, column)),
        }))
    }
}

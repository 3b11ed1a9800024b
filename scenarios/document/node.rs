use indexmap::IndexMap;

use super::{FieldPath, Segment};

/// A YAML value as written: keys in order, no tags, no aliases, no duplicates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a point.
    Integer(i128),
    /// Any other number, NaN and the infinities included.
    Real(f64),
    /// Text, quoted or not.
    Text(String),
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{ a: b }`.
    Map(IndexMap<String, Node>),
}

impl Node {
    /// A map without entries.
    pub(crate) fn empty_map() -> Self {
        Self::Map(IndexMap::new())
    }

    /// The value one step inside.
    pub(crate) fn child(&self, segment: &Segment) -> Option<&Self> {
        match (self, segment) {
            (Self::Map(map), Segment::Key(key)) => map.get(key),
            (Self::Map(map), Segment::Index(index)) => map.get(index.to_string().as_str()),
            (Self::List(list), Segment::Index(index)) => list.get(*index),
            _ => None,
        }
    }

    /// As [`Self::child`], to change it.
    pub(crate) fn child_mut(&mut self, segment: &Segment) -> Option<&mut Self> {
        match (self, segment) {
            (Self::Map(map), Segment::Key(key)) => map.get_mut(key),
            (Self::List(list), Segment::Index(index)) => list.get_mut(*index),
            _ => None,
        }
    }

    /// The value at the end of `path`.
    pub(crate) fn at(&self, path: &FieldPath) -> Option<&Self> {
        path.segments().iter().try_fold(self, |node, segment| node.child(segment))
    }

    /// As [`Self::at`], to change it.
    pub(crate) fn at_mut(&mut self, path: &FieldPath) -> Option<&mut Self> {
        path.segments().iter().try_fold(self, |node, segment| node.child_mut(segment))
    }

    /// What it is, for "found ...".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Real(value) => real(*value),
            Self::Text(text) => quoted(text),
            Self::List(list) if list.is_empty() => "an empty list".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(map) if map.is_empty() => "an empty map".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

/// A number as YAML writes it.
pub(crate) fn real(value: f64) -> String {
    match value {
        v if v.is_nan() => ".nan".to_owned(),
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        v => format!("{v:?}"),
    }
}

/// Text in quotes, cut short if it is long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

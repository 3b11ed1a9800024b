//! `--set path=value`: changes to a scenario from the command line.

use crate::{
    document::{FieldPath, Node, Segment},
    errors::ScenarioError,
    yaml::{Malformed, parse},
};

/// Changes to a scenario, applied in order to what its file says and checked as if the file said so.
///
/// A path names a field through maps and lists (`fleet.groups.0.count`, counted from 0); fields that the file leaves to
/// their default may be set too. A value is YAML: `12`, `5 min`, `{ dirichlet: { alpha: 0.1 } }`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides(Vec<Override>);

#[derive(Clone, Debug, PartialEq)]
struct Override {
    text: String,
    path: String,
    value: Node,
}

/// An override that took effect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Applied {
    /// As it was given.
    pub(crate) text: String,
    /// The field it set.
    pub(crate) path: FieldPath,
    /// The outermost field that would not be what it is without it.
    pub(crate) touched: FieldPath,
}

impl Overrides {
    /// No change.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads overrides as given to `--set`, each `path=value`.
    ///
    /// # Errors
    /// Every text without a `=` or a path, or with a value that is not YAML.
    pub fn parse<I>(texts: I) -> Result<Self, Vec<ScenarioError>>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let (mut overrides, mut errors) = (Self::none(), Vec::new());
        for text in texts {
            errors.extend(overrides.push(text.as_ref()).err());
        }
        if errors.is_empty() { Ok(overrides) } else { Err(errors) }
    }

    /// Adds one more, which prevails over those before it.
    ///
    /// # Errors
    /// The text has no `=` or no path, or its value is not YAML.
    pub fn push(&mut self, text: &str) -> Result<(), ScenarioError> {
        let wrong = |column: usize, message: String, help: Option<String>| {
            Applied::set_error(text, column, FieldPath::root(), message, help)
        };
        let (path, value) = match text.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => (path.trim(), value),
            _ => {
                let help = "for example `--set federation.cohort=12`";
                return Err(wrong(1, "expected path=value".to_owned(), Some(help.to_owned())));
            }
        };
        if let Some(empty) = path.split('.').position(str::is_empty) {
            let message = format!("step {} of the path is empty", empty + 1);
            return Err(wrong(
                1,
                message,
                Some("write it as in `fleet.groups.0.count`".to_owned()),
            ));
        }
        let value = parse(value.as_bytes()).map_err(|malformed| {
            let Malformed { position, message, help } = malformed;
            let before = text.split_once('=').map_or(0, |(path, _)| path.chars().count() + 1);
            let inside = position.filter(|at| at.line == 1).map_or(1, |at| at.column);
            wrong(before + inside, message, help)
        })?;
        self.0.push(Override { text: text.to_owned(), path: path.to_owned(), value });
        Ok(())
    }

    /// Whether there is no change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes `root`, and says what each override touched.
    pub(crate) fn apply(&self, root: &mut Node) -> Result<Vec<Applied>, Vec<ScenarioError>> {
        let (mut applied, mut errors) = (Vec::new(), Vec::new());
        for change in &self.0 {
            match change.apply(root) {
                Ok(done) => applied.push(done),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(applied) } else { Err(errors) }
    }
}

impl Override {
    fn apply(&self, root: &mut Node) -> Result<Applied, ScenarioError> {
        let (mut node, mut rest, mut path) = (root, self.path.as_str(), FieldPath::root());
        let mut touched = None;
        while !rest.is_empty() {
            // A choice written as plain text, or left empty, gives way to one with settings.
            if matches!(node, Node::Null | Node::Text(_)) {
                touched.get_or_insert_with(|| path.clone());
                *node = Node::empty_map();
            }
            let (segment, after) = self.step(node, rest, &path)?;
            path = path.then(segment.clone());
            rest = after;
            if let (Node::Map(map), Segment::Key(key)) = (&mut *node, &segment)
                && !map.contains_key(key)
            {
                touched.get_or_insert_with(|| path.clone());
                map.insert(key.clone(), Node::Null);
            }
            node = node.child_mut(&segment).expect("the step leads to a field that is there");
        }
        *node = self.value.clone();
        let touched = touched.unwrap_or_else(|| path.clone());
        Ok(Applied { text: self.text.clone(), path, touched })
    }

    /// The next step from `node`, and the path after it.
    fn step<'p>(
        &self,
        node: &Node,
        rest: &'p str,
        path: &FieldPath,
    ) -> Result<(Segment, &'p str), ScenarioError> {
        let (first, after) = rest.split_once('.').unwrap_or((rest, ""));
        match node {
            Node::Map(map) => {
                // Labels may contain points: the longest key that is there prevails.
                let follows = |key: &str| {
                    let tail = rest.strip_prefix(key)?;
                    if tail.is_empty() { Some("") } else { tail.strip_prefix('.') }
                };
                let known = map.keys().filter_map(|key| Some((key, follows(key)?)));
                let longest = known.max_by_key(|(key, _)| key.len());
                let (key, after) = longest.map_or((first, after), |(key, tail)| (key, tail));
                Ok((Segment::Key(key.to_owned()), after))
            }
            Node::List(list) => match first.parse::<usize>() {
                Ok(index) if index < list.len() => Ok((Segment::Index(index), after)),
                _ => {
                    let message = format!("`{path}` has no entry `{first}`");
                    let help = match list.len() {
                        0 => "the list is empty: set it as a whole".to_owned(),
                        1 => "it has one entry, 0".to_owned(),
                        n => format!("it has {n} entries, 0 to {}", n - 1),
                    };
                    Err(self.wrong(rest, path, message, help))
                }
            },
            other => {
                let message = format!("`{path}` is {}, which has no fields", other.describe());
                Err(self.wrong(rest, path, message, format!("set `{path}` itself")))
            }
        }
    }

    fn wrong(&self, rest: &str, path: &FieldPath, message: String, help: String) -> ScenarioError {
        let column = self.path.chars().count() - rest.chars().count() + 1;
        Applied::set_error(&self.text, column, path.clone(), message, Some(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, overrides: &[&str]) -> Result<Node, Vec<ScenarioError>> {
        let mut root = parse(text.as_bytes()).expect("the test's own text is YAML");
        Overrides::parse(overrides)?.apply(&mut root)?;
        Ok(root)
    }

    fn yaml(text: &str) -> Node {
        parse(text.as_bytes()).expect("the test's own text is YAML")
    }

    #[test]
    fn values_are_set_in_maps_lists_and_labels_with_points() {
        let text = "a: { b: [1, { c: 2 }] }\nx.y: { z: 3 }";
        let set = changed(text, &["a.b.1.c=5 min", "x.y.z=[4]", "a.b.0=~", "n={ m: 1 }"]);
        let wanted = yaml("a: { b: [~, { c: 5 min }] }\nx.y: { z: [4] }\nn: { m: 1 }");
        assert_eq!(set, Ok(wanted));
    }

    #[test]
    fn a_plain_choice_gives_way_to_one_with_settings() {
        let set = changed("partition: iid", &["partition.dirichlet.alpha=0.5"]);
        assert_eq!(set, Ok(yaml("partition: { dirichlet: { alpha: 0.5 } }")));
    }

    #[test]
    fn the_last_override_prevails() {
        assert_eq!(changed("a: 1", &["a=2", "a=3"]), Ok(yaml("a: 3")));
    }

    #[test]
    fn what_cannot_be_set_is_said_with_its_column() {
        for (set, column, message) in [
            ("a", 1, "expected path=value"),
            ("=1", 1, "expected path=value"),
            ("a..b=1", 1, "step 2 of the path is empty"),
            ("a.2=1", 3, "`a` has no entry `2`"),
            ("a.x=1", 3, "`a` has no entry `x`"),
            ("n.x=1", 3, "`n` is 5, which has no fields"),
            ("n=[1", 3, "not closed"),
        ] {
            let errors = changed("a: [1, 2]\nn: 5", &[set]).expect_err(set);
            assert_eq!(errors[0].column(), Some(column), "{set}: {}", errors[0]);
            assert!(errors[0].message().contains(message), "{set}: {}", errors[0]);
        }
    }
}

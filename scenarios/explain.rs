//! Where every value of a scenario comes from.

use std::path::Path;

use crate::{
    Overrides, Scenario, ScenarioError,
    document::{FieldPath, Node, Segment, Spot},
    errors::Source,
    load::{Sealed, read_file, read_text},
    yaml::{locate, parse},
};

/// The resolved scenario as YAML, every value followed by a comment that says where it comes from: a line of the file, an
/// override, a profile of the library, or the default.
///
/// It is still a scenario: the one that [`Scenario::resolved_yaml`] gives.
///
/// # Errors
/// As [`check`](crate::check).
pub fn explain(path: &Path, overrides: &Overrides) -> Result<String, Vec<ScenarioError>> {
    let bytes = read_file(path, "scenario", "scenarios/quickstart.yaml").map_err(|e| vec![e])?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let Sealed { scenario, source, given } =
        read_text(&path.display().to_string(), &bytes, folder, overrides)?;
    let name = path.file_name().map_or_else(|| source.file.clone(), |n| n.display().to_string());
    Ok(Explanation { scenario: &scenario, source: &source, given: &given, name: &name }.text())
}

struct Explanation<'a> {
    scenario: &'a Scenario,
    source: &'a Source,
    /// The document, overrides applied.
    given: &'a Node,
    /// The file without its folder.
    name: &'a str,
}

/// Comments begin here, unless the line is longer.
const COLUMN: usize = 52;

impl Explanation<'_> {
    fn text(&self) -> String {
        let resolved = self.scenario.resolved_yaml();
        let mut comments = vec![None; resolved.lines().count() + 1];
        // It was written by this program, from a tree.
        if let Ok(tree) = parse(resolved.as_bytes()) {
            for (path, spot) in self.places(&tree, FieldPath::root()) {
                if let Some(at) = locate(&resolved, &path, spot)
                    && let Some(comment) = comments.get_mut(at.line - 1)
                {
                    *comment = Some(self.origin(&path));
                }
            }
        }
        let mut text = String::new();
        for (line, comment) in resolved.lines().zip(comments) {
            match comment {
                Some(comment) => text.push_str(&format!("{line:COLUMN$}  # {comment}\n")),
                None => text.push_str(&format!("{line}\n")),
            }
        }
        text
    }

    /// The fields that have a comment, and where it belongs: values that have none inside, and profiles of the library as
    /// a whole.
    fn places(&self, node: &Node, path: FieldPath) -> Vec<(FieldPath, Spot)> {
        let within = |(segment, value)| self.places(value, path.then(segment));
        match node {
            Node::Map(_) if self.is_of_the_library(&path) => vec![(path, Spot::Key)],
            Node::Map(map) if !map.is_empty() => map
                .iter()
                .map(|(key, value)| (Segment::Key(key.clone()), value))
                .flat_map(within)
                .collect(),
            Node::List(list) if !list.is_empty() => list
                .iter()
                .enumerate()
                .map(|(i, value)| (Segment::Index(i), value))
                .flat_map(within)
                .collect(),
            _ => vec![(path, Spot::Value)],
        }
    }

    /// Whether this is a profile that the scenario names and does not describe.
    fn is_of_the_library(&self, path: &FieldPath) -> bool {
        let profile =
            matches!(path.segments(), [Segment::Key(section), _] if section == "profiles");
        profile && self.given.at(path).is_none()
    }

    fn origin(&self, path: &FieldPath) -> String {
        if let ([_, Segment::Key(profile)], true) = (path.segments(), self.is_of_the_library(path))
        {
            return format!("the library's: fleetune devices {profile}");
        }
        let Some(written) = self.written(path) else { return "default".to_owned() };
        let set = self.source.applied.iter().rev().find(|set| written.is_within(&set.touched));
        if let Some(set) = set {
            return format!("--set {}", set.text);
        }
        match self.source.position(&self.source.as_written(written), Spot::Value) {
            Some(at) => format!("{}:{}", self.name, at.line),
            None => self.name.to_owned(),
        }
    }

    /// The field in the document that gives the value; `None` if the document is silent. A choice's settings, where it is
    /// written without any (`optimizer: adamw`), are defaults.
    fn written(&self, path: &FieldPath) -> Option<FieldPath> {
        let is_choice = |at: &FieldPath, key: &Segment| matches!((self.given.at(at), key), (Some(Node::Text(text)), Segment::Key(key)) if text == key);
        match (self.given.at(path), path.parent(), path.segments().last()) {
            (Some(_), ..) => Some(path.clone()),
            (None, Some(around), Some(last)) if is_choice(&around, last) => Some(around),
            _ => None,
        }
    }
}

//! Reading a scenario section by section, so that one run finds as many mistakes as it can.

use indexmap::IndexMap;
use serde::de::{DeserializeOwned, Error};

use crate::{
    document::{Fault, FieldPath, Kind, Node, Segment, read},
    schema::KEYS,
};

/// A scenario that is being read, and what is wrong with it so far.
#[derive(Debug)]
pub(crate) struct Sections {
    root: IndexMap<String, Node>,
    /// What is wrong.
    pub(crate) faults: Vec<Fault>,
    /// Keys that were misspelt, as (where they were read from, where they stand).
    pub(crate) respelt: Vec<(FieldPath, FieldPath)>,
}

/// Mistakes that are looked for in one section; after so many it is not a scenario with slips.
const MOST_PER_SECTION: usize = 20;

impl Sections {
    /// Takes the document apart; unknown sections are faults.
    pub(crate) fn new(root: Node) -> Self {
        let (root, faults) = match root {
            Node::Map(map) => (map, Vec::new()),
            Node::Null => (
                IndexMap::new(),
                vec![
                    Fault::value(FieldPath::root(), "the file is empty: expected a scenario")
                        .with_help(format!("a scenario has the keys {}", KEYS.join(", "))),
                ],
            ),
            other => (
                IndexMap::new(),
                vec![
                    Fault::value(
                        FieldPath::root(),
                        format!("expected a scenario, a map; found {}", other.describe()),
                    )
                    .with_help(format!("a scenario has the keys {}", KEYS.join(", "))),
                ],
            ),
        };
        let mut sections = Self { root, faults, respelt: Vec::new() };
        sections.refuse_unknown_sections();
        sections
    }

    /// Whether there is anything to read at all.
    pub(crate) fn is_scenario(&self) -> bool {
        !self.root.is_empty()
    }

    fn refuse_unknown_sections(&mut self) {
        let unknown: Vec<String> =
            self.root.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect();
        for key in unknown.iter().take(MOST_PER_SECTION) {
            let fault: Fault = Error::unknown_field(key, KEYS);
            let path = FieldPath::root().key(key);
            let meant = match &fault.kind {
                Kind::UnknownKey(meant) => meant.clone(),
                Kind::Other => None,
            };
            self.faults.push(Fault { path: Some(path.clone()), ..fault });
            respell(&mut self.root, key, meant, &path, &mut self.respelt);
        }
    }

    /// A section that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        if !self.root.contains_key(key) {
            let fault: Fault = Error::missing_field(key);
            let help = format!("a scenario has the keys {}", KEYS.join(", "));
            self.faults.push(Fault { path: Some(FieldPath::root()), ..fault }.with_help(help));
            return None;
        }
        self.section(key)
    }

    /// A section that must be there if it is `needed`, and may be left out or left empty otherwise.
    pub(crate) fn required_if<T: DeserializeOwned>(
        &mut self,
        needed: bool,
        key: &'static str,
    ) -> Option<Option<T>> {
        match self.root.get(key) {
            None | Some(Node::Null) if !needed => Some(None),
            _ => self.required(key).map(Some),
        }
    }

    /// A section that may be left out or left empty.
    pub(crate) fn optional<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        default: T,
    ) -> Option<T> {
        match self.root.get(key) {
            None | Some(Node::Null) => Some(default),
            Some(_) => self.section(key),
        }
    }

    fn section<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        let node = self.root.shift_remove(key)?;
        self.tolerant(node, &FieldPath::root().key(key))
    }

    /// The entries of a map, each for itself, by key. `None` if one of them is wrong or the section is no map.
    pub(crate) fn entries<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        prepare: impl Fn(&str, &mut Node),
    ) -> Option<IndexMap<String, T>> {
        let base = FieldPath::root().key(key);
        let map = match self.root.shift_remove(key) {
            None | Some(Node::Null) => IndexMap::new(),
            Some(Node::Map(map)) => map,
            Some(other) => {
                let message = format!("expected a map; found {}", other.describe());
                self.faults.push(Fault::value(base, message));
                return None;
            }
        };
        let mut entries = Some(IndexMap::new());
        for (name, mut node) in map {
            prepare(&name, &mut node);
            match (self.tolerant(node, &base.key(&name)), &mut entries) {
                (Some(entry), Some(entries)) => drop(entries.insert(name, entry)),
                _ => entries = None,
            }
        }
        entries
    }

    /// Reads a value; after a mistake it is put right or left out, and reading goes on for the sake of the next.
    fn tolerant<T: DeserializeOwned>(&mut self, mut node: Node, base: &FieldPath) -> Option<T> {
        let (mut clean, mut removed) = (true, Vec::<FieldPath>::new());
        for _ in 0..MOST_PER_SECTION {
            let fault = match read::<T>(&node, base) {
                Ok(value) => return clean.then_some(value),
                Err(fault) => fault,
            };
            clean = false;
            let path = fault.path.clone().unwrap_or_else(|| base.clone());
            let kind = fault.kind.clone();
            // What only follows from what was left out is no mistake of its own.
            if !removed.iter().any(|removed| removed.is_within(&path)) {
                self.faults.push(fault);
            }
            let path = removable(&node, base, path)?;
            let inside = path.rebased(base, &FieldPath::root())?;
            let above = node.at_mut(&inside.parent()?);
            let (Some(Node::Map(map)), Some(Segment::Key(key))) = (above, inside.segments().last())
            else {
                return None;
            };
            match kind {
                Kind::UnknownKey(meant) => respell(map, key, meant, &path, &mut self.respelt),
                Kind::Other => {
                    map.shift_remove(key);
                    removed.push(path);
                }
            }
        }
        None
    }
}

/// The field at `path`, or the one around it, that can be left out: an entry of a map. `None` at the base.
fn removable(node: &Node, base: &FieldPath, mut path: FieldPath) -> Option<FieldPath> {
    loop {
        let inside = path.rebased(base, &FieldPath::root())?;
        let above = node.at(&inside.parent()?);
        if let (Some(Node::Map(_)), Some(Segment::Key(_))) = (above, inside.segments().last()) {
            return Some(path);
        }
        path = path.parent()?;
    }
}

/// Puts an unknown key right if it is known what was meant, and leaves it out otherwise.
fn respell(
    map: &mut IndexMap<String, Node>,
    key: &str,
    meant: Option<String>,
    path: &FieldPath,
    respelt: &mut Vec<(FieldPath, FieldPath)>,
) {
    let Some(node) = map.shift_remove(key) else { return };
    let Some(meant) = meant.filter(|meant| !map.contains_key(meant)) else { return };
    if let Some(above) = path.parent() {
        respelt.push((above.key(&meant), path.clone()));
        map.insert(meant, node);
    }
}

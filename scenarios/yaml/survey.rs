use std::cell::{Cell, RefCell};

use indexmap::IndexMap;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Malformed, Position, guard, locate::second_document, syntax};
use crate::document::{Node, quoted};

/// The most values a scenario may have once its aliases are written out. A real one has some hundreds.
const MOST_NODES: usize = 100_000;
/// The most text these may hold.
const MOST_TEXT: usize = 4 << 20;
/// How deep they may be nested. The schema needs ten levels.
const DEEPEST: usize = 64;

/// Reads a text as one YAML document of plain values.
///
/// Aliases are written out, within a budget, so that a bomb of them costs nothing. Duplicate keys, keys that are not
/// scalars, tags, merge keys and further documents are refused.
pub(crate) fn parse(bytes: &[u8]) -> Result<Node, Malformed> {
    let text = guard::check(bytes)?;
    let survey = Survey::default();
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let Some(document) = documents.next() else { return Ok(Node::Null) };
    let node =
        Value { survey: &survey, depth: 0 }.deserialize(document).map_err(|error| match survey
            .refusal
            .take()
        {
            Some(Malformed { message, help, .. }) => {
                Malformed { position: Position::of_error(&error), message, help }
            }
            None => syntax::explain(text, &error),
        })?;
    match second_document(text) {
        Some(position) => Err(Malformed::at(position, "a second YAML document begins here")
            .with_help("a file holds one scenario: remove the `---` line, or split the file")),
        None => Ok(node),
    }
}

/// What has been used up, and why the survey stopped if it did.
#[derive(Default)]
struct Survey {
    nodes: Cell<usize>,
    text: Cell<usize>,
    refusal: RefCell<Option<Malformed>>,
}

impl Survey {
    /// An error with our own message, which `serde_yaml` adds the position to.
    fn refuse<E: Error>(&self, message: impl Into<String>, help: &str) -> E {
        let refusal = Malformed { position: None, message: message.into(), help: None };
        *self.refusal.borrow_mut() = Some(refusal.with_help(help));
        E::custom("refused")
    }

    fn charge<E: Error>(&self, text: usize) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        self.text.set(self.text.get() + text);
        if self.nodes.get() > MOST_NODES || self.text.get() > MOST_TEXT {
            let message = format!(
                "too much: with its aliases written out, the scenario has more than {MOST_NODES} \
                 values or {MOST_TEXT} bytes"
            );
            return Err(self.refuse(message, "use fewer aliases (`*name`), or none"));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Value<'s> {
    survey: &'s Survey,
    depth: usize,
}

impl Value<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEEPEST {
            let message = format!("nested more than {DEEPEST} levels deep");
            return Err(self
                .survey
                .refuse(message, "no scenario is so deep: look for a stray bracket"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.survey.charge(0).map(|()| Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.survey.charge(0).map(|()| Node::Integer(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        self.survey.charge(0).map(|()| Node::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.survey.charge(0).map(|()| Node::Integer(value.into()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        self.survey.charge(0)?;
        Ok(i128::try_from(value).map_or(Node::Real(value as f64), Node::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.survey.charge(0).map(|()| Node::Real(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        self.survey.charge(text.len()).map(|()| Node::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.survey.charge(0).map(|()| Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        self.survey.charge(0)?;
        let inner = self.inner()?;
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element_seed(inner)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        self.survey.charge(0)?;
        let inner = self.inner()?;
        let mut nodes = IndexMap::new();
        while let Some(key) = map.next_key_seed(Key { survey: self.survey, known: &nodes })? {
            nodes.insert(key, map.next_value_seed(inner)?);
        }
        Ok(Node::Map(nodes))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (tag, content) = tagged.variant::<String>()?;
        // Read on, so that the error comes after the content's own and the position is the tag's.
        content.newtype_variant::<serde::de::IgnoredAny>()?;
        let message =
            format!("YAML tags such as `!{}` are not supported", quoted(&tag).trim_matches('"'));
        Err(self.survey.refuse(message, "write `name: { ... }` instead of `!name { ... }`"))
    }
}

/// A key that is text and new to its map.
struct Key<'s> {
    survey: &'s Survey,
    known: &'s IndexMap<String, Node>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<String, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key: text before the `:`")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        self.survey.charge(key.len())?;
        if self.known.contains_key(key) {
            let message = format!("duplicate key {}", quoted(key));
            return Err(self.survey.refuse(message, "keep one of the two"));
        }
        if key == "<<" {
            let message = "merge keys (`<<`) are not supported";
            return Err(self.survey.refuse(message, "write the keys out"));
        }
        Ok(key.to_owned())
    }
}

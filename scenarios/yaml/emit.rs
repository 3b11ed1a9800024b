use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_yaml::Value;

use crate::document::Node;

/// A value as a tree, enums written as plain maps.
///
/// # Errors
/// If the value has no YAML form: a map with keys that are not text, or a path that is not UTF-8.
pub(crate) fn tree<T: Serialize>(value: &T) -> Result<Node, serde_yaml::Error> {
    use serde_yaml::{value::Serializer, with::singleton_map_recursive};
    Ok(node(singleton_map_recursive::serialize(value, Serializer)?))
}

/// A tree as YAML text, numbers written so that they read back bit for bit.
///
/// # Errors
/// None that a tree could cause.
pub(crate) fn emit(tree: &Node) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(tree)
}

fn node(value: Value) -> Node {
    match value {
        Value::Null => Node::Null,
        Value::Bool(value) => Node::Bool(value),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(value), _, _) => Node::Integer(value.into()),
            (_, Some(value), _) => Node::Integer(value.into()),
            (_, _, value) => Node::Real(value.unwrap_or(f64::NAN)),
        },
        Value::String(text) => Node::Text(text),
        Value::Sequence(list) => Node::List(list.into_iter().map(node).collect()),
        Value::Mapping(map) => {
            let entry = |(key, value)| match key {
                Value::String(key) => (key, node(value)),
                other => (node(other).describe(), node(value)),
            };
            Node::Map(map.into_iter().map(entry).collect())
        }
        Value::Tagged(tagged) => node(tagged.value),
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => match u64::try_from(*value) {
                Ok(value) => serializer.serialize_u64(value),
                Err(_) => serializer.serialize_i128(*value),
            },
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Map(map) => {
                let mut entries = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map {
                    entries.serialize_entry(key, value)?;
                }
                entries.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    #[test]
    fn numbers_and_texts_read_back_as_they_were() {
        let reals = [0.1, 1.0, 1e-8, 5e-324, f64::MAX, -0.0, 1e21, 123_456_789.125];
        let texts =
            ["", "~", "true", "no", "1e5", "12", "0x1f", "a: b", "- a", "ä\n b\n", " x", "#"];
        let list = reals.map(Node::Real).into_iter();
        let list: Vec<Node> = list.chain(texts.map(|text| Node::Text(text.to_owned()))).collect();
        let tree = Node::List(list);
        let text = emit(&tree).expect("a tree has a text");
        assert_eq!(parse(text.as_bytes()), Ok(tree), "{text}");
    }

    #[test]
    fn enums_are_plain_maps_at_any_depth() {
        #[derive(Serialize)]
        enum Choice {
            Plain,
            With { inner: Option<Box<Choice>> },
        }
        let choice = Choice::With { inner: Some(Box::new(Choice::Plain)) };
        let text = emit(&tree(&choice).expect("it has a tree")).expect("a tree has a text");
        assert_eq!(text, "With:\n  inner: Plain\n");
    }
}

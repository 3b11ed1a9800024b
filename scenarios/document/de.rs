use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::StrDeserializer,
};

use super::{
    FieldPath, Segment,
    fault::{Fault, Spot},
    node::Node,
};
use crate::suggest::listed;

/// Reads a value of a type from `node`, which is at `base`.
///
/// Enums are read from plain text (`iid`) and from maps with one key (`dirichlet: { alpha: 1.0 }`), at any depth;
/// a variant whose settings all have defaults may be written as plain text too.
pub(crate) fn read<'de, T: de::Deserialize<'de>>(
    node: &'de Node,
    base: &FieldPath,
) -> Result<T, Fault> {
    T::deserialize(Reader { node, trail: Trail::Base(base) })
        .map_err(|fault| fault.placed(|| base.clone(), Spot::Value))
}

/// The path to a value, on the stack while reading; made into a [`FieldPath`] only for an error.
#[derive(Clone, Copy)]
enum Trail<'t> {
    Base(&'t FieldPath),
    Key(&'t Trail<'t>, &'t str),
    Index(&'t Trail<'t>, usize),
}

impl Trail<'_> {
    fn path(&self) -> FieldPath {
        match self {
            Self::Base(base) => (*base).clone(),
            Self::Key(above, key) => above.path().key(key),
            Self::Index(above, index) => above.path().then(Segment::Index(*index)),
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'de, 't> {
    node: &'de Node,
    trail: Trail<'t>,
}

impl<'de> Reader<'de, '_> {
    fn expected(&self, what: &str) -> Fault {
        let message = format!("expected {what}; found {}", self.node.describe());
        Fault::value(self.trail.path(), message)
    }

    fn visit_plain<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let visited = match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => visitor.visit_i128(*value),
            },
            Node::Real(value) if !value.is_finite() => Err(self.expected("a finite number")),
            Node::Real(value) => visitor.visit_f64(*value),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(list) => visitor.visit_seq(Entries { list, next: 0, trail: self.trail }),
            Node::Map(map) => {
                visitor.visit_map(Fields { map: map.iter(), value: None, trail: self.trail })
            }
        };
        visited.map_err(|fault| fault.placed(|| self.trail.path(), Spot::Value))
    }

    /// A map; nothing counts as an empty one, so that what is missing gets named.
    fn visit_fields<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node {
            Node::Null => visitor
                .visit_map(Fields { map: Default::default(), value: None, trail: self.trail })
                .map_err(|fault| fault.placed(|| self.trail.path(), Spot::Value)),
            _ => self.visit_plain(visitor),
        }
    }
}

macro_rules! plainly {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.visit_plain(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Fault;

    plainly! {
        deserialize_any deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|fault| fault.placed(|| self.trail.path(), Spot::Value))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_plain(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|fault| fault.placed(|| self.trail.path(), Spot::Value))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node {
            Node::Null => visitor
                .visit_seq(Entries { list: &[], next: 0, trail: self.trail })
                .map_err(|fault| fault.placed(|| self.trail.path(), Spot::Value)),
            _ => self.visit_plain(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit_fields(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if !matches!(self.node, Node::Null | Node::Map(_)) {
            return Err(self.expected(&format!("a map with the keys {}", fields.join(", "))));
        }
        self.visit_fields(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (name, content) = match self.node {
            Node::Text(name) => (name, None),
            Node::Map(map) => {
                let mut entries = map.iter();
                let Some((name, content)) = entries.next() else {
                    return Err(self.expected(&listed(variants)));
                };
                if let Some((second, _)) = entries.next() {
                    let path = self.trail.path().key(second);
                    let message =
                        format!("expected a single choice; found both `{name}` and `{second}`");
                    return Err(Fault::key(path, message)
                        .with_help(format!("keep one: {}", listed(variants))));
                }
                (name, Some(content))
            }
            _ => return Err(self.expected(&listed(variants))),
        };
        visitor
            .visit_enum(Choice { name, content, trail: self.trail })
            .map_err(|fault| fault.placed(|| self.trail.path(), Spot::Value))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

struct Entries<'de, 't> {
    list: &'de [Node],
    next: usize,
    trail: Trail<'t>,
}

impl<'de> SeqAccess<'de> for Entries<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.list.get(self.next) else { return Ok(None) };
        let trail = Trail::Index(&self.trail, self.next);
        self.next += 1;
        seed.deserialize(Reader { node, trail })
            .map(Some)
            .map_err(|fault| fault.placed(|| trail.path(), Spot::Value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.list.len().saturating_sub(self.next))
    }
}

struct Fields<'de, 't> {
    map: indexmap::map::Iter<'de, String, Node>,
    value: Option<(&'de str, &'de Node)>,
    trail: Trail<'t>,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.map.next() else { return Ok(None) };
        self.value = Some((key, node));
        let name: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        let place = || Trail::Key(&self.trail, key).path();
        seed.deserialize(name).map(Some).map_err(|fault| fault.placed(place, Spot::Key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("a value was asked before its key"))?;
        let trail = Trail::Key(&self.trail, key);
        seed.deserialize(Reader { node, trail })
            .map_err(|fault| fault.placed(|| trail.path(), Spot::Value))
    }
}

/// One variant of an enum, with its settings if they are written.
struct Choice<'de, 't> {
    name: &'de str,
    content: Option<&'de Node>,
    trail: Trail<'t>,
}

impl<'de> Choice<'de, '_> {
    fn settings<T>(
        &self,
        read: impl FnOnce(Reader<'de, '_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match self.content {
            Some(node) => read(Reader { node, trail: Trail::Key(&self.trail, self.name) }),
            // Without settings the variant is what its defaults make it, if that is enough.
            None => read(Reader { node: &Node::Null, trail: self.trail }).map_err(|fault| {
                let name = self.name;
                let message = format!("`{name}` needs settings: {}", fault.message);
                Fault::value(self.trail.path(), message)
                    .with_help(format!("write `{name}: {{ ... }}` with its keys and values"))
            }),
        }
    }
}

impl<'de> EnumAccess<'de> for Choice<'de, '_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(|fault| match self.content {
            Some(_) => fault.placed(|| self.trail.path().key(self.name), Spot::Key),
            None => fault.placed(|| self.trail.path(), Spot::Value),
        })?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None | Some(Node::Null) => Ok(()),
            Some(Node::Map(map)) if map.is_empty() => Ok(()),
            Some(_) => {
                let message = format!("`{}` takes no settings", self.name);
                Err(Fault::value(self.trail.path().key(self.name), message)
                    .with_help(format!("write just `{}`", self.name)))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.settings(|reader| {
            let trail = reader.trail;
            seed.deserialize(reader).map_err(|fault| fault.placed(|| trail.path(), Spot::Value))
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.settings(|reader| reader.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.settings(|reader| reader.deserialize_struct("", fields, visitor))
    }
}

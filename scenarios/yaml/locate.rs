use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::Position;
use crate::document::{FieldPath, Segment, Spot};

/// Where the field at `path` stands in `text`: its key or its value. `None` if it is not there.
///
/// A seed that walks to the path and fails there yields its position. Entries of lists, and the root, have no key:
/// their value stands for it.
pub(crate) fn locate(text: &str, path: &FieldPath, spot: Spot) -> Option<Position> {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let walk = Walk { rest: path.segments(), spot };
    let error = walk.deserialize(documents.next()?).err()?;
    let marked = error.to_string().contains(MARK);
    marked.then(|| Position::of_error(&error)).flatten()
}

/// Where the second document of `text` begins, if there is one.
pub(super) fn second_document(text: &str) -> Option<Position> {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    documents.next()?;
    let error = Here.deserialize(documents.next()?).err()?;
    Position::of_error(&error).or(Some(Position::START))
}

/// The message by which our own failure is told from the parser's.
const MARK: &str = "\u{1}here\u{1}";

fn here<E: Error>() -> E {
    E::custom(MARK)
}

/// Fails on whatever comes.
struct Here;

impl<'de> DeserializeSeed<'de> for Here {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

macro_rules! fails {
    ($($method:ident($value:ty))*) => {$(
        fn $method<E: Error>(self, _: $value) -> Result<(), E> {
            Err(here())
        }
    )*};
}

impl<'de> Visitor<'de> for Here {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MARK)
    }

    fails! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128)
        visit_f64(f64) visit_str(&str)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(here())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Err(here())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(here())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(here())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(here())
    }
}

/// Walks along the rest of a path.
#[derive(Clone, Copy)]
struct Walk<'p> {
    rest: &'p [Segment],
    spot: Spot,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        match self.rest {
            [] => Here.deserialize(source),
            _ => source.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map or a list on the way")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((Segment::Index(index), rest)) = self.rest.split_first() else { return Ok(()) };
        for _ in 0..*index {
            if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        list.next_element_seed(Walk { rest, ..self }).map(|_| ())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((segment, rest)) = self.rest.split_first() else { return Ok(()) };
        let wanted = segment.to_string();
        let fail = rest.is_empty() && self.spot == Spot::Key;
        while let Some(found) = map.next_key_seed(Key { wanted: &wanted, fail })? {
            if found {
                return map.next_value_seed(Walk { rest, ..self });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        tagged.variant::<IgnoredAny>()?.1.newtype_variant::<IgnoredAny>().map(|_| ())
    }
}

/// Compares a key with the wanted one, and fails on it if that is what is asked.
struct Key<'p> {
    wanted: &'p str,
    fail: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<bool, D::Error> {
        source.deserialize_str(self)
    }
}

impl de::Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.fail => Err(here()),
            found => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
a: 1
b:
  c: [x, { d: 12 MB/s }]
  'e f': |
    text
  g:
h: &anchor { i: 1 }
j: *anchor
";

    fn at(path: FieldPath, spot: Spot) -> Option<(usize, usize)> {
        locate(TEXT, &path, spot).map(|p| (p.line, p.column))
    }

    #[test]
    fn keys_and_values_are_found() {
        let in_b = FieldPath::root().key("b");
        let d = FieldPath::from("b.c.1.d");
        assert_eq!(at(FieldPath::root(), Spot::Key), Some((1, 1)));
        assert_eq!(at(FieldPath::from("a"), Spot::Value), Some((1, 4)));
        assert_eq!(at(in_b.clone(), Spot::Key), Some((2, 1)));
        assert_eq!(at(in_b.clone(), Spot::Value), Some((3, 3)));
        assert_eq!(at(FieldPath::from("b.c.0"), Spot::Value), Some((3, 7)));
        assert_eq!(at(d.clone(), Spot::Key), Some((3, 12)));
        assert_eq!(at(d, Spot::Value), Some((3, 15)));
        assert_eq!(at(in_b.key("e f"), Spot::Key), Some((4, 3)));
        assert_eq!(at(in_b.key("g"), Spot::Key), Some((6, 3)));
        assert_eq!(at(FieldPath::from("h.i"), Spot::Value), Some((7, 17)));
    }

    #[test]
    fn inside_an_alias_the_anchor_is_pointed_at() {
        assert_eq!(at(FieldPath::from("j.i"), Spot::Value), Some((7, 17)));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in ["z", "a.z", "b.c.7", "b.c.0.z", "b.g.z"] {
            assert_eq!(at(FieldPath::from(path), Spot::Key), None, "{path}");
        }
    }
}

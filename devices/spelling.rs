//! The spelling of a choice: a word, or a map with one key.
//!
//! Serde's own enums would need YAML tags, which nobody writes by hand.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

/// A choice that is written as a word, or as a map with one key.
pub(crate) trait OneOf: Sized {
    /// What it is a choice of, for errors such as "expected one availability law; found none".
    const WHAT: &'static str;
    /// The forms it has, for errors about values of another type.
    const FORMS: &'static str;
    /// Every word and every key.
    const NAMES: &'static [&'static str];

    /// The choice that a word stands for, or what the word lacks; `None` for an unknown word.
    fn word(name: &str) -> Option<Result<Self, &'static str>>;

    /// Reads the value of the key `name`; `None` for an unknown key, and then reads nothing.
    fn keyed<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Option<Result<Self, A::Error>>;
}

/// For `Deserialize::deserialize`.
pub(crate) fn read<'de, D: Deserializer<'de>, T: OneOf>(source: D) -> Result<T, D::Error> {
    struct Either<T>(PhantomData<T>);

    impl<'de, T: OneOf> Visitor<'de> for Either<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::FORMS)
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            match T::word(name) {
                Some(choice) => choice.map_err(E::custom),
                None => Err(E::unknown_variant(name, T::NAMES)),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            let Some(name) = map.next_key::<String>()? else {
                return Err(A::Error::custom(format!("expected one {}; found none", T::WHAT)));
            };
            let Some(choice) = T::keyed(&name, &mut map) else {
                return Err(A::Error::unknown_variant(&name, T::NAMES));
            };
            let choice = choice?;
            if let Some(second) = map.next_key::<String>()? {
                return Err(A::Error::custom(format!(
                    "expected one {}; found {name} and {second}",
                    T::WHAT
                )));
            }
            Ok(choice)
        }
    }

    source.deserialize_any(Either(PhantomData))
}

/// Writes the map with one key.
pub(crate) fn write<S: Serializer>(
    serializer: S,
    name: &str,
    value: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

use std::{fmt, num::NonZeroU32, sync::LazyLock};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};

use super::server::UplinkServer;
use crate::{
    privacy::{NoiseSite, PrivacyConfig},
    protocol::Server,
    registry::AlgorithmConfig,
    settings::{Aggregation, Conflict},
    setup::Setup,
    timing::TimedServer,
    wire::Encoding,
};

/// An algorithm as a scenario writes it: one of the registry's, and what becomes of its updates on their way.
///
/// ```yaml
/// fedavg: { local_steps: 4, batch_size: 16, learning_rate: { base: 1e-3 } }
/// encoding: { top_k: 0.05, values: q8, error_feedback: true }
/// privacy: { clip: 0.5, noise_multiplier: 1.0, noise: server, delta: 1e-3 }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Algorithm {
    /// Which, with its settings.
    #[serde(flatten)]
    pub kind: AlgorithmConfig,
    /// How updates are encoded. The default is as 32-bit floats, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// How updates are made private. The default is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<PrivacyConfig>,
}

impl Algorithm {
    /// The server with the global model at its start; `cohort` is how many updates a round plans to join.
    pub fn server(&self, setup: Setup, cohort: NonZeroU32) -> Box<dyn Server> {
        let streams = setup.streams;
        let inner = self.kind.server(setup);
        if self.encoding.is_none() && self.privacy.is_none() {
            return inner;
        }
        let how = (self.encoding, self.privacy);
        Box::new(UplinkServer::new(inner, self.kind.uploads(), how, cohort, streams))
    }

    /// The server of a run in which nothing is trained, which costs devices what [`Self::server`] does; nothing if that
    /// cannot be known without training ([`AlgorithmConfig::untimed`] says why).
    pub fn timed_server(&self, setup: Setup, cohort: NonZeroU32) -> Option<TimedServer> {
        self.kind.untimed().is_none().then(|| TimedServer::new(self.server(setup, cohort)))
    }

    /// The algorithm in one line, for a report.
    pub fn describe(&self) -> String {
        let mut text = self.kind.describe();
        if let Some(PrivacyConfig { clip, noise_multiplier, noise, .. }) = &self.privacy {
            let who = match noise {
                NoiseSite::Server => "by the server",
                NoiseSite::Clients => "shared among the clients",
            };
            let (clip, times) = (clip.get(), noise_multiplier.get());
            text += &format!(
                "; updates clipped to {clip}, noise of {times} times that on their sum, {who}"
            );
        }
        if let Some(encoding) = &self.encoding {
            text += &format!("; updates sent as {encoding}");
        }
        text
    }

    /// Why encoding or privacy cannot go with the algorithm or with each other, by paths within the entry; conflicts
    /// within the algorithm's own settings are [`AlgorithmConfig::conflicts`].
    pub fn conflicts(&self) -> Vec<Conflict> {
        let contents = || self.kind.uploads().into_iter().map(|(_, content)| content);
        let mut conflicts = Vec::new();
        if let Some(encoding) = &self.encoding {
            if encoding.is_lossless() {
                conflicts.push(Conflict {
                    field: "encoding",
                    message: "this changes nothing: all values would be sent as 32-bit floats"
                        .to_owned(),
                    help: "say which values (`top_k`), or how they are coded (`values`: f16, q8 or sign)",
                });
            }
            conflicts.extend(contents().find_map(|content| content.encoding_conflict(encoding)));
        }
        if let Some(privacy) = &self.privacy {
            conflicts.extend(contents().find_map(|content| content.privacy_conflict()));
            if self.encoding.is_some() && privacy.noise == NoiseSite::Clients {
                conflicts.push(Conflict {
                    field: "encoding",
                    message: "clients' shares of the noise add up in the plain sum of updates alone, \
                              not if each update is rounded or cut by itself"
                        .to_owned(),
                    help: "let the server make the noise (`noise: server`), or leave `encoding` out",
                });
            }
        }
        conflicts
    }

    /// Why clients cannot be joined in this way with what stands beside the algorithm, by paths within the entry; what
    /// its own settings refuse is [`AlgorithmConfig::refusal`].
    ///
    /// Of error feedback the device must know, when it is asked again, whether its last message was joined; and a client
    /// that is asked again before that would make up for the same residual twice. At edges its rounds are whole.
    pub fn refusals(&self, aggregation: Aggregation) -> Vec<Conflict> {
        let mut refusals = Vec::new();
        if aggregation == Aggregation::Layered && self.encoding.is_some() {
            refusals.push(Conflict {
                field: "encoding",
                message: "a client that is stopped sends the gradients of its last layers, and encodings here are of whole \
                          updates"
                    .to_owned(),
                help: "leave `encoding` out, or let the federation be synchronous",
            });
        }
        let feeds_back = self.encoding.is_some_and(|encoding| encoding.error_feedback);
        if feeds_back && aggregation == Aggregation::Asynchronous {
            refusals.push(Conflict {
                field: "encoding.error_feedback",
                message: "a client may be asked again before its last update is joined, and would make up for what \
                          that left unsaid a second time"
                    .to_owned(),
                help: "leave `error_feedback` out",
            });
        }
        if self.privacy.is_some() {
            let message = match aggregation {
                Aggregation::Asynchronous => {
                    "noise is planned for the sum of one cohort, in which every client counts once, and a fast client \
                     may be in a buffer more than once"
                }
                Aggregation::InGroups => {
                    "noise is planned, and what it proves is accounted for, for the cohorts of one server, and every \
                     edge or tier sums its own"
                }
                Aggregation::Layered => {
                    "noise is planned for the sum of one whole cohort, and of a layer only those are joined who reached it"
                }
            };
            let help = "leave `privacy` out, or let one server join synchronous rounds";
            refusals.push(Conflict { field: "privacy", message: message.to_owned(), help });
        }
        refusals
    }
}

impl Algorithm {
    /// Why clients cannot [report](crate::reporting) their losses beside what stands beside the algorithm, by paths within
    /// the entry; what speaks against it in the algorithm itself is [`AlgorithmConfig::silence`].
    pub fn silence(&self) -> Option<Conflict> {
        self.privacy.is_some().then(|| Conflict {
            field: "privacy",
            message: "a client's losses would go up beside its private update as they are, and no noise on a sum hides \
                      them"
                .to_owned(),
            help: "leave `privacy` out, or choose whom to ask by something else than losses",
        })
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Entry)
    }
}

/// Keys beside an algorithm's name.
const BESIDE: [&str; 2] = ["encoding", "privacy"];

/// All keys: the registry's names, and those beside them.
static KEYS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| names().iter().copied().chain(BESIDE).collect());

enum Key {
    Encoding,
    Privacy,
    Kind(String),
}

struct Entry;

fn missing<E: Error>() -> E {
    E::custom(format!("expected an algorithm, one of {}", names().join(", ")))
}

impl<'de> Visitor<'de> for Entry {
    type Value = Algorithm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an algorithm with its settings, one of {}", names().join(", "))
    }

    fn visit_unit<E: Error>(self) -> Result<Algorithm, E> {
        Err(missing())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Algorithm, E> {
        match names().contains(&name) {
            true => Err(E::custom(format!("`{name}` needs settings: write `{name}: {{ ... }}`"))),
            false => Err(E::unknown_variant(name, names())),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Algorithm, A::Error> {
        let (mut kind, mut encoding, mut privacy) = (None, None, None);
        let mut name = None;
        while let Some(key) = map.next_key_seed(After(name.as_deref()))? {
            match key {
                Key::Encoding => encoding = map.next_value()?,
                Key::Privacy => privacy = map.next_value()?,
                Key::Kind(found) => {
                    let entry = Chosen { name: Some(found.clone()), map: &mut map };
                    kind = Some(AlgorithmConfig::deserialize(MapAccessDeserializer::new(entry))?);
                    name = Some(found);
                }
            }
        }
        Ok(Algorithm { kind: kind.ok_or_else(missing::<A::Error>)?, encoding, privacy })
    }
}

/// Reads a key, after that of the algorithm has been read or not.
struct After<'a>(Option<&'a str>);

impl<'de> DeserializeSeed<'de> for After<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        let key = String::deserialize(deserializer)?;
        match (key.as_str(), self.0) {
            ("encoding", _) => Ok(Key::Encoding),
            ("privacy", _) => Ok(Key::Privacy),
            (unknown, _) if !names().contains(&unknown) => {
                Err(D::Error::unknown_field(unknown, &KEYS))
            }
            (second, Some(first)) => {
                let message =
                    format!("expected a single algorithm; found both `{first}` and `{second}`");
                Err(D::Error::custom(message))
            }
            (_, None) => Ok(Key::Kind(key)),
        }
    }
}

/// An entry whose key has been read.
struct Chosen<'m, A> {
    name: Option<String>,
    map: &'m mut A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Chosen<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let name = self.name.take();
        name.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The registry's names, as its reader knows them.
fn names() -> &'static [&'static str] {
    static NAMES: LazyLock<&[&str]> = LazyLock::new(|| {
        AlgorithmConfig::deserialize(Asked).map_or_else(|Names(names)| names, |_| &[])
    });
    *NAMES
}

/// Reads nothing, and fails with the names that it was asked for.
struct Asked;

#[derive(Debug)]
struct Names(&'static [&'static str]);

impl<'de> Deserializer<'de> for Asked {
    type Error = Names;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Names> {
        Err(Names(&[]))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Names> {
        Err(Names(names))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Names {}

impl Error for Names {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

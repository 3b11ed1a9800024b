use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A product of a layer with a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// Queries, from d to q.
    Query,
    /// Keys, from d to k.
    Key,
    /// Values, from d to k.
    Value,
    /// What attention gives back, from q to d.
    Output,
    /// Into the feed-forward layer, from d to f.
    Up,
    /// The gate of the feed-forward layer, from d to f, where there is one.
    Gate,
    /// Out of the feed-forward layer, from f to d.
    Down,
}

impl Projection {
    /// All, in the order in which a layer computes them.
    pub const ALL: [Self; 7] =
        [Self::Query, Self::Key, Self::Value, Self::Output, Self::Up, Self::Gate, Self::Down];

    /// As scenarios and paths of parameters call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
            Self::Output => "output",
            Self::Up => "up",
            Self::Gate => "gate",
            Self::Down => "down",
        }
    }
}

/// A set of [`Projection`]s, not empty. Written as a list of names, or as `all`: those that the model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projections(u8);

impl Projections {
    /// Queries and values, as Hu et al. (2021) adapt them.
    pub const QUERY_VALUE: Self = Self::of(&[Projection::Query, Projection::Value]);
    /// Whatever a layer has.
    pub const ALL: Self = Self::of(&Projection::ALL);

    /// These, once or more often.
    pub const fn of(projections: &[Projection]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < projections.len() {
            bits |= 1 << projections[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Whether it is one of them.
    pub const fn has(self, projection: Projection) -> bool {
        self.0 & (1 << projection as u8) != 0
    }

    /// In the order in which a layer computes them.
    pub fn iter(self) -> impl Iterator<Item = Projection> {
        Projection::ALL.into_iter().filter(move |&projection| self.has(projection))
    }

    /// Whether it is the default.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Projections {
    fn default() -> Self {
        Self::QUERY_VALUE
    }
}

impl fmt::Display for Projections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all projections");
        }
        let names: Vec<&str> = self.iter().map(Projection::name).collect();
        f.write_str(&names.join(", "))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    List(Vec<Projection>),
}

impl Serialize for Projections {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self == Self::ALL {
            true => to.serialize_str("all"),
            false => to.collect_seq(self.iter()),
        }
    }
}

impl<'de> Deserialize<'de> for Projections {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "expected `all`, or a list of query, key, value, output, up, gate, down, each once";
        match Written::deserialize(from).map_err(|_| D::Error::custom(EXPECTED))? {
            Written::Word(word) if word == "all" => Ok(Self::ALL),
            Written::List(list) => {
                let set = Self::of(&list);
                match list.is_empty() || set.iter().count() < list.len() {
                    true => Err(D::Error::custom(EXPECTED)),
                    false => Ok(set),
                }
            }
            Written::Word(_) => Err(D::Error::custom(EXPECTED)),
        }
    }
}

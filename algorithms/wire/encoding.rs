use std::fmt;

use fleetune_models::ledger::{Cost, ELEMENT};
use fleetune_units::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    header::{self, HEADER, Header, Kind},
    q8::Rounding,
    reader::{DecodeError, Reader},
    sign::SignScale,
    top_k,
    values::Values,
};
use crate::settings::Fraction;

/// One step of an [`Encoding`], as a scenario writes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stage {
    /// Only the `ceil(fraction d)` largest magnitudes of d values are sent, with their positions; the others are 0.
    TopK {
        /// The share that is sent; above 0.
        fraction: Fraction,
    },
    /// Values are sent as IEEE half floats, 2 bytes each, limited to ±65504.
    F16,
    /// Values are sent as integers of 8 bits with a scale per 256 of them, their largest magnitude / 127.
    Q8 {
        /// How values become integers. The default is `stochastic`, which is unbiased.
        #[serde(default)]
        rounding: Rounding,
    },
    /// Values are sent as their signs, a bit each, and their mean magnitude. The signs of 0 and -0 are positive.
    Sign {
        /// Which values share a mean magnitude. The default is `block`: 256 of them.
        #[serde(default)]
        scale: SignScale,
    },
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::TopK { .. } => "top_k",
            Self::F16 => "f16",
            Self::Q8 { .. } => "q8",
            Self::Sign { .. } => "sign",
        }
    }
}

/// Why stages do not make an [`Encoding`]. Stages are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Values would be coded twice.
    #[error("`{second}` after `{first}`: values can be coded once only; keep one of the two")]
    CodedTwice {
        /// Position of the second.
        at: usize,
        /// What codes them first.
        first: &'static str,
        /// What would code them again.
        second: &'static str,
    },
    /// The largest values would be chosen after all were coded.
    #[error("`top_k` after `{first}`: choose the largest values before they are coded")]
    ChosenAfterCoding {
        /// Position of `top_k`.
        at: usize,
        /// What codes them first.
        first: &'static str,
    },
    /// The largest of the largest values would be chosen.
    #[error("`top_k` twice: one fraction, the product of both, does the same")]
    ChosenTwice {
        /// Position of the second.
        at: usize,
    },
    /// Nothing would be sent.
    #[error("`top_k` with fraction 0 sends nothing: expected a fraction above 0")]
    NothingKept {
        /// Position of `top_k`.
        at: usize,
    },
}

impl EncodingError {
    /// The stage at fault.
    pub fn at(self) -> usize {
        match self {
            Self::CodedTwice { at, .. }
            | Self::ChosenAfterCoding { at, .. }
            | Self::ChosenTwice { at }
            | Self::NothingKept { at } => at,
        }
    }
}

/// How a dense vector is sent: which of its values, and how they are coded. Written as a list of [`Stage`]s in the
/// order in which they apply, such as `[ { top_k: { fraction: 0.01 } }, f16 ]`; the default, the empty list, sends all
/// values as 32-bit floats, in the bytes of [`Payload::Dense`](super::Payload::Dense).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Stage>", into = "Vec<Stage>")]
pub struct Encoding {
    fraction: Option<Fraction>,
    values: Values,
}

impl Default for Encoding {
    fn default() -> Self {
        Self { fraction: None, values: Values::F32 }
    }
}

impl Encoding {
    /// The encoding that these stages make.
    ///
    /// # Errors
    /// If a stage makes no sense after those before it, or sends nothing.
    pub fn new(stages: &[Stage]) -> Result<Self, EncodingError> {
        let mut encoding = Self::default();
        let mut coded = None;
        for (at, &stage) in stages.iter().enumerate() {
            let values = match (stage, coded) {
                (Stage::TopK { .. }, Some(first)) => {
                    return Err(EncodingError::ChosenAfterCoding { at, first });
                }
                (Stage::TopK { .. }, None) if encoding.fraction.is_some() => {
                    return Err(EncodingError::ChosenTwice { at });
                }
                (Stage::TopK { fraction }, None) if fraction.get() == 0.0 => {
                    return Err(EncodingError::NothingKept { at });
                }
                (Stage::TopK { fraction }, None) => {
                    encoding.fraction = Some(fraction);
                    continue;
                }
                (second, Some(first)) => {
                    return Err(EncodingError::CodedTwice { at, first, second: second.name() });
                }
                (Stage::F16, None) => Values::F16,
                (Stage::Q8 { rounding }, None) => Values::Q8(rounding),
                (Stage::Sign { scale }, None) => Values::Sign(scale),
            };
            encoding.values = values;
            coded = Some(stage.name());
        }
        Ok(encoding)
    }

    /// The stages.
    pub fn stages(&self) -> Vec<Stage> {
        let choice = self.fraction.map(|fraction| Stage::TopK { fraction });
        let coding = match self.values {
            Values::F32 => None,
            Values::F16 => Some(Stage::F16),
            Values::Q8(rounding) => Some(Stage::Q8 { rounding }),
            Values::Sign(scale) => Some(Stage::Sign { scale }),
        };
        choice.into_iter().chain(coding).collect()
    }

    /// Whether the decoded vector is the encoded one, bit for bit.
    pub fn is_lossless(&self) -> bool {
        *self == Self::default()
    }

    /// The bytes of a message about a vector of `values` values.
    pub fn size(&self, values: usize) -> SizeBounds {
        let sent = self.sent(values) as u64;
        let fixed = HEADER as u64 + self.values.size(sent);
        let [least, most] = match self.fraction {
            None => [0, 0],
            Some(_) => top_k::size(sent, values as u64),
        };
        SizeBounds { least: Bytes::new(fixed + least), most: Bytes::new(fixed + most) }
    }

    /// The message about `vector` as sent in `round`; `seed` determines stochastic rounding and should differ between
    /// clients and rounds, so that roundings are independent.
    ///
    /// A vector that is not finite makes a message of the same size, which [`Self::decode`] refuses.
    ///
    /// # Panics
    /// If there are 2^32 values or more.
    pub fn encode(&self, vector: &[f32], round: u64, seed: u64) -> Vec<u8> {
        let mut body = Vec::new();
        match self.fraction {
            None => self.values.put(vector, seed, &mut body),
            Some(_) => {
                let positions = top_k::select(vector, self.sent(vector.len()));
                let kept: Vec<f32> = positions.iter().map(|&at| vector[at as usize]).collect();
                top_k::put(&positions, &mut body);
                self.values.put(&kept, seed, &mut body);
            }
        }
        let (coding, count) = (self.coding(), header::count(vector.len()));
        Header { kind: Kind::Dense, coding, count, round }.seal(&body)
    }

    /// The round of a message and the vector of `expected` values that the receiver sees, all of them finite.
    ///
    /// It may be given any bytes: it never panics, and beside the vector itself allocates no more than the message's
    /// length warrants.
    ///
    /// # Errors
    /// Whatever differs from a message that [`Self::encode`] makes of a finite vector of `expected` values.
    pub fn decode(&self, message: &[u8], expected: usize) -> Result<(u64, Vec<f32>), DecodeError> {
        let (header, body) = Header::open(message)?;
        if header.kind != Kind::Dense || header.coding != self.coding() {
            return Err(DecodeError::WrongEncoding);
        }
        if header.count as usize != expected {
            return Err(DecodeError::WrongCount { found: header.count, expected });
        }
        let mut body = Reader::new(body);
        let sent = self.sent(expected);
        let vector = match self.fraction {
            None => self.values.take(expected, &mut body)?,
            Some(_) => {
                let positions = top_k::take(sent, expected, &mut body)?;
                let kept = self.values.take(sent, &mut body)?;
                let mut vector = vec![0.0; expected];
                for (at, value) in positions.into_iter().zip(kept) {
                    vector[at as usize] = value;
                }
                vector
            }
        };
        body.end()?;
        Ok((header.round, vector))
    }

    /// What encoding a vector of `values` values costs the device that does it: see each stage's operations per
    /// value. The same whatever the values are.
    pub fn encode_cost(&self, values: usize) -> Cost {
        let (all, sent) = (values as u64, self.sent(values) as u64);
        let coded = cost(sent, self.values.encode_operations(), self.values.reads());
        coded
            + self.written(sent)
            + match self.fraction {
                None => Cost::default(),
                Some(_) => {
                    cost(all, top_k::SELECT_OPERATIONS, top_k::SELECT_READS)
                        + cost(sent, top_k::POSITION_OPERATIONS, 2)
                }
            }
    }

    /// What decoding into a vector of `values` values costs the device that does it.
    pub fn decode_cost(&self, values: usize) -> Cost {
        let (all, sent) = (values as u64, self.sent(values) as u64);
        let decoded = cost(sent, self.values.decode_operations(), 1);
        decoded
            + self.written(sent)
            + match self.fraction {
                None => Cost::default(),
                // Zeros are written everywhere, and positions read and written beside the values.
                Some(_) => cost(all, 0, 1) + cost(sent, top_k::POSITION_OPERATIONS, 2),
            }
    }

    /// The memory traffic of the coded values, in whole elements.
    fn written(&self, sent: u64) -> Cost {
        Cost { elements: self.values.size(sent).div_ceil(ELEMENT), ..Cost::default() }
    }

    /// How many of `values` values are sent.
    pub(super) fn sent(&self, values: usize) -> usize {
        self.fraction.map_or(values, |fraction| top_k::kept(fraction.get(), values))
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> Values {
        self.values
    }

    pub(super) fn coding(&self) -> [u8; 2] {
        [u8::from(self.fraction.is_some()), self.values.code()]
    }
}

/// Elementwise work with so many operations on, and accesses to, each of `elements`.
pub(super) fn cost(elements: u64, operations: u64, touched: u64) -> Cost {
    Cost {
        products: 0,
        elementwise: u128::from(elements) * u128::from(operations),
        elements: elements * touched,
    }
}

impl TryFrom<Vec<Stage>> for Encoding {
    type Error = EncodingError;

    fn try_from(stages: Vec<Stage>) -> Result<Self, EncodingError> {
        Self::new(&stages)
    }
}

impl From<Encoding> for Vec<Stage> {
    fn from(encoding: Encoding) -> Self {
        encoding.stages()
    }
}

/// In a few words, for a report.
impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fraction) = self.fraction {
            write!(f, "the largest {} % as ", fraction.get() * 100.0)?;
        }
        f.write_str(match self.values {
            Values::F32 => "32-bit floats",
            Values::F16 => "16-bit floats",
            Values::Q8(Rounding::Stochastic) => "8-bit integers, stochastically rounded",
            Values::Q8(Rounding::Nearest) => "8-bit integers, rounded to nearest",
            Values::Sign(SignScale::Block) => "signs and the mean magnitude of each 256",
            Values::Sign(SignScale::Vector) => "signs and one mean magnitude",
        })
    }
}

/// The bytes of a message, before its values are known: both bounds are attained by some values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeBounds {
    /// No message is shorter.
    pub least: Bytes,
    /// No message is longer.
    pub most: Bytes,
}

impl SizeBounds {
    /// The size, if it does not depend on the values.
    pub fn exact(self) -> Option<Bytes> {
        (self.least == self.most).then_some(self.least)
    }
}

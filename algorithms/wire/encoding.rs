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
use crate::settings::Share;

/// How a vector is sent: which of its values, and how they are coded. The default sends all values as 32-bit floats, in
/// the bytes of [`Payload::Dense`](super::Payload::Dense).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    /// Only the `ceil(top_k d)` largest magnitudes of d values are sent, with their positions; the others count as 0.
    /// Above 0 and at most 1. The default is to send all.
    #[serde(default)]
    pub top_k: Option<Share>,
    /// How the values that are sent are coded. The default is `f32`.
    #[serde(default)]
    pub values: Values,
    /// Whether a sender adds what its messages left unsaid to its next one ([`Self::encode_with_feedback`]). The default
    /// is not.
    #[serde(default)]
    pub error_feedback: bool,
}

impl Encoding {
    /// Whether the decoded vector is the encoded one, bit for bit.
    pub fn is_lossless(&self) -> bool {
        self.top_k.is_none() && self.values == Values::F32
    }

    /// The bytes of a message about a vector of `values` values.
    ///
    /// It depends on nothing else, so that a transfer can be planned before there are any values.
    pub fn size(&self, values: usize) -> Bytes {
        Bytes::new(HEADER as u64 + self.body(values))
    }

    fn body(&self, values: usize) -> u64 {
        let sent = self.sent(values) as u64;
        let positions = self.top_k.map_or(0, |_| top_k::size(sent, values as u64));
        positions + self.values.size(sent)
    }

    /// The message about `vector` as sent in `round`; `seed` determines stochastic rounding and should differ between
    /// clients and rounds, so that roundings are independent.
    ///
    /// A vector that is not finite makes a message of the same size, which [`Self::decode`] refuses.
    ///
    /// # Panics
    /// If there are 2^32 values or more.
    pub fn encode(&self, vector: &[f32], round: u64, seed: u64) -> Vec<u8> {
        self.encode_as(Kind::Dense, vector, round, seed)
    }

    /// [`Self::encode`], of what `kind` says.
    pub(crate) fn encode_as(&self, kind: Kind, vector: &[f32], round: u64, seed: u64) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.body(vector.len()) as usize);
        match self.top_k {
            None => self.values.put(vector, seed, &mut body),
            Some(_) => {
                let positions = top_k::select(vector, self.sent(vector.len()));
                let kept: Vec<f32> = positions.iter().map(|&at| vector[at as usize]).collect();
                top_k::put(&positions, vector.len(), &mut body);
                self.values.put(&kept, seed, &mut body);
            }
        }
        let (coding, count) = (self.coding(), header::count(vector.len()));
        Header { kind, coding, count, round }.seal(&body)
    }

    /// The round of a message and the vector of `expected` values that the receiver sees, all of them finite.
    ///
    /// It may be given any bytes: it never panics, and beside the vector itself allocates no more than the message's
    /// length warrants.
    ///
    /// # Errors
    /// Whatever differs from a message that [`Self::encode`] makes of a finite vector of `expected` values.
    pub fn decode(&self, message: &[u8], expected: usize) -> Result<(u64, Vec<f32>), DecodeError> {
        self.decode_as(Kind::Dense, message, expected)
    }

    /// [`Self::decode`], of what `kind` says.
    pub(crate) fn decode_as(
        &self,
        kind: Kind,
        message: &[u8],
        expected: usize,
    ) -> Result<(u64, Vec<f32>), DecodeError> {
        let (header, body) = Header::open(message)?;
        if header.kind != kind || header.coding != self.coding() {
            return Err(DecodeError::WrongEncoding);
        }
        if header.count as usize != expected {
            return Err(DecodeError::WrongCount { found: header.count, expected });
        }
        let mut body = Reader::new(body);
        let sent = self.sent(expected);
        let vector = match self.top_k {
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
            + self.message(values)
            + match self.top_k {
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
            + self.message(values)
            + match self.top_k {
                None => Cost::default(),
                // Zeros are written everywhere, and positions read and written beside the values.
                Some(_) => cost(all, 0, 1) + cost(sent, top_k::POSITION_OPERATIONS, 2),
            }
    }

    /// The memory traffic of writing or reading the message, in whole elements.
    fn message(&self, values: usize) -> Cost {
        Cost { elements: self.body(values).div_ceil(ELEMENT), ..Cost::default() }
    }

    /// How many of `values` values are sent.
    pub(super) fn sent(&self, values: usize) -> usize {
        self.top_k.map_or(values, |share| top_k::kept(share.get(), values))
    }

    pub(super) fn coding(&self) -> [u8; 2] {
        [u8::from(self.top_k.is_some()), self.values.code()]
    }
}

/// Elementwise work with so many operations on, and accesses to, each of `elements`.
pub(super) fn cost(elements: u64, operations: u64, touched: u64) -> Cost {
    Cost {
        elementwise: u128::from(elements) * u128::from(operations),
        elements: elements * touched,
        ..Cost::default()
    }
}

/// In a few words, for a report.
impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(share) = self.top_k {
            // Rounded: 100 times 0.07 is 7.000000000000001.
            write!(f, "the largest {} % as ", (share.get() * 1e8).round() / 1e6)?;
        }
        f.write_str(match self.values {
            Values::F32 => "32-bit floats",
            Values::F16 => "16-bit floats",
            Values::Q8 { rounding: Rounding::Stochastic } => "8-bit integers",
            Values::Q8 { rounding: Rounding::Nearest } => "8-bit integers, rounded to nearest",
            Values::Sign { scale: SignScale::Block } => "signs and the mean magnitude of each 256",
            Values::Sign { scale: SignScale::Vector } => "signs and one mean magnitude",
        })?;
        f.write_str(if self.error_feedback { ", with error feedback" } else { "" })
    }
}

use serde::{Deserialize, Serialize};

use super::{
    f16, q8,
    q8::Rounding,
    reader::{DecodeError, Reader},
    sign,
    sign::SignScale,
};

/// Values that share a scale, where blocks do. A scale then costs an eighth of a bit a value.
pub(super) const BLOCK: usize = 256;

/// How the values that are sent are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Values {
    /// As they are: 32-bit floats.
    #[default]
    F32,
    /// IEEE half floats, 2 bytes each, limited to ±65504.
    F16,
    /// Integers of 8 bits with a scale per 256 of them, their largest magnitude / 127.
    Q8 {
        /// How values become integers. The default is `stochastic`, which is unbiased.
        #[serde(default)]
        rounding: Rounding,
    },
    /// Signs, a bit each, and a mean magnitude. The signs of 0 and -0 are positive.
    Sign {
        /// Which values share a mean magnitude. The default is `block`: 256 of them.
        #[serde(default)]
        scale: SignScale,
    },
}

impl Values {
    /// How a header names the coding. A decoder need not know how values were rounded.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8 { .. } => 2,
            Self::Sign { scale: SignScale::Vector } => 3,
            Self::Sign { scale: SignScale::Block } => 4,
        }
    }

    /// The bytes of `count` values.
    pub(super) fn size(self, count: u64) -> u64 {
        match self {
            Self::F32 => 4 * count,
            Self::F16 => f16::BYTES * count,
            Self::Q8 { .. } => q8::size(count),
            Self::Sign { scale } => sign::size(scale, count),
        }
    }

    /// Writes values; `seed` determines random rounding.
    pub(super) fn put(self, values: &[f32], seed: u64, out: &mut Vec<u8>) {
        match self {
            Self::F32 => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Self::F16 => f16::put(values, out),
            Self::Q8 { rounding } => q8::put(values, rounding, seed, out),
            Self::Sign { scale } => sign::put(values, scale, out),
        }
    }

    /// Reads `count` values, which are all finite.
    pub(super) fn take(self, count: usize, from: &mut Reader) -> Result<Vec<f32>, DecodeError> {
        match self {
            Self::F32 => finite(floats(from.take(4 * count as u64)?)),
            Self::F16 => finite(f16::halves(from.take(f16::BYTES * count as u64)?)),
            Self::Q8 { .. } => q8::take(count, from),
            Self::Sign { scale } => sign::take(scale, count, from),
        }
    }

    /// Arithmetic operations to code one value.
    pub(super) fn encode_operations(self) -> u64 {
        match self {
            Self::F32 => 0,
            Self::F16 => f16::ENCODE_OPERATIONS,
            Self::Q8 { rounding: Rounding::Nearest } => q8::ENCODE_OPERATIONS,
            Self::Q8 { rounding: Rounding::Stochastic } => {
                q8::ENCODE_OPERATIONS + q8::RANDOM_OPERATIONS
            }
            Self::Sign { .. } => sign::ENCODE_OPERATIONS,
        }
    }

    /// How often each value is read to code it: once more if a scale must be known first.
    pub(super) fn reads(self) -> u64 {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Q8 { .. } | Self::Sign { .. } => 2,
        }
    }

    /// Arithmetic operations to read one value back.
    pub(super) fn decode_operations(self) -> u64 {
        match self {
            Self::F32 => 0,
            Self::F16 => f16::DECODE_OPERATIONS,
            Self::Q8 { .. } => q8::DECODE_OPERATIONS,
            Self::Sign { .. } => sign::DECODE_OPERATIONS,
        }
    }
}

/// Little-endian 32-bit floats.
pub(super) fn floats(bytes: &[u8]) -> impl ExactSizeIterator<Item = f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn finite(values: impl ExactSizeIterator<Item = f32>) -> Result<Vec<f32>, DecodeError> {
    let values: Vec<f32> = values.collect();
    match values.iter().all(|v| v.is_finite()) {
        true => Ok(values),
        false => Err(DecodeError::NotFinite),
    }
}

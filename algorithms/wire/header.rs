use super::reader::DecodeError;

/// Bytes of a header.
pub(crate) const HEADER: usize = 24;

/// Bytes of a header that the checksum covers, as it covers the body.
const COVERED: usize = 16;

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalars = 1,
    Dense = 2,
    /// Scalars of past rounds, for clients that fell behind.
    History = 3,
    /// Numbers of candidate directions.
    Choices = 4,
    Signs = 5,
}

/// All of the header but its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// Which positions are sent and how their values are coded; zeros are all, as 32-bit floats.
    pub(crate) coding: [u8; 2],
    /// Values of the vector, those that are not sent included.
    pub(crate) count: u32,
    pub(crate) round: u64,
}

/// The number of values, as the header holds it.
///
/// # Panics
/// If there are 2^32 or more.
pub(super) fn count(values: usize) -> u32 {
    u32::try_from(values).expect("a message holds less than 2^32 values")
}

impl Header {
    /// The message with this header and `body`.
    pub(crate) fn seal(&self, body: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend([self.kind as u8, self.coding[0], self.coding[1], 0]);
        message.extend(self.count.to_le_bytes());
        message.extend(self.round.to_le_bytes());
        message.extend(checksum(&message, body).to_le_bytes());
        message.extend(body);
        message
    }

    /// The header and the body of a message.
    pub(crate) fn open(message: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let (header, body) = message.split_at_checked(HEADER).ok_or(DecodeError::Damaged)?;
        if checksum(&header[..COVERED], body) != word(header, COVERED) {
            return Err(DecodeError::Damaged);
        }
        let kind = match header[0] {
            1 => Kind::Scalars,
            2 => Kind::Dense,
            3 => Kind::History,
            4 => Kind::Choices,
            5 => Kind::Signs,
            _ => return Err(DecodeError::WrongEncoding),
        };
        if header[3] != 0 {
            return Err(DecodeError::WrongEncoding);
        }
        let count = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let coding = [header[1], header[2]];
        Ok((Self { kind, coding, count, round: word(header, 8) }, body))
    }
}

/// The little-endian word at `at`.
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// FNV-1a of both parts. Each byte enters by an exclusive-or and a product with an odd number, both of which can be
/// undone: messages of one length that differ in one byte never have the same checksum.
fn checksum(header: &[u8], body: &[u8]) -> u64 {
    header.iter().chain(body).fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

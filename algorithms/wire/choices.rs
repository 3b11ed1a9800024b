use fleetune_units::Bytes;

use super::{HEADER, Header, Kind, reader::Reader};

/// Bytes of a number.
const NUMBER: usize = 4;

/// Which of many candidates is meant for each trainable tensor, in the layout's order: what stands for a direction
/// whose seed both sides derive. The message is a header and 4 bytes a tensor, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices(pub Vec<u32>);

impl Choices {
    /// The bytes of a message about so many tensors.
    pub fn size(tensors: usize) -> Bytes {
        Bytes::new((HEADER + NUMBER * tensors) as u64)
    }

    /// The message as sent in `round`.
    ///
    /// # Panics
    /// If there are 2^32 tensors or more.
    pub fn encode(&self, round: u64) -> Vec<u8> {
        let body: Vec<u8> = self.0.iter().flat_map(|number| number.to_le_bytes()).collect();
        let count = u32::try_from(self.0.len()).expect("a model has less than 2^32 tensors");
        Header { kind: Kind::Choices, coding: [0; 2], count, round }.seal(&body)
    }

    /// Reads a message back: its round and content; `None` if it is damaged or of another kind.
    pub fn decode(message: &[u8]) -> Option<(u64, Self)> {
        let (header, body) = Header::open(message).ok()?;
        if (header.kind, header.coding) != (Kind::Choices, [0; 2]) {
            return None;
        }
        let mut body = Reader::new(body);
        let bytes = body.take(NUMBER as u64 * u64::from(header.count)).ok()?;
        body.end().ok()?;
        let numbers =
            bytes.chunks_exact(NUMBER).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Some((header.round, Self(numbers.collect())))
    }
}

//! What goes over the network, serialised: the bytes that are charged are the bytes of these messages.

use fleetune_units::Bytes;

/// What a client uploads, or a server sends, besides what both can derive (seeds, batches).
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// Projected gradients, in the order of local steps and perturbations.
    Scalars(Vec<f32>),
    /// Trainable parameters or a gradient, in the layout's order, as 32-bit floats.
    Dense(Vec<f32>),
}

/// Kind (1 byte), reserved (3), number of values (4), round (8), checksum (8).
pub(crate) const HEADER: usize = 24;

impl Payload {
    /// The bytes of a message of `values` 32-bit values.
    pub fn size(values: usize) -> Bytes {
        Bytes::new((HEADER + 4 * values) as u64)
    }

    /// What the message holds, for error messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Scalars(_) => "scalars",
            Self::Dense(_) => "a dense vector",
        }
    }

    fn values(&self) -> (u8, &[f32]) {
        match self {
            Self::Scalars(values) => (1, values),
            Self::Dense(values) => (2, values),
        }
    }

    /// The message as sent in `round`.
    pub fn encode(&self, round: u64) -> Vec<u8> {
        let (kind, values) = self.values();
        let body: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend([kind, 0, 0, 0]);
        message.extend((values.len() as u32).to_le_bytes());
        message.extend(round.to_le_bytes());
        message.extend(checksum(&body).to_le_bytes());
        message.extend(body);
        message
    }

    /// Reads a message back: its round and content; `None` if it is damaged.
    pub fn decode(message: &[u8]) -> Option<(u64, Self)> {
        let (header, body) = message.split_at_checked(HEADER)?;
        let word = |at: usize| header[at..at + 8].try_into().ok().map(u64::from_le_bytes);
        let count = u32::from_le_bytes(header[4..8].try_into().ok()?) as usize;
        if body.len() != 4 * count || checksum(body) != word(16)? {
            return None;
        }
        let values =
            body.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let payload = match header[0] {
            1 => Self::Scalars(values),
            2 => Self::Dense(values),
            _ => return None,
        };
        Some((word(8)?, payload))
    }
}

/// FNV-1a.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire_and_their_size_is_what_is_charged() {
        for payload in [
            Payload::Scalars(vec![]),
            Payload::Scalars(vec![1.5, -0.0, f32::MIN_POSITIVE]),
            Payload::Dense(vec![3.0; 1000]),
        ] {
            let message = payload.encode(17);
            assert_eq!(Bytes::new(message.len() as u64), Payload::size(payload.values().1.len()));
            assert_eq!(Payload::decode(&message), Some((17, payload)));
        }
    }

    #[test]
    fn damaged_messages_are_refused() {
        let message = Payload::Dense(vec![1.0, 2.0]).encode(0);
        for cut in 0..message.len() {
            assert_eq!(Payload::decode(&message[..cut]), None);
        }
        for at in [0, 5, 17, 24, 31] {
            let mut damaged = message.clone();
            damaged[at] ^= 0x40;
            assert_eq!(Payload::decode(&damaged), None, "byte {at}");
        }
    }
}

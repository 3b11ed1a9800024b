//! What goes over the network, serialised: the bytes that are charged are the bytes of these messages.
//!
//! A [`Payload`] is what algorithms exchange, as plain 32-bit floats. An [`Encoding`] sends a vector in fewer bytes:
//! optionally only its largest values, as 32-bit floats, half floats, 8-bit integers or signs ([`Values`]). Encoding
//! gives the message, decoding the vector that the server sees, and what was lost can be carried over to the next round
//! ([`Encoding::encode_with_feedback`]). How long a message is depends on the length of the vector alone.
//!
//! Every message starts with the same header of 24 bytes: kind (1 byte), which positions are sent (1), how their
//! values are coded (1), zero (1), number of values of the vector (4), round (8), checksum of all other bytes (8);
//! integers and floats are little-endian.

mod encoding;
mod f16;
mod feedback;
mod header;
mod q8;
mod reader;
mod sign;
mod top_k;
mod values;

#[cfg(test)]
mod tests;

use fleetune_units::Bytes;

pub(crate) use self::header::{HEADER, Header, Kind};
pub use self::{
    encoding::Encoding, feedback::Feedback, q8::Rounding, reader::DecodeError, sign::SignScale,
    values::Values,
};

/// What a client uploads, or a server sends, besides what both can derive (seeds, batches).
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// Projected gradients, in the order of local steps and perturbations.
    Scalars(Vec<f32>),
    /// Trainable parameters, a gradient, or several such vectors one after the other, each in the layout's order, as
    /// 32-bit floats.
    Dense(Vec<f32>),
    /// Either of these as an [`Encoding`] has it.
    Encoded {
        /// The bytes that are sent.
        message: Vec<u8>,
        /// What they leave unsaid: kept on the device for its next message, and not sent. Nothing without error
        /// feedback.
        residual: Option<Vec<f32>>,
    },
}

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
            Self::Encoded { .. } => "an encoded message",
        }
    }

    /// The message as sent in `round`; that of an encoded payload is already made.
    ///
    /// # Panics
    /// If there are 2^32 values or more.
    pub fn encode(&self, round: u64) -> Vec<u8> {
        let (kind, values) = match self {
            Self::Scalars(values) => (Kind::Scalars, values),
            Self::Dense(values) => (Kind::Dense, values),
            Self::Encoded { message, .. } => return message.clone(),
        };
        let mut body = Vec::with_capacity(4 * values.len());
        Values::F32.put(values, 0, &mut body);
        Header { kind, coding: [0, 0], count: header::count(values), round }.seal(&body)
    }

    /// Reads a message back: its round and content; `None` if it is damaged or is not of plain 32-bit floats.
    ///
    /// Unlike [`Encoding::decode`] it lets through values that are not finite.
    pub fn decode(message: &[u8]) -> Option<(u64, Self)> {
        let (header, body) = Header::open(message).ok()?;
        if header.coding != [0, 0] || body.len() as u64 != 4 * u64::from(header.count) {
            return None;
        }
        let values = values::floats(body).collect();
        let payload = match header.kind {
            Kind::Scalars => Self::Scalars(values),
            Kind::Dense => Self::Dense(values),
            Kind::History => return None,
        };
        Some((header.round, payload))
    }
}

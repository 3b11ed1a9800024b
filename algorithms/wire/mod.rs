//! What goes over the network, serialised: the bytes that are charged are the bytes of these messages.
//!
//! A [`Payload`] is what algorithms exchange, as plain 32-bit floats. An [`Encoding`] sends a vector in fewer bytes:
//! optionally only its largest values, as 32-bit floats, half floats, 8-bit integers or signs ([`Values`]). Encoding
//! gives the message, decoding the vector that the server sees, and what was lost can be carried over to the next round
//! ([`Encoding::encode_with_feedback`]). How long a message is depends on the length of the vector alone.
//! [`Choices`] name directions instead of sending them.
//!
//! Every message starts with the same header of 24 bytes: kind (1 byte), which positions are sent (1), how their
//! values are coded (1), zero (1), number of values of the vector (4), round (8), checksum of all other bytes (8);
//! integers and floats are little-endian.

mod bits;
mod choices;
mod encoding;
mod f16;
mod feedback;
mod header;
mod q8;
mod reader;
mod report;
mod sign;
mod top_k;
mod values;

#[cfg(test)]
mod tests;

use fleetune_units::Bytes;

pub(crate) use self::header::{HEADER, Header, Kind};
pub use self::{
    choices::Choices, encoding::Encoding, feedback::Feedback, q8::Rounding, reader::DecodeError,
    report::Report, sign::SignScale, values::Values,
};

/// What a client uploads, or a server sends, besides what both can derive (seeds, batches).
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// Projected gradients, in the order of local steps and perturbations.
    Scalars(Vec<f32>),
    /// Trainable parameters, a gradient, or several such vectors one after the other, each in the layout's order, as
    /// 32-bit floats.
    Dense(Vec<f32>),
    /// Signs of projected gradients, a bit each, in the order of local steps; `true` is negative.
    Signs(Vec<bool>),
    /// Either of these as an [`Encoding`] has it.
    Encoded {
        /// The bytes that are sent.
        message: Vec<u8>,
        /// What they leave unsaid: kept on the device for its next message, and not sent. Nothing without error
        /// feedback.
        residual: Option<Vec<f32>>,
    },
    /// Any of these, and behind it what its sender reports of its training losses.
    Reported {
        /// The update.
        update: Box<Self>,
        /// The report.
        report: Report,
    },
}

impl Payload {
    /// The bytes of a message of `values` 32-bit values.
    pub fn size(values: usize) -> Bytes {
        Bytes::new((HEADER + 4 * values) as u64)
    }

    /// The bytes of a message of `signs` signs.
    pub fn size_of_signs(signs: usize) -> Bytes {
        Bytes::new((HEADER + bits::size(signs)) as u64)
    }

    /// What the message holds, for error messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Scalars(_) => "scalars",
            Self::Dense(_) => "a dense vector",
            Self::Signs(_) => "signs",
            Self::Encoded { .. } => "an encoded message",
            Self::Reported { .. } => "an update with a report",
        }
    }

    /// The message as sent in `round`; that of an encoded payload is already made.
    ///
    /// # Panics
    /// If there are 2^32 values or more.
    pub fn encode(&self, round: u64) -> Vec<u8> {
        let (kind, count, body) = match self {
            Self::Scalars(values) => (Kind::Scalars, values.len(), floats(values)),
            Self::Dense(values) => (Kind::Dense, values.len(), floats(values)),
            Self::Signs(signs) => (Kind::Signs, signs.len(), bits::pack(signs)),
            Self::Encoded { message, .. } => return message.clone(),
            Self::Reported { update, report } => return report.behind(update.encode(round)),
        };
        Header { kind, coding: [0, 0], count: header::count(count), round }.seal(&body)
    }

    /// Reads a message back: its round and content; `None` if it is damaged or is not of plain 32-bit floats. Of one with
    /// a report, that has to be [split off](Report::split) first.
    ///
    /// Unlike [`Encoding::decode`] it lets through values that are not finite.
    pub fn decode(message: &[u8]) -> Option<(u64, Self)> {
        let (header, body) = Header::open(message).ok()?;
        let count = header.count as usize;
        if header.coding != [0, 0] {
            return None;
        }
        let values = || {
            let complete = body.len() as u64 == 4 * u64::from(header.count);
            complete.then(|| values::floats(body).collect())
        };
        let payload = match header.kind {
            Kind::Scalars => Self::Scalars(values()?),
            Kind::Dense => Self::Dense(values()?),
            Kind::Signs => Self::Signs(bits::unpack(body, count)?),
            Kind::History | Kind::Choices => return None,
        };
        Some((header.round, payload))
    }
}

/// The body of a message of plain floats.
fn floats(values: &[f32]) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 * values.len());
    Values::F32.put(values, 0, &mut body);
    body
}

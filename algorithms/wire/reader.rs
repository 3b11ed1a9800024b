/// Why a message was refused. A message of an honest client is refused only if its update was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The checksum is not that of the message, or there is no whole header.
    #[error("the message is damaged")]
    Damaged,
    /// The message is of another kind or encoding than the receiver expects.
    #[error("the message is not in the encoding that was agreed")]
    WrongEncoding,
    /// The message is about a vector of another length than the receiver expects.
    #[error("the message is about {found} values, but {expected} were due")]
    WrongCount {
        /// Values it claims to be about.
        found: u32,
        /// Values due.
        expected: usize,
    },
    /// The message is shorter or longer than its content needs.
    #[error("the message has bytes missing or left over")]
    WrongLength,
    /// A position, a code or padding is one that no encoder writes.
    #[error("the message holds what no sender writes: {0}")]
    Malformed(&'static str),
    /// A value or scale is infinite, not a number, or a negative scale: the sender's update had diverged.
    #[error("the message holds values that are not finite")]
    NotFinite,
}

/// The unread rest of a message's body.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(length).map_err(|_| DecodeError::WrongLength)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(DecodeError::WrongLength)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next float, which must be a scale: finite and not negative.
    pub(super) fn scale(&mut self) -> Result<f32, DecodeError> {
        let bytes = self.take(4)?;
        let scale = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if scale >= 0.0 && scale.is_finite() { Ok(scale) } else { Err(DecodeError::NotFinite) }
    }

    /// Bytes not yet read.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    /// Checks that everything was read.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::WrongLength) }
    }
}

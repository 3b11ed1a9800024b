use fleetune_units::Bytes;

/// What a client reports of its training losses, serialised: one little-endian 32-bit float behind its update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report([u8; 4]);

impl Report {
    /// The bytes of every report.
    pub const SIZE: Bytes = Bytes::new(4);

    /// Reports this [utility](crate::protocol::Losses::utility).
    pub fn of(utility: f32) -> Self {
        Self(utility.to_le_bytes())
    }

    /// What is reported.
    pub fn utility(self) -> f32 {
        f32::from_le_bytes(self.0)
    }

    /// `message` with this report behind it.
    pub(super) fn behind(self, mut message: Vec<u8>) -> Vec<u8> {
        message.extend(self.0);
        message
    }

    /// A message, and the report behind it; `None` if there is no room for one. Only who asked for reports can tell that
    /// the last bytes are one.
    pub fn split(message: &[u8]) -> Option<(&[u8], Self)> {
        message.split_last_chunk().map(|(message, report)| (message, Self(*report)))
    }
}

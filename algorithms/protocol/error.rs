use super::ClientId;
use crate::wire::DecodeError;

/// Why an exchange cannot be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The payload is not what this algorithm sends.
    #[error("client {client} sent {found}, but this algorithm expects {expected}")]
    WrongPayload {
        /// Who sent it.
        client: ClientId,
        /// What it sent.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The payload has more or fewer values than this algorithm sends.
    #[error("client {client} sent {found} values, but {expected} were due")]
    WrongLength {
        /// Who sent it.
        client: ClientId,
        /// Values it sent.
        found: usize,
        /// Values due.
        expected: usize,
    },
    /// The message is none that this algorithm's clients make.
    #[error("client {client} sent a message that cannot be read: {source}")]
    Undecodable {
        /// Who sent it.
        client: ClientId,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The learning diverged: the global model is no longer finite.
    #[error(
        "the global model left the finite numbers in round {round}: the learning rate is too large for this model and task"
    )]
    Diverged {
        /// In this round.
        round: u64,
    },
}

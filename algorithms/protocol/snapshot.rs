//! What a server has learnt, as bytes: written at one time, and read back into a server that was opened alike.
//!
//! A value is read in the order and as the type in which it was written; nothing in the bytes says which that was, so
//! whoever keeps them keeps a checksum and the version of the program, too. Floats keep their bits.

use std::sync::Arc;

use fleetune_models::parameters::Weights;
use serde::{Serialize, de::DeserializeOwned};

/// Values, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    bytes: Vec<u8>,
}

impl Snapshot {
    /// Writes a value behind the others.
    ///
    /// # Panics
    /// If it is no plain data: a sequence that does not know its length, say.
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(value, bytes).expect("what servers keep is plain data");
    }

    /// Writes the trained values of a model; its layout follows from the configuration.
    pub fn put_weights(&mut self, weights: &Weights) {
        self.put(&weights.values);
    }

    /// All that was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Why a snapshot cannot be read back: it is damaged, or another server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A value is not there, or not of the type that was expected.
    #[error("the snapshot is damaged, or another server's: {0}")]
    Unreadable(#[from] postcard::Error),
    /// A vector belongs to a model of another size.
    #[error(
        "the snapshot is of another model: expected a vector of {expected} values, found {found}"
    )]
    OtherModel {
        /// Trained values of the model.
        expected: usize,
        /// Values in the snapshot.
        found: usize,
    },
    /// A client started from a version of the model that was not written down.
    #[error("the snapshot lacks version {0} of the model")]
    NoVersion(u64),
    /// More was written than is read.
    #[error("the snapshot is another server's: {0} bytes are left over")]
    LeftOver(usize),
}

/// A [`Snapshot`] that is being read.
#[derive(Debug)]
pub struct Restoring<'b> {
    rest: &'b [u8],
}

impl<'b> Restoring<'b> {
    /// From its start.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next value.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`].
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, SnapshotError> {
        let (value, rest) = postcard::take_from_bytes(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    /// The next value, which must be a vector of so many elements.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`], or [`SnapshotError::OtherModel`].
    pub fn take_vector<T: DeserializeOwned>(
        &mut self,
        expected: usize,
    ) -> Result<Vec<T>, SnapshotError> {
        let values: Vec<T> = self.take()?;
        match values.len() {
            found if found == expected => Ok(values),
            found => Err(SnapshotError::OtherModel { expected, found }),
        }
    }

    /// The next value, which must be trained values of a model of the same layout as `like`.
    ///
    /// # Errors
    /// As [`Self::take_vector`].
    pub fn take_weights(&mut self, like: &Weights) -> Result<Weights, SnapshotError> {
        let values = self.take_vector(like.layout.len())?;
        Ok(Weights { layout: Arc::clone(&like.layout), values })
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// [`SnapshotError::LeftOver`].
    pub fn finish(self) -> Result<(), SnapshotError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(SnapshotError::LeftOver(left)),
        }
    }
}

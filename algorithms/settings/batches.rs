use std::{num::NonZeroU32, sync::Arc};

use crate::protocol::ClientId;

/// How many texts are in the mini-batches of each client: what a federation may choose in an algorithm's place.
///
/// A larger batch takes more FLOPs, more memory and, of a client whose update is weighed by its examples, more of the
/// mean; all of that follows from the one number that [`Self::of`] gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BatchSizes {
    /// As the algorithm is configured, the same on every device.
    #[default]
    Configured,
    /// The same on every device, whatever the algorithm is configured to.
    Same(NonZeroU32),
    /// By client; who is not among them has the configured size.
    Each(Arc<[NonZeroU32]>),
}

impl BatchSizes {
    /// Texts in a mini-batch of `client`, of an algorithm that is configured to `configured`.
    pub fn of(&self, client: ClientId, configured: usize) -> usize {
        match self {
            Self::Configured => configured,
            Self::Same(size) => size.get() as usize,
            Self::Each(sizes) => {
                sizes.get(client as usize).map_or(configured, |size| size.get() as usize)
            }
        }
    }
}

//! What a server offers besides joining a cohort: where clients are joined one by one, and at an edge.
//!
//! A synchronous server is told of a whole cohort at once, whose clients have all trained the model that it still has.
//! Asynchronous policies break both halves of that: a client's update comes alone, and comes late. They need an
//! algorithm in two pieces: what a client's update says of the model that the client started from ([`Displaced`]),
//! and what the server makes of a movement that somebody else has put together. At an edge the cohort is whole, but the
//! model is now and then replaced by the cloud's ([`Movable`]).

use std::sync::Arc;

use fleetune_models::parameters::Weights;
use fleetune_units::Bytes;

use super::{ClientId, Exchange, Moment, ProtocolError, Update};

/// A server whose clients can be joined one by one, whatever model each of them started from.
///
/// An [`Exchange`]'s `round` is then the version of the global model that a client trains, and its `index` says how
/// often the client was asked before at that version: a client that is asked twice at one version works on other
/// mini-batches and along other directions, while what a schedule sees is the same. The first time it gets the draws
/// that a synchronous round of that number would give it.
///
/// Elements of displacements and movements are 64-bit floats: they are differences of 32-bit floats, and 64 bits hold
/// those without rounding unless an element changes its size by more than 2^29 at once. So `base` with its displacement
/// is the client's model to the bit.
pub trait Displaced {
    /// Gives up what only whole cohorts can keep: from here on every client downloads the model itself, for the
    /// scalars of past rounds no longer say how it came about. To be called once, before any assignment.
    fn leave_rounds(&mut self);

    /// The global model as it is now, from which a client that is assigned now starts: shared, not copied.
    fn base(&mut self) -> Arc<Weights>;

    /// What `client` made of the trained weights that it started from, less those weights: `y - base`.
    ///
    /// `exchange` is that of the assignment, and `base` the model of then. Scalars and signs are replayed on `base`
    /// as a synchronous server replays them for a lone client, to the same bits. The global model is neither read nor
    /// changed.
    ///
    /// # Errors
    /// If the update breaks the protocol.
    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError>;

    /// The server's step by this movement, put together from displacements: as if a synchronous cohort's models had
    /// the mean `global + movement`. The model moves by it as it is, or the server's optimiser takes it for its
    /// pseudo-gradient, or the server's momentum for the round's move.
    ///
    /// # Errors
    /// [`ProtocolError::Diverged`] if the model has left the finite numbers; it then stays as it was.
    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError>;
}

/// A server whose global model can be replaced between two rounds, as at an edge that gets the cloud's or in a tier that
/// goes on from all tiers'.
pub trait Movable {
    /// Goes on from these trained values, which clients have to download. What the server has learnt besides, such as
    /// an optimiser's moments, stays.
    fn move_to(&mut self, weights: &Weights);

    /// The bytes of all trained values in one message, of the architecture whose costs are charged: what an edge and its
    /// cloud send each other.
    fn message_size(&mut self) -> Bytes;
}

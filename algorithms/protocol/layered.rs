//! A server whose clients may be stopped in the middle of their backward, and whose layers are joined one by one.
//!
//! Backpropagation goes from the last layer to the first. A client that is stopped in the middle of it has the gradients
//! of its last layers, and SALF (Lang, Cohen and Shlezinger, "Stragglers-Aware Low-Latency Synchronous Federated Learning
//! via Layer-Wise Model Updates", 2024, arXiv 2403.18375) makes use of them: the client sends these alone, and the server
//! averages each layer over those who got that far. ADEL-FL (Goren, Lang, Shlezinger and Cohen, "Adaptive Deadline and
//! Batch Layered Synchronized Federated Learning", 2025, arXiv 2505.23973) chooses when to stop them.
//!
//! A *layer* is a stage of the model (the embeddings, a layer of the transformer, the head) in which something trains;
//! layers are counted from the head down, as a backward reaches them.

use fleetune_units::Flops;

use super::{Assignment, ClientId, Exchange, Moment, ProtocolError, Update, Verdict};

/// How far a client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Through so many layers, from the head down, at least one: its update holds their gradients.
    Last(usize),
    /// To the end of its work: its update is that of its [assignment](super::Server::assign).
    Whole,
}

/// A server to which a client can give the gradients of its last layers alone.
///
/// One local step of SGD: of a second step the gradients of the last layers rest on a model whose other layers never
/// moved.
pub trait Layered {
    /// Layers, L: at least one.
    fn layers(&mut self) -> usize;

    /// FLOPs that `client` has done of its assignment in `exchange` when it has the gradients of its last 1, 2, ..., L
    /// layers: ascending.
    fn milestones(&mut self, exchange: Exchange, client: ClientId) -> Vec<Flops>;

    /// What `client` has done, and sends, that was stopped when it had the gradients of its last `layers` layers, 1 to
    /// L: the whole forward and so much of the backward, in as much memory as the whole assignment, for it did not know.
    /// The optimiser's step on these gradients is the server's. Pure, as [`Server::assign`](super::Server::assign) is.
    fn stopped(&mut self, exchange: Exchange, client: ClientId, layers: usize) -> Assignment;

    /// Joins a cohort's updates layer by layer, in the order in which they arrived. `missed` says for each layer, from
    /// the head down, how likely it was that nobody would reach it, p: below 1.
    ///
    /// A layer l goes from w to `(mean - p w) / (1 - p)`, where the mean is over those who reached it, each counting
    /// once; one that nobody reached stays (SALF, its aggregation rule). If each is as likely as any other to reach a
    /// layer, the expectation is the mean over all. With p = 0 it is the mean to the bit.
    ///
    /// # Errors
    /// As [`Server::aggregate`](super::Server::aggregate).
    fn join_layers(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Depth, Update)>,
        missed: &[f64],
    ) -> Result<Verdict, ProtocolError>;

    /// The learning rate η of the lower layers at this moment.
    fn rate(&mut self, moment: Moment) -> f64;
}

//! What becomes of an update between a client's training and the server's step: it is made private, then encoded.
//!
//! ```text
//!  device:  train ─► difference from the global model ─► clip (+ noise) ─► encode (+ residual) ─► upload
//!  server:  decode ─► with noise: clip again, sum, noise, divide by the cohort ─► global model + difference ─► step
//! ```
//!
//! An [`Algorithm`] is any of the registry's with an [`Encoding`](crate::wire::Encoding), a
//! [`PrivacyConfig`](crate::privacy::PrivacyConfig), or both. They are wrapped around the algorithm's own server, which
//! goes on as if it had received what its clients sent; of an algorithm it is only known what its uploads mean
//! ([`Content`]). What the device does for it is charged: operations and traffic of every pass over the vector, the bytes
//! of the message in place of the plain one, and the memory of what must be kept.
//!
//! # What is clipped and encoded
//!
//! * Trained parameters: their difference from the global model; the server adds it back.
//! * Changes and gradients: as they are.
//! * SCAFFOLD's two vectors are encoded one by one, for they differ in scale, and the client too goes on with its
//!   control variate as the server has decoded it, so that the server's remains the mean of all. They cannot be made
//!   private: from a noisy sum no client could bring its own control variate up to date.
//! * Scalars: as half floats or 8-bit integers. A choice of the largest would drop whole steps, and signs their sizes;
//!   what is left unsaid along one step's direction cannot be made up for along another's, so there is no error feedback.
//!   They can be made private where all clients share directions: the vector of a client's scalars is clipped, and noise
//!   added to the sum, as DP-ZO (Tang et al., arXiv 2401.04343) and DPZero (Zhang et al., arXiv 2310.09639) do with the
//!   scalars of examples. Along directions of a client's own they are not summed, and the model's move would show who
//!   took part: such algorithms can send their change instead.
//!
//! # Privacy and the algorithm's step
//!
//! The server's step sees one update, the noisy sum divided by the planned cohort, and never a single client's: so
//! whatever it computes, momentum or FwdLLM's variance, is a function of what has been accounted for. Each client counts
//! alike. Only where each of the cohort must be known to have taken part (shared scalars: who holds which version) does
//! each get that same mean as its update.
//!
//! Clients' own noise excludes an encoding: the shares make up the noise that is accounted for in their plain sum alone,
//! and of values that were rounded or left out one by one there is no such sum (Kairouz, Liu and Steinke 2021 need
//! discrete noise for it).
//!
//! # What is left unsaid when an update is lost
//!
//! With error feedback a device keeps what its messages left unsaid. Whether its last update was joined it learns at its
//! next contact; until then it keeps the residual from before and after it in storage. If the update was lost, its work
//! is lost, as without error feedback, and the residual is the one from before. One of both is in memory while the device
//! trains. Where clients are joined one by one, there is no error feedback ([`Algorithm::refusals`]).

mod algorithm;
mod channel;
mod content;
mod server;

#[cfg(test)]
mod tests;

pub use self::{algorithm::Algorithm, content::Content};

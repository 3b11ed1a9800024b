//! How policies without synchronous rounds put together what clients made of different models.
//!
//! ```text
//!   dispatch ─► Ticket (client, exchange, base)          x: the global model now, of version v
//!      │                                                 base: the model of version v - s that the client got
//!   the client trains, is lost, or is too late           s: its staleness, the versions that came in between
//!      │                                                 d = y - base: its displacement, y what it trained
//!   join ─► displacement d ─► movement m ─► the server's step by m, version v + 1
//!
//!   FedAsync   m = α s(s) (base + d - x)      each update by itself
//!   FedBuff    m = η_g / K sum_i s(s_i) d_i   K updates at once
//! ```
//!
//! A [`Mixer`] does this with any [server](crate::protocol::Server) whose clients can be joined one by one
//! ([`Displaced`](crate::protocol::Displaced)); it knows no clock: who calls it decides who is asked, when an update
//! arrives and when a buffer is full. [`Discount`] says what staleness costs an update, [`Staleness`] also when it is
//! too stale to count. Of the models of several edges a cloud takes the [`mean_model`].
//!
//! # Guarantees
//!
//! 1. Everything is a function of the calls and their order. Sums are of 64-bit floats, element by element in the order
//!    in which updates are given, and rounded to 32 bits once, in the server's step.
//! 2. An update that is not stale, alone, with nothing that discounts it (FedAsync's α of 1, FedBuff's K and η_g of 1),
//!    makes the model that a synchronous cohort of that one client makes, to the bit.
//! 3. A model of the past is kept exactly as long as a ticket is out that started from it.
//! 4. No two tickets have the same random draws, also if one client is asked twice at one version.
//! 5. What is discarded or forgotten moves nothing and makes no version.
//!
//! # What staleness counts
//!
//! The versions that came between a client's dispatch and the joining of its update: 0 if there was none. So it is
//! FedBuff's τ, and FedAsync's t - τ where t is the number of the model that is there, so that s(0) = 1.

mod fedasync;
mod fedbuff;
mod mean;
mod mixer;
mod staleness;

#[cfg(test)]
mod tests;

pub use self::{
    fedasync::FedAsync,
    fedbuff::{Buffer, FedBuff},
    mean::mean_model,
    mixer::{Contribution, Joined, Mixer, Rule, Ticket},
    staleness::{Discount, Staleness},
};

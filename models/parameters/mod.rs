//! Which tensors train, their flat layout, and reading and writing them.
//!
//! An algorithm sees the trainable parameters as one flat vector of `f32`, cut into [`Slot`]s in a fixed order.
//! Everything else of the model is frozen and shared. Slots are keyed by their path, never by Burn's parameter
//! ids, which are random.
//!
//! Of the token table a model may hold only the rows that its texts need: [`keep_rows`], [`Layout::with_rows`].

pub(crate) use self::access::Path;

mod access;
mod adapt;
mod layout;
mod rows;

pub use self::{
    access::{Weights, install, read, take_gradients},
    adapt::{Trainable, require_gradients},
    layout::{Layout, Slot},
    rows::keep_rows,
};

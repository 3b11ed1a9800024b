//! Memory that a client's round leaves to the next one on its thread.
//!
//! A step writes every trainable value four or five times, and fresh pages cost the host several times what is written into
//! them: of a MeZO step on MiniLM, in which 10.8 million values train beside the token table, they took a fifth. So vectors
//! are used again, and the model in which trainable tensors are changed in place. All of them are overwritten before they
//! are read.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use fleetune_models::transformer::Classifier;

use super::StepDirections;
use crate::setup::Workshop;

/// What a client's round leaves.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    /// Of trainable parameters.
    pub(super) values: Vec<f32>,
    /// Of a step.
    pub(super) directions: StepDirections,
    /// A model of the same workshop, its trainable tensors of its own.
    pub(super) model: Option<Classifier>,
}

thread_local! {
    static LEFT: RefCell<(Weak<Workshop>, Leftover)> = RefCell::default();
}

impl Leftover {
    /// What was left last on this thread; the model only if it was left by this workshop.
    pub(super) fn take(workshop: &Arc<Workshop>) -> Self {
        LEFT.with_borrow_mut(|(owner, left)| {
            let left = std::mem::take(left);
            let same = std::ptr::eq(owner.as_ptr(), Arc::as_ptr(workshop));
            Self { model: left.model.filter(|_| same), ..left }
        })
    }

    /// Leaves this to the next round.
    pub(super) fn leave(self, workshop: &Arc<Workshop>) {
        LEFT.set((Arc::downgrade(workshop), self));
    }
}

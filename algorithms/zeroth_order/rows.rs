//! A client's local model without the rows of the token table that its mini-batches do not touch.
//!
//! The table holds half of a small model, and a client's texts few of its rows. The others cannot change a loss of this
//! round, so nobody perturbs or updates them while it trains: they owe every step's update, which is known by its seeds
//! and scalars, and are [settled](super::settle) if the whole model is asked for, to the same bits; a client that
//! uploads its scalars is never asked. That is a saving of the host alone: the device's passes go over all parameters,
//! and it is charged for them.
//!
//! Directions on a sphere need all elements for their length; with these, and where the table does not train, nothing
//! is left out.
//!
//! The server owes nothing from round to round: evaluation and whoever asks for its weights want all rows, and every row
//! costs the same noise then as now. It settles a client's steps at once, in blocks that stay in the cache.

use std::{collections::BTreeSet, sync::Arc};

use fleetune_models::{
    batch::Batch,
    parameters::{Layout, Slot, Weights, keep_rows},
};

use super::{
    probe::Probe,
    settle::{Trace, settle},
};
use crate::{
    noise::{Distribution, tensor_key},
    setup::Workshop,
};

/// A client's model while it trains.
#[derive(Debug)]
pub(crate) struct Local {
    /// The trainable parameters at hand.
    pub(crate) weights: Weights,
    /// A model of that layout.
    pub(crate) probe: Probe,
}

impl Local {
    /// The model that starts a round of these mini-batches, and the batches, their tokens numbered as it knows them.
    pub(crate) fn open(
        workshop: &Workshop,
        start: &Weights,
        law: Distribution,
        texts: &[Vec<u32>],
    ) -> (Self, Vec<Batch>) {
        let mut batches: Vec<Batch> = texts.iter().map(|texts| workshop.collate(texts)).collect();
        let touched: BTreeSet<u32> = batches.iter().flat_map(Batch::tokens).collect();
        let rows: Arc<[u32]> = touched.into_iter().collect();
        let layout = law.is_elementwise().then(|| start.layout.with_rows(&rows)).flatten();
        let Some(layout) = layout else {
            let probe = Probe::new(workshop.model.clone());
            return (Self { weights: start.clone(), probe }, batches);
        };
        batches.iter_mut().for_each(|batch| batch.renumber(&rows));
        let weights = start.gather(&Arc::new(layout));
        let probe = Probe::new(keep_rows(workshop.model.clone(), &rows));
        (Self { weights, probe }, batches)
    }

    /// What stands in its parameters.
    pub(crate) fn layout(&self) -> &Layout {
        &self.weights.layout
    }

    /// The whole model: `owed` says what every step since `start` does to a tensor.
    pub(super) fn settled(
        &self,
        start: &Weights,
        law: Distribution,
        owed: &dyn Fn(&Slot) -> Vec<Trace>,
    ) -> Weights {
        let mut whole = start.clone();
        for (slot, to) in self.layout().slots().iter().zip(start.layout.slots()) {
            let here = &self.weights.values[slot.range.clone()];
            let all = &mut whole.values[to.range.clone()];
            let Some(rows) = &slot.rows else {
                all.copy_from_slice(here);
                continue;
            };
            let (width, key, owed) = (slot.shape[1], tensor_key(&slot.path), owed(to));
            let mut first = 0;
            for (&row, here) in rows.iter().zip(here.chunks_exact(width)) {
                let at = row as usize * width;
                settle(law, key, (first, &mut all[first..at]), &owed);
                all[at..][..width].copy_from_slice(here);
                first = at + width;
            }
            settle(law, key, (first, &mut all[first..]), &owed);
        }
        whole
    }
}

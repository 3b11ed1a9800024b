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
//! What a round's model took of memory is left to the next one on the same thread ([`leftovers`](super::leftovers)).
//!
//! The server owes nothing from round to round: evaluation and whoever asks for its weights want all rows, and every row
//! costs the same noise then as now. It settles a client's steps at once, in blocks that stay in the cache.

use std::{collections::BTreeSet, sync::Arc};

use fleetune_models::{
    batch::{Batch, DeviceBatch},
    parameters::{Layout, Slot, Weights, keep_rows},
};

use super::{
    Plan, StepDirections, apply,
    leftovers::Leftover,
    probe::Probe,
    settle::{Trace, settle},
};
use crate::{noise::tensor_key, setup::Workshop, work::Tally};

/// A client's model while it trains.
#[derive(Debug)]
pub(crate) struct Local {
    /// The trainable parameters at hand.
    pub(crate) weights: Weights,
    /// A model of that layout.
    probe: Probe,
    /// Those of the present step.
    directions: StepDirections,
    plan: Plan,
    workshop: Arc<Workshop>,
}

impl Local {
    /// The model that starts a round of these mini-batches, and the batches, their tokens numbered as it knows them.
    pub(crate) fn open(
        workshop: &Arc<Workshop>,
        start: &Weights,
        plan: Plan,
        texts: &[Vec<u32>],
    ) -> (Self, Vec<Batch>) {
        let mut batches: Vec<Batch> = texts.iter().map(|texts| workshop.collate(texts)).collect();
        let touched: BTreeSet<u32> = batches.iter().flat_map(Batch::tokens).collect();
        let rows: Arc<[u32]> = touched.into_iter().collect();
        let Leftover { values, directions, model } = Leftover::take(workshop);
        let mut model = model.unwrap_or_else(|| workshop.model.clone());
        let fewer = plan.distribution.is_elementwise().then(|| start.layout.with_rows(&rows));
        let layout = match fewer.flatten() {
            Some(layout) => {
                batches.iter_mut().for_each(|batch| batch.renumber(&rows));
                model = keep_rows(model, &workshop.model, &rows);
                Arc::new(layout)
            }
            None => {
                let whole = &workshop.model.encoder.embeddings;
                model.encoder.embeddings.word = whole.word.clone();
                Arc::clone(&start.layout)
            }
        };
        let weights = start.gather(&layout, values);
        let (probe, workshop) = (Probe::new(model), Arc::clone(workshop));
        (Self { weights, probe, directions, plan, workshop }, batches)
    }

    /// The projected gradients of the step with this seed on a mini-batch. As [`Probe::project`].
    pub(crate) fn project(
        &mut self,
        seed: u64,
        epsilon: f64,
        on: (&DeviceBatch, &[usize]),
        tally: &mut Tally,
    ) -> Vec<f32> {
        self.directions.derive_again(&self.weights.layout, self.plan, seed);
        self.probe.project(&self.weights, self.plan, epsilon, &self.directions, on, tally)
    }

    /// Applies the scalars of the step that was [projected](Self::project) last. As [`apply`].
    pub(crate) fn apply(&mut self, scalars: &[f32], factor: &dyn Fn(&Slot) -> f64) {
        apply(&mut self.weights, self.plan, &self.directions, scalars, factor);
    }

    /// What stands in its parameters.
    pub(crate) fn layout(&self) -> &Layout {
        &self.weights.layout
    }

    /// The whole model: `owed` says what every step since `start` does to a tensor.
    pub(super) fn settled(&self, start: &Weights, owed: &dyn Fn(&Slot) -> Vec<Trace>) -> Weights {
        let law = self.plan.distribution;
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

impl Drop for Local {
    fn drop(&mut self) {
        Leftover {
            values: std::mem::take(&mut self.weights.values),
            directions: std::mem::take(&mut self.directions),
            model: self.probe.take(),
        }
        .leave(&self.workshop);
    }
}

use std::ops::Range;

use fleetune_models::{
    batch::DeviceBatch,
    evaluate::cross_entropies,
    ledger::Ledger,
    parameters::{Weights, install},
    transformer::{Boundary, Classifier},
};

use super::{
    Plan, StepDirections,
    axpy::displace,
    project,
    step::{Along, SplitLoss},
};
use crate::work::Tally;

/// A client's own model, on which it evaluates losses: its trainable values are set before each pass, in place.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Absent only while it is being changed.
    model: Option<Classifier>,
}

impl Probe {
    /// From any model of the right layout; its trainable values do not matter.
    pub(crate) fn new(model: Classifier) -> Self {
        Self { model: Some(model) }
    }

    /// Takes its model away.
    pub(super) fn take(&mut self) -> Option<Classifier> {
        self.model.take()
    }

    /// The model with `θ + by z`, or θ, in the slots of `range`.
    pub(crate) fn at(
        &mut self,
        weights: &Weights,
        range: &Range<usize>,
        along: Option<Along<'_>>,
    ) -> &Classifier {
        let model = self.model.take().expect("only this function takes it, and puts it back");
        self.model.insert(install(model, &weights.layout, range.clone(), &mut |slot, values| {
            let at = &weights.values[slot.range.clone()];
            let Some((z, by)) = along else { return values.copy_from_slice(at) };
            let z = &z[slot.range.start - range.start..slot.range.end - range.start];
            displace(values, at, by as f32, z);
        }))
    }

    /// The projected gradients of one step on a mini-batch; counts what the passes through the model cost. Those over
    /// the parameters are the caller's to count: a device perturbs all of them, these weights may be fewer.
    pub(crate) fn project(
        &mut self,
        weights: &Weights,
        plan: Plan,
        epsilon: f64,
        directions: &StepDirections,
        (batch, labels): (&DeviceBatch, &[usize]),
        tally: &mut Tally,
    ) -> Vec<f32> {
        let split = plan.split;
        let (lower, upper) = (weights.layout.lower(split), weights.layout.upper(split));
        let mut loss =
            BatchLoss { probe: self, weights, split, lower, upper, batch, labels, tally };
        project(&mut loss, plan, epsilon, directions)
    }
}

/// A model's loss on a mini-batch.
struct BatchLoss<'a> {
    probe: &'a mut Probe,
    weights: &'a Weights,
    split: usize,
    lower: Range<usize>,
    upper: Range<usize>,
    batch: &'a DeviceBatch,
    labels: &'a [usize],
    tally: &'a mut Tally,
}

impl SplitLoss for BatchLoss<'_> {
    type Boundary = Boundary;

    fn lower(&mut self, along: Option<Along<'_>>) -> Boundary {
        let mut ledger = Ledger::new();
        let model = self.probe.at(self.weights, &self.lower, along);
        let boundary = model.lower(self.split, self.batch, &mut ledger);
        self.tally.inference(&ledger);
        boundary
    }

    fn loss(&mut self, boundary: &Boundary, along: Option<Along<'_>>) -> f64 {
        let mut ledger = Ledger::new();
        let model = self.probe.at(self.weights, &self.upper, along);
        let logits = model.upper(self.split, boundary.clone(), self.batch, &mut ledger);
        self.tally.inference(&ledger);
        self.tally.seen.see(&cross_entropies(logits, self.labels))
    }
}

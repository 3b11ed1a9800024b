use std::ops::Range;

use fleetune_models::{
    batch::DeviceBatch,
    encoder::{Boundary, Classifier},
    evaluate::cross_entropy,
    ledger::Ledger,
    parameters::{Layout, Weights, install},
};

use super::{Plan, StepDirections};
use crate::work::Tally;

/// A loss over parameters in two parts, of which the lower can be evaluated alone.
pub trait SplitLoss {
    /// What the lower part hands to the upper.
    type Boundary;

    /// The lower part at `θ1 + by z`.
    fn lower(&mut self, z: &[f32], by: f64) -> Self::Boundary;

    /// The loss, from what the lower part gave, with the upper part at `θ2 + by z`.
    fn loss(&mut self, boundary: &Self::Boundary, z: &[f32], by: f64) -> f64;
}

/// The projected gradients of one step: `[P1 P2]` values, p-major, as sent over the wire.
pub fn project<L: SplitLoss>(
    loss: &mut L,
    plan: Plan,
    epsilon: f64,
    directions: &StepDirections,
) -> Vec<f32> {
    let mut scalars = Vec::with_capacity(plan.scalars());
    for p in 0..plan.lower as usize {
        let [above, below] = [epsilon, -epsilon].map(|by| loss.lower(directions.lower(p), by));
        for j in 0..plan.upper as usize {
            let z = directions.upper(p * plan.upper as usize + j);
            let (plus, minus) = (loss.loss(&above, z, epsilon), loss.loss(&below, z, -epsilon));
            scalars.push(((plus - minus) / (2.0 * epsilon)) as f32);
        }
    }
    scalars
}

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

    /// The model with `θ + by z` in the slots of `range`.
    fn shifted(
        &mut self,
        weights: &Weights,
        range: &Range<usize>,
        z: &[f32],
        by: f32,
    ) -> &Classifier {
        let model = self.model.take().expect("only this function takes it, and puts it back");
        self.model.insert(install(model, &weights.layout, range.clone(), &mut |slot, values| {
            let z = &z[slot.range.start - range.start..slot.range.end - range.start];
            let at = weights.values[slot.range.clone()].iter().zip(z);
            values.iter_mut().zip(at).for_each(|(value, (&w, &z))| *value = w + by * z);
        }))
    }
}

/// Evaluates the projected gradients of one step on a mini-batch, and counts what that costs.
pub(crate) fn project_with(
    probe: &mut Probe,
    weights: &Weights,
    plan: Plan,
    epsilon: f64,
    directions: &StepDirections,
    (batch, labels): (&DeviceBatch, &[usize]),
    tally: &mut Tally,
) -> Vec<f32> {
    let (lower, upper) = (weights.layout.lower(plan.split), weights.layout.upper(plan.split));
    tally.perturb(lower.len(), 3 * u64::from(plan.lower));
    tally.perturb(upper.len(), 3 * plan.scalars() as u64);
    let split = plan.split;
    let mut loss = BatchLoss { probe, weights, split, lower, upper, batch, labels, tally };
    project(&mut loss, plan, epsilon, directions)
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

    fn lower(&mut self, z: &[f32], by: f64) -> Boundary {
        let mut ledger = Ledger::new();
        let model = self.probe.shifted(self.weights, &self.lower, z, by as f32);
        let boundary = model.lower(self.split, self.batch, &mut ledger);
        self.tally.inference(&ledger);
        boundary
    }

    fn loss(&mut self, boundary: &Boundary, z: &[f32], by: f64) -> f64 {
        let mut ledger = Ledger::new();
        let model = self.probe.shifted(self.weights, &self.upper, z, by as f32);
        let logits = model.upper(self.split, boundary.clone(), self.batch, &mut ledger);
        self.tally.inference(&ledger);
        cross_entropy(logits, self.labels)
    }
}

/// Applies one step's scalars: the update that the client makes and the server replays, with the same bits.
///
/// `rate` gives the learning rate of a stage.
pub fn apply(
    weights: &mut Weights,
    plan: Plan,
    directions: &StepDirections,
    scalars: &[f32],
    rate: &dyn Fn(usize) -> f64,
) {
    let layout = std::sync::Arc::clone(&weights.layout);
    let (lower, upper) = (layout.lower(plan.split), layout.upper(plan.split));
    let p2 = plan.upper as usize;
    for p in 0..plan.lower as usize {
        let block = &scalars[p * p2..][..p2];
        let mean = block.iter().map(|&g| f64::from(g)).sum::<f64>() / p2 as f64;
        descend(weights, &layout, &lower, directions.lower(p), mean / f64::from(plan.lower), rate);
        for (j, &g) in block.iter().enumerate() {
            let share = f64::from(g) / plan.scalars() as f64;
            descend(weights, &layout, &upper, directions.upper(p * p2 + j), share, rate);
        }
    }
}

/// `θ -= η g z` over the slots of `range`.
fn descend(
    weights: &mut Weights,
    layout: &Layout,
    range: &Range<usize>,
    z: &[f32],
    g: f64,
    rate: &dyn Fn(usize) -> f64,
) {
    for slot in layout.slots() {
        if slot.range.start < range.start || slot.range.end > range.end {
            continue;
        }
        let step = (rate(slot.stage) * g) as f32;
        let z = &z[slot.range.start - range.start..slot.range.end - range.start];
        for (w, &z) in weights.values[slot.range.clone()].iter_mut().zip(z) {
            *w -= step * z;
        }
    }
}

#[cfg(test)]
mod tests;

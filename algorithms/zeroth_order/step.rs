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

/// Evaluates the projected gradients of one step: `[P1 P2]` values, p-major, as sent over the wire.
///
/// `model` is any model of the right layout; its trainable values are replaced by `weights`.
pub(crate) fn project_with(
    model: &Classifier,
    weights: &Weights,
    plan: Plan,
    epsilon: f64,
    directions: &StepDirections,
    (batch, labels): (&DeviceBatch, &[usize]),
    tally: &mut Tally,
) -> Vec<f32> {
    let at = weights.install_in(model.clone());
    let shifted =
        |range: &Range<usize>, z: &[f32], by: f64| shift(at.clone(), weights, range, z, by as f32);
    let (lower, upper) = (weights.layout.lower(plan.split), weights.layout.upper(plan.split));
    let mut scalars = Vec::with_capacity(plan.scalars());
    for p in 0..plan.lower as usize {
        let boundaries = [epsilon, -epsilon].map(|by| {
            let mut ledger = Ledger::new();
            let model = shifted(&lower, directions.lower(p), by);
            let boundary = model.lower(plan.split, batch, &mut ledger);
            tally.inference(&ledger);
            boundary
        });
        tally.perturb(lower.len(), 3);
        for j in 0..plan.upper as usize {
            let z = directions.upper(p * plan.upper as usize + j);
            let mut loss = |by: f64, boundary: &Boundary| {
                let mut ledger = Ledger::new();
                let logits =
                    shifted(&upper, z, by).upper(plan.split, boundary.clone(), batch, &mut ledger);
                tally.inference(&ledger);
                cross_entropy(logits, labels)
            };
            let (plus, minus) = (loss(epsilon, &boundaries[0]), loss(-epsilon, &boundaries[1]));
            tally.perturb(upper.len(), 3);
            scalars.push(((plus - minus) / (2.0 * epsilon)) as f32);
        }
    }
    scalars
}

/// The model with `θ + by z` in the slots of `range`.
fn shift(
    model: Classifier,
    weights: &Weights,
    range: &Range<usize>,
    z: &[f32],
    by: f32,
) -> Classifier {
    install(model, &weights.layout, range.clone(), &mut |slot| {
        let z = &z[slot.range.start - range.start..slot.range.end - range.start];
        weights.values[slot.range.clone()].iter().zip(z).map(|(&w, &z)| w + by * z).collect()
    })
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

use std::ops::Range;

use fleetune_models::parameters::{Layout, Slot, Weights};

use super::{Plan, StepDirections, Variant, axpy};
use crate::{protocol::Moment, settings::LearningRate};

/// The rates at which a round's updates are made.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    /// η by stage and moment.
    pub learning_rate: &'a LearningRate,
    /// When, rounds counted from the one with which the schedule starts.
    pub when: Moment,
    /// Weight decay λ, of tensors that decay.
    pub weight_decay: f64,
}

impl Rates<'_> {
    /// η of a tensor.
    pub fn rate(&self, slot: &Slot) -> f64 {
        self.learning_rate.of(slot.stage, self.when)
    }

    /// The schedule's factor on η.
    pub(super) fn factor(&self) -> f64 {
        self.learning_rate.schedule.factor(self.when)
    }

    /// What weight decay leaves of a tensor in a step: 1 - η λ, or 1 for biases and norms (as MeZO's code has it).
    pub fn kept(&self, slot: &Slot) -> f64 {
        if slot.decays { 1.0 - self.rate(slot) * self.weight_decay } else { 1.0 }
    }

    /// Takes `steps` steps' weight decay off the parameters.
    pub fn decay(&self, weights: &mut Weights, steps: u32) {
        if self.weight_decay == 0.0 {
            return;
        }
        let layout = std::sync::Arc::clone(&weights.layout);
        for slot in layout.slots() {
            let kept = power(self.kept(slot), steps) as f32;
            weights.values[slot.range.clone()].iter_mut().for_each(|w| *w *= kept);
        }
    }
}

/// A power with a small exponent, by multiplication: the same bits everywhere.
pub(super) fn power(base: f64, exponent: u32) -> f64 {
    (0..exponent).fold(1.0, |product, _| product * base)
}

/// Applies one step's scalars: `θ -= factor ∇̂`, with a tensor's own factor (its η, and whatever weighs the step).
///
/// If joint, `∇̂1 = mean_p (mean_j g_pj) z1_p` and `∇̂2 = mean_pj g_pj z2_pj`; if separate, each part has the mean over
/// its own scalars. The client's update and the server's are this one function: the same bits.
pub fn apply(
    weights: &mut Weights,
    plan: Plan,
    directions: &StepDirections,
    scalars: &[f32],
    factor: &dyn Fn(&Slot) -> f64,
) {
    let layout = std::sync::Arc::clone(&weights.layout);
    let parts = (layout.lower(plan.split), layout.upper(plan.split));
    let [lower, upper] = shares(plan, scalars);
    for (p, &g) in lower.iter().enumerate() {
        descend(weights, &layout, &parts.0, directions.lower(p), g, factor);
    }
    for (i, &g) in upper.iter().enumerate() {
        descend(weights, &layout, &parts.1, directions.upper(i), g, factor);
    }
}

/// What multiplies each direction of the lower part in `∇̂1`, and each of the upper part in `∇̂2`.
pub(super) fn shares(plan: Plan, scalars: &[f32]) -> [Vec<f64>; 2] {
    let [p1, p2] = [plan.lower as usize, plan.upper as usize];
    let mean =
        |own: &[f32]| own.iter().map(|&g| f64::from(g) / own.len() as f64).collect::<Vec<_>>();
    match plan.variant {
        Variant::Joint => {
            let block = |b: &[f32]| b.iter().map(|&g| f64::from(g)).sum::<f64>() / p2 as f64;
            [scalars.chunks(p2).map(|b| block(b) / p1 as f64).collect(), mean(scalars)]
        }
        Variant::Separate => [mean(&scalars[..p1]), mean(&scalars[p1..])],
    }
}

/// `θ -= factor g z` over the slots of `range`.
fn descend(
    weights: &mut Weights,
    layout: &Layout,
    range: &Range<usize>,
    z: &[f32],
    g: f64,
    factor: &dyn Fn(&Slot) -> f64,
) {
    for slot in layout.slots_in(range) {
        let step = (factor(slot) * g) as f32;
        let z = &z[slot.range.start - range.start..slot.range.end - range.start];
        axpy::descend(&mut weights.values[slot.range.clone()], step, z);
    }
}

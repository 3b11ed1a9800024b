//! Steps whose updates are owed: made later, at once, and element by element the same.

use fleetune_models::parameters::{Layout, Slot};

use super::{Plan, StepDirections, axpy::descend, update::shares};
use crate::noise::Distribution;

/// What a step does to every element of one tensor: it is scaled by weight decay, if there is any, and moved along
/// each direction.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    /// What decay leaves.
    kept: Option<f32>,
    /// Seeds of directions, and what multiplies them.
    terms: Vec<(u64, f32)>,
}

impl Trace {
    /// The trace of one step's scalars, as [`apply`](super::apply) leaves it with this factor of the tensor.
    pub(super) fn new(
        plan: Plan,
        (layout, slot): (&Layout, &Slot),
        (step_seed, scalars): (u64, &[f32]),
        factor: f64,
    ) -> Self {
        let part = usize::from(slot.range.start >= layout.lower(plan.split).end);
        let (seeds, shares) = (StepDirections::seeds(plan, step_seed), shares(plan, scalars));
        let term = |(&seed, &g): (&u64, &f64)| (seed, (factor * g) as f32);
        Self { kept: None, terms: seeds[part].iter().zip(&shares[part]).map(term).collect() }
    }

    /// The same after weight decay that leaves `kept`, if it is given.
    pub(super) fn after_decay(self, kept: Option<f32>) -> Self {
        Self { kept, ..self }
    }
}

/// Elements that are settled together: they and the noise stay in the nearest cache. A multiple of the groups in which
/// noise is made.
const BLOCK: usize = 2048;

/// Makes the updates that elements `first..first + values.len()` of a tensor with this key owe, in their order.
///
/// Of a [law](Distribution::is_elementwise) whose directions can be made in parts.
pub(super) fn settle(
    law: Distribution,
    key: u64,
    (first, values): (usize, &mut [f32]),
    owed: &[Trace],
) {
    let mut z = [0.0_f32; BLOCK];
    for (at, block) in (first..).step_by(BLOCK).zip(values.chunks_mut(BLOCK)) {
        let z = &mut z[..block.len()];
        for trace in owed {
            if let Some(kept) = trace.kept {
                block.iter_mut().for_each(|w| *w *= kept);
            }
            for &(seed, step) in &trace.terms {
                law.fill_from(seed, key, at as u64, z);
                descend(block, step, z);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::bits;

    /// Whole directions, one after the other, on ranges that begin and end within blocks and groups.
    #[test]
    fn settling_in_blocks_is_applying_whole_directions() {
        const ALL: usize = 7000;
        let term = |seed: u32| (u64::from(seed), 0.01 * seed as f32);
        let owed = [(None, 1..2), (Some(0.875), 2..5), (Some(1.0), 5..5), (None, 5..7)]
            .map(|(kept, seeds)| Trace { kept, terms: seeds.map(term).collect() });
        for law in [Distribution::Gaussian, Distribution::Rademacher] {
            let start: Vec<f32> = (0..ALL).map(|i| i as f32 / 1000.0 - 3.0).collect();
            let mut expected = start.clone();
            for trace in &owed {
                let kept = trace.kept.unwrap_or(1.0);
                expected.iter_mut().for_each(|w| *w *= kept);
                for &(seed, step) in &trace.terms {
                    let mut z = vec![0.0; ALL];
                    law.fill(seed, 9, &mut z);
                    expected.iter_mut().zip(&z).for_each(|(w, z)| *w -= step * z);
                }
            }
            for range in [0..ALL, 0..0, 16..32, 100..2148, 2048..6144, 6999..7000, 33..5001] {
                let mut values = start[range.clone()].to_vec();
                settle(law, 9, (range.start, &mut values), &owed);
                assert_eq!(bits(&values), bits(&expected[range.clone()]), "{law:?} {range:?}");
            }
        }
    }
}

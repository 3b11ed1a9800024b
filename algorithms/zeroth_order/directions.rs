use std::ops::Range;

use fleetune_models::parameters::Layout;

use crate::noise::{fill_normal, tensor_key};

/// How a step perturbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The split: stages 0..=split are the lower part; 0 leaves it empty.
    pub split: usize,
    /// P1: perturbations of the lower part.
    pub lower: u32,
    /// P2: perturbations of the upper part under each of the lower.
    pub upper: u32,
}

impl Plan {
    /// Projected gradients per step, P1 P2.
    pub fn scalars(&self) -> usize {
        self.lower as usize * self.upper as usize
    }
}

/// The directions of one step, as flat vectors over the parts of the layout.
///
/// Direction (p, j) has a seed of its own; the lower part's p-th direction uses (p, 0), so that with P1 = P2 = 1 both
/// parts together are one direction over everything: MeZO's.
#[derive(Clone, Debug)]
pub struct StepDirections {
    lower: Vec<Vec<f32>>,
    upper: Vec<Vec<f32>>,
}

impl StepDirections {
    /// Derives the directions of the step with this seed.
    pub fn derive(layout: &Layout, plan: Plan, step_seed: u64) -> Self {
        let lower = (0..plan.lower)
            .map(|p| fill(layout, layout.lower(plan.split), direction_seed(step_seed, p, 0)));
        let upper = (0..plan.lower).flat_map(|p| {
            (0..plan.upper).map(move |j| {
                fill(layout, layout.upper(plan.split), direction_seed(step_seed, p, j))
            })
        });
        Self { lower: lower.collect(), upper: upper.collect() }
    }

    /// z1_p over the lower part.
    pub fn lower(&self, p: usize) -> &[f32] {
        &self.lower[p]
    }

    /// z2_i over the upper part, i = p P2 + j.
    pub fn upper(&self, i: usize) -> &[f32] {
        &self.upper[i]
    }
}

/// splitmix64's finaliser over the step's seed and the direction's indices.
fn direction_seed(step: u64, p: u32, j: u32) -> u64 {
    let index = (u64::from(p) << 32 | u64::from(j)).wrapping_add(1);
    let mut x = step.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn fill(layout: &Layout, range: Range<usize>, seed: u64) -> Vec<f32> {
    let mut values = vec![0.0; range.len()];
    for slot in layout.slots() {
        if range.start <= slot.range.start && slot.range.end <= range.end {
            let at = slot.range.start - range.start..slot.range.end - range.start;
            fill_normal(seed, tensor_key(&slot.path), &mut values[at]);
        }
    }
    values
}

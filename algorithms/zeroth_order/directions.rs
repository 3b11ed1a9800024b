use std::ops::Range;

use fleetune_models::parameters::{Layout, Slot};

use super::Plan;
use crate::noise::{Distribution, tensor_key, to_sphere};

/// The directions of one step, as flat vectors over the parts of the layout.
///
/// Direction (p, j) has a seed of its own; the lower part's p-th direction uses (p, 0), so that with P1 = P2 = 1 both
/// parts together are one direction over everything: MeZO's.
#[derive(Clone, Debug, Default)]
pub struct StepDirections {
    lower: Vec<Vec<f32>>,
    upper: Vec<Vec<f32>>,
}

impl StepDirections {
    /// Derives the directions of the step with this seed.
    pub fn derive(layout: &Layout, plan: Plan, step_seed: u64) -> Self {
        let mut directions = Self::default();
        directions.derive_again(layout, plan, step_seed);
        directions
    }

    /// [`Self::derive`], in the memory that these take.
    pub fn derive_again(&mut self, layout: &Layout, plan: Plan, step_seed: u64) {
        let part = |range: Range<usize>, seeds: Vec<u64>, directions: &mut Vec<Vec<f32>>| {
            directions.resize_with(seeds.len(), Vec::new);
            for (seed, values) in seeds.into_iter().zip(directions) {
                fill(layout, &range, plan.distribution, seed, values);
            }
        };
        let [lower, upper] = Self::seeds(plan, step_seed);
        part(layout.lower(plan.split), lower, &mut self.lower);
        part(layout.upper(plan.split), upper, &mut self.upper);
    }

    /// The seeds of the lower part's directions and of the upper part's, in the step with this seed.
    pub(super) fn seeds(plan: Plan, step_seed: u64) -> [Vec<u64>; 2] {
        let [lower, upper] = plan.directions();
        // Under each of the lower part's directions, or on their own, P2 of the upper part.
        let upper = (0..upper as u32).map(|i| (i / plan.upper, i % plan.upper));
        let seed = |(p, j)| direction_seed(step_seed, p, j);
        [(0..lower as u32).map(|p| seed((p, 0))).collect(), upper.map(seed).collect()]
    }

    /// z1_p over the lower part.
    pub fn lower(&self, p: usize) -> &[f32] {
        &self.lower[p]
    }

    /// z2_i over the upper part: i = p P2 + j if joint, j if separate.
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

/// One direction over a part. A sphere is the part's own.
fn fill(
    layout: &Layout,
    range: &Range<usize>,
    distribution: Distribution,
    seed: u64,
    values: &mut Vec<f32>,
) {
    // Slots cover their part without a gap: every element is written.
    values.resize(range.len(), 0.0);
    for slot in layout.slots_in(range) {
        let at = slot.range.start - range.start..slot.range.end - range.start;
        fill_slot(slot, distribution, seed, &mut values[at]);
    }
    if distribution == Distribution::Sphere {
        to_sphere(values);
    }
}

/// The elements of one tensor, or of those of its rows that stand in the layout.
fn fill_slot(slot: &Slot, distribution: Distribution, seed: u64, out: &mut [f32]) {
    let key = tensor_key(&slot.path);
    let Some(rows) = &slot.rows else { return distribution.fill(seed, key, out) };
    let width = slot.shape[1];
    for (&row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
        distribution.fill_from(seed, key, u64::from(row) * width as u64, out);
    }
}

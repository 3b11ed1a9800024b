//! Directions, and discriminative sampling: which of many candidates a client evaluates.
//!
//! A direction is named by a seed and, for each trainable tensor, the number of a candidate: few bytes, from which
//! both sides generate the same bits. Candidate k of a seed is the same whoever draws it, tensor by tensor.

use fleetune_devices::streams::SeedTree;
use fleetune_models::parameters::{Layout, Slot};
use rayon::prelude::*;

use crate::{
    noise::{fill_normal, tensor_key},
    protocol::{ClientId, Exchange},
};

/// The seed of a client's own candidates in an exchange. Number 0 of them is its direction when nothing guides it.
pub(super) fn own_seed(streams: &SeedTree, exchange: Exchange, client: ClientId) -> u64 {
    streams
        .subtree("forward gradients", u64::from(client))
        .subtree("round", exchange.round)
        .seed("exchange", u64::from(exchange.index))
}

/// The seed of the candidates of a whole cohort in an exchange.
pub(super) fn pool_seed(streams: &SeedTree, exchange: Exchange) -> u64 {
    streams
        .subtree("candidate pool", 0)
        .subtree("round", exchange.round)
        .seed("exchange", u64::from(exchange.index))
}

/// Writes candidate `number` of `seed`, as far as `slot` is concerned: standard normal elements.
pub(super) fn fill_candidate(seed: u64, number: u32, slot: &Slot, out: &mut [f32]) {
    // splitmix64's increment keeps the candidates of one seed apart.
    let own = seed.wrapping_add(u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    fill_normal(own, tensor_key(&slot.path), out);
}

/// The direction that has, for each tensor of `layout`, the candidate of that number.
pub(super) fn direction(layout: &Layout, seed: u64, numbers: &[u32]) -> Vec<f32> {
    let mut direction = vec![0.0; layout.len()];
    for (slot, &number) in layout.slots().iter().zip(numbers) {
        fill_candidate(seed, number, slot, &mut direction[slot.range.clone()]);
    }
    direction
}

/// The numbers of the `kept` best of `drawn` candidates, the best first, tensor by tensor: by the cosine with the
/// reference, whose sign counts. Of equals the earlier is better.
pub(super) fn rank(
    layout: &Layout,
    seed: u64,
    reference: &[f32],
    drawn: u32,
    kept: usize,
) -> Vec<Vec<u32>> {
    let slots = layout.slots();
    let widest = slots.iter().map(|slot| slot.range.len()).max().unwrap_or(0);
    let cosines: Vec<Vec<f64>> = (0..drawn)
        .into_par_iter()
        .map_init(
            || vec![0.0; widest],
            |buffer, number| {
                let cosine = |slot: &Slot| {
                    let candidate = &mut buffer[..slot.range.len()];
                    fill_candidate(seed, number, slot, candidate);
                    cosine(candidate, &reference[slot.range.clone()])
                };
                slots.iter().map(cosine).collect()
            },
        )
        .collect();
    (0..slots.len())
        .map(|tensor| {
            let mut numbers: Vec<u32> = (0..drawn).collect();
            let of = |number: u32| cosines[number as usize][tensor];
            numbers.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
            numbers.truncate(kept);
            numbers
        })
        .collect()
}

/// The cosine of the angle between two vectors; 0 if one of them is zero.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| {
        x.iter().zip(y).map(|(&p, &q)| f64::from(p) * f64::from(q)).sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}

//! Dealing out shuffled examples, and sharing a number in proportion.

use rand::{Rng, seq::SliceRandom};

/// Sizes that differ by at most one and add up to `examples`; the first ones are the larger.
pub(super) fn equal(examples: usize, clients: usize) -> Vec<usize> {
    let (each, rest) = (examples / clients, examples % clients);
    (0..clients).map(|client| each + usize::from(client < rest)).collect()
}

/// Shards of these sizes, cut from one random permutation of all examples.
pub(super) fn shuffled(sizes: &[usize], rng: &mut impl Rng) -> Vec<Vec<u32>> {
    let mut examples: Vec<u32> = (0..).take(sizes.iter().sum()).collect();
    examples.shuffle(rng);
    let mut rest = examples.as_slice();
    let cut = |&size: &usize| {
        let (shard, after) = rest.split_at(size);
        rest = after;
        shard.to_vec()
    };
    sizes.iter().map(cut).collect()
}

/// Whole numbers proportional to `weights` that add up to `total`: largest remainders (Hamilton's method), the earlier
/// of equal ones first. Every share is within one of its exact quota.
pub(super) fn apportion(total: usize, weights: &[f64]) -> Vec<usize> {
    let sum: f64 = weights.iter().sum();
    let quotas: Vec<f64> = weights.iter().map(|weight| total as f64 * (weight / sum)).collect();
    let mut shares: Vec<usize> = quotas.iter().map(|quota| quota.floor() as usize).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let remainder = |&k: &usize| quotas[k] - quotas[k].floor();
    // A stable sort: ties go to the earlier.
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
    let missing = total.saturating_sub(shares.iter().sum());
    for &k in order.iter().cycle().take(missing) {
        shares[k] += 1;
    }
    shares
}

//! Log-normal sizes.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::deal::apportion;

/// A size for each client: everybody the minimum, and the rest in proportion to `exp(σ z)`, `z ~ N(0, 1)`.
///
/// That nobody falls below the minimum is so by construction: redrawing until it holds, as is also done, changes the
/// law in a way that depends on the number of clients, and need not end.
pub(super) fn sizes(
    examples: usize,
    clients: usize,
    sigma: f64,
    minimum: usize,
    rng: &mut impl Rng,
) -> Vec<usize> {
    let normal: Vec<f64> = StandardNormal.sample_iter(rng).take(clients).collect();
    let largest = normal.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Relative to the largest, so that no σ overflows; the factor cancels.
    let weights: Vec<f64> = normal.iter().map(|z| libm::exp(sigma * (z - largest))).collect();
    let shares = apportion(examples - clients * minimum, &weights);
    shares.into_iter().map(|share| minimum + share).collect()
}

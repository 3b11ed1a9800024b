//! Label skew by a Dirichlet law (Hsu, Qi and Brown 2019).
//!
//! Client `i` draws a class mix `q_i ~ Dir(α p)`, `p` being the classes' shares of all examples; then it draws
//! examples, without replacement: a class from `q_i`, an example of that class. When a class is used up, the mix of
//! what is left is renormalised.
//!
//! One thing differs from the paper, where the clients are filled one after the other: here they take turns, one
//! example at a time. The demand for a class seldom equals its supply, and in sequence the last clients would pay for
//! it with whatever is left; in turns everybody's last few examples do. Sizes are equal by construction, so no client
//! is empty, whatever α.

use rand::{Rng, RngExt, seq::SliceRandom};
use rand_distr::{Distribution, Gamma, OpenClosed01};

use super::deal::equal;

/// Shards of equal sizes with class mixes from the Dirichlet law.
pub(super) fn shards(
    labels: &[usize],
    classes: usize,
    clients: usize,
    alpha: f64,
    rng: &mut impl Rng,
) -> Vec<Vec<u32>> {
    let supply = by_class(labels, classes, rng);
    let total = labels.len() as f64;
    let prior: Vec<f64> = supply.iter().map(|class| class.len() as f64 / total).collect();
    let mixes: Vec<Vec<f64>> = (0..clients).map(|_| mix(&prior, alpha, rng)).collect();
    fill(&mixes, supply, rng)
}

/// Gives out the whole supply, in turns, to clients of these mixes.
pub(super) fn fill(
    mixes: &[Vec<f64>],
    mut supply: Vec<Vec<u32>>,
    rng: &mut impl Rng,
) -> Vec<Vec<u32>> {
    let sizes = equal(supply.iter().map(Vec::len).sum(), mixes.len());
    let mut shards: Vec<Vec<u32>> = sizes.iter().map(|&size| Vec::with_capacity(size)).collect();
    let turns = sizes.iter().copied().max().unwrap_or(0);
    for turn in 0..turns {
        for client in (0..mixes.len()).filter(|&client| turn < sizes[client]) {
            let class = draw(&mixes[client], &supply, rng);
            shards[client].extend(supply[class].pop());
        }
    }
    shards
}

/// The examples of each class in random order.
fn by_class(labels: &[usize], classes: usize, rng: &mut impl Rng) -> Vec<Vec<u32>> {
    let mut supply = vec![Vec::new(); classes];
    for (example, &label) in (0..).zip(labels) {
        supply[label].push(example);
    }
    for class in &mut supply {
        class.shuffle(rng);
    }
    supply
}

/// A class mix `q ~ Dir(α p)`: independent `Gamma(α p_k, 1)` variables, divided by their sum.
///
/// # Numerics
///
/// A Gamma variable of small shape underflows: at α p = 0.001 half of them are below 10⁻³⁰⁰, and all may be zero. So
/// their logarithms are drawn: `log Gamma(a) = log Gamma(a + 1) + log(U) / a`, `U` uniform on (0, 1] (Marsaglia and
/// Tsang 2000), and divided by the largest.
pub(super) fn mix(prior: &[f64], alpha: f64, rng: &mut impl Rng) -> Vec<f64> {
    let logarithm = |&share: &f64| {
        let shape = alpha * share;
        // A class without examples has no share; nor has one whose shape underflows.
        if shape <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let gamma = Gamma::new(shape + 1.0, 1.0).expect("the shape is finite and above one");
        let uniform: f64 = OpenClosed01.sample(rng);
        libm::log(gamma.sample(rng)) + libm::log(uniform) / shape
    };
    let logarithms: Vec<f64> = prior.iter().map(logarithm).collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logarithms.iter().map(|log| libm::exp(log - largest)).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// A class that still has examples, drawn from the mix; if the mix has none of these, from what is left.
fn draw(mix: &[f64], supply: &[Vec<u32>], rng: &mut impl Rng) -> usize {
    let weigh = |weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let left = |class: usize| if supply[class].is_empty() { 0.0 } else { weight(class) };
        (0..supply.len()).map(left).collect()
    };
    let mut weights = weigh(&|class| mix[class]);
    if weights.iter().sum::<f64>() <= 0.0 {
        weights = weigh(&|class| supply[class].len() as f64);
    }
    let mut point = rng.random::<f64>() * weights.iter().sum::<f64>();
    let positive = || (0..weights.len()).filter(|&class| weights[class] > 0.0);
    for class in positive() {
        point -= weights[class];
        if point < 0.0 {
            return class;
        }
    }
    // Rounding left a remainder beyond the last: it belongs to the last.
    positive().next_back().expect("there are as many turns as examples: some class has one left")
}

//! Max-min fair rates of a star in closed form: one shared link, each flow behind a cap.
//!
//! x_j = min(b_j, w_j θ), where θ is the level at which the rates sum to the capacity C, or
//! infinite when the caps sum to less. Flows sorted by b_j / w_j meet their caps in that order, so
//! θ follows from one pass: O(n log n), against O(n²) of the general filling.

use fleetune_units::BytesPerSecond;

/// A flow of a star: its access link's rate and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spoke {
    /// The most it can use; may be infinite.
    pub cap: BytesPerSecond,
    /// Its share relative to others; above zero.
    pub weight: f64,
}

impl Spoke {
    /// A flow of weight 1.
    pub const fn new(cap: BytesPerSecond) -> Self {
        Self { cap, weight: 1.0 }
    }
}

/// The fair level θ of `spokes` that share `capacity`; infinite when all are at their caps.
///
/// # Panics
/// In debug builds, if a weight is not above zero.
pub fn level(capacity: BytesPerSecond, spokes: &[Spoke]) -> f64 {
    debug_assert!(spokes.iter().all(|spoke| spoke.weight > 0.0), "weights are above zero");
    let mut order: Vec<(f64, usize)> =
        spokes.iter().map(|s| s.cap.get() / s.weight).zip(0..).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Weights still rising before each spoke, summed from the far end: no cancellation.
    let mut rising = vec![0.0; spokes.len() + 1];
    for (position, (_, spoke)) in order.iter().enumerate().rev() {
        rising[position] = rising[position + 1] + spokes[*spoke].weight;
    }
    let mut capped = 0.0;
    for (position, (own_level, spoke)) in order.iter().enumerate() {
        let level = (capacity.get() - capped) / rising[position];
        if level <= *own_level {
            return level.max(0.0);
        }
        capped += spokes[*spoke].cap.get();
    }
    f64::INFINITY
}

/// The weighted max-min fair rate of every spoke.
pub fn solve(capacity: BytesPerSecond, spokes: &[Spoke]) -> Vec<BytesPerSecond> {
    let level = level(capacity, spokes);
    let rate = |spoke: &Spoke| {
        let fair = BytesPerSecond::from_raw(spoke.weight * level);
        fair.min(spoke.cap)
    };
    spokes.iter().map(rate).collect()
}

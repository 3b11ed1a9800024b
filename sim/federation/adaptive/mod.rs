//! Rounds with deadlines of their own, and layer-wise contributions: ADEL-FL.
//!
//! Goren, Lang, Shlezinger and Cohen, "Adaptive Deadline and Batch Layered Synchronized Federated Learning", 2025
//! (arXiv 2505.23973); the join of layers is SALF's (Lang, Cohen and Shlezinger 2024, arXiv 2403.18375).
//!
//! # The paper's
//!
//! * Backpropagation runs from the last layer to the first. Whoever still computes at the deadline of round t, `T_t`,
//!   sends the gradients of the layers that it has; a layer is averaged over those who reached it, and corrected by the
//!   probability `p` that nobody would have ([`Layered`](fleetune_algorithms::protocol::Layered)).
//! * A device takes an exponential time for a layer, with the mean `m` that its batch size sets: by a deadline of `T` it
//!   has got through a Poisson number of layers, and misses the l-th of the backward with probability `Q(l, T / m)`, the
//!   regularised upper incomplete gamma function. Of U devices all miss it with `p = Q^U`.
//! * Batch sizes follow the speed of the devices, and what is left of the deadline for computing after the transfers B:
//!   `S_u = m P_u (T - B_u) / T` texts, with the speed `P_u` in texts a layer and second, so that all take `m` a layer.
//! * The deadlines of R rounds and m minimise the bound on the distance from the optimum
//!   `prod_t (1 - η_t ρ_c) Δ + sum_t η_t² (B + C_t) prod_{τ>t} (1 - η_τ ρ_c)`, with
//!   `B = (1/U²) sum_u σ² / S_u + 6 ρ_s Γ` and `C_t = 4 U / (U - 1) G² sum_l (1 + p_l) / (1 - 2 p_l)`, under
//!   `sum_t T_t <= budget` and `T_t >= shortest`. The bound, as the authors' published code has it, holds where every
//!   `p_l` is below 1/2. Terms without T and m (Δ, ρ_s, Γ) have no say in the minimum, and are not asked for.
//!
//! # Ours, where the paper leaves it open or a simulator must do otherwise
//!
//! * How long layers take is not drawn: the device's clock says when each gradient is there. The exponential law is what
//!   the *server* believes when it chooses deadlines and corrects.
//! * A device's mean time of a layer is its whole computing time over L, forward and step included.
//! * Batches are whole, and within bounds and memory, so devices cannot all take the same m: p is the product over a
//!   cohort drawn from the fleet, `(mean_u Q(l, (T - B_u) / m_u))^U`, which is the paper's where all are alike.
//! * The deadline stops computing, early enough that the upload of the whole model would be at the server by `T_t` if
//!   nobody else sent; uploads that are under way are waited for. `federation.deadline` still ends a round.
//! * S_u is found with the mean deadline `budget / R` for T. The minimum is found on a grid of times per round, in whose
//!   convex hull it is exact, for each of a few m.

mod bound;
mod schedule;
mod stopping;

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

pub use bound::{Bound, Pace, missed, penalty};
pub use schedule::{Choice, NoChoice, Wanted, choose, sizes};
pub(super) use stopping::Stopping;

/// When each round stops who still computes, and what the server believes of who then has what.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines(pub Vec<RoundDeadline>);

/// Of one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundDeadline {
    /// From the opening of the round: when a whole model would be at the server.
    pub after: Seconds,
    /// By layer, from the head down: the probability that nobody reaches it.
    pub missed: Vec<f64>,
}

impl Deadlines {
    /// That of a round; the last one's for all after it.
    pub(super) fn of(&self, round: u64) -> Option<&RoundDeadline> {
        self.0.get(round as usize).or(self.0.last())
    }

    /// All together.
    pub fn sum(&self) -> Seconds {
        self.0.iter().map(|round| round.after).fold(Seconds::ZERO, |sum, after| sum + after)
    }
}

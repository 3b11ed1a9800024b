use serde::{Deserialize, Serialize};

use super::Staleness;
use crate::settings::Share;

/// FedAsync (Xie et al. 2019, arXiv 1903.03934, algorithm 1): the model goes a part of the way to each client's, as it
/// arrives: `x <- (1 - α_t) x + α_t y`, `α_t = α s(t - τ)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedAsync {
    /// α: above 0 and at most 1. The paper tries 0.6 and 0.9.
    pub mixing: Share,
    /// What staleness does to α. The default is nothing.
    #[serde(default)]
    pub staleness: Staleness,
}

impl FedAsync {
    /// α_t of an update that is stale by so many versions; nothing if it is too stale.
    pub fn weight(&self, staleness: u64) -> Option<f64> {
        self.staleness.factor(staleness).map(|factor| self.mixing.get() * factor)
    }

    /// `α_t (y - x)` with `y = base + displacement`: by how much the model at `global` moves to a client's.
    ///
    /// That is `(1 - α_t) x + α_t y` less x, so that a server's optimiser can take it for what it steps by.
    pub fn movement(global: &[f32], base: &[f32], displacement: &[f64], weight: f64) -> Vec<f64> {
        let elements = global.iter().zip(base).zip(displacement);
        elements.map(|((&x, &base), by)| weight * (f64::from(base) + by - f64::from(x))).collect()
    }
}

use serde::{Deserialize, Serialize};

use super::{Discount, Staleness};
use crate::settings::{NonNegative, Positive};

/// FedBuff (Nguyen et al. 2022, arXiv 2106.06639, algorithm 1): the server collects K updates and moves by their mean,
/// whatever models they started from: `x <- x + η_g / K sum_i s(τ_i) Δ_i`.
///
/// The paper's Δ has the other sign. The weights s are not divided by their sum: stale updates move the model by less.
/// K is how many updates are joined at once, which the caller decides; every update counts alike, whatever the number
/// of examples behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedBuff {
    /// η_g. The default is 1.
    #[serde(default = "one")]
    pub server_learning_rate: Positive,
    /// What staleness does to an update. The default is as published: it is weighed by `1 / sqrt(1 + τ)`, and none is
    /// too stale.
    #[serde(default = "published")]
    pub staleness: Staleness,
}

fn one() -> Positive {
    Positive::new(1.0).expect("1 is positive")
}

fn published() -> Staleness {
    let exponent = NonNegative::new(0.5).expect("0.5 is not negative");
    Staleness { discount: Discount::Polynomial { exponent }, bound: None }
}

impl Default for FedBuff {
    fn default() -> Self {
        Self { server_learning_rate: one(), staleness: published() }
    }
}

impl FedBuff {
    /// s of an update that is stale by so many versions; nothing if it is too stale.
    pub fn weight(&self, staleness: u64) -> Option<f64> {
        self.staleness.factor(staleness)
    }
}

/// Displacements on their way into one movement: their weighted sum, and how many they are.
#[derive(Clone, Debug)]
pub struct Buffer {
    sum: Vec<f64>,
    joined: u32,
}

impl Buffer {
    /// An empty one, for models of `len` trained parameters.
    pub fn new(len: usize) -> Self {
        Self { sum: vec![0.0; len], joined: 0 }
    }

    /// Adds `weight` times a displacement.
    pub fn add(&mut self, displacement: &[f64], weight: f64) {
        self.sum.iter_mut().zip(displacement).for_each(|(sum, by)| *sum += weight * by);
        self.joined += 1;
    }

    /// `η_g / K` times the sum, K being how many were added; nothing if none was.
    pub fn movement(self, server_learning_rate: f64) -> Option<Vec<f64>> {
        let joined = f64::from(self.joined);
        let mean = |sum: f64| server_learning_rate * (sum / joined);
        (self.joined > 0).then(|| self.sum.into_iter().map(mean).collect())
    }
}

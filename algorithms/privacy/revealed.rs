use std::{collections::BTreeMap, num::NonZeroU32};

use super::{Accountant, Delta, PrivacyConfig};
use crate::{
    protocol::{Exchange, Restoring, Snapshot, SnapshotError},
    settings::{Fraction, Positive},
};

/// What a server's noisy sums have revealed in the course of a run.
///
/// Several sums of one round are of the same cohort: whoever is in one is in all of them. So a round counts as one sum
/// of as little noise as they have together, 1 / σ² = Σ 1 / σ_i² (what adaptive Gaussian mechanisms with noise σ_i
/// amount to), which is what sampling then amplifies.
#[derive(Clone, Debug, PartialEq)]
pub struct Revealed {
    privacy: PrivacyConfig,
    /// Updates that a sum was planned for.
    cohort: NonZeroU32,
    /// By round: the sum of 1 / σ² over its sums.
    rounds: BTreeMap<u64, f64>,
}

impl Revealed {
    /// Writes down what was revealed.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put(&self.rounds);
    }

    /// Takes up what was written down.
    pub(crate) fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.rounds = snapshot.take()?;
        Ok(())
    }

    /// Nothing yet.
    pub fn new(privacy: PrivacyConfig, cohort: NonZeroU32) -> Self {
        Self { privacy, cohort, rounds: BTreeMap::new() }
    }

    /// Adds the sum of `summed` updates of an exchange.
    pub fn add(&mut self, exchange: Exchange, summed: u32) {
        if let Some(noise) = self.privacy.realised_multiplier(summed, self.cohort) {
            *self.rounds.entry(exchange.round).or_default() += noise.get().powi(-2);
        }
    }

    /// Rounds in which anything was revealed.
    pub fn rounds(&self) -> u64 {
        self.rounds.len() as u64
    }

    /// The δ at which ε is to be reported.
    pub fn delta(&self) -> Delta {
        self.privacy.delta
    }

    /// ε, if in every round every client takes part with probability `sampling_rate`, independently; 1 assumes nothing
    /// of who takes part. See the [module](super) for what the rate should be.
    pub fn epsilon(&self, sampling_rate: Fraction) -> f64 {
        let mut alike: Vec<f64> = self.rounds.values().copied().collect();
        alike.sort_by(f64::total_cmp);
        let mut accountant = Accountant::new();
        for rounds in alike.chunk_by(|a, b| a == b) {
            match Positive::new(1.0 / rounds[0].sqrt()) {
                Ok(noise) => accountant.compose(noise, sampling_rate, rounds.len() as u64),
                // So much was revealed, or so little noise was made, that nothing is proven.
                Err(_) => return f64::INFINITY,
            }
        }
        accountant.spent(self.privacy.delta).epsilon
    }
}

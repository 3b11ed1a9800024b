//! FedKSeed's pool of seeds (Qin et al., ICML 2024): the model is its start and one coefficient per seed.

use std::sync::Arc;

use fleetune_units::Bytes;

use super::history::{Contribution, Gap};
use crate::protocol::{Payload, Restoring, Snapshot, SnapshotError};

/// How seeds are drawn from the pool, fixed within a round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draws {
    size: usize,
    /// P(index <= i), if not uniform.
    cumulative: Option<Vec<f64>>,
}

impl Draws {
    /// Every seed alike.
    pub(crate) fn uniform(size: usize) -> Self {
        Self { size, cumulative: None }
    }

    /// With probabilities in proportion to `weights`.
    fn weighted(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let cumulative = weights.iter().map(|w| {
            sum += w;
            sum / total
        });
        Self { size: weights.len(), cumulative: Some(cumulative.collect()) }
    }

    /// The seed that a uniform number in [0, 1) picks.
    pub(crate) fn pick(&self, uniform: f64) -> usize {
        let index = match &self.cumulative {
            None => (uniform * self.size as f64) as usize,
            Some(cumulative) => cumulative.partition_point(|&p| p <= uniform),
        };
        index.min(self.size - 1)
    }
}

/// What the server knows of every seed.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// A[s]: the sum of joined projected gradients, each times its share and its round's factor on η.
    coefficients: Vec<f64>,
    /// Uses of a seed, and the sum of the magnitudes of its scalars.
    seen: Vec<(u32, f64)>,
    /// FedKSeed-Pro: draws seeds of large gradients more often.
    by_magnitude: bool,
    draws: Arc<Draws>,
}

/// Magnitudes above this count as this, as in the published code.
const LARGEST: f64 = 1000.0;

impl Pool {
    pub(crate) fn new(size: usize, by_magnitude: bool) -> Self {
        Self {
            coefficients: vec![0.0; size],
            seen: vec![(0, 0.0); size],
            by_magnitude,
            draws: Arc::new(Draws::uniform(size)),
        }
    }

    pub(crate) fn draws(&self) -> Arc<Draws> {
        Arc::clone(&self.draws)
    }

    /// Joins one client's scalars, `indices` being the seeds it drew.
    pub(crate) fn join(&mut self, of: &Contribution<'_>, indices: &[usize], factor: f64) {
        for (&index, &g) in indices.iter().zip(of.scalars) {
            let g = f64::from(g);
            self.coefficients[index] += of.share * factor * g;
            let (uses, sum) = &mut self.seen[index];
            *uses += 1;
            *sum += g.abs().min(LARGEST);
        }
    }

    /// Ends a round: the next one's probabilities. As published: the mean magnitude of every seed, scaled to [0, 1]
    /// over the pool, and softmax; the list of a seed starts with one zero.
    pub(crate) fn close(&mut self) {
        if !self.by_magnitude {
            return;
        }
        let means: Vec<f64> = self.seen.iter().map(|(n, sum)| sum / f64::from(n + 1)).collect();
        let least = means.iter().copied().fold(f64::INFINITY, f64::min);
        let most = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let spread = if most > least { most - least } else { 1.0 };
        let weights: Vec<f64> = means.iter().map(|m| libm::exp((m - least) / spread)).collect();
        self.draws = Arc::new(Draws::weighted(&weights));
    }

    /// Writes down what is known of the seeds.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put(&self.coefficients);
        snapshot.put(&self.seen);
        snapshot.put(&self.draws.cumulative);
    }

    /// Takes up what was written down.
    pub(crate) fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        let size = self.len();
        self.coefficients = snapshot.take_vector(size)?;
        self.seen = snapshot.take_vector(size)?;
        self.draws = Arc::new(Draws { size, cumulative: snapshot.take()? });
        Ok(())
    }

    /// Whether draws follow from what was joined.
    pub(crate) fn learns(&self) -> bool {
        self.by_magnitude
    }

    /// Seeds in the pool.
    pub(crate) fn len(&self) -> usize {
        self.coefficients.len()
    }

    /// What a client needs to build the model from its start: all coefficients, and a pass for each that is not zero.
    pub(crate) fn rebuild(&self) -> Gap {
        let used = self.coefficients.iter().filter(|c| **c != 0.0).count() as u64;
        let bytes: Bytes = Payload::size(self.coefficients.len());
        Gap { bytes: bytes.get(), entries: used }
    }

    /// A.
    #[cfg(test)]
    pub(crate) fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_their_probabilities() {
        let draws = Draws::weighted(&[1.0, 0.0, 3.0]);
        let picks: Vec<usize> = (0..1000).map(|i| draws.pick(f64::from(i) / 1000.0)).collect();
        assert_eq!(picks.iter().filter(|&&i| i == 0).count(), 250);
        assert_eq!(picks.iter().filter(|&&i| i == 2).count(), 750);
        let uniform = Draws::uniform(4);
        assert_eq!([0.0, 0.249, 0.25, 0.999_999].map(|u| uniform.pick(u)), [0, 0, 1, 3]);
    }

    /// The exponent lies in [0, 1]: the likeliest seed is e times as likely as the least likely.
    #[test]
    fn the_likeliest_seed_is_e_times_the_least_likely() {
        let mut pool = Pool::new(3, true);
        let scalars = [4.0, -2.0, -4.0];
        pool.join(&Contribution { client: 0, share: 1.0, scalars: &scalars }, &[0, 2, 0], 1.0);
        pool.close();
        let cumulative = pool.draws().cumulative.clone().expect("not uniform");
        let p = [cumulative[0], cumulative[1] - cumulative[0], 1.0 - cumulative[1]];
        // Mean magnitudes 8/3, 0 and 1, as each list starts with a zero.
        assert!((p[0] / p[1] - std::f64::consts::E).abs() < 1e-12);
        assert!((p[2] / p[1] - libm::exp(3.0 / 8.0)).abs() < 1e-12);
        // The two scalars of the first seed cancel: no pass is due for it.
        assert_eq!(pool.rebuild().entries, 1);
    }
}

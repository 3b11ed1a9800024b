//! The terms of ADEL-FL's bound that deadlines and batch sizes can change.

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

/// What the server believes of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Strong convexity ρ_c.
    pub convexity: f64,
    /// Largest norm of a gradient, G.
    pub gradient: f64,
    /// Standard deviation σ of the gradient of one text.
    pub deviation: f64,
}

/// How a device gets through an exchange, as the server believes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Its transfers, B.
    pub transfers: Seconds,
    /// Its mean time of a layer, m.
    pub layer: Seconds,
    /// Texts in its mini-batch, S.
    pub batch: u32,
}

/// The probabilities Q(l, x), l = 1..=layers, that a Poisson variable of mean x is below l.
fn short_of(layers: usize, x: f64) -> impl Iterator<Item = f64> {
    let mut term = libm::exp(-x.max(0.0));
    let mut sum = 0.0;
    (0..layers).map(move |k| {
        sum += term;
        term *= x.max(0.0) / (k + 1) as f64;
        // The sum of all terms is one, but for rounding.
        sum.min(1.0)
    })
}

/// By layer, from the head down: the probability p that none of `cohort` devices, drawn from those of these paces, has
/// it by `deadline`.
pub fn missed(paces: &[Pace], cohort: u32, layers: usize, deadline: Seconds) -> Vec<f64> {
    let mut sums = vec![0.0; layers];
    for pace in paces {
        let layers_in_time = (deadline.get() - pace.transfers.get()) / pace.layer.get();
        for (sum, q) in sums.iter_mut().zip(short_of(layers, layers_in_time)) {
            *sum += q;
        }
    }
    let cohort = cohort.min(i32::MAX as u32) as i32;
    sums.into_iter().map(|sum| (sum / paces.len() as f64).powi(cohort)).collect()
}

/// `C_t / G²`: what missed layers add to the bound; infinite where it does not hold.
pub fn penalty(missed: &[f64], cohort: u32) -> f64 {
    let cohort = f64::from(cohort.max(2));
    let term = |&p: &f64| if p < 0.5 { (1.0 + p) / (1.0 - 2.0 * p) } else { f64::INFINITY };
    4.0 * cohort / (cohort - 1.0) * missed.iter().map(term).sum::<f64>()
}

impl Bound {
    /// `η_t² prod_{τ>t} (1 - η_τ ρ_c)`: what of the variance of round t is left in the end. A step that is too long for
    /// the bound forgets all that was before it.
    pub(super) fn weights(&self, rates: &[f64]) -> Vec<f64> {
        let mut left = 1.0;
        let mut weights: Vec<f64> = rates
            .iter()
            .rev()
            .map(|rate| {
                let weight = rate * rate * left;
                left *= (1.0 - rate * self.convexity).max(0.0);
                weight
            })
            .collect();
        weights.reverse();
        weights
    }

    /// The part of B that batches change: `(1/U²) sum_u σ² / S_u`, of a cohort drawn from those of these paces.
    pub(super) fn sampling(&self, paces: &[Pace], cohort: u32) -> f64 {
        let inverse: f64 = paces.iter().map(|pace| 1.0 / f64::from(pace.batch)).sum();
        self.deviation.powi(2) * inverse / paces.len() as f64 / f64::from(cohort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Q(l, x) in closed form for small l, and a table's Q(5, 5) = 0.440493.
    #[test]
    fn layers_in_time_are_a_poisson_number() {
        for x in [0.0, 0.3, 2.0, 7.5, 800.0] {
            let q: Vec<f64> = short_of(3, x).collect();
            let e = libm::exp(-x);
            for (found, due) in q.iter().zip([e, e * (1.0 + x), e * (1.0 + x + x * x / 2.0)]) {
                assert!((found - due).abs() < 1e-14, "{x}: {found} {due}");
            }
        }
        let last = short_of(5, 5.0).last();
        assert!(last.is_some_and(|q| (q - 0.440_493).abs() < 1e-6), "{last:?}");
        // Before the transfers are over, everything is missed.
        assert!(short_of(4, -1.0).all(|q| q == 1.0));
    }

    #[test]
    fn a_later_deadline_misses_less_and_costs_less() {
        let pace = |transfers, layer| Pace {
            transfers: Seconds::from_raw(transfers),
            layer: Seconds::from_raw(layer),
            batch: 4,
        };
        let paces = [pace(0.5, 1.0), pace(2.0, 0.2), pace(0.0, 3.0)];
        let at = |time: f64| missed(&paces, 5, 6, Seconds::from_raw(time));
        let mut last = at(0.1);
        for i in 1..200 {
            let next = at(0.1 + 0.2 * f64::from(i));
            assert!(next.iter().zip(&last).all(|(next, last)| next <= last));
            assert!(next.windows(2).all(|pair| pair[0] <= pair[1]), "lower layers come later");
            assert!(penalty(&next, 5) <= penalty(&last, 5));
            last = next;
        }
        // With nothing missed, 4 U / (U - 1) a layer.
        assert_eq!(penalty(&[0.0; 6], 5), 30.0);
        assert_eq!(penalty(&[0.0, 0.5], 5), f64::INFINITY);
        // A cohort of alike devices has the paper's Q^U.
        let alike = missed(&[pace(0.0, 2.0); 7], 3, 2, Seconds::from_raw(4.0));
        let due = [libm::exp(-6.0), (3.0 * libm::exp(-2.0)).powi(3)];
        assert!(alike.iter().zip(due).all(|(p, due)| (p - due).abs() < 1e-15), "{alike:?}");
    }

    #[test]
    fn variance_of_early_rounds_is_forgotten() {
        let bound = Bound { convexity: 0.5, gradient: 1.0, deviation: 2.0 };
        let weights = bound.weights(&[1.0, 0.4, 0.2]);
        let due = [1.0 * 0.8 * 0.9, 0.16 * 0.9, 0.04];
        assert!(weights.iter().zip(due).all(|(w, due)| (w - due).abs() < 1e-15), "{weights:?}");
        let pace = |batch| Pace { transfers: Seconds::ZERO, layer: Seconds::from_raw(1.0), batch };
        // (1/U²) U mean(σ²/S): 4 (1/2 + 1/8) / 2 / 10.
        assert!((bound.sampling(&[pace(2), pace(8)], 10) - 0.125).abs() < 1e-15);
    }
}

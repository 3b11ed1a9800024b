use libm::{exp2, log, log1p, pow};

use super::{Delta, PrivacyConfig, renyi::divergence};
use crate::settings::{Fraction, Positive};

/// What has been revealed so far, as Rényi divergences, which add up over rounds.
///
/// See the [module](super) for what it assumes.
#[derive(Clone, Debug, PartialEq)]
pub struct Accountant {
    /// Orders and the divergence of each.
    revealed: Vec<(f64, f64)>,
}

/// An (ε, δ) guarantee.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// ε.
    pub epsilon: f64,
    /// The Rényi order that proves it.
    pub order: f64,
}

impl Default for Accountant {
    fn default() -> Self {
        Self { revealed: orders().into_iter().map(|order| (order, 0.0)).collect() }
    }
}

/// The orders that are searched. The best order falls with the noise's share in what is revealed, from thousands to
/// nearly 1: integers up to 256 and then every twentieth of a power of two; fractions, of use only without sampling,
/// 1 more than every sixteenth of a power of two from 2^-10 to 16.
fn orders() -> Vec<f64> {
    let fractions = (-160..64).map(|sixteenths| 1.0 + exp2(f64::from(sixteenths) / 16.0));
    let integers = (2..256).map(f64::from);
    let large = (160..=240).map(|twentieths| exp2(f64::from(twentieths) / 20.0).round());
    fractions.filter(|order| order.fract() != 0.0).chain(integers).chain(large).collect()
}

impl Accountant {
    /// Nothing revealed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `rounds` rounds with noise of `noise_multiplier` clips on the sum, in each of which every client takes
    /// part with probability `sampling_rate`. At rate 1 nothing is assumed of who takes part.
    ///
    /// Takes milliseconds: equal rounds are best added together.
    pub fn compose(&mut self, noise_multiplier: Positive, sampling_rate: Fraction, rounds: u64) {
        for (order, revealed) in &mut self.revealed {
            let one = divergence(*order, noise_multiplier.get(), sampling_rate.get());
            *revealed += rounds as f64 * one;
        }
    }

    /// The least ε that any order proves at `delta`: over orders α with divergences D
    ///
    /// ```text
    /// ε = D + log(1 - 1/α) - (log δ + log α) / (α - 1),   at least 0
    /// ```
    ///
    /// (Canonne, Kamath, Steinke 2020, proposition 12; Balle et al. 2020, theorem 21).
    pub fn spent(&self, delta: Delta) -> Spent {
        let least = |best: Spent, &(order, revealed): &(f64, f64)| {
            let epsilon = convert(order, revealed, delta.get());
            if epsilon < best.epsilon { Spent { epsilon, order } } else { best }
        };
        let none = Spent { epsilon: f64::INFINITY, order: f64::INFINITY };
        if self.revealed.iter().all(|(_, revealed)| *revealed == 0.0) {
            return Spent { epsilon: 0.0, ..none };
        }
        self.revealed.iter().fold(none, least)
    }
}

/// ε at `delta` that a divergence of one order proves.
pub(super) fn convert(order: f64, revealed: f64, delta: f64) -> f64 {
    let slack = log1p(-1.0 / order) - (log(delta) + log(order)) / (order - 1.0);
    (revealed + slack).max(0.0)
}

/// ε at `delta` of `rounds` equal rounds: see [`Accountant`].
pub fn epsilon(
    noise_multiplier: Positive,
    sampling_rate: Fraction,
    rounds: u64,
    delta: Delta,
) -> f64 {
    let mut accountant = Accountant::new();
    accountant.compose(noise_multiplier, sampling_rate, rounds);
    accountant.spent(delta).epsilon
}

/// The least noise multiplier, to a relative 1e-9, whose [`fn@epsilon`] is at most `target`; between 2^-20 and 2^40.
///
/// None if no noise in that range proves `target`: below about 1e-3 it would take orders beyond the largest searched.
pub fn noise_multiplier_for(
    target: Positive,
    sampling_rate: Fraction,
    rounds: u64,
    delta: Delta,
) -> Option<Positive> {
    let noise = |power: f64| Positive::new(pow(2.0, power)).ok();
    let proves = |power: f64| {
        noise(power).is_some_and(|n| epsilon(n, sampling_rate, rounds, delta) <= target.get())
    };
    let (least, most) = (-20.0, 40.0);
    let mut enough = (least as i32..=most as i32).map(f64::from).find(|&power| proves(power))?;
    if enough == least {
        return noise(least);
    }
    let mut short = enough - 1.0;
    while enough - short > 1e-9 {
        let middle = f64::midpoint(short, enough);
        if proves(middle) { enough = middle } else { short = middle }
    }
    noise(enough)
}

impl PrivacyConfig {
    /// ε at `delta` after `rounds` rounds with the full noise: see [`fn@epsilon`].
    pub fn epsilon(&self, sampling_rate: Fraction, rounds: u64) -> f64 {
        epsilon(self.noise_multiplier, sampling_rate, rounds, self.delta)
    }
}

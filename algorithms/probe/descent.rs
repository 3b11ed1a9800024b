//! What a parabola says of rates: the best ones for a step and for a run.

use super::{Parabola, theory::form};

/// The expected change of the loss over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunChange {
    /// By the mean of the steps: below zero, unless they overshoot.
    pub signal: f64,
    /// By their noise: what of it is left at the end.
    pub noise: f64,
}

impl RunChange {
    /// Both.
    pub fn total(self) -> f64 {
        self.signal + self.noise
    }
}

impl Parabola {
    /// The same with blocks that share a rate made one: block b belongs to group `groups[b]`.
    pub fn grouped(&self, groups: &[usize]) -> Self {
        let n = groups.iter().max().map_or(0, |g| g + 1);
        let mut slope = vec![0.0; n];
        let [mut signal, mut noise] = [0, 1].map(|_| vec![vec![0.0; n]; n]);
        for (b, &g) in groups.iter().enumerate() {
            slope[g] += self.slope[b];
            for (c, &h) in groups.iter().enumerate() {
                signal[g][h] += self.signal[b][c];
                noise[g][h] += self.noise[b][c];
            }
        }
        // Weighed by the noise that it fades.
        let own = |b: usize| self.noise[b].iter().sum::<f64>();
        let fading = (0..n).map(|g| {
            let mine = || (0..groups.len()).filter(|&b| groups[b] == g);
            mine().map(|b| own(b) * self.fading[b]).sum::<f64>() / mine().map(own).sum::<f64>()
        });
        let fading = fading.collect();
        Self { slope, signal, noise, fading }
    }

    /// The rates that lower the loss the most in one step, none below zero: `η = argmin E ΔL`. Nothing if the loss
    /// falls without end, as where curvature is not positive.
    ///
    /// By coordinate descent, which converges for a convex parabola.
    pub fn best(&self) -> Option<Vec<f64>> {
        let n = self.slope.len();
        let bend = |b: usize, c: usize| self.signal[b][c] + self.noise[b][c];
        let mut rates = vec![0.0; n];
        for _ in 0..SWEEPS {
            let mut moved: f64 = 0.0;
            for b in 0..n {
                let others: f64 = (0..n).filter(|&c| c != b).map(|c| bend(b, c) * rates[c]).sum();
                let slope = self.slope[b] - others;
                let own = bend(b, b);
                if slope > 0.0 && own <= 0.0 {
                    return None;
                }
                let next = if slope > 0.0 { slope / own } else { 0.0 };
                moved = moved.max((next - rates[b]).abs() / next.max(f64::MIN_POSITIVE));
                rates[b] = next;
            }
            if moved < TOLERANCE {
                return Some(rates);
            }
        }
        None
    }

    /// The expected change of the loss over a run of steps at `rates` times `factors` (the schedule's, one for each step).
    ///
    /// On a quadratic the gradient's component along an eigenvector of curvature λ shrinks by `1 - η λ` a step, and so
    /// does what noise has moved the model by. The spectrum is not known; the model takes its means instead, each the
    /// first moment of the measure it stands for, and hence right to first order in η and the number of steps:
    ///
    /// * the gradient shrinks as if it had the one curvature `gᵀDHDg / gᵀDg`, D the rates, as its mean does at first;
    /// * the loss that noise added in block b shrinks as if it had the one curvature `tr (H²)_bb / tr H_bb`: the mean of
    ///   the eigenvalues, each weighed by its share of that loss.
    ///
    /// By Jensen's inequality slow components last longer than that: the signal is not overstated, the remaining noise is
    /// not either. Steps in which one of the two no longer shrinks are beyond the model.
    pub fn run(&self, rates: &[f64], factors: &[f64]) -> RunChange {
        let n = rates.len();
        let slope: f64 = self.slope.iter().zip(rates).map(|(a, eta)| a * eta).sum();
        let signal = form(&self.signal, rates);
        // Nothing to follow: only noise.
        let fall = if slope > 0.0 { signal / slope } else { 0.0 };
        let added: Vec<f64> = (0..n)
            .map(|b| (0..n).map(|c| rates[b] * self.noise[b][c] * rates[c]).sum::<f64>() / 2.0)
            .collect();
        let (mut left, mut change) = (1.0, 0.0);
        let mut noise = vec![0.0; n];
        for factor in factors {
            change += left * left * factor * (signal * factor / 2.0 - slope);
            left *= 1.0 - factor * fall;
            for b in 0..n {
                let kept = 1.0 - factor * rates[b] * self.fading[b];
                noise[b] = noise[b] * kept * kept + added[b] * factor * factor;
            }
        }
        RunChange { signal: change, noise: noise.iter().sum() }
    }

    /// The factor from 10⁻⁴ to 1 on `rates`, to 2 %, at which a run is expected to end the lowest.
    ///
    /// Given the best rates for a step, those for a run are no larger: what noise adds, later steps must win back.
    pub fn best_scale(&self, rates: &[f64], factors: &[f64]) -> f64 {
        let scale = |i: u32| libm::pow(10.0, -f64::from(i) / 120.0);
        let end = |i: u32| {
            let rates: Vec<f64> = rates.iter().map(|rate| rate * scale(i)).collect();
            self.run(&rates, factors).total()
        };
        let least = |range: &mut dyn Iterator<Item = u32>| {
            let first = (f64::INFINITY, 0);
            range.map(|i| (end(i), i)).fold(first, |a, b| if b.0 < a.0 { b } else { a }).1
        };
        // First in steps of 17 %, then around the best of these.
        let coarse = least(&mut (0..=480).step_by(8));
        scale(least(&mut (coarse.saturating_sub(8)..=(coarse + 8).min(480))))
    }

    /// The one rate that lowers the loss the most in one step: `Σ slope / Σ bend`.
    pub fn best_common(&self) -> Option<f64> {
        let one = self.grouped(&vec![0; self.slope.len()]).best()?;
        one.first().copied()
    }
}

/// Of coordinate descent.
const SWEEPS: usize = 10_000;
/// The relative move at which coordinate descent has arrived.
const TOLERANCE: f64 = 1e-10;

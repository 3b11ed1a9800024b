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

    /// The expected change of the loss over a run of steps at `rates` times `factors` (the schedule's, one for each step),
    /// on a quadratic of which only so much is known.
    ///
    /// * The mean path is followed in the space that the blocks' gradients span, where slope and curvature are known: at
    ///   `θ - Σ u_b g_b` the loss has changed by `-slope·u + uᵀ signal u / 2`, and what is left of the gradient along g_b is
    ///   `1 - (signal u)_b / slope_b` of it (a Galerkin projection of gradient descent).
    /// * The loss that noise added in block b shrinks as if it had one curvature, `tr (H²)_bb / tr H_bb`: the mean of
    ///   the eigenvalues, each weighed by its share of that loss. By Jensen's inequality it shrinks no faster than that.
    ///
    /// Both are exact to first order in the rates, and wherever a block has one curvature.
    pub fn run(&self, rates: &[f64], factors: &[f64]) -> RunChange {
        let n = rates.len();
        let product = |matrix: &[Vec<f64>], b: usize, x: &[f64]| -> f64 {
            matrix[b].iter().zip(x).map(|(a, x)| a * x).sum()
        };
        let added: Vec<f64> =
            (0..n).map(|b| rates[b] * product(&self.noise, b, rates) / 2.0).collect();
        let (mut path, mut noise) = (vec![0.0; n], vec![0.0; n]);
        for factor in factors {
            let left = |b: usize| 1.0 - product(&self.signal, b, &path) / self.slope[b];
            // Where no slope is known there is no path to follow.
            let known = |b: &usize| self.slope[*b] > 0.0;
            let moves: Vec<(usize, f64)> =
                (0..n).filter(known).map(|b| (b, rates[b] * factor * left(b))).collect();
            moves.into_iter().for_each(|(b, by)| path[b] += by);
            let fades = rates.iter().zip(&self.fading).zip(&added);
            for (noise, ((rate, fading), added)) in noise.iter_mut().zip(fades) {
                let kept = 1.0 - factor * rate * fading;
                *noise = *noise * kept * kept + added * factor * factor;
            }
        }
        let slope: f64 = self.slope.iter().zip(&path).map(|(a, u)| a * u).sum();
        RunChange { signal: form(&self.signal, &path) / 2.0 - slope, noise: noise.iter().sum() }
    }

    /// The factor from 2⁻¹³ to 1 on `rates`, to 1 %, at which a run is expected to end the lowest.
    ///
    /// Given the best rates for a step, those for a run are no larger: what noise adds, later steps must win back. A run
    /// scales them and keeps their proportions, which the exact model of a step gives: how one block's curvature unfolds
    /// against another's over a run is more than the moments tell.
    pub fn best_scale(&self, rates: &[f64], factors: &[f64]) -> f64 {
        let end = |halvings: f64| {
            let scale = libm::exp2(-halvings);
            let rates: Vec<f64> = rates.iter().map(|rate| rate * scale).collect();
            self.run(&rates, factors).total()
        };
        libm::exp2(-least(&end))
    }

    /// The one rate that lowers the loss the most in one step: `Σ slope / Σ bend`.
    pub fn best_common(&self) -> Option<f64> {
        let one = self.grouped(&vec![0; self.slope.len()]).best()?;
        one.first().copied()
    }
}

/// Where a function of 0 to 13, the number of times that rates are halved, is least: the best of the whole numbers, and
/// golden section around it, whose 12 cuts leave 2 · 0.618¹², under 1 % of a rate.
fn least(end: &dyn Fn(f64) -> f64) -> f64 {
    let first = (f64::INFINITY, 0.0);
    let whole = (0..=13).map(|i| (end(f64::from(i)), f64::from(i)));
    let coarse = whole.fold(first, |a, b| if b.0 < a.0 { b } else { a }).1;
    let (mut low, mut high) = ((coarse - 1.0_f64).max(0.0), (coarse + 1.0_f64).min(13.0));
    for _ in 0..12 {
        let cut = (high - low) * (5.0_f64.sqrt() - 1.0) / 2.0;
        if end(high - cut) <= end(low + cut) { high = low + cut } else { low = high - cut }
    }
    let middle = (low + high) / 2.0;
    if end(coarse) <= end(middle) { coarse } else { middle }
}

/// Of coordinate descent.
const SWEEPS: usize = 10_000;
/// The relative move at which coordinate descent has arrived.
const TOLERANCE: f64 = 1e-10;

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

    /// The rates, none above `most`, at which a run is expected to end the lowest; blocks of a group (`groups[b]`, from 0)
    /// change by one factor.
    ///
    /// Given the best rates for a step as `most`, those for a run are no larger: what noise adds, later steps must win
    /// back. Found by golden section over all rates at once and then over each group's, in turn.
    pub fn best_for_run(&self, most: &[f64], groups: &[usize], factors: &[f64]) -> Vec<f64> {
        let mut halvings = vec![0.0; groups.iter().max().map_or(0, |g| g + 1)];
        let rates = |halvings: &[f64]| -> Vec<f64> {
            let each = most.iter().zip(groups);
            each.map(|(rate, &g)| rate * libm::exp2(-halvings[g])).collect()
        };
        let end = |halvings: &[f64]| self.run(&rates(halvings), factors).total();
        let all = least(&|x| end(&vec![x; halvings.len()]));
        halvings.fill(all);
        if halvings.len() > 1 {
            for _ in 0..TURNS {
                for g in 0..halvings.len() {
                    let mut other = halvings.clone();
                    let found = least(&|x| {
                        let mut other = other.clone();
                        other[g] = x;
                        end(&other)
                    });
                    other[g] = found;
                    if end(&other) < end(&halvings) {
                        halvings = other;
                    }
                }
            }
        }
        rates(&halvings)
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

/// Turns over the groups' rates.
const TURNS: usize = 3;
/// Of coordinate descent.
const SWEEPS: usize = 10_000;
/// The relative move at which coordinate descent has arrived.
const TOLERANCE: f64 = 1e-10;

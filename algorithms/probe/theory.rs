//! The second-order model of a step, from the moments of a landscape.

use serde::{Deserialize, Serialize};

use super::{Block, Moments};
use crate::{
    noise::Distribution,
    zeroth_order::{Difference, Plan, Variant},
};

/// One step of a whole cohort.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// How each client perturbs.
    pub plan: Plan,
    /// ε.
    pub epsilon: f64,
    /// S: clients that are averaged.
    pub clients: u32,
    /// Whether all of them use the same directions (DeComFL).
    pub shared: bool,
}

/// The expected change of the loss by one step at rates η by block:
/// `E ΔL = -slope·η + ηᵀ (signal + noise) η / 2`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parabola {
    /// |g_b|².
    pub slope: Vec<f64>,
    /// g_bᵀ H_bc g_c: what a step along the true gradient would have.
    pub signal: Vec<Vec<f64>>,
    /// What the estimate's variance adds.
    pub noise: Vec<Vec<f64>>,
    /// The curvature with which the loss that noise added shrinks again: `tr (H²)_bb / tr H_bb`.
    pub fading: Vec<f64>,
}

/// Second moments of one client's estimate over one part of the split: `E ĝĝᵀ = round I + along E g_B g_Bᵀ - 2 thin
/// E diag(g_B²)`.
#[derive(Clone, Copy, Debug)]
struct Moment {
    round: f64,
    along: f64,
    thin: f64,
}

impl Step {
    /// The parabola of this step.
    ///
    /// With H the Hessian, `E ΔL = -Σ η_b |g_b|² + ½ Σ η_b η_c tr(H_cb E ĝ_b ĝ_cᵀ)`, and for one client, with
    /// n_1, n_2 = E |g_B|² of lower and upper part (the moments of Gaussian directions are Isserlis'):
    ///
    /// * joint: `E ĝ1ĝ1ᵀ = ((n1 + n2/P2) I + 2 C11) / P1 + (1 - 1/P1) C11`,
    ///   `E ĝ2ĝ2ᵀ = ((n1 + n2) I + 2 C22) / (P1 P2) + (1 - 1/(P1 P2)) C22`, `E ĝ1ĝ2ᵀ = (1 + 1/(P1 P2)) C12`,
    ///   with `C_bc = E g_B,b g_B,cᵀ`. MeZO is the case of an empty lower part;
    /// * separate: `((n1 I + 2 C11) / P1 + (1 - 1/P1) C11`, the same with P2 above, and C12;
    /// * Rademacher: `E (g·z)² zzᵀ = |g|² I + 2 (ggᵀ - diag g²)`; sphere: d/(d + 2) of the Gaussian's;
    /// * one-sided: `(ε/2) zᵀHz` joins every scalar; with `E (zᵀHz)³ = t³ + 6 t tr H² + 8 tr H³`, t = tr H, it adds
    ///   `(ε/2)² (t² + 6 tr H²) I` but for the last term.
    ///
    /// The mean of S clients has 1/S of that and `(1 - 1/S) ggᵀ`. With directions in common they act as one client with
    /// a mini-batch S times as large.
    pub fn parabola(&self, blocks: &[Block], moments: &Moments) -> Parabola {
        let n = blocks.len();
        let s = f64::from(self.clients);
        let pooled = |one: f64, all: f64| if self.shared { all + (one - all) / s } else { one };
        let share = if self.shared { 1.0 } else { 1.0 / s };
        let batch: Vec<f64> =
            (0..n).map(|b| pooled(moments.batch[b], moments.gradient[b])).collect();
        let parts = self.parts(blocks, moments, &batch);
        let part = |b: usize| usize::from(!self.is_lower(&blocks[b]));
        let signal = symmetric(n, |b, c| moments.bend[b][c]);
        let along = symmetric(n, |b, c| pooled(moments.batch_bend[b][c], moments.bend[b][c]));
        let noise = (0..n).map(|b| {
            let row = (0..n).map(|c| {
                let Moment { round, along: own, thin } = parts[part(b)];
                let factor = if part(b) == part(c) { own } else { self.across() };
                let mut second = factor * along[b][c];
                if b == c {
                    let diagonal = moments.diagonal[b] * batch[b] / moments.batch[b];
                    second += round * moments.trace[b] - 2.0 * thin * diagonal;
                }
                share * (second - signal[b][c]) + 0.0
            });
            row.collect()
        });
        let noise = noise.collect();
        let fading = moments.squares.iter().zip(&moments.trace).map(|(q, t)| q / t).collect();
        Parabola { slope: moments.gradient.clone(), signal, noise, fading }
    }

    fn is_lower(&self, block: &Block) -> bool {
        self.plan.split > 0 && block.stage <= self.plan.split
    }

    /// The factor of C12.
    fn across(&self) -> f64 {
        match self.plan.variant {
            Variant::Joint => 1.0 + 1.0 / self.plan.scalars() as f64,
            Variant::Separate => 1.0,
        }
    }

    /// The moments of the lower part and of the upper.
    fn parts(&self, blocks: &[Block], moments: &Moments, batch: &[f64]) -> [Moment; 2] {
        let sum = |values: &[f64], lower: bool| -> f64 {
            let mine = blocks.iter().zip(values).filter(|(b, _)| self.is_lower(b) == lower);
            mine.map(|(_, v)| v).sum()
        };
        let d =
            |lower| blocks.iter().filter(move |b| self.is_lower(b) == lower).map(|b| b.elements);
        let [d1, d2] = [true, false].map(|lower| d(lower).sum::<usize>() as f64);
        let [n1, n2] = [true, false].map(|lower| sum(batch, lower));
        let [t1, t2] = [true, false].map(|lower| sum(&moments.trace, lower));
        let [q1, q2] = [true, false].map(|lower| sum(&moments.squares, lower));
        let off_centre = |trace: f64, squares: f64| match self.plan.difference {
            Difference::TwoSided => 0.0,
            Difference::OneSided => (self.epsilon / 2.0).powi(2) * (trace * trace + 6.0 * squares),
        };
        let [p1, p2] = [self.plan.lower, self.plan.upper].map(f64::from);
        let moment = |d: f64, own: f64, others: f64, directions: f64| {
            let (kurtosis, thin) = match self.plan.distribution {
                Distribution::Gaussian => (1.0, 0.0),
                Distribution::Rademacher => (1.0, 1.0),
                Distribution::Sphere => (d / (d + 2.0), 0.0),
            };
            Moment {
                round: (kurtosis * own + others) / directions,
                along: 1.0 + (2.0 * kurtosis - 1.0) / directions,
                thin: thin / directions,
            }
        };
        match self.plan.variant {
            Variant::Joint => {
                let both = off_centre(t1 + t2, q1 + q2);
                [moment(d1, n1, n2 / p2 + both, p1), moment(d2, n2, n1 + both, p1 * p2)]
            }
            Variant::Separate => {
                [moment(d1, n1, off_centre(t1, q1), p1), moment(d2, n2, off_centre(t2, q2), p2)]
            }
        }
    }
}

fn symmetric(n: usize, of: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
    (0..n).map(|b| (0..n).map(|c| (of(b, c) + of(c, b)) / 2.0).collect()).collect()
}

/// `xᵀ A x`.
pub(super) fn form(matrix: &[Vec<f64>], x: &[f64]) -> f64 {
    let row =
        |(row, x_b): (&Vec<f64>, &f64)| x_b * row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>();
    matrix.iter().zip(x).map(row).sum()
}

impl Parabola {
    /// `E ΔL` of one step at these rates, one for each block.
    pub fn change(&self, rates: &[f64]) -> f64 {
        let slope: f64 = self.slope.iter().zip(rates).map(|(a, eta)| a * eta).sum();
        -slope + (form(&self.signal, rates) + form(&self.noise, rates)) / 2.0
    }
}

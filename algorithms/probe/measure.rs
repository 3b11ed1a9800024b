//! The passes that measure a landscape.
//!
//! Draws are dealt to K groups. A replicate leaves one group out of everything, so that the replicates' spread gives the
//! standard error of whatever is computed from the moments ([`Landscape::derive`]). Products of averages, such as |g|²,
//! take their two factors from different groups: noise of mini-batches does not inflate them.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Landscape, Moments,
    moments::jackknife,
    source::{DrawId, GradientSource},
};

/// Groups of draws, K.
pub(super) const GROUPS: usize = 16;

/// How much to compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// The relative standard error at which to stop, of |g|², tr H, gᵀHg and E g_BᵀHg_B over all blocks together.
    pub precision: f64,
    /// Gradients to compute at most, about a quarter for each of the four.
    pub gradients: u64,
}

impl Default for Effort {
    /// 5 %, by at most 3000 gradients: about a minute for the embedded model on two cores.
    fn default() -> Self {
        Self { precision: 0.05, gradients: 3000 }
    }
}

/// Measures the landscape of `source` at `at`. Products with the Hessian are central differences of gradients over
/// `±epsilon` times a vector with elements of mean square one: the curvature at the scale at which algorithms perturb.
pub(crate) fn survey(
    source: &dyn GradientSource,
    at: &[f32],
    epsilon: f64,
    effort: Effort,
) -> Landscape {
    let (blocks, ranges): (Vec<_>, Vec<_>) = source.blocks().into_iter().unzip();
    let of = Survey { source, at, epsilon, ranges };
    let share = effort.gradients / 4;
    let grow = Grow { precision: effort.precision, share };
    let total = |values: Vec<f64>| values.iter().sum::<f64>();
    let slopes = grow.until(1, &|sums, id| of.gradient(sums, id), |all, k| total(of.slope(all, k)));
    let traces =
        grow.until(5, &|sums, id| of.trace(sums, id), |all, k| total(mean(all, k, |s| &s.trace)));
    let products = 2 * of.ranges.len() as u64;
    let halves = of.halves(&slopes.0);
    let bend = |sums: &mut BendSums, id| of.bend(&slopes.0, &halves, sums, id);
    let bends = grow.until(products, &bend, |all, k| total(of.bent(&slopes.0, all, k)));
    let batch_bend = |sums: &mut BatchBendSums, id| of.batch_bend(sums, id);
    let batch_bends =
        grow.until(1 + products, &batch_bend, |all, k| total(mean(all, k, |s| &s.products)));
    let matrix = |flat: Vec<f64>| flat.chunks(of.ranges.len()).map(<[f64]>::to_vec).collect();
    let moments = |without| Moments {
        gradient: of.slope(&slopes.0, without),
        batch: mean(&slopes.0, without, |sums| &sums.squares),
        trace: mean(&traces.0, without, |sums| &sums.trace),
        diagonal: mean(&traces.0, without, |sums| &sums.diagonal),
        squares: mean(&traces.0, without, |sums| &sums.squares),
        bend: matrix(of.bent(&slopes.0, &bends.0, without)),
        batch_bend: matrix(mean(&batch_bends.0, without, |sums| &sums.products)),
    };
    Landscape {
        blocks,
        moments: moments(None),
        replicates: (0..GROUPS).map(|k| moments(Some(k))).collect(),
        gradients: slopes.1 + traces.1 + bends.1 + batch_bends.1,
    }
}

/// One group's sums over its draws.
trait Sums: Default + Send {
    /// Draws behind them.
    fn count(&self) -> u64;
}

/// The sum of gradients, and of their squared norms by block.
#[derive(Debug, Default)]
struct SlopeSums {
    count: u64,
    sum: Vec<f32>,
    squares: Vec<f64>,
}

/// Sums over directions z of signs, by block: `z·Hz`, `Σ g_B,i² z_i (Hz)_i`, and `Hz·H'z` with the Hessians of two
/// mini-batches.
#[derive(Debug, Default)]
struct TraceSums {
    count: u64,
    trace: Vec<f64>,
    diagonal: Vec<f64>,
    squares: Vec<f64>,
}

/// Sums over mini-batches' Hessians of `s_k,bᵀ H_bc m_c`, with m the mean gradient of one half of the groups and s_k the
/// gradient sums of the groups k of the other half; flat over (k, b, c).
#[derive(Debug, Default)]
struct BendSums {
    count: u64,
    products: Vec<f64>,
}

/// Sums over mini-batches of `g_B,bᵀ H_bc g_B,c`, flat over (b, c).
#[derive(Debug, Default)]
struct BatchBendSums {
    count: u64,
    products: Vec<f64>,
}

macro_rules! sums {
    ($($name:ty),*) => {
        $(impl Sums for $name {
            fn count(&self) -> u64 {
                self.count
            }
        })*
    };
}
sums!(SlopeSums, TraceSums, BendSums, BatchBendSums);

/// How a pass grows.
struct Grow {
    precision: f64,
    share: u64,
}

/// Draws of every group in the pilot.
const PILOT: u64 = 2;

impl Grow {
    /// Draws a pilot, and from its error as many more as the precision needs or the share of gradients allows; gives
    /// the groups and the gradients spent, `cost` each draw.
    fn until<S: Sums>(
        &self,
        cost: u64,
        draw: &(dyn Fn(&mut S, DrawId) + Sync),
        total: impl Fn(&[S], Option<usize>) -> f64,
    ) -> (Vec<S>, u64) {
        let mut groups: Vec<S> = (0..GROUPS).map(|_| S::default()).collect();
        // Even, so that both halves of what is bent come up alike.
        let most = (self.share / (cost * GROUPS as u64) / 2 * 2).max(PILOT);
        let mut target = PILOT;
        loop {
            groups.par_iter_mut().with_max_len(1).enumerate().for_each(|(group, sums)| {
                for index in sums.count()..target {
                    draw(sums, DrawId { kind: 0, group, index });
                }
            });
            let without: Vec<f64> = (0..GROUPS).map(|k| total(&groups, Some(k))).collect();
            let relative = (jackknife(&without) / total(&groups, None)).abs();
            let next = target.saturating_mul(2).min(most);
            if relative <= self.precision || next == target {
                return (groups, cost * GROUPS as u64 * target);
            }
            target = next;
        }
    }
}

struct Survey<'a> {
    source: &'a dyn GradientSource,
    at: &'a [f32],
    epsilon: f64,
    ranges: Vec<Range<usize>>,
}

impl Survey<'_> {
    fn gradient(&self, sums: &mut SlopeSums, id: DrawId) {
        let gradient = self.source.gradient(id.for_kind(1), self.at);
        sums.sum.resize(gradient.len(), 0.0);
        sums.sum.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g);
        add(&mut sums.squares, self.by_block(&gradient, &gradient));
        sums.count += 1;
    }

    fn trace(&self, sums: &mut TraceSums, id: DrawId) {
        let z = self.source.signs(id.for_kind(2));
        let gradient = self.source.gradient(id.for_kind(3), self.at);
        let [first, second] = [4, 5].map(|kind| self.along(id.for_kind(kind), &z));
        let both: Vec<f32> = first.iter().zip(&second).map(|(a, b)| (a + b) / 2.0).collect();
        add(&mut sums.trace, self.by_block(&z, &both));
        let weighted: Vec<f32> = both.iter().zip(&gradient).map(|(v, g)| v * g * g).collect();
        add(&mut sums.diagonal, self.by_block(&z, &weighted));
        add(&mut sums.squares, self.by_block(&first, &second));
        sums.count += 1;
    }

    /// The mean gradients of the even groups and of the odd.
    fn halves(&self, groups: &[SlopeSums]) -> [Vec<f32>; 2] {
        [0, 1].map(|half| {
            let mine = || groups.iter().skip(half).step_by(2);
            let count: u64 = mine().map(|g| g.count).sum();
            let mut mean = vec![0.0; self.at.len()];
            for group in mine() {
                mean.iter_mut().zip(&group.sum).for_each(|(m, s)| *m += s / count as f32);
            }
            mean
        })
    }

    fn bend(&self, slopes: &[SlopeSums], halves: &[Vec<f32>; 2], sums: &mut BendSums, id: DrawId) {
        let blocks = self.ranges.len();
        let half = (id.index % 2) as usize;
        let mut products = vec![0.0; slopes.len() * blocks * blocks];
        for c in 0..blocks {
            let bent = self.along(id.for_kind(6), &self.only(c, &halves[half]));
            for (k, slope) in slopes.iter().enumerate().skip(1 - half).step_by(2) {
                for (b, product) in self.by_block(&slope.sum, &bent).into_iter().enumerate() {
                    products[(k * blocks + b) * blocks + c] = product;
                }
            }
        }
        add(&mut sums.products, products);
        sums.count += 1;
    }

    fn batch_bend(&self, sums: &mut BatchBendSums, id: DrawId) {
        let blocks = self.ranges.len();
        let gradient = self.source.gradient(id.for_kind(7), self.at);
        let mut products = vec![0.0; blocks * blocks];
        for c in 0..blocks {
            let bent = self.along(id.for_kind(8), &self.only(c, &gradient));
            for (b, product) in self.by_block(&gradient, &bent).into_iter().enumerate() {
                products[b * blocks + c] = product;
            }
        }
        add(&mut sums.products, products);
        sums.count += 1;
    }

    /// A vector's part in a block, and zero elsewhere.
    fn only(&self, block: usize, vector: &[f32]) -> Vec<f32> {
        let mut part = vec![0.0; vector.len()];
        let range = self.ranges[block].clone();
        part[range.clone()].copy_from_slice(&vector[range]);
        part
    }

    /// `g_bᵀ H_bc g_c`, flat: the mean of `X_even` and `X_odd`, in which the named half's groups are multiplied with
    /// the other half's mean under H.
    ///
    /// A group that is left out can be left out of the half that it belongs to, but not of the mean that was bent. As H
    /// is symmetric, its noise there would change
    /// the products as much: its change is counted twice.
    fn bent(&self, slopes: &[SlopeSums], bends: &[BendSums], without: Option<usize>) -> Vec<f64> {
        let blocks = self.ranges.len();
        let size = blocks * blocks;
        let products = mean(bends, without, |sums| &sums.products);
        let of_half = |half: usize, without: Option<usize>| {
            let mut sum = vec![0.0; size];
            let mut count = 0;
            for k in (half..slopes.len()).step_by(2).filter(|k| Some(*k) != without) {
                add(&mut sum, products[k * size..][..size].to_vec());
                count += slopes[k].count;
            }
            // Every other draw is of this half; (b, c) and (c, b) are the same.
            let transposed = |i: usize| sum[i % blocks * blocks + i / blocks];
            let mean = |i: usize| (sum[i] + transposed(i)) / count as f64;
            (0..size).map(mean).collect::<Vec<f64>>()
        };
        let [even, odd] = [0, 1].map(|half| of_half(half, None));
        let middle: Vec<f64> = even.iter().zip(&odd).map(|(a, b)| (a + b) / 2.0).collect();
        let Some(k) = without else { return middle };
        let whole = if k % 2 == 0 { even } else { odd };
        let less = of_half(k % 2, without);
        let changed = middle.iter().zip(whole.iter().zip(&less));
        changed.map(|(middle, (whole, less))| middle + (less - whole)).collect()
    }

    /// The Hessian of mini-batch `draw` times `vector`.
    fn along(&self, draw: DrawId, vector: &[f32]) -> Vec<f32> {
        let moved = vector.iter().filter(|v| **v != 0.0).count() as f64;
        let square: f64 = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        if square == 0.0 {
            return vec![0.0; vector.len()];
        }
        let step = self.epsilon * (moved / square).sqrt();
        let side = |by: f64| {
            let by = by as f32;
            let at: Vec<f32> = self.at.iter().zip(vector).map(|(a, v)| a + by * v).collect();
            self.source.gradient(draw, &at)
        };
        let (above, below) = (side(step), side(-step));
        let difference =
            |(a, b): (&f32, &f32)| ((f64::from(*a) - f64::from(*b)) / (2.0 * step)) as f32;
        above.iter().zip(&below).map(difference).collect()
    }

    /// Inner products, block by block.
    fn by_block(&self, a: &[f32], b: &[f32]) -> Vec<f64> {
        let dot = |range: &Range<usize>| {
            let terms = a[range.clone()].iter().zip(&b[range.clone()]);
            terms.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
        };
        self.ranges.iter().map(dot).collect()
    }

    /// |g_b|² from products of different groups' means: `(|Σ m_k|² - Σ |m_k|²) / (K (K - 1))`.
    fn slope(&self, groups: &[SlopeSums], without: Option<usize>) -> Vec<f64> {
        let kept: Vec<&SlopeSums> = keep(groups, without).collect();
        let k = kept.len() as f64;
        let count = kept[0].count as f64;
        let mut all = vec![0.0; self.at.len()];
        let mut own = vec![0.0; self.ranges.len()];
        for group in &kept {
            all.iter_mut().zip(&group.sum).for_each(|(all, s)| *all += s / count as f32);
            add(&mut own, self.by_block(&group.sum, &group.sum));
        }
        let of_all = self.by_block(&all, &all);
        let debias = |(all, own): (f64, f64)| (all - own / (count * count)) / (k * (k - 1.0));
        of_all.into_iter().zip(own).map(debias).collect()
    }
}

fn keep<S>(groups: &[S], without: Option<usize>) -> impl Iterator<Item = &S> {
    groups.iter().enumerate().filter(move |(k, _)| Some(*k) != without).map(|(_, group)| group)
}

/// The mean over draws of a sum that groups hold.
fn mean<S: Sums>(groups: &[S], without: Option<usize>, of: impl Fn(&S) -> &Vec<f64>) -> Vec<f64> {
    let mut total = Vec::new();
    let mut draws = 0;
    for group in keep(groups, without) {
        add(&mut total, of(group).clone());
        draws += group.count();
    }
    total.iter_mut().for_each(|t| *t /= draws as f64);
    total
}

fn add(total: &mut Vec<f64>, values: Vec<f64>) {
    total.resize(values.len(), 0.0);
    total.iter_mut().zip(values).for_each(|(t, v)| *t += v);
}

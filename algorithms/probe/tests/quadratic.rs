use std::{ops::Range, sync::Arc};

use fleetune_models::{
    backend::Backend,
    families::BertConfig,
    parameters::{Layout, Trainable},
};

use crate::{
    noise::{fill_normal, fill_signs},
    probe::{
        Block, Moments,
        source::{DrawId, GradientSource, blocks_of},
    },
    tiny::{adapted, architecture, noise},
};

/// A noisy quadratic over the slots of a layout: on mini-batch B, `L_B(θ) = (g + n_B)·θ + θᵀ(H + m_B I)θ/2` with normal
/// n_B of deviation σ and m_B = ±1/2.
#[derive(Debug)]
pub(super) struct Quadratic {
    pub(super) layout: Arc<Layout>,
    pub(super) gradient: Vec<f64>,
    hessian: Vec<Vec<f64>>,
    sigma: f64,
    /// Which of many independent sequences of mini-batches.
    sequence: u64,
}

impl Quadratic {
    /// With every block, of 24 to 4 elements, of its own curvature, and all coupled.
    pub(super) fn new(sequence: u64) -> Self {
        let config = BertConfig {
            hidden_size: 2,
            num_attention_heads: 1,
            intermediate_size: 1,
            ..architecture(2)
        };
        let layout = adapted(&config, (2, Trainable::Bitfit), 1, &Backend::Flex.device()).1;
        let n = layout.len();
        let mut draw = noise(3);
        let gradient = (0..n).map(|_| f64::from(draw())).collect();
        let triangle: Vec<Vec<f64>> =
            (0..n).map(|i| (0..=i).map(|_| f64::from(draw()) / 4.0).collect()).collect();
        let own = |i: usize| {
            let slot = layout.slots().iter().find(|s| s.range.contains(&i)).unwrap();
            [0.0, 1.0, 3.0, 6.0][slot.stage]
        };
        let entry = |i: usize, j: usize| {
            let more = if i == j { own(i) } else { 0.0 };
            triangle[i.max(j)][i.min(j)] + more
        };
        let hessian = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
        Self { layout, gradient, hessian, sigma: 0.5, sequence }
    }

    /// With mini-batches of four times the deviation.
    pub(super) fn noisy(sequence: u64) -> Self {
        Self { sigma: 2.0, ..Self::new(sequence) }
    }

    /// With `H = ggᵀ` in place of its own: nothing but what moves along the gradient in all blocks together counts.
    pub(super) fn ridge(sequence: u64) -> Self {
        let mut of = Self::new(sequence);
        let g = &of.gradient;
        of.hessian = g.iter().map(|a| g.iter().map(|b| a * b).collect()).collect();
        of
    }

    fn seed(&self, draw: u64) -> u64 {
        self.sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(draw)
    }

    /// n_B and m_B.
    pub(super) fn batch(&self, draw: u64) -> (Vec<f64>, f64) {
        let mut normal = vec![0.0; self.gradient.len()];
        fill_normal(self.seed(draw), 1, &mut normal);
        let mut sign = [0.0];
        fill_signs(self.seed(draw), 2, &mut sign);
        let normal = normal.iter().map(|&n| self.sigma * f64::from(n)).collect();
        (normal, f64::from(sign[0]) / 2.0)
    }

    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        self.hessian.iter().map(|row| row.iter().zip(x).map(|(h, x)| h * x).sum()).collect()
    }

    /// The exact moments.
    pub(super) fn moments(&self) -> Moments {
        let ranges: Vec<Range<usize>> = self.blocks().into_iter().map(|(_, r)| r).collect();
        let variance = self.sigma * self.sigma;
        let over = |f: &dyn Fn(usize) -> f64| -> Vec<f64> {
            ranges.iter().map(|r| r.clone().map(f).sum()).collect()
        };
        let pairs = |f: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            let pair = |b: &Range<usize>, c: &Range<usize>| -> f64 {
                b.clone().flat_map(|i| c.clone().map(move |j| f(i, j))).sum()
            };
            ranges.iter().map(|b| ranges.iter().map(|c| pair(b, c)).collect()).collect()
        };
        let (g, h) = (&self.gradient, &self.hessian);
        let noisy = |i: usize, j: usize| if i == j { variance } else { 0.0 };
        Moments {
            gradient: over(&|i| g[i] * g[i]),
            batch: over(&|i| g[i] * g[i] + variance),
            trace: over(&|i| h[i][i]),
            diagonal: over(&|i| (g[i] * g[i] + variance) * h[i][i]),
            squares: over(&|i| h[i].iter().map(|h| h * h).sum()),
            bend: pairs(&|i, j| g[i] * h[i][j] * g[j]),
            batch_bend: pairs(&|i, j| (g[i] * g[j] + noisy(i, j)) * h[i][j]),
        }
    }
}

impl GradientSource for Quadratic {
    fn blocks(&self) -> Vec<(Block, Range<usize>)> {
        blocks_of(&self.layout)
    }

    fn gradient(&self, draw: DrawId, at: &[f32]) -> Vec<f32> {
        let (n, m) = self.batch(draw.number());
        let at: Vec<f64> = at.iter().copied().map(f64::from).collect();
        let bent = self.times(&at);
        (0..n.len()).map(|i| (self.gradient[i] + n[i] + bent[i] + m * at[i]) as f32).collect()
    }

    fn signs(&self, draw: DrawId) -> Vec<f32> {
        let mut signs = vec![0.0; self.gradient.len()];
        fill_signs(self.seed(draw.number()), 3, &mut signs);
        signs
    }
}

use std::sync::Arc;

use fleetune_models::{
    backend::Backend,
    batch::{Batch, Padding},
    encoder::EncoderConfig,
    parameters::{Layout, Trainable, Weights, read},
};

use super::*;
use crate::tiny::{self, adapted, architecture, noise};

/// A quadratic over the slots of a layout, its parts coupled: with s = c·θ1 + c·θ2,
/// `L(θ) = b·θ + s²/2`. At θ = 0 its gradient is b.
struct Quadratic {
    linear: Vec<f64>,
    coupling: Vec<f64>,
    border: usize,
}

impl Quadratic {
    /// b·θ and c·θ of the part of θ = `by` z that starts at `from`.
    fn part(&self, from: usize, z: &[f32], by: f64) -> [f64; 2] {
        [&self.linear, &self.coupling]
            .map(|factors| factors[from..].iter().zip(z).map(|(f, &z)| f * by * f64::from(z)).sum())
    }
}

impl SplitLoss for Quadratic {
    type Boundary = [f64; 2];

    fn lower(&mut self, z: &[f32], by: f64) -> [f64; 2] {
        self.part(0, z, by)
    }

    fn loss(&mut self, below: &[f64; 2], z: &[f32], by: f64) -> f64 {
        let above = self.part(self.border, z, by);
        let s = below[1] + above[1];
        below[0] + above[0] + s * s / 2.0
    }
}

fn small_layout() -> Arc<Layout> {
    let config = EncoderConfig {
        hidden_size: 2,
        num_attention_heads: 1,
        intermediate_size: 1,
        ..architecture(2)
    };
    adapted(&config, (2, Trainable::Bitfit), 1, &Backend::Flex.device()).1
}

fn squared(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum()
}

/// Sums of a block's estimates over many seeds.
struct Block {
    gradient: Vec<f64>,
    sum: Vec<f64>,
    /// Of the squared distances from the gradient, and of their squares.
    distances: [f64; 2],
}

impl Block {
    fn new(gradient: &[f64]) -> Self {
        Self { gradient: gradient.to_vec(), sum: vec![0.0; gradient.len()], distances: [0.0; 2] }
    }

    fn add(&mut self, estimate: &[f32]) {
        let mut distance = 0.0;
        for ((sum, &e), g) in self.sum.iter_mut().zip(estimate).zip(&self.gradient) {
            *sum += f64::from(e);
            distance += (f64::from(e) - g).powi(2);
        }
        self.distances[0] += distance;
        self.distances[1] += distance * distance;
    }

    /// Every coordinate's mean is the gradient and the total variance the closed form, each to 5.7 standard errors
    /// (1e-8 two-sided; about 150 such checks: below 2e-6 in all), and the variance to 2 %, or it proves nothing.
    fn check(&self, variance: impl Fn(f64) -> f64, draws: f64, what: &str) {
        for (i, (sum, &g)) in self.sum.iter().zip(&self.gradient).enumerate() {
            let error = (variance(g) / draws).sqrt();
            let off = (sum / draws - g) / error;
            assert!(off.abs() < 5.7, "{what}: coordinate {i} is {off} standard errors off");
        }
        let expected: f64 = self.gradient.iter().map(|&g| variance(g)).sum();
        let [mean, square] = self.distances.map(|d| d / draws);
        let error = ((square - mean * mean) / draws).sqrt();
        assert!(error < 0.02 * expected, "{what}: {error} of {expected}");
        assert!((mean - expected).abs() < 5.7 * error, "{what}: {mean}, expected {expected}");
    }
}

/// Closed forms, per coordinate with gradient g, for Gaussian directions:
/// lower `(|∇1|² + g² + |∇2|²/P2) / P1`, upper `(|∇2|² + g² + |∇1|²) / (P1 P2)`.
#[test]
fn estimates_are_unbiased_on_a_quadratic_with_the_variance_of_the_closed_form() {
    const DRAWS: u64 = 20_000;
    let layout = small_layout();
    let mut draw = noise(2);
    let mut factors = || (0..layout.len()).map(|_| f64::from(draw())).collect::<Vec<_>>();
    let (linear, coupling) = (factors(), factors());
    for (split, lower, upper) in [(0, 1, 1), (0, 1, 3), (1, 1, 1), (1, 2, 3), (2, 1, 4)] {
        let plan = Plan { split, lower, upper };
        let border = layout.lower(split).end;
        let mut loss = Quadratic { linear: linear.clone(), coupling: coupling.clone(), border };
        let [mut below, mut above] = [&linear[..border], &linear[border..]].map(Block::new);
        for seed in 0..DRAWS {
            let directions = StepDirections::derive(&layout, plan, seed * 1_000_003);
            let scalars = project(&mut loss, plan, 0.5, &directions);
            let values = vec![0.0; layout.len()];
            let mut weights = Weights { layout: Arc::clone(&layout), values };
            apply(&mut weights, plan, &directions, &scalars, &|_| -1.0);
            below.add(&weights.values[..border]);
            above.add(&weights.values[border..]);
        }
        let (first, second) = (squared(&linear[..border]), squared(&linear[border..]));
        let (p1, p2) = (f64::from(lower), f64::from(upper));
        let what = format!("{plan:?}");
        if split > 0 {
            below.check(|g| (first + g * g + second / p2) / p1, DRAWS as f64, &what);
        }
        above.check(|g| (second + g * g + first) / (p1 * p2), DRAWS as f64, &what);
    }
}

/// The projected gradients of a real model against z·∇L by backpropagation: the root mean square error over steps.
fn projection_error(plan: Plan, train: Trainable, epsilon: f64) -> (f64, f64) {
    let device = Backend::Flex.device();
    let (model, layout) = adapted(&architecture(3), (3, train), 10, &device);
    let examples = tiny::texts(8, 9, 3, 11);
    let batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), 9, Padding::Longest);
    let weights = read(&model, &layout);
    let mut probe = Probe::new(model.clone());
    let gradient = tiny::gradient(&model, &layout, &batch, &device);
    let dot = |part: std::ops::Range<usize>, z: &[f32]| {
        gradient[part].iter().zip(z).map(|(&g, &z)| f64::from(g) * f64::from(z)).sum::<f64>()
    };
    let (mut error, mut size, mut count) = (0.0, 0.0, 0.0);
    for seed in 0..8 {
        let directions = StepDirections::derive(&layout, plan, seed);
        let on_device = batch.to_device(&device);
        let found = project_with(
            &mut probe,
            &weights,
            plan,
            epsilon,
            &directions,
            (&on_device, &batch.labels),
            &mut Tally::default(),
        );
        assert_eq!(found.len(), plan.scalars());
        for (i, &g) in found.iter().enumerate() {
            let p = i / plan.upper as usize;
            let exact = dot(layout.lower(plan.split), directions.lower(p))
                + dot(layout.upper(plan.split), directions.upper(i));
            error += (f64::from(g) - exact).powi(2);
            size += exact.powi(2);
            count += 1.0;
        }
    }
    ((error / count).sqrt(), (size / count).sqrt())
}

#[test]
fn projected_gradients_are_directional_derivatives_to_second_order() {
    let plans = [(0, 1, 1), (1, 1, 2), (2, 2, 1), (3, 1, 2)];
    for (split, lower, upper) in plans {
        let plan = Plan { split, lower, upper };
        for train in [Trainable::Layers, Trainable::Bitfit, Trainable::Lora { rank: 2, alpha: 2.0 }]
        {
            let of = |epsilon| projection_error(plan, train, epsilon);
            let ((coarse, _), (fine, _), (finest, size)) = (of(0.03), of(0.015), of(0.003));
            let ratio = coarse / fine;
            assert!((3.0..5.0).contains(&ratio), "{plan:?} {train}: error ratio {ratio}");
            assert!(finest < 2e-3 * size, "{plan:?} {train}: {finest} of {size}");
        }
    }
}

#[test]
fn every_stage_moves_at_its_own_rate_and_none_twice() {
    let layout = small_layout();
    for split in 0..=2 {
        let plan = Plan { split, lower: 2, upper: 2 };
        let directions = StepDirections::derive(&layout, plan, 5);
        let moved = |rate: &dyn Fn(usize) -> f64| {
            let values = vec![0.0; layout.len()];
            let mut weights = Weights { layout: Arc::clone(&layout), values };
            apply(&mut weights, plan, &directions, &[1.0, -2.0, 0.5, 3.0], rate);
            weights.values
        };
        let all = moved(&|_| 1.0);
        assert!(all.iter().all(|&v| v != 0.0), "split {split}: everything moves");
        for stage in 1..=3 {
            let one = moved(&|s| if s == stage { 2.0 } else { 0.0 });
            for slot in layout.slots() {
                for i in slot.range.clone() {
                    let expected = if slot.stage == stage { 2.0 * all[i] } else { 0.0 };
                    assert_eq!(one[i], expected, "split {split}, {}", slot.path);
                }
            }
        }
    }
}

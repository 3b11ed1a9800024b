use std::sync::Arc;

use fleetune_models::{
    backend::Backend,
    batch::{Batch, Padding},
    families::BertConfig,
    parameters::{Layout, Slot, Trainable, Weights, read},
};

use super::*;
use crate::{
    noise::Distribution,
    tiny::{self, adapted, architecture, noise},
    work::Tally,
    zeroth_order::{apply, probe::Probe},
};

/// A quadratic over the slots of a layout, its parts coupled: with s = c·θ1 + c·θ2,
/// `L(θ) = b·θ + s²/2`. At θ = 0 its gradient is b.
struct Quadratic {
    linear: Vec<f64>,
    coupling: Vec<f64>,
    border: usize,
}

impl Quadratic {
    /// b·θ and c·θ of the part of θ = `by` z that starts at `from`.
    fn part(&self, from: usize, along: Option<Along<'_>>) -> [f64; 2] {
        let Some((z, by)) = along else { return [0.0; 2] };
        [&self.linear, &self.coupling]
            .map(|factors| factors[from..].iter().zip(z).map(|(f, &z)| f * by * f64::from(z)).sum())
    }
}

impl SplitLoss for Quadratic {
    type Boundary = [f64; 2];

    fn lower(&mut self, along: Option<Along<'_>>) -> [f64; 2] {
        self.part(0, along)
    }

    fn loss(&mut self, below: &[f64; 2], along: Option<Along<'_>>) -> f64 {
        let above = self.part(self.border, along);
        let s = below[1] + above[1];
        below[0] + above[0] + s * s / 2.0
    }
}

fn small_layout() -> Arc<Layout> {
    let config = BertConfig {
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
    /// (1e-8 two-sided; about 600 such checks: below 1e-5 in all), and the variance to 2 %, or it proves nothing.
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

/// Plans that differ in everything that a plan can differ in.
fn plans() -> Vec<Plan> {
    let shapes = [(0, 1, 1), (0, 1, 3), (1, 1, 1), (1, 2, 3), (2, 1, 4)];
    let joint = shapes.map(|(split, lower, upper)| Plan::joint(split, lower, upper));
    let separate = joint[2..].iter().map(|&plan| Plan { variant: Variant::Separate, ..plan });
    let mut plans: Vec<Plan> = joint.into_iter().chain(separate).collect();
    let one_sided = [1, 3, 6].map(|i| Plan { difference: Difference::OneSided, ..plans[i] });
    let laws = [Distribution::Rademacher, Distribution::Sphere];
    let laws = laws.map(|distribution| [1, 3, 6].map(|i| Plan { distribution, ..plans[i] }));
    plans.extend(one_sided);
    plans.extend(laws.into_iter().flatten());
    plans
}

/// The variance of a coordinate of `(b·z) z` with gradient g, for a direction over d coordinates of which |b|² is
/// `square`.
fn own_variance(law: Distribution, d: f64, square: f64, g: f64) -> f64 {
    match law {
        Distribution::Gaussian => square + g * g,
        Distribution::Rademacher => square - g * g,
        // E z_i² z_k² = d / (d + 2) and E z_i⁴ = 3 d / (d + 2) on the sphere of radius √d.
        Distribution::Sphere => d / (d + 2.0) * (square + 2.0 * g * g) - g * g,
    }
}

/// Closed forms, per coordinate with gradient g and its own variance v(g). If joint, the other part's directional
/// derivative disturbs: lower `(v + |∇2|²/P2) / P1`, upper `(v + |∇1|²) / (P1 P2)`; if separate, it does not:
/// `v / P1` and `v / P2`. One-sided differences add ε (c·z)²/2, whose share vanishes with ε.
#[test]
fn estimates_are_unbiased_on_a_quadratic_with_the_variance_of_the_closed_form() {
    const DRAWS: u64 = 20_000;
    let layout = small_layout();
    let mut draw = noise(2);
    let mut factors = || (0..layout.len()).map(|_| f64::from(draw())).collect::<Vec<_>>();
    let (linear, coupling) = (factors(), factors());
    for plan in plans() {
        let border = layout.lower(plan.split).end;
        let epsilon = if plan.difference == Difference::TwoSided { 0.5 } else { 1e-4 };
        let mut loss = Quadratic { linear: linear.clone(), coupling: coupling.clone(), border };
        let [mut below, mut above] = [&linear[..border], &linear[border..]].map(Block::new);
        for seed in 0..DRAWS {
            let directions = StepDirections::derive(&layout, plan, seed * 1_000_003);
            let scalars = project(&mut loss, plan, epsilon, &directions);
            let values = vec![0.0; layout.len()];
            let mut weights = Weights { layout: Arc::clone(&layout), values };
            apply(&mut weights, plan, &directions, &scalars, &|_| -1.0);
            below.add(&weights.values[..border]);
            above.add(&weights.values[border..]);
        }
        let (first, second) = (squared(&linear[..border]), squared(&linear[border..]));
        let (p1, p2) = (f64::from(plan.lower), f64::from(plan.upper));
        let own = |d: usize, square, g| own_variance(plan.distribution, d as f64, square, g);
        let separate = plan.variant == Variant::Separate;
        let disturbed = |other: f64| if separate { 0.0 } else { other };
        let share = if separate { p2 } else { p1 * p2 };
        let what = format!("{plan:?}");
        if plan.split > 0 {
            let lower = |g| (own(border, first, g) + disturbed(second / p2)) / p1;
            below.check(lower, DRAWS as f64, &what);
        }
        let upper = |g| (own(layout.len() - border, second, g) + disturbed(first)) / share;
        above.check(upper, DRAWS as f64, &what);
    }
}

/// Evaluations are counted as they are made: the plan's closed form holds.
#[test]
fn a_step_makes_the_passes_that_its_plan_says() {
    struct Counter([u64; 2]);
    impl SplitLoss for Counter {
        type Boundary = ();
        fn lower(&mut self, _: Option<Along<'_>>) {
            self.0[0] += 1;
        }
        fn loss(&mut self, (): &(), _: Option<Along<'_>>) -> f64 {
            self.0[1] += 1;
            0.0
        }
    }
    let layout = small_layout();
    for plan in plans() {
        let mut counter = Counter([0; 2]);
        let directions = StepDirections::derive(&layout, plan, 1);
        let scalars = project(&mut counter, plan, 1e-3, &directions);
        assert_eq!((counter.0, scalars.len()), (plan.forwards(), plan.scalars()), "{plan:?}");
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
        let found = probe.project(
            &weights,
            plan,
            epsilon,
            &directions,
            (&on_device, &batch.labels),
            &mut Tally::default(),
        );
        assert_eq!(found.len(), plan.scalars());
        for (i, &g) in found.iter().enumerate() {
            let lower = |p| dot(layout.lower(plan.split), directions.lower(p));
            let upper = |i| dot(layout.upper(plan.split), directions.upper(i));
            let (p1, p2) = (plan.lower as usize, plan.upper as usize);
            let exact = match plan.variant {
                Variant::Joint => lower(i / p2) + upper(i),
                Variant::Separate if i < p1 => lower(i),
                Variant::Separate => upper(i - p1),
            };
            error += (f64::from(g) - exact).powi(2);
            size += exact.powi(2);
            count += 1.0;
        }
    }
    ((error / count).sqrt(), (size / count).sqrt())
}

/// The error of a two-sided difference is quartered when ε is halved, that of a one-sided one is halved.
#[test]
fn projected_gradients_are_directional_derivatives_to_their_order() {
    let joint = [(0, 1, 1), (1, 1, 2), (2, 2, 1), (3, 1, 2)];
    let joint = joint.map(|(split, lower, upper)| Plan::joint(split, lower, upper));
    let mut plans = joint.to_vec();
    plans.push(Plan { variant: Variant::Separate, ..joint[2] });
    plans.extend([0, 2].map(|i| Plan { difference: Difference::OneSided, ..joint[i] }));
    plans.push(Plan { distribution: Distribution::Rademacher, ..joint[1] });
    for plan in plans {
        let (order, fine_enough) = match plan.difference {
            Difference::TwoSided => (3.0..5.0, 2e-3),
            Difference::OneSided => (1.6..2.5, 0.15),
        };
        for train in [Trainable::Layers, Trainable::Bitfit, Trainable::lora(2, 2.0)] {
            let of = |epsilon| projection_error(plan, train, epsilon);
            let ((coarse, _), (fine, _), (finest, size)) = (of(0.03), of(0.015), of(0.003));
            let ratio = coarse / fine;
            assert!(order.contains(&ratio), "{plan:?} {train}: error ratio {ratio}");
            assert!(finest < fine_enough * size, "{plan:?} {train}: {finest} of {size}");
        }
    }
}

#[test]
fn every_stage_moves_at_its_own_rate_and_none_twice() {
    let layout = small_layout();
    for split in 0..=2 {
        let plan = Plan::joint(split, 2, 2);
        let directions = StepDirections::derive(&layout, plan, 5);
        let moved = |rate: &dyn Fn(&Slot) -> f64| {
            let values = vec![0.0; layout.len()];
            let mut weights = Weights { layout: Arc::clone(&layout), values };
            apply(&mut weights, plan, &directions, &[1.0, -2.0, 0.5, 3.0], rate);
            weights.values
        };
        let all = moved(&|_| 1.0);
        assert!(all.iter().all(|&v| v != 0.0), "split {split}: everything moves");
        for stage in 1..=3 {
            let one = moved(&|s| if s.stage == stage { 2.0 } else { 0.0 });
            for slot in layout.slots() {
                for i in slot.range.clone() {
                    let expected = if slot.stage == stage { 2.0 * all[i] } else { 0.0 };
                    assert_eq!(one[i], expected, "split {split}, {}", slot.path);
                }
            }
        }
    }
}

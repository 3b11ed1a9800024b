//! The estimator on quadratics, where every moment is known.

use std::sync::Arc;

use fleetune_algorithms::{
    noise::Distribution,
    zeroth_order::{Along, Plan, SplitLoss, StepDirections, apply, project},
};
use fleetune_models::{
    backend::Backend,
    parameters::{Layout, Trainable, Weights},
};
use fleetune_validation::acceptance::accept;

use crate::tiny::{adapted, architecture, noise};

/// `L(x) = Σ h_i x_i² / 2`, seen from x.
struct Bowl<'a> {
    curvature: &'a [f64],
    at: &'a [f32],
}

impl Bowl<'_> {
    fn gradient(&self) -> Vec<f64> {
        self.curvature.iter().zip(self.at).map(|(h, &x)| h * f64::from(x)).collect()
    }
}

impl SplitLoss for Bowl<'_> {
    type Boundary = ();

    fn lower(&mut self, _: Option<Along<'_>>) {}

    fn loss(&mut self, (): &(), along: Option<Along<'_>>) -> f64 {
        let (z, by) = along.expect("a two-sided difference is never taken at rest");
        let terms = self.curvature.iter().zip(self.at).zip(z);
        terms.map(|((h, &x), &z)| h / 2.0 * (f64::from(x) + by * f64::from(z)).powi(2)).sum()
    }
}

/// A vector of ten: the head of a model five wide, for two classes.
fn ten() -> Arc<Layout> {
    let mut config = architecture(1);
    (config.hidden_size, config.num_attention_heads) = (5, 1);
    let layout = adapted(&config, (2, Trainable::Head), 1, &Backend::Flex.device()).1;
    assert_eq!(layout.len(), 10);
    layout
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// L3: q directions, two-sided differences, any width: `E g = ∇`; for Gaussian directions
/// `E |g|² = (d + q + 1) / q |∇|²`, for the sphere of radius √d and for signs `(d + q - 1) / q |∇|²`.
#[test]
fn estimates_have_the_length_of_the_closed_form_whatever_the_width() {
    const DRAWS: u64 = 160_000;
    let layout = ten();
    let d = layout.len() as f64;
    let mut draw = noise(5);
    let at: Vec<f32> = (0..10).map(|_| draw()).collect();
    let curvature: Vec<f64> = (0..10).map(|i| 0.5 + f64::from(i)).collect();
    let gradient = Bowl { curvature: &curvature, at: &at }.gradient();
    let square = dot(&gradient, &gradient);
    // As long as the gradient and across it, and added to it: a direction that sees bias of either kind.
    let mut across: Vec<f64> = (0..10).map(|_| f64::from(draw())).collect();
    let along = dot(&across, &gradient) / square;
    across.iter_mut().zip(&gradient).for_each(|(a, g)| *a -= along * g);
    let stretch = (square / dot(&across, &across)).sqrt();
    let probe: Vec<f64> = across.iter().zip(&gradient).map(|(a, g)| g + stretch * a).collect();
    let laws = [Distribution::Gaussian, Distribution::Sphere, Distribution::Rademacher];
    for (distribution, q, width) in
        laws.into_iter().flat_map(|law| [(law, 1, 1e-2), (law, 1, 3.0), (law, 4, 0.5)])
    {
        let plan = Plan { distribution, ..Plan::joint(0, 1, q) };
        let (mut lengths, mut means) = (Vec::new(), Vec::new());
        for seed in 0..DRAWS {
            let z = StepDirections::derive(&layout, plan, seed * 7919);
            let scalars = project(&mut Bowl { curvature: &curvature, at: &at }, plan, width, &z);
            let mut g = Weights { layout: Arc::clone(&layout), values: vec![0.0; 10] };
            apply(&mut g, plan, &z, &scalars, &|_| -1.0);
            let g: Vec<f64> = g.values.iter().map(|&v| f64::from(v)).collect();
            lengths.push(dot(&g, &g) / square);
            means.push(dot(&g, &probe) / square);
        }
        let q = f64::from(q);
        let expected = match distribution {
            Distribution::Gaussian => (d + q + 1.0) / q,
            Distribution::Sphere | Distribution::Rademacher => (d + q - 1.0) / q,
        };
        let what = format!("{distribution:?}, q = {q}, width {width}");
        accept(&format!("|g|², {what}"), &lengths, expected);
        accept(&format!("g, {what}"), &means, 1.0);
    }
}

/// L4: n clients with a direction each, joined as servers join scalars, on `|x|² / 2`:
/// `E |x+|² = |x|² (1 - 2 η + η² (d + n + 1) / n)`, least at `η = n / (d + n + 1)`: 0.9167 for n = 1, 0.7333 for n = 4.
#[test]
fn descent_on_a_bowl_has_the_factor_of_the_closed_form() {
    let layout = ten();
    let (d, plan, curvature) = (layout.len() as f64, Plan::joint(0, 1, 1), vec![1.0; 10]);
    let mut draw = noise(6);
    let start: Vec<f32> = (0..10).map(|_| draw()).collect();
    let square = |x: &[f32]| x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
    for (clients, least) in [(1_u64, 0.9167), (4, 0.7333)] {
        let n = clients as f64;
        let best = n / (d + n + 1.0);
        for eta in [0.5 * best, best, 1.5 * best] {
            let factor = 1.0 - 2.0 * eta + eta * eta * (d + n + 1.0) / n;
            assert!(eta != best || (factor - least).abs() < 5e-5, "{factor}");
            let ratios: Vec<f64> = (0..60_000)
                .map(|draw| {
                    let values = start.clone();
                    let mut x = Weights { layout: Arc::clone(&layout), values };
                    for client in 0..clients {
                        let z = StepDirections::derive(&layout, plan, draw * clients + client);
                        let mut loss = Bowl { curvature: &curvature, at: &start };
                        let scalars = project(&mut loss, plan, 0.1, &z);
                        apply(&mut x, plan, &z, &scalars, &|_| eta / n);
                    }
                    square(&x.values) / square(&start)
                })
                .collect();
            accept(&format!("n = {clients}, η = {eta}"), &ratios, factor);
        }
    }
}

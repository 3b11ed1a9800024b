use std::sync::Arc;

use fleetune_models::parameters::Weights;

use super::{mean, quadratic::Quadratic};
use crate::{
    noise::Distribution,
    probe::{Block, Measured, Parabola, Step, source::GradientSource},
    zeroth_order::{Along, Difference, Plan, SplitLoss, StepDirections, Variant, apply, project},
};

/// Plans that differ in everything that a plan can differ in.
fn plans() -> Vec<Plan> {
    let joint = [(0, 1, 1), (0, 1, 3), (1, 1, 1), (1, 2, 3), (2, 1, 4)];
    let joint = joint.map(|(split, lower, upper)| Plan::joint(split, lower, upper));
    let apart = [(1, 1, 2), (2, 2, 1)].map(|(split, lower, upper)| Plan {
        variant: Variant::Separate,
        ..Plan::joint(split, lower, upper)
    });
    let laws = [Distribution::Rademacher, Distribution::Sphere];
    let laws =
        laws.map(|distribution| [joint[1], joint[3], apart[0]].map(|p| Plan { distribution, ..p }));
    joint.into_iter().chain(apart).chain(laws.into_iter().flatten()).collect()
}

/// Directions around a point of the quadratic, on one mini-batch.
struct OnBatch<'a> {
    of: &'a Quadratic,
    border: usize,
    linear: Vec<f64>,
    stiffer: f64,
}

impl SplitLoss for OnBatch<'_> {
    type Boundary = Vec<f64>;

    fn lower(&mut self, along: Option<Along<'_>>) -> Vec<f64> {
        let mut x = vec![0.0; self.linear.len()];
        if let Some((z, by)) = along {
            x[..self.border].iter_mut().zip(z).for_each(|(x, &z)| *x = by * f64::from(z));
        }
        x
    }

    fn loss(&mut self, below: &Vec<f64>, along: Option<Along<'_>>) -> f64 {
        let mut x = below.clone();
        if let Some((z, by)) = along {
            x[self.border..].iter_mut().zip(z).for_each(|(x, &z)| *x = by * f64::from(z));
        }
        let linear: f64 = self.linear.iter().zip(&x).map(|(g, x)| g * x).sum();
        let stiff: f64 = x.iter().map(|x| self.stiffer * x * x).sum();
        let bent = self.of.times(&x).iter().zip(&x).map(|(h, x)| h * x).sum::<f64>();
        linear + (bent + stiff) / 2.0
    }
}

/// `ΔθᵀHΔθ/2` of one real step of a cohort.
fn real_bend_of(of: &Quadratic, step: Step, rates: &[f64], seed: u64) -> f64 {
    let border = of.layout.lower(step.plan.split).end;
    let blocks = of.blocks();
    let mut weights =
        Weights { layout: Arc::clone(&of.layout), values: vec![0.0; of.layout.len()] };
    for client in 0..u64::from(step.clients) {
        let draw = seed * 1000 + client;
        let (n, stiffer) = of.batch(draw);
        let linear = n.iter().zip(&of.gradient).map(|(n, g)| n + g).collect();
        let whose = if step.shared { seed * 1000 } else { draw };
        let directions = StepDirections::derive(&of.layout, step.plan, whose ^ 0x5EED);
        let mut loss = OnBatch { of, border, linear, stiffer };
        let scalars = project(&mut loss, step.plan, step.epsilon, &directions);
        apply(&mut weights, step.plan, &directions, &scalars, &|slot| {
            let block = blocks.iter().position(|(b, _)| b.stage == slot.stage).unwrap();
            rates[block] / f64::from(step.clients)
        });
    }
    let moved: Vec<f64> = weights.values.iter().copied().map(f64::from).collect();
    of.times(&moved).iter().zip(&moved).map(|(h, x)| h * x).sum::<f64>() / 2.0
}

/// The mean over real steps of `ΔθᵀHΔθ/2`, with its standard error: the change less its linear part, whose mean is
/// the slope's exactly.
fn real_bend(of: &Quadratic, step: Step, rates: &[f64], steps: u64) -> Measured {
    mean(&(0..steps).map(|seed| real_bend_of(of, step, rates, seed)).collect::<Vec<_>>())
}

fn predicted_bend(of: &Quadratic, step: Step, rates: &[f64]) -> f64 {
    let blocks: Vec<Block> = of.blocks().into_iter().map(|(b, _)| b).collect();
    let parabola = step.parabola(&blocks, &of.moments());
    parabola.change(rates) + parabola.slope.iter().zip(rates).map(|(a, r)| a * r).sum::<f64>()
}

/// The closed forms against real steps on a quadratic, at rates that differ from block to block: each mean over 30,000
/// steps to 5 standard errors (6e-7 two-sided, 16 cohorts: 1e-5 in all), and to 3 %, or it proves little.
#[test]
fn a_steps_expected_change_is_that_of_the_parabola() {
    let of = Quadratic::new(7);
    let rates: Vec<f64> = (0..of.blocks().len()).map(|b| 0.02 / (1.0 + b as f64)).collect();
    let alone = |plan| Step { plan, epsilon: 0.3, clients: 1, shared: false };
    let mut steps: Vec<Step> = plans().into_iter().map(alone).collect();
    steps.push(Step { clients: 3, ..steps[3] });
    steps.push(Step { clients: 3, shared: true, ..steps[3] });
    steps.push(Step { clients: 3, shared: true, ..steps[8] });
    for step in steps {
        assert_bends_as_predicted(&of, step, &rates);
    }
}

#[track_caller]
fn assert_bends_as_predicted(of: &Quadratic, step: Step, rates: &[f64]) {
    let predicted = predicted_bend(of, step, rates);
    let found = real_bend(of, step, rates, 30_000);
    assert!(found.relative() < 0.03, "{step:?}: {found:?}");
    let off = (found.value - predicted) / found.error;
    assert!(off.abs() < 5.0, "{step:?}: {found:?}, {predicted} predicted");
}

/// As above where blocks bend only together: what lower and upper estimates have in common is a third of it all.
#[test]
fn blocks_that_bend_together_are_counted_together() {
    let of = Quadratic::ridge(7);
    let rates = vec![0.01; of.blocks().len()];
    for i in [2, 3, 5, 6] {
        let step = Step { plan: plans()[i], epsilon: 0.3, clients: 1, shared: false };
        assert_bends_as_predicted(&of, step, &rates);
    }
}

/// What one-sided differences add, on few elements, where the term that is left out matters most: to a quarter.
#[test]
fn one_sided_differences_cost_their_curvature() {
    let of = Quadratic::new(7);
    let rates = vec![0.01; of.blocks().len()];
    for (variant, epsilon) in [(Variant::Joint, 0.2), (Variant::Separate, 0.3)] {
        let with = |difference| {
            let plan = Plan { variant, difference, ..Plan::joint(1, 1, 2) };
            Step { plan, epsilon, clients: 1, shared: false }
        };
        let [one, two] = [Difference::OneSided, Difference::TwoSided].map(with);
        let predicted = predicted_bend(&of, one, &rates) - predicted_bend(&of, two, &rates);
        let [a, b] = [one, two].map(|step| real_bend(&of, step, &rates, 30_000));
        let real = a.value - b.value;
        assert!(a.error + b.error < 0.05 * real, "{a:?} {b:?}");
        assert!((real / predicted - 1.0).abs() < 0.25, "{real}, {predicted} predicted");
    }
}

/// The best rates are where no rate can be changed for the better, and nothing else is better among many.
#[test]
fn the_best_rates_minimise_the_parabola() {
    let of = Quadratic::new(7);
    let blocks: Vec<Block> = of.blocks().into_iter().map(|(b, _)| b).collect();
    for plan in plans() {
        let step = Step { plan, epsilon: 1e-3, clients: 4, shared: false };
        let parabola = step.parabola(&blocks, &of.moments());
        let best = parabola.best().unwrap();
        let least = parabola.change(&best);
        for b in 0..best.len() {
            for factor in [0.9, 0.99, 1.01, 1.1] {
                let mut other = best.clone();
                other[b] = if best[b] == 0.0 { 1e-3 * factor } else { best[b] * factor };
                assert!(parabola.change(&other) > least, "{plan:?}: block {b} at {factor}");
            }
        }
        let common = parabola.best_common().unwrap();
        let at = |rate: f64| parabola.change(&vec![rate; best.len()]);
        assert!(least <= at(common));
        assert!(at(0.99 * common) > at(common) && at(1.01 * common) > at(common));
        let slope: f64 = parabola.slope.iter().sum();
        assert!((at(common) + slope * common / 2.0).abs() < 1e-12, "half of what the slope gives");
    }
}

/// A run on a quadratic of one curvature is the plain recursion: gradient descent with noise of variance v a coordinate,
/// `E L_K = λ x_K² / 2`, `E x²_{t+1} = (1 - η_t λ)² E x²_t + η_t² v`.
#[test]
fn a_run_on_one_curvature_is_the_exact_recursion() {
    let (lambda, variance, dimensions, start) = (3.0, 0.7, 5.0, 2.0);
    let parabola = Parabola {
        slope: vec![dimensions * (lambda * start) * (lambda * start)],
        signal: vec![vec![lambda * dimensions * (lambda * start) * (lambda * start)]],
        noise: vec![vec![dimensions * lambda * variance]],
        fading: vec![lambda],
    };
    let factors: Vec<f64> = (0..40).map(|t| 1.0 - f64::from(t) / 50.0).collect();
    for rate in [0.01, 0.1, 0.3] {
        let mut square: f64 = start * start;
        for factor in &factors {
            let eta = rate * factor;
            square = (1.0 - eta * lambda).powi(2) * square + eta * eta * variance;
        }
        let exact = dimensions * lambda * (square - start * start) / 2.0;
        let found = parabola.run(&[rate], &factors);
        assert!((found.total() - exact).abs() < 1e-12 * exact.abs(), "{rate}: {found:?}, {exact}");
        assert!(found.signal < 0.0 && found.noise > 0.0);
    }
    let best = 0.3 * parabola.best_scale(&[0.3], &factors);
    let end = |rate: f64| parabola.run(&[rate], &factors).total();
    assert!(end(best) < end(best * 1.05) && end(best) < end(best / 1.05), "{best}");
}

/// The scale for a run: at most 1, and no better one among many.
#[test]
fn the_best_scale_for_a_run_is_a_minimum() {
    let of = Quadratic::new(7);
    let blocks: Vec<Block> = of.blocks().into_iter().map(|(b, _)| b).collect();
    let mut smaller = 0;
    for (plan, steps) in plans().into_iter().flat_map(|plan| [5, 60].map(|steps| (plan, steps))) {
        let step = Step { plan, epsilon: 1e-3, clients: 4, shared: false };
        let parabola = step.parabola(&blocks, &of.moments());
        let most = parabola.best().unwrap();
        let factors = vec![1.0; steps];
        let end = |scale: f64| {
            let rates: Vec<f64> = most.iter().map(|rate| rate * scale).collect();
            parabola.run(&rates, &factors).total()
        };
        let best = parabola.best_scale(&most, &factors);
        assert!(best <= 1.0);
        smaller += usize::from(best < 0.9);
        for percent in 1..=100 {
            let other = end(f64::from(percent) / 100.0);
            assert!(end(best) <= other + 1e-3 * other.abs(), "{plan:?} {steps}: {best} {percent}");
        }
    }
    assert!(smaller > 0, "longer runs want smaller rates");
}

/// A run of one step is the step.
#[test]
fn a_run_of_one_step_changes_the_loss_as_the_step_does() {
    let of = Quadratic::new(7);
    let blocks: Vec<Block> = of.blocks().into_iter().map(|(b, _)| b).collect();
    for plan in plans() {
        let step = Step { plan, epsilon: 1e-3, clients: 4, shared: false };
        let parabola = step.parabola(&blocks, &of.moments());
        let rates = [0.01, 0.02, 0.03][..blocks.len()].to_vec();
        let (run, step) = (parabola.run(&rates, &[1.0]).total(), parabola.change(&rates));
        assert!((run - step).abs() < 1e-12 * step.abs(), "{plan:?}: {run} {step}");
        let best = parabola.best().unwrap();
        assert_eq!(parabola.best_scale(&best, &[1.0]), 1.0, "{plan:?}");
    }
}

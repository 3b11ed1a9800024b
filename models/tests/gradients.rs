//! Backpropagation against finite differences, through what really trains.

use std::sync::Arc;

use fleetune_models::{
    architecture::Frozen,
    backend::Backend,
    batch::{Batch, Padding},
    evaluate::cross_entropy,
    ledger::Ledger,
    parameters::{Weights, read},
    transformer::Classifier,
};

use crate::tiny::{CHOICES, KINDS, Kind, adapted_head, architecture, gradient, noise, texts};

/// The loss at `weights + by v`.
fn loss(model: &Classifier, weights: &Weights, v: &[f32], by: f32, batch: &Batch) -> f64 {
    let values = weights.values.iter().zip(v).map(|(&w, &v)| w + by * v).collect();
    let shifted = Weights { layout: Arc::clone(&weights.layout), values };
    let on_device = batch.to_device(&Backend::Flex.device());
    let logits = shifted.install_in(model.clone()).forward(&on_device, &mut Ledger::new());
    cross_entropy(logits, &batch.labels)
}

/// The root mean square over directions of the central difference's error, per step width, and the derivatives' own.
fn errors<const N: usize>(
    (head, frozen): (Kind, Frozen),
    choice: usize,
    widths: [f32; N],
) -> ([f64; N], f64) {
    let device = Backend::Flex.device();
    let (model, layout) = adapted_head(&architecture(2), (head, 3), CHOICES[choice], 30, &device);
    let model = model.quantised(frozen);
    let examples = texts(8, 9, 3, 31);
    let batch = model.collate(&examples.iter().collect::<Vec<_>>(), 9, Padding::Longest);
    let weights = read(&model, &layout);
    let exact = gradient(&model, &layout, &batch, &device);
    let mut draw = noise(32);
    let (mut squares, mut size) = ([0.0; N], 0.0);
    const DIRECTIONS: usize = 12;
    for _ in 0..DIRECTIONS {
        let v: Vec<f32> = exact.iter().map(|_| draw()).collect();
        let slope: f64 = exact.iter().zip(&v).map(|(&g, &v)| f64::from(g) * f64::from(v)).sum();
        for (square, &h) in squares.iter_mut().zip(&widths) {
            let [plus, minus] = [h, -h].map(|by| loss(&model, &weights, &v, by, &batch));
            *square += ((plus - minus) / (2.0 * f64::from(h)) - slope).powi(2);
        }
        size += slope.powi(2);
    }
    (squares.map(|s| (s / DIRECTIONS as f64).sqrt()), (size / DIRECTIONS as f64).sqrt())
}

/// Halving the step quarters the error (truncation), and at a small step little is left of it.
fn central_differences_converge(choice: usize, widths: [f32; 3]) {
    converge(choice, Frozen::Plain, widths);
}

fn converge(choice: usize, frozen: Frozen, widths: [f32; 3]) {
    let ([coarse, fine, finest], size) = errors((Kind::Mean, frozen), choice, widths);
    let (ratio, what) =
        (coarse / fine, format!("{} on {} weights", CHOICES[choice], frozen.name()));
    assert!((3.5..4.5).contains(&ratio), "{what}: error ratio {ratio}");
    assert!(finest < 2e-3 * size, "{what}: {finest} of {size}");
}

#[test]
fn full_gradients_are_limits_of_central_differences() {
    central_differences_converge(0, [0.04, 0.02, 0.003]);
}

#[test]
fn gradients_of_the_layers_are_limits_of_central_differences() {
    central_differences_converge(1, [0.03, 0.015, 0.003]);
}

#[test]
fn gradients_of_biases_are_limits_of_central_differences() {
    central_differences_converge(2, [0.08, 0.04, 0.005]);
}

#[test]
fn gradients_of_adapters_are_limits_of_central_differences() {
    central_differences_converge(3, [0.04, 0.02, 0.003]);
}

#[test]
fn gradients_of_the_head_are_limits_of_central_differences() {
    central_differences_converge(4, [0.2, 0.1, 0.01]);
}

#[test]
fn gradients_of_side_paths_on_all_projections_are_limits_of_central_differences() {
    central_differences_converge(5, [0.04, 0.02, 0.003]);
}

#[test]
fn gradients_of_bottlenecks_are_limits_of_central_differences() {
    central_differences_converge(6, [0.04, 0.02, 0.003]);
}

#[test]
fn gradients_of_prefixes_are_limits_of_central_differences() {
    central_differences_converge(7, [0.08, 0.04, 0.005]);
}

/// What trains on quantised weights learns through them.
#[test]
fn gradients_through_quantised_weights_are_limits_of_central_differences() {
    for frozen in [Frozen::Int8, Frozen::Ternary] {
        for (choice, widths) in [(3, [0.04, 0.02, 0.003]), (7, [0.08, 0.04, 0.005])] {
            converge(choice, frozen, widths);
        }
    }
}

/// Of every head, whatever trains: two steps small enough leave little of the derivative unexplained.
#[test]
fn gradients_through_every_head_are_those_of_small_differences() {
    for kind in KINDS {
        for (choice, train) in CHOICES.iter().enumerate() {
            let ([error], size) = errors((kind, Frozen::Plain), choice, [0.001]);
            assert!(size > 0.0 && error < 1e-2 * size, "{kind:?}, {train}: {error} of {size}");
        }
    }
}

//! What the encoder computes: splits, backends, padding, the order of a batch, adapters at rest.

use burn::tensor::Tensor;
use fleetune_models::{
    architecture::Frozen,
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    ledger::Ledger,
    parameters::Trainable,
    transformer::{Classifier, Head},
};

use crate::tiny::{CHOICES, adapted, architecture, classifier, gradient, noise, numbers, texts};

fn logits(model: &Classifier, batch: &Batch, backend: Backend) -> Vec<f32> {
    numbers(model.forward(&batch.to_device(&backend.device()), &mut Ledger::new()))
}

fn collate(examples: &[Encoded], length: usize, padding: Padding) -> Batch {
    Batch::collate(&examples.iter().collect::<Vec<_>>(), length, padding)
}

/// The largest difference, relative to the largest value.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0_f32, |m, (x, y)| m.max((x - y).abs())) / largest
}

#[test]
fn the_lower_and_then_the_upper_part_give_the_bits_of_the_whole_at_every_split() {
    for backend in [Backend::Flex, Backend::Ndarray] {
        let device = backend.device();
        for train in CHOICES.into_iter().filter(|&train| train != Trainable::Full) {
            for layers in [1, 3] {
                let (model, _) = adapted(&architecture(layers), (3, train), 1, &device);
                let batch = collate(&texts(5, 9, 3, 2), 9, Padding::Longest);
                let whole = logits(&model, &batch, backend);
                let batch = batch.to_device(&device);
                for split in 0..=layers {
                    let ledger = &mut Ledger::new();
                    let boundary = model.lower(split, &batch, ledger);
                    let parts = numbers(model.upper(split, boundary, &batch, ledger));
                    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert_eq!(
                        bits(&parts),
                        bits(&whole),
                        "{train} {layers} layers, split {split}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_split_leaves_something_different_to_cross() {
    let device = Backend::Flex.device();
    let model = classifier(&architecture(3), 3, 3, &device);
    let batch = collate(&texts(4, 9, 3, 4), 9, Padding::Fixed).to_device(&device);
    let states: Vec<Vec<f32>> = (1..=3)
        .map(|split| match model.lower(split, &batch, &mut Ledger::new()) {
            fleetune_models::transformer::Boundary::States(x) => numbers(x),
            fleetune_models::transformer::Boundary::Input => {
                panic!("split {split} has a lower part")
            }
        })
        .collect();
    assert!(states[0] != states[1] && states[1] != states[2]);
}

#[test]
fn adapters_at_rest_leave_the_logits_as_they_were_to_the_bit() {
    let device = Backend::Flex.device();
    let plain = classifier(&architecture(2), 4, 5, &device);
    let batch = collate(&texts(6, 9, 4, 6), 9, Padding::Fixed);
    let before = logits(&plain, &batch, Backend::Flex);
    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let adapters = CHOICES.into_iter().filter(|train| train.adds());
    for train in adapters {
        let (model, layout) = train.adapt(plain.clone(), &mut noise(7));
        let at_rest = logits(&model, &batch, Backend::Flex);
        match train {
            // It takes a share of every mean.
            Trainable::Prefix { .. } => assert!(distance(&before, &at_rest) > 1e-3),
            _ => assert_eq!(bits(&at_rest), bits(&before), "{train}"),
        }
        // And what starts from zero is what holds them back: moved, it moves the logits.
        let mut weights = fleetune_models::parameters::read(&model, &layout);
        weights.values.iter_mut().for_each(|v| *v += 0.1);
        let moved = logits(&weights.install_in(model), &batch, Backend::Flex);
        assert!(distance(&before, &moved) > 1e-3, "{train}");
    }
}

#[test]
fn both_backends_agree_on_a_random_model() {
    for (seed, train) in (0..).zip(CHOICES) {
        let examples = texts(6, 12, 3, seed);
        let batch = collate(&examples, 12, Padding::Longest);
        for frozen in [Frozen::Plain, Frozen::Int8] {
            let on = |backend: Backend| {
                let model = adapted(&architecture(3), (3, train), seed, &backend.device()).0;
                logits(&model.quantised(frozen), &batch, backend)
            };
            let (flex, ndarray) = (on(Backend::Flex), on(Backend::Ndarray));
            assert!(distance(&flex, &ndarray) < 1e-4, "{train}: {}", distance(&flex, &ndarray));
        }
    }
}

#[test]
fn both_backends_agree_on_gradients() {
    for (seed, train) in (20..).zip(CHOICES) {
        let batch = collate(&texts(6, 12, 3, seed), 12, Padding::Longest);
        let on = |backend: Backend| {
            let device = backend.device();
            let (model, layout) = adapted(&architecture(2), (3, train), seed, &device);
            gradient(&model, &layout, &batch, &device)
        };
        let (flex, ndarray) = (on(Backend::Flex), on(Backend::Ndarray));
        assert!(distance(&flex, &ndarray) < 1e-3, "{train}: {}", distance(&flex, &ndarray));
    }
}

#[test]
fn both_backends_agree_on_the_embedded_model() {
    let checkpoint = Checkpoint::embedded();
    let tokenizer = checkpoint.tokenizer(32).expect("32 tokens fit");
    let examples: Vec<Encoded> =
        ["A film of rare beauty, and dull.", "It was 3 o'clock.", "battery died after a week :("]
            .iter()
            .map(|text| tokenizer.encode(text, 0).expect("plain text"))
            .collect();
    let batch = collate(&examples, 32, Padding::Fixed);
    let on = |backend: Backend| {
        let device = backend.device();
        let encoder = checkpoint.encoder(&device).expect("the embedded model is complete");
        let mut head = Head::zeros(checkpoint.config.width(), 4, 10.0, &device);
        let mut draw = noise(8);
        head.weight = head.weight.map(|old| {
            let values: Vec<f32> = (0..checkpoint.config.width() * 4).map(|_| draw()).collect();
            let data = burn::tensor::TensorData::new(values, old.shape());
            Tensor::from_data(data, &old.device())
        });
        logits(&Classifier { encoder, head }, &batch, backend)
    };
    let (flex, ndarray) = (on(Backend::Flex), on(Backend::Ndarray));
    assert!(distance(&flex, &ndarray) < 1e-4, "{}", distance(&flex, &ndarray));
}

#[test]
fn padding_does_not_change_the_logits() {
    let model = classifier(&architecture(3), 3, 9, &Backend::Flex.device());
    for seed in 0..10 {
        let examples = texts(5, 7, 3, seed);
        let [tight, wide] = [Padding::Longest, Padding::Fixed]
            .map(|padding| logits(&model, &collate(&examples, 12, padding), Backend::Flex));
        assert!(distance(&tight, &wide) < 1e-5, "{}", distance(&tight, &wide));
        let alone: Vec<f32> = examples
            .iter()
            .flat_map(|e| {
                logits(&model, &Batch::collate(&[e], 12, Padding::Longest), Backend::Flex)
            })
            .collect();
        assert!(distance(&tight, &alone) < 1e-5, "{}", distance(&tight, &alone));
    }
}

#[test]
fn a_batch_may_be_in_any_order() {
    let model = classifier(&architecture(2), 3, 10, &Backend::Flex.device());
    let examples = texts(7, 10, 3, 11);
    let forth = logits(&model, &collate(&examples, 10, Padding::Longest), Backend::Flex);
    let mut turned = examples;
    turned.reverse();
    let back = logits(&model, &collate(&turned, 10, Padding::Longest), Backend::Flex);
    let restored: Vec<f32> = back.chunks(3).rev().flatten().copied().collect();
    assert!(distance(&forth, &restored) < 1e-5);
}

#[test]
fn texts_are_cut_at_the_longest_length_and_tokens_have_places() {
    let model = classifier(&architecture(2), 3, 12, &Backend::Flex.device());
    let long = Encoded { ids: (0..12).collect(), label: 0 };
    let short = Encoded { ids: (0..5).collect(), label: 0 };
    let turned = Encoded { ids: (0..5).rev().collect(), label: 0 };
    let of =
        |e: &Encoded| logits(&model, &Batch::collate(&[e], 5, Padding::Longest), Backend::Flex);
    assert_eq!(of(&long), of(&short));
    assert!(distance(&of(&short), &of(&turned)) > 1e-3, "a bag of words would not notice");
}

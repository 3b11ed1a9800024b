//! What adapters are: a prefix is a token that need not be read, side paths add up to weights, bottlenecks are what they
//! were published as.

use burn::{
    module::Param,
    tensor::{Tensor, TensorData},
};
use fleetune_models::{
    architecture::{Projection, Projections},
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    ledger::Ledger,
    parameters::Trainable,
    transformer::{Boundary, Classifier, Linear, Numerics, TransformerConfig},
};

use crate::tiny::{adapted, architecture, classifier, noise, numbers, texts};

/// The largest difference, relative to the largest value.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0_f32, |m, (x, y)| m.max((x - y).abs())) / largest
}

/// The states below layer `layers + 1`.
fn states(model: &Classifier, layers: usize, batch: &Batch) -> Tensor<2> {
    let batch = batch.to_device(&Backend::Flex.device());
    let ledger = &mut Ledger::new();
    match layers {
        0 => model.encoder.embeddings.forward(&batch, ledger),
        _ => match model.lower(layers, &batch, ledger) {
            Boundary::States(states) => states,
            Boundary::Input => panic!("a split of {layers} has a lower part"),
        },
    }
}

/// With attention to what came before alone, a first token meets only itself: its keys and values are the same whatever
/// follows. As prefixes of every layer they stand for it, and all other tokens come to the states that they had.
#[test]
fn a_prefix_of_the_keys_and_values_of_a_first_token_stands_for_that_token() {
    const LAYERS: usize = 3;
    let config = TransformerConfig {
        numerics: Numerics { causal: true, ..Numerics::default() },
        ..TransformerConfig::from(&architecture(LAYERS))
    };
    let plain = classifier(config, 3, 1, &Backend::Flex.device());
    let read: [&[u32]; 2] = [&[7, 3, 12, 30, 5], &[7, 21, 4]];
    let batch = |skip: usize| {
        let text = |ids: &&[u32]| Encoded { ids: ids[skip..].to_vec(), label: 0 };
        let examples: Vec<Encoded> = read.iter().map(text).collect();
        Batch::collate(&examples.iter().collect::<Vec<_>>(), 9, Padding::Longest)
    };
    let (mut model, _) = Trainable::Prefix { length: 1 }.adapt(plain.clone(), &mut noise(2));
    for (layer, block) in model.encoder.blocks.iter_mut().enumerate() {
        let first = states(&plain, layer, &batch(0)).slice(0..1);
        let prefix = block.prefix.as_mut().expect("there is one in every layer");
        prefix.keys = Param::from_tensor(block.key.forward(first.clone(), &mut Ledger::new()));
        prefix.values = Param::from_tensor(block.value.forward(first, &mut Ledger::new()));
    }
    model.encoder.embeddings.first_position += 1;
    let whole = numbers(states(&plain, LAYERS, &batch(0)));
    let behind = numbers(states(&model, LAYERS, &batch(1)));
    const WIDTH: usize = 16;
    for (text, ids) in read.iter().enumerate() {
        let real = (ids.len() - 1) * WIDTH;
        let expected = &whole[(text * 5 + 1) * WIDTH..][..real];
        let found = &behind[text * 4 * WIDTH..][..real];
        assert!(distance(expected, found) < 1e-5, "{}", distance(expected, found));
        // And the token did matter.
        let without = numbers(states(&plain, LAYERS, &batch(1)));
        assert!(distance(expected, &without[text * 4 * WIDTH..][..real]) > 1e-2);
    }
}

#[test]
fn prefixes_may_come_in_any_order() {
    let device = Backend::Flex.device();
    let train = Trainable::Prefix { length: 3 };
    let (model, _) = adapted(&architecture(2), (3, train), 3, &device);
    let examples = texts(5, 9, 3, 4);
    let batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), 9, Padding::Longest);
    let mut turned = model.clone();
    for block in &mut turned.encoder.blocks {
        let prefix = block.prefix.as_mut().expect("there is one in every layer");
        prefix.keys = prefix.keys.clone().map(|keys| keys.flip([0]));
        prefix.values = prefix.values.clone().map(|values| values.flip([0]));
    }
    let logits =
        |model: &Classifier| numbers(model.forward(&batch.to_device(&device), &mut Ledger::new()));
    assert!(distance(&logits(&model), &logits(&turned)) < 1e-5);
}

/// `x W + (alpha / r) x A B = x (W + (alpha / r) A B)`, on every projection there is.
#[test]
fn side_paths_are_what_is_added_to_the_weights() {
    let device = Backend::Flex.device();
    for projection in Projection::ALL.into_iter().filter(|&p| p != Projection::Gate) {
        let projections = Projections::of(&[projection]);
        let train = Trainable::Lora { rank: 2, alpha: 3.0, projections };
        let (model, layout) = adapted(&architecture(2), (3, train), 5, &device);
        let adapted_ones = layout.slots().iter().filter(|slot| slot.path.contains(".lora."));
        assert!(adapted_ones.clone().all(|slot| slot.path.contains(projection.name())));
        assert_eq!(adapted_ones.count(), 2 * 2, "{projections}");
        let mut merged = model.clone();
        for block in &mut merged.encoder.blocks {
            merge(match projection {
                Projection::Query => &mut block.query,
                Projection::Key => &mut block.key,
                Projection::Value => &mut block.value,
                Projection::Output => &mut block.output,
                Projection::Up => &mut block.up,
                Projection::Down => &mut block.down,
                Projection::Gate => unreachable!("BERT has none"),
            });
        }
        let examples = texts(5, 9, 3, 6);
        let batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), 9, Padding::Longest);
        let logits = |model: &Classifier| {
            numbers(model.forward(&batch.to_device(&device), &mut Ledger::new()))
        };
        let apart = distance(&logits(&model), &logits(&merged));
        assert!(apart < 1e-5, "{projections}: {apart}");
    }
}

fn merge(linear: &mut Linear) {
    let lora = linear.lora.take().expect("it is adapted");
    let added = lora.a.val().matmul(lora.b.val()).mul_scalar(lora.scale);
    linear.weight = linear.weight.clone().map(|weight| weight + added.clone());
}

/// `x + GELU(x D + a) U + b` by plain loops in f64, in the place of a part that gives zeros.
#[test]
fn a_bottleneck_is_the_published_one() {
    const WIDTH: usize = 16;
    const INNER: usize = 3;
    let device = Backend::Flex.device();
    let train = Trainable::Bottleneck { width: INNER };
    let (model, _) = adapted(&architecture(1), (3, train), 8, &device);
    let mut block = model.encoder.blocks[0].clone();
    // Attention that gives its output's bias, norms that do nothing but normalise: what goes in is known.
    let fill = |linear: &mut Linear, values: Vec<f32>| {
        linear.weight = linear.weight.clone().map(|weight| weight.zeros_like());
        linear.bias = linear.bias.take().map(|bias| {
            let data = TensorData::new(values.clone(), [values.len()]);
            bias.map(|old| Tensor::from_data(data.clone(), &old.device()))
        });
    };
    let mut draw = noise(9);
    let given: Vec<f32> = (0..WIDTH).map(|_| draw()).collect();
    fill(&mut block.output, given.clone());
    fill(&mut block.down, given.clone());
    let bottlenecks = [&block.attention_bottleneck, &block.output_bottleneck]
        .map(|bottleneck| bottleneck.clone().expect("both are there"));
    let mut x = vec![0.0_f64; WIDTH];
    for (bottleneck, norm) in bottlenecks.iter().zip([&block.attention_norm, &block.output_norm]) {
        let [down, up] = [&bottleneck.down, &bottleneck.up].map(|linear| {
            let bias = linear.bias.as_ref().expect("adapters have biases");
            (numbers(linear.weight.val()), numbers(bias.val()))
        });
        let hidden: Vec<f64> = (0..INNER)
            .map(|j| {
                let product = |i: usize| f64::from(given[i]) * f64::from(down.0[i * INNER + j]);
                let h = f64::from(down.1[j]) + (0..WIDTH).map(product).sum::<f64>();
                h / 2.0 * (1.0 + libm::erf(h / std::f64::consts::SQRT_2))
            })
            .collect();
        let out = (0..WIDTH).map(|i| {
            let product = |j: usize| hidden[j] * f64::from(up.0[j * WIDTH + i]);
            let added = f64::from(up.1[i]) + (0..INNER).map(product).sum::<f64>();
            x[i] + f64::from(given[i]) + added
        });
        let out: Vec<f64> = out.collect();
        let mean = out.iter().sum::<f64>() / WIDTH as f64;
        let variance = out.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / WIDTH as f64;
        let [gain, shift] = [&norm.gamma, norm.beta.as_ref().expect("layer norms shift")]
            .map(|vector| numbers(vector.val()));
        let scaled = |(i, v): (usize, f64)| {
            (v - mean) / variance.sqrt() * f64::from(gain[i]) + f64::from(shift[i])
        };
        x = out.into_iter().enumerate().map(scaled).collect();
    }
    let example = Encoded { ids: vec![1], label: 0 };
    let batch = Batch::collate(&[&example], 9, Padding::Longest).to_device(&device);
    let zeros = Tensor::zeros([1, WIDTH], &device);
    let found = numbers(block.forward(zeros, &batch.masks, &mut Ledger::new()));
    let expected: Vec<f32> = x.iter().map(|&v| v as f32).collect();
    assert!(distance(&expected, &found) < 1e-5, "{}", distance(&expected, &found));
}

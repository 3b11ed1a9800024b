//! The ledger of what was run, the closed forms, and the textbook: three counts of the same work.

use std::ops::Range;

use fleetune_models::{
    architecture::{Architecture, Frozen, Projection, Projections},
    backend::Backend,
    batch::{Batch, Padding},
    cost::{Alive, CostModel, PassCost, Size, Term},
    families::Activation,
    families::BertConfig,
    ledger::Ledger,
    parameters::{Trainable, require_gradients},
    transformer::{Boundary, Classifier, Numerics, TransformerConfig},
};
use proptest::prelude::*;

use crate::architectures::architectures;
use crate::tiny::{self, CHOICES, KINDS, adapted, adapted_head, texts};

/// Shapes small enough to run many and odd enough to tell dimensions apart.
fn shapes() -> impl Strategy<Value = (BertConfig, usize, [usize; 2])> {
    (1_usize..4, 1_usize..4, 1_usize..6, 1_usize..4, 2_usize..5, 1_usize..5, 1_usize..9).prop_map(
        |(heads, width, f, layers, classes, batch, seq)| {
            let config = BertConfig {
                vocab_size: 40,
                hidden_size: heads * width,
                num_hidden_layers: layers,
                num_attention_heads: heads,
                intermediate_size: 7 * f,
                max_position_embeddings: 9,
                type_vocab_size: 1,
                layer_norm_eps: 1e-12,
                hidden_act: Activation::Gelu,
                position_embedding_type: None,
            };
            (config, classes, [batch, seq])
        },
    )
}

fn batch([size, seq]: [usize; 2]) -> Batch {
    let examples = texts(size, 6, 2, 1);
    Batch::collate(&examples.iter().collect::<Vec<_>>(), seq, Padding::Fixed)
}

/// What was counted while stages really ran.
fn counted(model: &Classifier, stages: Part, batch: &Batch, tracked: bool) -> Ledger {
    let device = Backend::Flex.device();
    let device = if tracked { device.autodiff() } else { device };
    let batch = batch.to_device(&device);
    let (mut below, mut above) = (Ledger::new(), Ledger::new());
    match stages {
        Part::Whole => {
            model.forward(&batch, &mut above);
            above
        }
        Part::Lower(split) => {
            model.lower(split, &batch, &mut below);
            below
        }
        Part::Upper(split) => {
            let boundary = model.lower(split, &batch, &mut below);
            let boundary = match boundary {
                Boundary::States(x) => Boundary::States(x.detach()),
                Boundary::Input => Boundary::Input,
            };
            model.upper(split, boundary, &batch, &mut above);
            above
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    Lower(usize),
    Upper(usize),
}

impl Part {
    fn stages(self, layers: usize) -> Range<usize> {
        let border = |split| if split == 0 { 0 } else { split + 1 };
        match self {
            Self::Whole => 0..layers + 2,
            Self::Lower(split) => 0..border(split),
            Self::Upper(split) => border(split)..layers + 2,
        }
    }
}

fn same(counted: &Ledger, predicted: PassCost) -> Result<(), TestCaseError> {
    prop_assert_eq!(counted.forward, predicted.forward, "forward");
    prop_assert_eq!(counted.backward, predicted.backward, "backward");
    prop_assert_eq!(counted.peak_activations(), predicted.peak_activations(), "peak");
    prop_assert_eq!(counted.kept_activations(), predicted.kept_activations(), "kept");
    Ok(())
}

/// The breakdown's formulas, multiplied out from the text in which they are printed, come to the figures.
fn explained(cost: &CostModel, pass: PassCost) -> Result<(), TestCaseError> {
    let value = |size: &Size| -> u128 {
        size.numbers()
            .to_string()
            .split('·')
            .map(|n| n.parse::<u128>().expect("a factor is a number"))
            .product()
    };
    let breakdown = cost.breakdown(pass.of);
    let flops = |times: fn(&Term) -> u64| -> u128 {
        breakdown.terms.iter().map(|term| value(&term.flops) * u128::from(times(term))).sum()
    };
    let elements = |alive: &[Alive]| -> u128 {
        alive.iter().map(|one| value(&one.elements) * u128::from(one.times)).sum()
    };
    prop_assert_eq!(flops(|term| term.forward), pass.forward.flops().get(), "forward");
    prop_assert_eq!(flops(|term| term.backward), pass.backward.flops().get(), "backward");
    prop_assert_eq!(elements(&breakdown.peak), u128::from(pass.peak), "peak");
    prop_assert_eq!(elements(&breakdown.kept), u128::from(pass.kept), "kept");
    Ok(())
}

/// One of the 127 sets of projections.
fn subset(bits: usize) -> Projections {
    let chosen = Projection::ALL.into_iter().filter(|&p| bits & (1 << p as usize) != 0);
    Projections::of(&chosen.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..Default::default() })]

    /// Every kind of block: norms of either kind before or after, with and without biases, gates, shared keys, turned
    /// positions.
    #[test]
    fn the_closed_form_is_what_a_run_counts(
        architecture in architectures(),
        classes in 2_usize..5,
        texts in (1_usize..5, 4_usize..9),
        kind in 0..KINDS.len(),
        causal in any::<bool>(),
        choice in 0..CHOICES.len(),
        size in 1_usize..5,
        set in 1_usize..128,
        frozen in prop::sample::select(vec![Frozen::Plain, Frozen::Int8, Frozen::Ternary]),
    ) {
        let train = match CHOICES[choice] {
            Trainable::Lora { .. } => Trainable::Lora { rank: size, alpha: 1.0, projections: subset(set) },
            Trainable::Bottleneck { .. } => Trainable::Bottleneck { width: size },
            Trainable::Prefix { .. } => Trainable::Prefix { length: size },
            other => other,
        };
        let frozen = if train.trains_weights() { Frozen::Plain } else { frozen };
        // Positions turn pairs of elements.
        let head_dim = architecture.head_dim.map(|width| 2 * width);
        let architecture = Architecture { head_dim, ..architecture };
        let layers = architecture.num_hidden_layers;
        let numerics = Numerics { causal, ..Numerics::default() };
        let config = TransformerConfig { architecture: architecture.clone(), numerics };
        let head = (KINDS[kind], classes);
        let (plain, layout) = adapted_head(config, head, train, 1, &Backend::Flex.device());
        let plain = plain.quantised(frozen);
        let cost = CostModel::of(architecture, plain.head.shape(), train).with_frozen(frozen);
        let examples = tiny::texts(texts.0, 6, 2, 1);
        let examples: Vec<_> = examples.iter().collect();
        let batch = plain.collate(&examples, texts.1, Padding::Fixed);
        let shape = batch.shape();
        prop_assert_eq!(shape, [texts.0 * cost.head.sequences(), texts.1]);
        for tracked in [false, true] {
            let model =
                if tracked { require_gradients(plain.clone(), &layout) } else { plain.clone() };
            let splits = (0..=layers).flat_map(|k| [Part::Lower(k), Part::Upper(k)]);
            for part in splits.chain([Part::Whole]) {
                let predicted = cost.pass(part.stages(layers), shape, tracked);
                same(&counted(&model, part, &batch, tracked), predicted)?;
                explained(&cost, predicted)?;
            }
            // As a server trains it that owes its clients the gradient of what they sent.
            for split in (1..=layers).filter(|_| tracked) {
                let tracked_batch = batch.to_device(&Backend::Flex.device().autodiff());
                let boundary = model.lower(split, &tracked_batch, &mut Ledger::new());
                let mut above = Ledger::new();
                above.flow(true);
                model.upper(split, boundary, &tracked_batch, &mut above);
                same(&above, cost.upper_training(split, shape))?;
                explained(&cost, cost.upper_training(split, shape))?;
            }
            prop_assert_eq!(cost.whole(shape, tracked), cost.pass(0..layers + 2, shape, tracked));
        }
    }

    /// From the transformer's definition, not from our formula.
    #[test]
    fn products_are_those_of_the_textbook((encoder, classes, [b, t]) in shapes(), rank in 1_u128..5) {
        let [d, f, layers] = [encoder.hidden_size, encoder.intermediate_size, encoder.num_hidden_layers]
            .map(|x| x as u128);
        let [b, t, c] = [b, t, classes].map(|x| x as u128);
        let layer = 8 * b * t * d * d + 4 * b * t * d * f + 4 * b * t * t * d;
        let whole = layers * layer + 2 * b * d * c;
        let projection = 2 * b * t * d * d;
        let shape = [b as usize, t as usize];
        let count = |train: Trainable| {
            let (model, layout) = adapted(&encoder, (classes, train), 2, &Backend::Flex.device());
            let model = require_gradients(model, &layout);
            let ledger = counted(&model, Part::Whole, &batch(shape), true);
            (ledger.forward.products, ledger.backward.products)
        };
        // Both factors of every product owe a gradient: twice the forward.
        prop_assert_eq!(count(Trainable::Full), (whole, 2 * whole));
        // The frozen embeddings need none: three projections of layer 1 owe their weights' alone.
        prop_assert_eq!(count(Trainable::Layers), (whole, 2 * whole - 3 * projection));
        // The head's weight alone.
        prop_assert_eq!(count(Trainable::Head), (whole, 2 * b * d * c));
        let lora = Trainable::lora(rank as usize, 1.0);
        // Two adapted projections a layer, each x A and then B.
        prop_assert_eq!(count(lora).0, whole + layers * 2 * (2 * b * t * d * rank + 2 * b * t * rank * d));
        // On all six, from d or f to d or f.
        let all = Trainable::Lora { rank: rank as usize, alpha: 1.0, projections: Projections::ALL };
        let added = 2 * b * t * rank * (4 * 2 * d + 2 * (d + f));
        prop_assert_eq!(count(all).0, whole + layers * added);
        // Two bottlenecks, each down and up.
        let bottleneck = count(Trainable::Bottleneck { width: rank as usize });
        prop_assert_eq!(bottleneck.0, whole + layers * 2 * 2 * (2 * b * t * d * rank));
        // Every token of every head meets `rank` keys more, and sums as many values.
        let prefix = count(Trainable::Prefix { length: rank as usize });
        prop_assert_eq!(prefix.0, whole + layers * 2 * (2 * b * t * rank * d));
    }

    #[test]
    fn without_gradients_nothing_is_owed_or_kept((encoder, classes, shape) in shapes(), choice in 0..CHOICES.len()) {
        let train = CHOICES[choice];
        let (model, _) = adapted(&encoder, (classes, train), 3, &Backend::Flex.device());
        let ledger = counted(&model, Part::Whole, &batch(shape), false);
        prop_assert_eq!(ledger.backward, Default::default());
        prop_assert_eq!(ledger.kept_activations().get(), 0);
    }
}

#[test]
fn training_less_never_costs_more() {
    let encoder = crate::tiny::architecture(3);
    let backward = |train| CostModel::of(&encoder, 3, train).whole([4, 8], true);
    let [full, layers, bitfit, _, head, ..] = CHOICES.map(backward);
    for (more, less) in [(full, layers), (layers, bitfit), (bitfit, head)] {
        assert!(more.backward.flops() > less.backward.flops());
        assert!(more.kept > less.kept);
        assert_eq!(more.forward, less.forward);
    }
}

//! The flat vector of trainable parameters: what is in it, reading and writing it.

use burn::module::Module;
use fleetune_models::{
    backend::Backend,
    batch::{Batch, Padding},
    cost::CostModel,
    ledger::Ledger,
    parameters::{Trainable, install, keep_rows, read},
};

use crate::tiny::{CHOICES, KINDS, Kind, adapted, adapted_head, architecture, numbers, texts};

/// The bits of a vector.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn closed_form_counts_are_those_of_the_model() {
    for train in CHOICES {
        for (layers, classes) in [(1, 2), (3, 5)] {
            for kind in KINDS {
                counts_are_those_of_the_model(kind, (layers, classes), train);
            }
        }
    }
}

fn counts_are_those_of_the_model(kind: Kind, (layers, classes): (usize, usize), train: Trainable) {
    let encoder = architecture(layers);
    let (model, layout) =
        adapted_head(&encoder, (kind, classes), train, 1, &Backend::Flex.device());
    let cost = CostModel::of(&encoder, model.head.shape(), train);
    let tensors: u64 = (0..layers + 2).map(|stage| cost.trainable_tensors(stage)).sum();
    assert_eq!(tensors, layout.slots().len() as u64, "{train} {kind:?}");
    // A device holds tied output embeddings once, unless they train.
    let copy = kind == Kind::Options && layout.slot("head.weight").is_none();
    let shared = if copy { (encoder.vocab_size * encoder.hidden_size) as u64 } else { 0 };
    assert_eq!(cost.parameters(), model.num_params() as u64 - shared, "{train} {kind:?}");
    let mut total = 0;
    let whole = everything(&model);
    for stage in 0..layers + 2 {
        let slots = whole.slots().iter().filter(|s| s.stage == stage);
        let real: usize = slots.map(|s| s.range.len()).sum();
        let shared = if stage > layers { shared } else { 0 };
        let held = cost.parameters_of(stage..stage + 1) + shared;
        assert_eq!(held, real as u64, "{kind:?}, stage {stage}");
        let slots = layout.slots().iter().filter(|s| s.stage == stage);
        let real: usize = slots.map(|s| s.shape.iter().product::<usize>()).sum();
        assert_eq!(cost.trainable(stage), real as u64, "{train}, stage {stage}");
        total += real;
    }
    assert_eq!(layout.len(), total);
    if train == Trainable::Full {
        assert_eq!(layout.len(), model.num_params(), "everything trains");
    }
}

#[test]
fn slots_tile_the_vector_by_stage_and_splits_cut_between_them() {
    for train in CHOICES {
        let (_, layout) = adapted(&architecture(3), (4, train), 1, &Backend::Flex.device());
        let mut end = 0;
        let mut stage = 0;
        for slot in layout.slots() {
            assert_eq!(slot.range.start, end, "{}", slot.path);
            assert_eq!(slot.range.len(), slot.shape.iter().product::<usize>());
            assert!(slot.stage >= stage);
            assert_eq!(layout.slot(&slot.path), Some(slot));
            (end, stage) = (slot.range.end, slot.stage);
        }
        assert_eq!(end, layout.len());
        assert_eq!(layout.lower(0), 0..0, "an empty lower part, embeddings or not");
        for split in 0..=3 {
            let (lower, upper) = (layout.lower(split), layout.upper(split));
            assert_eq!((lower.start, lower.end, upper.end), (0, upper.start, layout.len()));
            for slot in layout.slots() {
                let below = split > 0 && slot.stage <= split;
                let part = if below { &lower } else { &upper };
                assert!(
                    part.start <= slot.range.start && slot.range.end <= part.end,
                    "{}",
                    slot.path
                );
            }
        }
    }
}

#[test]
fn halves_hold_every_slot_once_each_from_zero() {
    for train in CHOICES {
        let (_, layout) = adapted(&architecture(3), (4, train), 1, &Backend::Flex.device());
        for split in 0..=3 {
            let halves = layout.halves(split);
            let parts = [layout.lower(split), layout.upper(split)];
            for (half, part) in halves.iter().zip(&parts) {
                assert_eq!((half.len(), half.layers()), (part.len(), layout.layers()));
                for slot in half.slots() {
                    let original = layout.slot(&slot.path).expect("it is one of the whole's");
                    assert_eq!(slot.range.start + part.start, original.range.start);
                    assert_eq!(
                        (slot.range.len(), slot.stage),
                        (original.range.len(), original.stage)
                    );
                    assert_eq!(half.slot(&slot.path), Some(slot));
                }
            }
            let count: usize = halves.iter().map(|half| half.slots().len()).sum();
            assert_eq!(count, layout.slots().len(), "{train}, split {split}");
        }
    }
}

#[test]
fn only_biases_and_norms_escape_weight_decay() {
    let (_, layout) = adapted(&architecture(2), (4, Trainable::Full), 1, &Backend::Flex.device());
    for slot in layout.slots() {
        assert_eq!(slot.decays, slot.shape.len() == 2, "{}", slot.path);
    }
}

#[test]
fn what_is_written_is_read_back_to_the_bit_and_nothing_else_moves() {
    let device = Backend::Flex.device();
    for train in CHOICES {
        let (model, layout) = adapted(&architecture(2), (3, train), 2, &device);
        // Among the values some that arithmetic would not keep.
        let mut weights = read(&model, &layout);
        for (i, value) in weights.values.iter_mut().enumerate() {
            *value = match i % 4 {
                0 => -0.0,
                1 => f32::MIN_POSITIVE / 4.0,
                2 => *value + 1.0,
                _ => 1.0e30,
            };
        }
        let changed = weights.install_in(model.clone());
        assert_eq!(bits(&read(&changed, &layout).values), bits(&weights.values), "{train}");
        // Seen through the layout of everything, frozen tensors are as they were.
        let everything = everything(&model);
        let (old, new) = (read(&model, &everything), read(&changed, &everything));
        for slot in everything.slots().iter().filter(|s| layout.slot(&s.path).is_none()) {
            let range = slot.range.clone();
            assert_eq!(bits(&old.values[range.clone()]), bits(&new.values[range]), "{}", slot.path);
        }
        assert_eq!(bits(&read(&model, &layout).values).len(), layout.len());
        assert_ne!(old.values, new.values);
    }
}

/// The layout of all tensors, of adapters too.
fn everything(
    model: &fleetune_models::transformer::Classifier,
) -> std::sync::Arc<fleetune_models::parameters::Layout> {
    Trainable::Full.adapt(model.clone(), &mut || unreachable!("nothing is added")).1
}

#[test]
fn a_range_is_installed_without_touching_its_neighbours() {
    let device = Backend::Flex.device();
    for train in CHOICES {
        let (model, layout) = adapted(&architecture(3), (3, train), 3, &device);
        let before = read(&model, &layout).values;
        for split in 0..=3 {
            for range in [layout.lower(split), layout.upper(split)] {
                let mut asked = Vec::new();
                let changed =
                    install(model.clone(), &layout, range.clone(), &mut |slot, values| {
                        asked.push(slot.range.clone());
                        assert_eq!(bits(values), bits(&before[slot.range.clone()]));
                        values.iter_mut().for_each(|v| *v += 1.0);
                    });
                let after = read(&changed, &layout).values;
                for (i, (old, new)) in before.iter().zip(&after).enumerate() {
                    let expected = if range.contains(&i) { old + 1.0 } else { *old };
                    assert_eq!(
                        new.to_bits(),
                        expected.to_bits(),
                        "{train}, element {i} of {range:?}"
                    );
                }
                assert!(asked.is_sorted_by_key(|r| r.start), "in the layout's order");
                assert_eq!(asked.iter().map(ExactSizeIterator::len).sum::<usize>(), range.len());
            }
        }
    }
}

/// Of the token table only the rows of a batch count, for its logits and for what a pass costs.
#[test]
fn a_model_of_the_rows_of_a_batch_gives_its_logits_to_the_bit() {
    let device = Backend::Flex.device();
    let (model, layout) = adapted(&architecture(2), (3, Trainable::Full), 4, &device);
    let examples = texts(5, 7, 3, 5);
    let mut batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), 8, Padding::Fixed);
    let logits = |model: &fleetune_models::transformer::Classifier, batch: &Batch| {
        let mut ledger = Ledger::new();
        let logits = model.forward(&batch.to_device(&device), &mut ledger);
        (bits(&numbers(logits)), ledger.forward)
    };
    let expected = logits(&model, &batch);
    let rows: std::sync::Arc<[u32]> = batch.tokens().into_iter().collect();
    assert!(rows.contains(&0) && rows.len() < 40, "padding, and not all tokens: {rows:?}");
    batch.renumber(&rows);
    let fewer = keep_rows(model.clone(), &model, &rows);
    assert_eq!(logits(&fewer, &batch), expected);
    // What is read of it is what is gathered from the whole, and can be installed again.
    let part = std::sync::Arc::new(layout.with_rows(&rows).expect("the table trains"));
    let gathered = read(&model, &layout).gather(&part, vec![9.0; 7]);
    assert_eq!(read(&fewer, &part), gathered);
    let other = keep_rows(model.clone(), &model, &vec![0; rows.len()]);
    assert_eq!(logits(&gathered.install_in(other), &batch), expected);
    // The tensors follow each other without gaps, all but the table as they were.
    for (here, there) in part.slots().iter().zip(layout.slots()) {
        let before = part.slots().iter().take_while(|s| s.path != here.path);
        assert_eq!(before.map(|s| s.range.len()).sum::<usize>(), here.range.start);
        if here.rows.is_none() {
            let moved = there.range.start - here.range.start;
            assert_eq!(moved, 16 * (40 - rows.len()), "{}", here.path);
            assert_eq!((here.range.len(), &here.shape), (there.range.len(), &there.shape));
        }
    }
    let frozen = Trainable::Layers.adapt(fewer, &mut || unreachable!("nothing is added")).1;
    assert_eq!(frozen.with_rows(&rows), None);
}

//! Loss and accuracy against their definitions.

use burn::tensor::{Tensor, TensorData};
use fleetune_models::{
    backend::Backend,
    batch::{Batch, Padding},
    evaluate::{cross_entropy, evaluate},
    ledger::Ledger,
};
use proptest::prelude::*;

use crate::tiny::{architecture, classifier, numbers, texts};

fn tensor(rows: &[Vec<f32>]) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), &Backend::Flex.device())
}

/// -ln of the label's share of the exponentials.
fn naive(row: &[f32], label: usize) -> f64 {
    let total: f64 = row.iter().map(|&v| libm::exp(f64::from(v))).sum();
    -libm::log(libm::exp(f64::from(row[label])) / total)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn cross_entropy_is_its_definition(
        rows in proptest::collection::vec(proptest::collection::vec(-20.0_f32..20.0, 4), 1..9),
        labels in proptest::collection::vec(0_usize..4, 9),
    ) {
        let labels = &labels[..rows.len()];
        let expected: f64 =
            rows.iter().zip(labels).map(|(r, &l)| naive(r, l)).sum::<f64>() / rows.len() as f64;
        let found = cross_entropy(tensor(&rows), labels);
        prop_assert!((found - expected).abs() < 1e-10 * (1.0 + expected), "{} {}", found, expected);
    }
}

#[test]
fn cross_entropy_survives_extreme_logits_and_shows_what_is_not_a_number() {
    assert_eq!(cross_entropy(tensor(&[vec![2000.0, -2000.0]]), &[0]), 0.0);
    assert_eq!(cross_entropy(tensor(&[vec![2000.0, -2000.0]]), &[1]), 4000.0);
    assert!(cross_entropy(tensor(&[vec![f32::NAN, 0.0]]), &[1]).is_nan());
}

#[test]
fn an_evaluation_is_the_mean_over_texts_one_by_one() {
    let device = Backend::Flex.device();
    let model = classifier(&architecture(2), 3, 20, &device);
    // More texts than one batch holds, of different lengths, so that they are sorted and cut.
    let examples = texts(75, 11, 3, 21);
    let (mut loss, mut correct) = (0.0, 0.0);
    for example in &examples {
        let batch = Batch::collate(&[example], 11, Padding::Longest);
        let row = numbers(model.forward(&batch.to_device(&device), &mut Ledger::new()));
        loss += naive(&row, example.label);
        let best = row.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
        correct += f64::from(u8::from(row[example.label] == best));
    }
    let found = evaluate(&model, &examples, 11, &device);
    assert_eq!(found.accuracy, correct / 75.0);
    assert!((found.loss - loss / 75.0).abs() < 1e-5, "{} {}", found.loss, loss / 75.0);
}

//! Quantised frozen weights: the error is within its closed-form bound, and the forward computes with the codes.

use burn::tensor::{Tensor, TensorData};
use fleetune_models::{
    alignment::aligned,
    architecture::Frozen,
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    evaluate::cross_entropies,
    ledger::Ledger,
    tasks::BuiltinTask,
    transformer::{Classifier, Linear},
};
use proptest::prelude::*;

use crate::tiny::numbers;

fn linear(weight: &[f32], [input, output]: [usize; 2]) -> Linear {
    let device = Backend::Flex.device();
    let mut linear = Linear::zeros([input, output], false, &device);
    let data = TensorData::new(weight.to_vec(), [input, output]);
    linear.weight = linear.weight.map(|_| Tensor::from_data(data, &device));
    linear
}

/// Codes and scales.
fn parts(linear: &Linear) -> (Vec<f32>, Vec<f32>) {
    let scales = linear.scales.as_ref().expect("it is quantised");
    (numbers(linear.weight.val()), numbers(scales.val()))
}

/// Weights of all sizes, with zeros and outliers.
fn weights() -> impl Strategy<Value = (Vec<f32>, [usize; 2])> {
    (1_usize..9, 1_usize..7).prop_flat_map(|(input, output)| {
        let one = prop_oneof![8 => -1.0_f32..1.0, 1 => Just(0.0), 1 => -1e3_f32..1e3];
        (prop::collection::vec(one, input * output), Just([input, output]))
    })
}

/// For rounding in f32.
const SLACK: f32 = 1.0 + 1e-5;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// |w - s q| <= s / 2 with s = max |w| / 127 over the output, codes are whole and fit 8 bits.
    #[test]
    fn eight_bits_err_by_half_a_scale_at_most((weight, widths) in weights()) {
        let quantised = linear(&weight, widths).quantised(Frozen::Int8);
        let (codes, scales) = parts(&quantised);
        prop_assert_eq!(scales.len(), widths[1]);
        for (i, (&w, &q)) in weight.iter().zip(&codes).enumerate() {
            let output = i % widths[1];
            let column = weight.iter().skip(output).step_by(widths[1]);
            let most = column.fold(0.0_f32, |most, w| most.max(w.abs()));
            prop_assert!((scales[output] * 127.0 - most).abs() <= 1e-5 * most);
            prop_assert!(q.fract() == 0.0 && q.abs() <= 127.0);
            prop_assert!((w - scales[output] * q).abs() <= scales[output] / 2.0 * SLACK, "{} {}", w, q);
        }
    }

    /// With γ = mean |w|: an error of γ / 2 at most where |w| <= 3 γ / 2, and of |w| - γ beyond.
    #[test]
    fn three_values_err_by_their_closed_form((weight, widths) in weights()) {
        let quantised = linear(&weight, widths).quantised(Frozen::Ternary);
        let (codes, scales) = parts(&quantised);
        let mean = weight.iter().map(|w| w.abs()).sum::<f32>() / weight.len() as f32;
        prop_assert_eq!(scales.len(), 1);
        let scale = scales[0];
        prop_assert!((scale - mean).abs() <= 1e-4 * mean);
        for (&w, &q) in weight.iter().zip(&codes) {
            prop_assert!([-1.0, 0.0, 1.0].contains(&q));
            let bound = (scale / 2.0).max(w.abs() - scale);
            prop_assert!((w - scale * q).abs() <= bound * SLACK + 1e-6 * w.abs(), "{} {} {}", w, q, scale);
        }
    }

    /// The product is with the codes: what comes out is x times codes times scales, to the rounding of f32.
    #[test]
    fn the_forward_computes_with_the_codes((weight, widths) in weights(), seed in any::<u64>()) {
        let mut draw = crate::tiny::noise(seed);
        let x: Vec<f32> = (0..2 * widths[0]).map(|_| draw()).collect();
        for frozen in [Frozen::Int8, Frozen::Ternary] {
            let quantised = linear(&weight, widths).quantised(frozen);
            let (codes, scales) = parts(&quantised);
            let device = Backend::Flex.device();
            let input = Tensor::from_data(TensorData::new(x.clone(), [2, widths[0]]), &device);
            let found = numbers(quantised.forward(input, &mut Ledger::new()));
            for (row, output) in (0..2).flat_map(|row| (0..widths[1]).map(move |o| (row, o))) {
                let scale = f64::from(scales[output % scales.len()]);
                let term = |i: usize| {
                    f64::from(x[row * widths[0] + i]) * f64::from(codes[i * widths[1] + output]) * scale
                };
                let (sum, size) = (0..widths[0]).map(term).fold((0.0, 0.0), |(s, n), t| (s + t, n + t.abs()));
                let error = (f64::from(found[row * widths[1] + output]) - sum).abs();
                prop_assert!(error <= 1e-5 * size + 1e-30, "{} {}", error, size);
            }
        }
    }
}

/// The embedded model on the texts of its own task, from prompts alone.
fn embedded(frozen: Frozen) -> (f64, f64) {
    let device = Backend::Flex.device();
    let checkpoint = Checkpoint::embedded();
    let tokenizer = checkpoint.tokenizer(32).expect("32 tokens fit");
    let task = BuiltinTask::Source.load();
    let prompts: Vec<&str> = task.classes.iter().map(|class| class.prompt.as_str()).collect();
    let encoder = checkpoint.encoder(&device).expect("the embedded model is complete");
    let model: Classifier =
        aligned(encoder, &prompts, &tokenizer, 32, &device).expect("prompts are plain text");
    let model = model.quantised(frozen);
    let texts: Vec<Encoded> = task.test[..1000]
        .iter()
        .map(|example| tokenizer.encode(&example.text, example.label).expect("plain text"))
        .collect();
    let (mut right, mut loss) = (0, 0.0);
    for texts in texts.chunks(100) {
        let batch = Batch::collate(&texts.iter().collect::<Vec<_>>(), 32, Padding::Longest);
        let logits = model.forward(&batch.to_device(&device), &mut Ledger::new());
        loss += cross_entropies(logits.clone(), &batch.labels).iter().sum::<f64>();
        let classes = task.classes.len();
        for (row, &label) in numbers(logits).chunks(classes).zip(&batch.labels) {
            let best = (0..classes).max_by(|&a, &b| row[a].total_cmp(&row[b]));
            right += usize::from(best == Some(label));
        }
    }
    (right as f64 / 1000.0, loss / 1000.0)
}

/// 8 bits cost the embedded model no more than one text in a hundred, and 0.01 nats; three values, to which it was never
/// trained, cost it most of what it knows.
#[test]
fn the_embedded_model_keeps_its_accuracy_in_eight_bits() {
    let [plain, int8, ternary] = [Frozen::Plain, Frozen::Int8, Frozen::Ternary].map(embedded);
    assert!((plain.0 - int8.0).abs() <= 0.01, "{} {}", plain.0, int8.0);
    assert!((plain.1 - int8.1).abs() <= 0.01, "{} {}", plain.1, int8.1);
    assert!(int8.1 != plain.1, "something was quantised");
    assert!(ternary.1 > plain.1 + 0.05, "{} {}", plain.1, ternary.1);
}

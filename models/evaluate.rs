//! Loss and accuracy, from logits that a model really computed.

use burn::tensor::{Device, Tensor};

use crate::{
    batch::{Encoded, Padding},
    ledger::Ledger,
    transformer::Classifier,
};

/// What a model achieves on a set of labelled texts.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluation {
    /// Share of texts classified correctly.
    pub accuracy: f64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
}

/// Texts per forward in an evaluation.
const EVALUATION_BATCH: usize = 32;

/// Evaluates `model` on `examples`, in batches of texts of similar length: padding costs the host time only.
///
/// # Panics
/// If `examples` is empty: tasks are checked to have a test set.
pub fn evaluate(
    model: &Classifier,
    examples: &[Encoded],
    max_length: usize,
    device: &Device,
) -> Evaluation {
    let mut by_length: Vec<&Encoded> = examples.iter().collect();
    by_length.sort_by_key(|e| e.ids.len());
    let (mut correct, mut loss) = (0_usize, 0.0);
    for chunk in by_length.chunks(EVALUATION_BATCH) {
        let batch = model.collate(chunk, max_length, Padding::Longest);
        let logits = model.forward(&batch.to_device(device), &mut Ledger::new());
        let rows = Logits::read(logits);
        loss += rows.losses(&batch.labels).sum::<f64>();
        correct += rows.predictions().zip(&batch.labels).filter(|(p, l)| p == *l).count();
    }
    let n = examples.len() as f64;
    Evaluation { accuracy: correct as f64 / n, loss: loss / n }
}

/// The mean cross-entropy of `logits` (`[batch, classes]`) against `labels`, in nats, computed on the host in f64.
pub fn cross_entropy(logits: Tensor<2>, labels: &[usize]) -> f64 {
    cross_entropies(logits, labels).iter().sum::<f64>() / labels.len() as f64
}

/// The cross-entropy of each text of [`cross_entropy`].
pub fn cross_entropies(logits: Tensor<2>, labels: &[usize]) -> Vec<f64> {
    Logits::read(logits).losses(labels).collect()
}

struct Logits {
    values: Vec<f32>,
    classes: usize,
}

impl Logits {
    fn read(logits: Tensor<2>) -> Self {
        let [_, classes] = logits.dims();
        let data = logits.into_data();
        let values = data.as_slice::<f32>().expect("logits are computed in f32").to_vec();
        Self { values, classes }
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.classes)
    }

    fn losses(&self, labels: &[usize]) -> impl Iterator<Item = f64> {
        self.rows().zip(labels).map(|(row, &label)| {
            let top = row.iter().fold(f64::NEG_INFINITY, |m, &v| m.max(f64::from(v)));
            let total: f64 = row.iter().map(|&v| libm::exp(f64::from(v) - top)).sum();
            libm::log(total) + top - f64::from(row[label])
        })
    }

    fn predictions(&self) -> impl Iterator<Item = usize> {
        self.rows().map(|row| {
            let mut best = 0;
            for (class, value) in row.iter().enumerate() {
                if *value > row[best] {
                    best = class;
                }
            }
            best
        })
    }
}

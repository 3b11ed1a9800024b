//! How close a student comes to its teacher, on sentences that it never saw.

use burn::tensor::Device;

use super::student::Data;
use crate::{ledger::Ledger, transformer::Transformer};

/// A student's measured quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Mean cosine between the student's and the teacher's (projected) vectors on held-out sentences.
    pub cosine: f64,
    /// Pearson correlation of all pairwise cosines within batches of 64 held-out sentences.
    pub pairs: f64,
}

/// Measures a student on the held-out sentences.
pub fn measure(student: &Transformer, data: &Data, max_length: usize, device: &Device) -> Quality {
    let (_, held_out) = data.split();
    let mut cosines = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for rows in held_out.chunks(64) {
        let (batch, targets) = data.batch(rows, max_length);
        let vectors = student.embed(&batch.to_device(device), &mut Ledger::new()).into_data();
        let vectors = vectors.as_slice::<f32>().expect("the student computes in f32");
        let targets = targets.as_slice::<f32>().expect("targets are f32");
        let row = |values: &[f32], i: usize| values[i * data.width..][..data.width].to_vec();
        for i in 0..rows.len() {
            cosines.push(dot(&row(vectors, i), &row(targets, i)));
            for j in 0..i {
                ours.push(dot(&row(vectors, i), &row(vectors, j)));
                theirs.push(dot(&row(targets, i), &row(targets, j)));
            }
        }
    }
    Quality { cosine: mean(&cosines), pairs: correlation(&ours, &theirs) }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| {
        x.iter().zip(y).map(|(p, q)| (p - mx) * (q - my)).sum::<f64>()
    };
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}

//! From token ids to tensors.

use std::{collections::BTreeSet, sync::OnceLock};

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// A tokenised, labelled text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids, special tokens included, truncated to the scenario's `max_length`.
    pub ids: Vec<u32>,
    /// Class index.
    pub label: usize,
}

/// How the texts of a batch are brought to one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Always `max_length`: every batch costs the same.
    #[default]
    Fixed,
    /// The longest text of the batch: cheaper, and the cost varies from batch to batch.
    Longest,
}

/// A batch on the host: `size` sequences of `seq` tokens. A sequence is a text, or a text with one of the options that are
/// scored; then all sequences of a text follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    ids: Vec<i32>,
    lengths: Vec<usize>,
    /// Class index of each text.
    pub labels: Vec<usize>,
    seq: usize,
}

impl Batch {
    /// Pads `examples` to one length, at most `max_length` tokens.
    ///
    /// # Panics
    /// If there is no example: nobody computes on an empty batch.
    pub fn collate(examples: &[&Encoded], max_length: usize, padding: Padding) -> Self {
        Self::of_options(examples, &[Vec::new()], max_length, padding)
    }

    /// As [`Batch::collate`], with every example once with each of `options` at its end. Examples are cut, options never.
    ///
    /// # Panics
    /// If there is no example, or an option alone is longer than `max_length`.
    pub fn of_options(
        examples: &[&Encoded],
        options: &[Vec<u32>],
        max_length: usize,
        padding: Padding,
    ) -> Self {
        let sequences = || examples.iter().flat_map(|e| options.iter().map(move |o| (&e.ids, o)));
        let kept = |ids: &[u32], option: &[u32]| ids.len().min(max_length - option.len());
        let lengths: Vec<usize> = sequences().map(|(e, o)| kept(e, o) + o.len()).collect();
        let seq = padded_length(&lengths, max_length, padding);
        let mut ids = vec![0; lengths.len() * seq];
        for ((example, option), row) in sequences().zip(ids.chunks_exact_mut(seq)) {
            let tokens = example[..kept(example, option)].iter().chain(option);
            for (slot, &id) in row.iter_mut().zip(tokens) {
                *slot = i32::try_from(id).expect("a vocabulary has fewer than 2^31 entries");
            }
        }
        Self { ids, lengths, labels: examples.iter().map(|e| e.label).collect(), seq }
    }

    /// Sequences and tokens per sequence, padding included.
    pub fn shape(&self) -> [usize; 2] {
        [self.lengths.len(), self.seq]
    }

    /// Tokens of each sequence, padding apart.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The tokens that stand in the batch, padding's included, each once, in ascending order.
    pub fn tokens(&self) -> BTreeSet<u32> {
        self.ids.iter().map(|&id| id as u32).collect()
    }

    /// Gives every token its index in `rows`, which are in ascending order.
    ///
    /// # Panics
    /// If a token is not there.
    pub fn renumber(&mut self, rows: &[u32]) {
        for id in &mut self.ids {
            let index = rows.binary_search(&(*id as u32)).expect("all tokens of the batch");
            *id = index as i32;
        }
    }

    /// The batch as tensors on `device`.
    pub fn to_device(&self, device: &Device) -> DeviceBatch {
        let [size, seq] = self.shape();
        DeviceBatch {
            ids: Tensor::from_data(TensorData::new(self.ids.clone(), [size * seq]), device),
            masks: Masks::new(&self.lengths, seq, device),
        }
    }
}

/// The length to which texts of these lengths are padded.
///
/// # Panics
/// If `lengths` is empty.
pub fn padded_length(lengths: &[usize], max_length: usize, padding: Padding) -> usize {
    let longest = *lengths.iter().max().expect("a batch has at least one text");
    match padding {
        Padding::Fixed => max_length,
        Padding::Longest => longest.min(max_length),
    }
}

/// Added to the score of a padded token: its softmax weight underflows to zero.
const MASKED: f32 = -1e9;

/// A batch on a device.
#[derive(Clone, Debug)]
pub struct DeviceBatch {
    /// Token ids, `[size * seq]`.
    pub ids: Tensor<1, Int>,
    /// Which tokens are real.
    pub masks: Masks,
}

/// Which tokens of a batch are real, in the forms that attention and pooling need.
#[derive(Clone, Debug)]
pub struct Masks {
    lengths: Vec<usize>,
    seq: usize,
    attention: Tensor<4>,
    pooling: Tensor<3>,
    /// Made when it is first asked for: encoders never do.
    causal: OnceLock<Tensor<4>>,
}

impl Masks {
    /// Of texts of these lengths, padded to `seq` tokens.
    ///
    /// # Panics
    /// If a text is longer than that.
    pub fn new(lengths: &[usize], seq: usize, device: &Device) -> Self {
        let size = lengths.len();
        let mut attention = vec![MASKED; size * seq];
        let mut pooling = vec![0.0_f32; size * seq];
        for (row, &length) in lengths.iter().enumerate() {
            attention[row * seq..][..length].fill(0.0);
            pooling[row * seq..][..length].fill(1.0 / length as f32);
        }
        Self {
            lengths: lengths.to_vec(),
            seq,
            attention: Tensor::from_data(TensorData::new(attention, [size, 1, 1, seq]), device),
            pooling: Tensor::from_data(TensorData::new(pooling, [size, seq, 1]), device),
            causal: OnceLock::new(),
        }
    }

    /// Texts, and tokens per text.
    pub fn shape(&self) -> [usize; 2] {
        [self.lengths.len(), self.seq]
    }

    /// Tokens of each text, padding apart.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Zero for real tokens, very negative for padding: `[size, 1, 1, seq]`, added to attention scores.
    pub fn attention(&self) -> Tensor<4> {
        self.attention.clone()
    }

    /// As [`Masks::attention`], and very negative for what comes after the token that attends: `[size, 1, seq, seq]`.
    pub fn causal(&self) -> Tensor<4> {
        let masked = || {
            let seq = self.seq;
            let later = |i: usize| if i % seq > i / seq { MASKED } else { 0.0 };
            let later: Vec<f32> = (0..seq * seq).map(later).collect();
            let data = TensorData::new(later, [1, 1, seq, seq]);
            self.attention() + Tensor::from_data(data, &self.attention.device())
        };
        self.causal.get_or_init(masked).clone()
    }

    /// 1/length for real tokens, zero for padding: `[size, seq, 1]`.
    pub fn pooling(&self) -> Tensor<3> {
        self.pooling.clone()
    }
}

//! When the server steps, and when it asks the same clients for more.

use std::ops::Range;

use fleetune_models::parameters::Layout;
use serde::{Deserialize, Serialize};

use super::FwdLlmConfig;

/// Where a cohort stands in its round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Mini-batches it has finished: global steps of this round.
    pub(super) batch: u32,
    /// Retries of the present mini-batch.
    pub(super) attempt: u32,
}

/// Whether the gradients collected for a step, after so many retries, disagree too much to make it yet.
pub(super) fn must_retry(
    config: &FwdLlmConfig,
    layout: &Layout,
    collected: &[Vec<f32>],
    attempt: u32,
) -> bool {
    let Some(threshold) = config.variance_threshold else { return false };
    if config.form.retry_cap().is_some_and(|cap| attempt >= cap) {
        return false;
    }
    let watched = watched(layout);
    let slices: Vec<&[f32]> = collected.iter().map(|g| &g[watched.clone()]).collect();
    // One gradient says nothing about its variance.
    half_variance(&slices).is_none_or(|variance| variance > threshold.get())
}

/// The tensor whose variance paces the steps: the bias of layer 1's attention output, which the published code watches
/// in BERT and RoBERTa (number 12 of their tensors). Where that does not train, the first of layer 1 that does (in
/// DistilBERT the code watches layer 1's adapter); where none does, the first of all.
pub(super) fn watched(layout: &Layout) -> Range<usize> {
    let slots = layout.slots();
    layout
        .slot("encoder.blocks.0.output.bias")
        .or_else(|| slots.iter().find(|s| s.stage == 1))
        .or(slots.first())
        .map_or(0..0, |s| s.range.clone())
}

/// FwdLLM's statistic: with A the mean of the first ⌊n/2⌋ of n gradients and B that of the others, the mean over
/// coordinates of (A - B)² / 2. Its expectation is 2 σ²/n for an even number of independent gradients of mean
/// per-coordinate variance σ². `None` below two gradients.
pub fn half_variance(gradients: &[&[f32]]) -> Option<f64> {
    let half = gradients.len() / 2;
    if half == 0 {
        return None;
    }
    let (first, second) = gradients.split_at(half);
    let mean = |part: &[&[f32]], i: usize| {
        part.iter().map(|g| f64::from(g[i])).sum::<f64>() / part.len() as f64
    };
    let coordinates = gradients[0].len();
    let total: f64 =
        (0..coordinates).map(|i| (mean(first, i) - mean(second, i)).powi(2) / 2.0).sum();
    Some(total / coordinates as f64)
}

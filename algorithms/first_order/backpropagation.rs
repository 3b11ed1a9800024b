use burn::tensor::{Tensor, TensorData, activation::log_softmax};

use fleetune_models::{
    evaluate::cross_entropies,
    ledger::Ledger,
    parameters::{Layout, install, require_gradients, take_gradients},
};

use super::GradientOracle;
use crate::{setup::Workshop, work::Tally};

/// A client's loss on its mini-batches: forward and backward through the model by Burn.
#[derive(Debug)]
pub(crate) struct Backpropagation<'a> {
    pub(crate) workshop: &'a Workshop,
    /// The texts of each local step.
    pub(crate) batches: Vec<Vec<u32>>,
}

impl GradientOracle for Backpropagation<'_> {
    fn gradient(&mut self, step: usize, at: &[f32], tally: &mut Tally) -> Vec<f32> {
        self.gradient_of(step, at, &self.workshop.layout, tally)
    }
}

impl Backpropagation<'_> {
    /// The gradient of the tensors of `part` alone, a part of the layout: the backward goes no further than it must.
    pub(super) fn gradient_of(
        &self,
        step: usize,
        at: &[f32],
        part: &Layout,
        tally: &mut Tally,
    ) -> Vec<f32> {
        let Workshop { model, layout, device, .. } = self.workshop;
        let model = install(model.clone(), layout, 0..layout.len(), &mut |slot, values| {
            values.copy_from_slice(&at[slot.range.clone()]);
        });
        let model = require_gradients(model, part);
        let batch = self.workshop.collate(&self.batches[step]);
        let mut ledger = Ledger::new();
        let logits = model.forward(&batch.to_device(&device.clone().autodiff()), &mut ledger);
        tally.training(&ledger);
        tally.seen.see(&cross_entropies(logits.clone(), &batch.labels));
        let mut gradients = mean_cross_entropy(logits, &batch.labels).backward();
        take_gradients(&model, part, &mut gradients)
    }
}

/// Mean cross-entropy as a tensor, so that gradients flow.
pub(crate) fn mean_cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    let device = logits.device();
    let mut chosen = vec![0.0_f32; batch * classes];
    for (row, &label) in labels.iter().enumerate() {
        chosen[row * classes + label] = -1.0 / batch as f32;
    }
    let chosen = Tensor::<2>::from_data(TensorData::new(chosen, [batch, classes]), &device);
    (log_softmax(logits, 1) * chosen).sum()
}

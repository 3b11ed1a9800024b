//! The two parts of the model: their costs, their gradients, and what passes between them.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};

use fleetune_models::{
    batch::{Batch, Masks},
    cost::BatchShape,
    ledger::Ledger,
    parameters::{Layout, Slot, install, require_gradients, take_gradients},
    transformer::{Boundary, Classifier},
};
use fleetune_units::{Bytes, Flops};

use crate::{
    first_order::{Rates, Recipe, mean_cross_entropy},
    meter::Meter,
    protocol::{Moment, Payload},
    setup::Workshop,
    work::{Resident, Tally},
};

/// What clients and server share.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) workshop: Arc<Workshop>,
    pub(super) recipe: Recipe,
    /// Layers on the device.
    split: usize,
    /// What trains on the device.
    pub(super) lower: Layout,
    /// What trains on the server.
    pub(super) upper: Layout,
}

impl Parts {
    pub(super) fn new(workshop: Arc<Workshop>, recipe: Recipe, split: usize) -> Self {
        let [lower, upper] = workshop.layout.halves(split);
        Self { workshop, recipe, split, lower, upper }
    }

    /// The learning rates of a part.
    pub(super) fn rates(&self, part: &Layout, when: Moment) -> Rates {
        Rates::of(part, &self.recipe.learning_rate, when)
    }

    /// What jobs and the server count by.
    pub(super) fn trained(&self) -> &Meter {
        &self.workshop.meters.trained
    }

    /// Elements that a device always holds: its part's parameters; gradients and optimiser state of those that train.
    pub(super) fn resident(&self, meter: &Meter) -> Resident {
        let elements = self.lower_elements(meter) as u64;
        meter
            .parameters_of(0..self.split + 1)
            .and("gradient", elements)
            .and("moments of the optimiser", self.recipe.optimizer.moments() * elements)
    }

    /// Trainable elements on the device.
    pub(super) fn lower_elements(&self, meter: &Meter) -> usize {
        meter.parts(self.split)[0]
    }

    /// A forward through the lower part, and the backward that will follow.
    pub(super) fn below(&self, meter: &Meter, batch: BatchShape) -> Tally {
        let mut tally = meter.tally();
        tally.training_passes(meter.pass(0..self.split + 1, batch, true));
        tally
    }

    /// What the server does for one mini-batch: forward, backward and a step of the optimiser.
    pub(super) fn above(&self, meter: &Meter, batch: BatchShape) -> Flops {
        let pass = meter.upper_training(self.split, batch);
        let [_, upper] = meter.parts(self.split);
        let step = self.recipe.optimizer.step_cost(upper);
        (pass.forward + pass.backward + step).flops()
    }

    /// Bytes of the gradient of a mini-batch's activations.
    pub(super) fn gradient_size(&self, meter: &Meter, [sequences, tokens]: BatchShape) -> Bytes {
        Payload::size(sequences * tokens * meter.width())
    }

    /// Values of a mini-batch's [`Crossing`].
    pub(super) fn crossing_len(&self, meter: &Meter, shape: BatchShape) -> usize {
        let [sequences, tokens] = shape;
        sequences * (tokens * meter.width() + 1) + self.texts(shape)
    }

    /// Texts of a mini-batch, each of which has a label.
    pub(super) fn texts(&self, [sequences, _]: BatchShape) -> usize {
        sequences / self.workshop.sequences(1)
    }

    fn width(&self) -> usize {
        self.trained().width()
    }

    /// The lower part with `at` for what trains in it, and what it makes of `batch`: `[rows, d]`, with its graph.
    fn run_below(&self, at: &[f32], batch: &Batch, ledger: &mut Ledger) -> (Classifier, Tensor<2>) {
        let model = self.model(&self.lower, at);
        let device = self.workshop.device.clone().autodiff();
        match model.lower(self.split, &batch.to_device(&device), ledger) {
            Boundary::States(states) => (model, states),
            Boundary::Input => unreachable!("a split of 0 was refused before a model existed"),
        }
    }

    /// What the lower part sends of `batch`.
    pub(super) fn forward(&self, at: &[f32], batch: &Batch, ledger: &mut Ledger) -> Crossing {
        let (_, states) = self.run_below(at, batch, ledger);
        let (lengths, labels) = (batch.lengths().to_vec(), batch.labels.clone());
        Crossing { states: values(states.detach()), lengths, labels }
    }

    /// The gradient over the lower part's parameters at `at`, from that of the activations of `batch`: the gradient of
    /// `sum(y g)` with g held fast.
    pub(super) fn backward(
        &self,
        at: &[f32],
        batch: &Batch,
        received: &[f32],
        ledger: &mut Ledger,
    ) -> Vec<f32> {
        let (model, states) = self.run_below(at, batch, ledger);
        let received = TensorData::new(received.to_vec(), states.dims());
        let received = Tensor::<2>::from_data(received, &states.device());
        let mut gradients = (states * received).sum().backward();
        take_gradients(&model, &self.lower, &mut gradients)
    }

    /// Gradients of the loss over the upper part's parameters at `at`, and over the activations that crossed.
    pub(super) fn train_above(
        &self,
        at: &[f32],
        crossing: &Crossing,
        counted: &mut Flops,
    ) -> [Vec<f32>; 2] {
        let model = self.model(&self.upper, at);
        let device = self.workshop.device.clone().autodiff();
        let sequences = crossing.lengths.len();
        let rows = crossing.states.len() / self.width();
        let states = TensorData::new(crossing.states.clone(), [rows, self.width()]);
        let states = Tensor::<2>::from_data(states, &device).require_grad();
        let masks = Masks::new(&crossing.lengths, rows / sequences, &device);
        let mut ledger = Ledger::new();
        ledger.flow(true);
        let logits = model.above(self.split, states.clone(), &masks, &mut ledger);
        let step = self.recipe.optimizer.step_cost(self.upper.len());
        *counted += (ledger.forward + ledger.backward + step).flops();
        let mut gradients = mean_cross_entropy(logits, &crossing.labels).backward();
        let below =
            states.grad_remove(&mut gradients).expect("the activations have a part in the loss");
        [take_gradients(&model, &self.upper, &mut gradients), values(below)]
    }

    /// The model with the trainable tensors of `part` at `at`, and gradients for these alone.
    fn model(&self, part: &Layout, at: &[f32]) -> Classifier {
        let write = &mut |slot: &Slot, values: &mut [f32]| {
            values.copy_from_slice(&at[slot.range.clone()]);
        };
        let model = install(self.workshop.model.clone(), part, 0..part.len(), write);
        require_gradients(model, part)
    }
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("activations are computed in f32")
}

/// What crosses the split for one mini-batch, upwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Crossing {
    /// Activations of all tokens, padding included, `[sequences * tokens, d]`.
    pub(super) states: Vec<f32>,
    /// Tokens of each sequence.
    pub(super) lengths: Vec<usize>,
    /// Class of each text.
    pub(super) labels: Vec<usize>,
}

impl Crossing {
    /// The message: activations, lengths, labels, each number as a 32-bit float, which holds integers below 2^24.
    pub(super) fn payload(self) -> Payload {
        let mut values = self.states;
        values.extend(self.lengths.iter().chain(&self.labels).map(|&n| n as f32));
        Payload::Dense(values)
    }

    /// Reads the message of `texts` texts in `sequences` sequences.
    pub(super) fn read(values: &[f32], sequences: usize, texts: usize) -> Self {
        let (states, rest) = values.split_at(values.len() - sequences - texts);
        let whole = |part: &[f32]| part.iter().map(|&n| n as usize).collect();
        let (lengths, labels) = rest.split_at(sequences);
        Self { states: states.to_vec(), lengths: whole(lengths), labels: whole(labels) }
    }
}

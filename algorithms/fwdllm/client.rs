//! A client's work in one exchange.

use std::sync::Arc;

use fleetune_devices::Workload;
use fleetune_models::{
    cost::BatchShape, evaluate::cross_entropies, ledger::Ledger, parameters::Weights,
};
use fleetune_units::Bytes;

use super::{FwdLlmConfig, Upload, sampling};
use crate::{
    meter::Meter,
    noise::Distribution,
    protocol::{ClientId, Exchange, Payload, Update},
    setup::Workshop,
    wire::Choices,
    work::{Resident, Tally},
};

/// What guides the sampling of a client's direction.
#[derive(Clone, Debug)]
pub(super) enum Guide {
    /// Nothing: the direction is standard normal.
    Nothing,
    /// The device ranks candidates of its own by this reference.
    Device(Arc<Vec<f32>>),
    /// The server ranked the cohort's pool by this reference.
    Server {
        reference: Arc<Vec<f32>>,
        /// The candidate that it chose for each tensor; none for a client that it has not convened: the best of a pool
        /// for that client alone.
        chosen: Option<Vec<u32>>,
    },
}

/// One client's work in one exchange.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) workshop: Arc<Workshop>,
    pub(super) config: Arc<FwdLlmConfig>,
    pub(super) guide: Guide,
    pub(super) exchange: Exchange,
    /// Which of the cohort's mini-batches this step is for.
    pub(super) batch: u32,
    /// Whether the client has the model, and the reference that it ranks by, from an earlier try of this step.
    pub(super) retry: bool,
    pub(super) client: ClientId,
}

impl Task {
    pub(super) fn texts(&self) -> Vec<u32> {
        let last = self.batch as usize;
        self.workshop.batches(self.client, self.exchange.round, last + 1).swap_remove(last)
    }

    pub(super) fn shape(&self) -> BatchShape {
        let last = self.batch as usize;
        self.workshop.shapes(self.client, self.exchange.round, last + 1).swap_remove(last)
    }

    fn upload(&self) -> Upload {
        self.config.form.upload()
    }

    /// What the work costs on a mini-batch of this shape.
    pub(super) fn workload(&self, meter: &Meter, shape: BatchShape) -> Workload {
        let mut tally = meter.tally();
        tally.passes(meter.whole(shape, false), 2);
        self.charge_directions(&mut tally, meter);
        tally.workload(self.resident(meter), self.downloaded(meter), self.uploaded(meter))
    }

    /// The model, unless the client has it; then it is told to try again. With it comes what guides the sampling.
    fn downloaded(&self, meter: &Meter) -> Bytes {
        let dense = Payload::size(meter.elements());
        let choices = Choices::size(meter.tensors());
        match (&self.guide, self.retry) {
            (Guide::Nothing | Guide::Device(_), true) => Payload::size(0),
            (Guide::Server { .. }, true) => choices,
            (Guide::Nothing, false) => dense,
            (Guide::Device(_), false) => dense + dense,
            (Guide::Server { .. }, false) => dense + choices,
        }
    }

    fn uploaded(&self, meter: &Meter) -> Bytes {
        Payload::size(match self.upload() {
            Upload::Gradient => meter.elements(),
            Upload::Scalars => 1,
        })
    }

    /// Parameters; the gradient, if it is sent; the reference, if the device ranks. Directions are generated when they
    /// are needed.
    fn resident(&self, meter: &Meter) -> Resident {
        let elements = meter.elements() as u64;
        let gradient = u64::from(self.upload() == Upload::Gradient);
        let reference = u64::from(matches!(self.guide, Guide::Device(_)));
        meter
            .parameters()
            .and("gradient", gradient * elements)
            .and("gradient to rank by", reference * elements)
    }

    /// Ranking generates every candidate once; three passes perturb and restore in place; one more writes the gradient.
    fn charge_directions(&self, tally: &mut Tally, meter: &Meter) {
        let (law, d) = (Distribution::Gaussian, meter.elements());
        if let Guide::Device(_) = self.guide {
            tally.rank(law, d, self.config.candidates.get().into());
        }
        tally.perturb(law, d, 3);
        if self.upload() == Upload::Gradient {
            tally.update_with_noise(law, d, 1);
        }
    }

    /// The direction that is evaluated.
    pub(super) fn direction(&self) -> Vec<f32> {
        let (layout, streams) = (&self.workshop.layout, &self.workshop.streams);
        let own = sampling::own_seed(streams, self.exchange, self.client);
        let best = |seed, reference: &[f32]| {
            let drawn = self.config.candidates.get();
            sampling::rank(layout, seed, reference, drawn, 1).concat()
        };
        match &self.guide {
            Guide::Nothing => sampling::direction(layout, own, &vec![0; layout.slots().len()]),
            Guide::Device(reference) => sampling::direction(layout, own, &best(own, reference)),
            Guide::Server { reference, chosen } => {
                let pool = sampling::pool_seed(streams, self.exchange);
                let chosen = chosen.clone().unwrap_or_else(|| best(pool, reference));
                sampling::direction(layout, pool, &chosen)
            }
        }
    }

    /// The forward gradient of a client that measured this directional derivative.
    pub(super) fn gradient(&self, derivative: f32) -> Vec<f32> {
        along(self.direction(), derivative)
    }

    /// The exchange, for real: the derivative along the direction is `(L(θ + h v) - L(θ - h v)) / (2 h)`.
    pub(super) fn probe(&self, global: &Weights) -> Update {
        let workshop = &self.workshop;
        let batch = workshop.collate(&self.texts());
        let on_device = batch.to_device(&workshop.device);
        let direction = self.direction();
        let meter = &workshop.meters.trained;
        let mut tally = meter.tally();
        let h = self.config.epsilon.get();
        let mut loss = |by: f64| {
            let values = global.values.iter().zip(&direction);
            let values = values.map(|(&w, &v)| w + by as f32 * v).collect();
            let shifted = Weights { layout: Arc::clone(&global.layout), values };
            let mut ledger = Ledger::new();
            let logits = workshop.model_with(&shifted).forward(&on_device, &mut ledger);
            tally.inference(&ledger);
            tally.seen.see(&cross_entropies(logits, &batch.labels))
        };
        let derivative = ((loss(h) - loss(-h)) / (2.0 * h)) as f32;
        self.charge_directions(&mut tally, meter);
        let payload = match self.upload() {
            Upload::Gradient => Payload::Dense(along(direction, derivative)),
            Upload::Scalars => Payload::Scalars(vec![derivative]),
        };
        let upload = Bytes::new(payload.encode(self.exchange.round).len() as u64);
        let examples = self.workshop.batch_size(self.client) as u64;
        let counted = tally.counted(self.resident(meter), upload);
        let losses = tally.seen.losses(workshop.distinct(self.client, examples));
        Update { payload, examples, counted, kept: None, losses }
    }
}

fn along(mut direction: Vec<f32>, derivative: f32) -> Vec<f32> {
    direction.iter_mut().for_each(|v| *v *= derivative);
    direction
}

//! A client's work in one round.

use std::sync::Arc;

use fleetune_devices::Workload;
use fleetune_models::{
    cost::BatchShape,
    parameters::{Slot, Weights},
};
use fleetune_units::Bytes;

use super::{
    Local, StepDirections, apply,
    history::Gap,
    recipe::{Recipe, Upload},
    seeds::Seeds,
    settle::{Trace, settle},
};
use crate::{
    meter::Meter,
    noise::tensor_key,
    protocol::{ClientId, Moment, Payload, Update},
    setup::Workshop,
    work::{Resident, Tally},
};

/// How a client gets the global model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Download {
    /// All trainable parameters.
    Dense,
    /// Scalars, which it replays on the version that it holds.
    Replay(Gap),
}

/// One client's work in one round.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) seeds: Seeds,
    pub(crate) when: Moment,
    /// The number of its random draws: the round's, unless it is asked again at the same model.
    pub(crate) draws: u64,
    pub(crate) client: ClientId,
    pub(crate) download: Download,
    /// Whether the device stores the global model before it trains, to replay from it another time.
    pub(crate) keeps_copy: bool,
}

impl Task {
    fn step_seeds(&self) -> Vec<u64> {
        let of = (self.client, self.draws);
        self.seeds.steps(&self.workshop.streams, of, self.recipe.local_steps)
    }

    /// What the job counts by.
    fn counting(&self) -> &Meter {
        &self.workshop.meters.trained
    }

    fn downloaded(&self, meter: &Meter) -> Bytes {
        match self.download {
            Download::Dense => Payload::size(meter.elements()),
            Download::Replay(gap) => Bytes::new(gap.bytes),
        }
    }

    fn uploaded(&self, meter: &Meter) -> Bytes {
        Payload::size(match self.recipe.upload {
            Upload::Scalars => self.recipe.plan.scalars() * self.recipe.local_steps,
            Upload::Delta => meter.elements(),
        })
    }

    /// Parameters, the boundary activations that a split keeps, and for a delta the start.
    fn resident(&self, meter: &Meter, shapes: &[BatchShape]) -> Resident {
        let rows = shapes.iter().map(|[texts, tokens]| texts * tokens).max().unwrap_or(0);
        let boundary = rows as u64 * meter.width() as u64;
        let start = match self.recipe.upload {
            Upload::Scalars => 0,
            Upload::Delta => meter.elements() as u64,
        };
        meter
            .parameters()
            .and("activations at the split", self.recipe.plan.boundaries() * boundary)
            .and("model at the start", start)
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.workshop.batches(self.client, self.draws, self.recipe.local_steps)
    }

    /// The shapes of this round's mini-batches.
    pub(crate) fn shapes(&self) -> Vec<BatchShape> {
        self.workshop.shapes(self.client, self.draws, self.recipe.local_steps)
    }

    /// What the work costs on mini-batches of these shapes.
    pub(crate) fn workload(&self, meter: &Meter, shapes: &[BatchShape]) -> Workload {
        let mut tally = meter.tally();
        self.charge_bookkeeping(&mut tally, meter);
        for &shape in shapes {
            self.recipe.plan.charge_evaluation(&mut tally, meter, shape);
            self.charge_update(&mut tally, meter);
        }
        let resident = self.resident(meter, shapes);
        tally.workload(resident, self.downloaded(meter), self.uploaded(meter))
    }

    /// What is done beside the steps: replaying what was missed from the stored copy, which is read for it; storing
    /// the copy; taking the difference to be sent.
    fn charge_bookkeeping(&self, tally: &mut Tally, meter: &Meter) {
        let elements = meter.elements();
        if let Download::Replay(gap) = self.download {
            let steps = gap.entries * self.recipe.local_steps as u64;
            self.recipe.plan.charge_replay(tally, meter, steps);
            tally.copy(elements);
        }
        if self.keeps_copy {
            tally.copy(elements);
        }
        if self.recipe.upload == Upload::Delta {
            tally.subtract(elements);
        }
    }

    fn charge_update(&self, tally: &mut Tally, meter: &Meter) {
        self.recipe.plan.charge_update(tally, meter);
        if self.recipe.weight_decay > 0.0 {
            tally.scale(meter.elements());
        }
    }

    /// The local steps, for real: what is uploaded.
    ///
    /// The start is the global model as the server has it: what a client that replays has too, to the bit.
    pub(crate) fn train(&self, start: &Weights) -> Update {
        let mut tally = self.counting().tally();
        let (local, sent) = self.walk(start, &mut tally);
        self.report(start, &local, sent, &tally)
    }

    /// As [`Self::train`], with the whole model that stays on the device.
    #[cfg(test)]
    pub(crate) fn trained(&self, start: &Weights) -> (Update, Weights) {
        let mut tally = self.counting().tally();
        let (local, sent) = self.walk(start, &mut tally);
        let whole = self.settled(start, &local, &sent);
        (self.report(start, &local, sent, &tally), whole)
    }

    /// Takes the steps: the model after them, and their scalars.
    fn walk(&self, start: &Weights, tally: &mut Tally) -> (Local, Vec<f32>) {
        let meter = self.counting();
        self.charge_bookkeeping(tally, meter);
        let (plan, rates) = (self.recipe.plan, self.recipe.rates(self.when));
        let (mut local, batches) = Local::open(&self.workshop, start, plan, &self.batches());
        let mut sent = Vec::new();
        for (batch, seed) in batches.iter().zip(self.step_seeds()) {
            let on_device = batch.to_device(&self.workshop.device);
            plan.charge_perturbations(tally, meter);
            let on = (&on_device, &batch.labels[..]);
            let scalars = local.project(seed, self.recipe.epsilon, on, tally);
            rates.decay(&mut local.weights, 1);
            local.apply(&scalars, &|slot| rates.rate(slot));
            self.charge_update(tally, meter);
            sent.extend(scalars);
        }
        (local, sent)
    }

    /// The whole model after the steps with these scalars.
    fn settled(&self, start: &Weights, local: &Local, scalars: &[f32]) -> Weights {
        let (plan, rates) = (self.recipe.plan, self.recipe.rates(self.when));
        let owed = |slot: &Slot| {
            let kept = (rates.weight_decay != 0.0).then(|| rates.kept(slot) as f32);
            let trace = |step| {
                Trace::new(plan, (&start.layout, slot), step, rates.rate(slot)).after_decay(kept)
            };
            self.step_seeds().into_iter().zip(scalars.chunks(plan.scalars())).map(trace).collect()
        };
        local.settled(start, &owed)
    }

    fn report(&self, start: &Weights, local: &Local, sent: Vec<f32>, tally: &Tally) -> Update {
        let payload = match self.recipe.upload {
            Upload::Scalars => Payload::Scalars(sent),
            Upload::Delta => {
                let whole = self.settled(start, local, &sent);
                Payload::Dense(difference(&whole.values, &start.values))
            }
        };
        let upload = Bytes::new(payload.encode(self.when.round).len() as u64);
        let examples = (self.recipe.local_steps * self.workshop.batch_size(self.client)) as u64;
        let counted = tally.counted(self.resident(self.counting(), &self.shapes()), upload);
        let losses = tally.seen.losses(self.workshop.distinct(self.client, examples));
        Update { payload, examples, counted, kept: None, losses }
    }

    /// Adds this client's steps to a model, weighed by `share`, as if nobody else had trained.
    ///
    /// With weight decay a step's trace is shrunk by the steps that follow it; decay of the start itself is the
    /// caller's, once for all clients.
    pub(crate) fn replay(&self, weights: &mut Weights, share: f64, scalars: &[f32]) {
        let (plan, rates) = (self.recipe.plan, self.recipe.rates(self.when));
        let seeds = self.step_seeds();
        let steps = || seeds.iter().copied().zip(scalars.chunks(plan.scalars()));
        let left = || (0..self.recipe.local_steps as u32).rev();
        let factor = |slot: &Slot, left| {
            share * rates.rate(slot) * super::update::power(rates.kept(slot), left)
        };
        if !plan.distribution.is_elementwise() {
            for ((seed, scalars), left) in steps().zip(left()) {
                let directions = StepDirections::derive(&weights.layout, plan, seed);
                apply(weights, plan, &directions, scalars, &|slot| factor(slot, left));
            }
            return;
        }
        let layout = Arc::clone(&weights.layout);
        for slot in layout.slots() {
            let trace = |(step, left)| Trace::new(plan, (&layout, slot), step, factor(slot, left));
            let owed: Vec<Trace> = steps().zip(left()).map(trace).collect();
            let values = &mut weights.values[slot.range.clone()];
            settle(plan.distribution, tensor_key(&slot.path), (0, values), &owed);
        }
    }
}

fn difference(after: &[f32], before: &[f32]) -> Vec<f32> {
    after.iter().zip(before).map(|(a, b)| a - b).collect()
}

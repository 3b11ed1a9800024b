use std::sync::Arc;

use fleetune_devices::Workload;
use fleetune_models::cost::BatchShape;
use fleetune_units::Bytes;

use super::{LocalRule, LocalSteps, Rates, Recipe, backpropagation::Backpropagation};
use crate::{
    meter::Meter,
    protocol::{ClientId, Exchange, Payload, Update},
    setup::Workshop,
    work::Resident,
};

/// One client's work in one round.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) workshop: Arc<Workshop>,
    pub(super) recipe: Arc<Recipe>,
    pub(super) rule: Arc<dyn LocalRule>,
    pub(super) exchange: Exchange,
    pub(super) client: ClientId,
}

impl Task {
    fn steps(&self) -> LocalSteps {
        let rates =
            Rates::of(&self.workshop.layout, &self.recipe.learning_rate, self.exchange.moment());
        let optimizer = self.recipe.optimizer.clone();
        LocalSteps { count: self.recipe.steps(), optimizer, rates }
    }

    pub(super) fn resident(&self, meter: &Meter) -> Resident {
        self.recipe.resident(meter, self.rule.vectors().held as u64)
    }

    pub(super) fn shapes(&self) -> Vec<BatchShape> {
        self.workshop.shapes(self.client, self.exchange.draws(), self.recipe.steps())
    }

    /// What the work costs on mini-batches of these shapes, in closed form.
    pub(super) fn workload(&self, meter: &Meter, shapes: &[BatchShape]) -> Workload {
        let mut tally = meter.tally();
        for &shape in shapes {
            tally.training_passes(meter.whole(shape, true));
        }
        self.steps().predict(self.rule.as_ref(), meter.elements(), &mut tally);
        let vectors = self.rule.vectors();
        let [download, upload] =
            [vectors.download, vectors.upload].map(|count| Payload::size(count * meter.elements()));
        tally.workload(self.resident(meter), download, upload)
    }

    /// The texts of the local steps' mini-batches.
    pub(super) fn texts(&self) -> Vec<Vec<u32>> {
        self.workshop.batches(self.client, self.exchange.draws(), self.recipe.steps())
    }

    /// Training examples behind its update.
    pub(super) fn examples(&self) -> u64 {
        (self.recipe.steps() * self.workshop.batch_size(self.client)) as u64
    }

    /// The local steps, for real.
    pub(super) fn train(&self, start: &[f32]) -> Update {
        let mut oracle = Backpropagation { workshop: &self.workshop, batches: self.texts() };
        let meter = &self.workshop.meters.trained;
        let mut tally = meter.tally();
        let payload = self.steps().run(&mut oracle, self.rule.as_ref(), start, &mut tally);
        let upload = Bytes::new(payload.encode(self.exchange.round).len() as u64);
        let counted = tally.counted(self.resident(meter), upload);
        let examples = self.examples();
        let losses = tally.seen.losses(self.workshop.distinct(self.client, examples));
        Update { payload, examples, counted, kept: None, losses }
    }
}

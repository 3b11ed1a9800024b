use std::sync::Arc;

use fleetune_devices::Workload;
use fleetune_models::cost::BatchShape;
use fleetune_units::Bytes;

use super::{LocalRule, LocalSteps, Rates, Recipe, backpropagation::Backpropagation};
use crate::{
    protocol::{ClientId, Exchange, Payload, Update},
    setup::Workshop,
    work::Tally,
};

/// One client's work in one round.
#[derive(Debug)]
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

    /// Trainable elements, d.
    fn elements(&self) -> usize {
        self.workshop.layout.len()
    }

    fn resident(&self) -> u64 {
        let held = self.rule.vectors().held as u64;
        self.recipe.resident(&self.workshop.cost, self.elements() as u64, held)
    }

    pub(super) fn shapes(&self) -> Vec<BatchShape> {
        self.workshop.shapes(self.client, self.exchange.draws(), self.recipe.steps())
    }

    /// What the work costs on mini-batches of these shapes, in closed form.
    pub(super) fn workload(&self, shapes: &[BatchShape]) -> Workload {
        let mut tally = Tally::default();
        for &shape in shapes {
            let pass = self.workshop.cost.whole(shape, true);
            tally.forward += pass.forward;
            tally.backward += pass.backward;
            tally.activations = tally.activations.max(pass.peak_activations().get());
            tally.kept = tally.kept.max(pass.kept_activations().get());
        }
        self.steps().predict(self.rule.as_ref(), self.elements(), &mut tally);
        let vectors = self.rule.vectors();
        let [download, upload] =
            [vectors.download, vectors.upload].map(|count| Payload::size(count * self.elements()));
        tally.workload(self.resident(), download, upload)
    }

    /// The local steps, for real.
    pub(super) fn train(&self, start: &[f32]) -> Update {
        let batches =
            self.workshop.batches(self.client, self.exchange.draws(), self.recipe.steps());
        let mut oracle = Backpropagation { workshop: &self.workshop, batches };
        let mut tally = Tally::default();
        let payload = self.steps().run(&mut oracle, self.rule.as_ref(), start, &mut tally);
        let upload = Bytes::new(payload.encode(self.exchange.round).len() as u64);
        let examples = (self.recipe.steps() * self.workshop.batch_size) as u64;
        Update { payload, examples, counted: tally.counted(self.resident(), upload), kept: None }
    }
}

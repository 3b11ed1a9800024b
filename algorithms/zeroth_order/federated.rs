//! Federated zeroth-order training with scalar uploads.
//!
//! A client takes τ local steps and uploads their projected gradients; directions are derived from seeds both sides
//! know. The server replays each client's steps with the same bits and averages the resulting models, weighted by
//! the examples behind them. The download is the dense global model's trainable parameters.

use std::{borrow::Cow, sync::Arc};

use fleetune_devices::Workload;
use fleetune_models::{
    cost::BatchShape, encoder::Classifier, ledger::ELEMENT, parameters::Weights,
};
use fleetune_units::Bytes;

use super::{
    Plan, StepDirections, apply,
    step::{Probe, project_with},
};
use crate::{
    average::{advance, mean_by_examples},
    protocol::{Assignment, ClientId, Exchange, Payload, ProtocolError, Server, Update, Verdict},
    settings::LearningRate,
    setup::Workshop,
    work::{Tally, bytes},
};

/// How every client trains.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) plan: Plan,
    pub(crate) local_steps: usize,
    pub(crate) epsilon: f64,
    pub(crate) learning_rate: LearningRate,
}

/// The server of MeZO and FedSPZO.
#[derive(Debug)]
pub(crate) struct ZerothOrderServer {
    workshop: Arc<Workshop>,
    recipe: Arc<Recipe>,
    global: Arc<Weights>,
}

impl ZerothOrderServer {
    pub(crate) fn new(workshop: Arc<Workshop>, start: Weights, recipe: Recipe) -> Self {
        Self { workshop, recipe: Arc::new(recipe), global: Arc::new(start) }
    }
}

impl Server for ZerothOrderServer {
    fn assign(&self, exchange: Exchange, client: ClientId) -> Assignment {
        let task = self.task(exchange.round, client);
        let workload = task.workload(&task.shapes());
        let start = Arc::clone(&self.global);
        Assignment { workload, job: Box::new(move || task.train(&start).0) }
    }

    fn forecast(&self, client: ClientId) -> Vec<Workload> {
        let bounds = self.workshop.shape_bounds(client, self.recipe.local_steps);
        bounds.iter().map(|shapes| self.task(0, client).workload(shapes)).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let expected = self.recipe.plan.scalars() * self.recipe.local_steps;
        let mean = mean_by_examples(self.global.values.len(), &updates, |client, update| {
            let scalars = update.scalars(client, expected)?;
            let task = self.task(exchange.round, client);
            Ok(Cow::Owned(task.replay(&self.global, scalars).values))
        })?;
        if let Some(mean) = mean {
            advance(&mut self.global, &mean, exchange.round)?;
        }
        Ok(Verdict::RoundOver)
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.workshop.model_with(&self.global)
    }
}

impl ZerothOrderServer {
    fn task(&self, round: u64, client: ClientId) -> Task {
        let (workshop, recipe) = (Arc::clone(&self.workshop), Arc::clone(&self.recipe));
        Task { workshop, recipe, round, client }
    }
}

/// One client's work in one round.
#[derive(Debug)]
struct Task {
    workshop: Arc<Workshop>,
    recipe: Arc<Recipe>,
    round: u64,
    client: ClientId,
}

impl Task {
    fn directions(&self, step: usize) -> StepDirections {
        let seed = self.workshop.direction_seed(self.client, self.round, step);
        StepDirections::derive(&self.workshop.layout, self.recipe.plan, seed)
    }

    fn rate(&self, stage: usize) -> f64 {
        self.recipe.learning_rate.of(stage, self.round)
    }

    fn upload(&self) -> Bytes {
        Payload::size(self.recipe.plan.scalars() * self.recipe.local_steps)
    }

    /// Parameters, and the two boundary activations that a split keeps.
    fn resident(&self, shapes: &[BatchShape]) -> u64 {
        let cost = &self.workshop.cost;
        let boundaries = match self.recipe.plan.split {
            0 => 0,
            _ => {
                let rows = shapes.iter().map(|[texts, tokens]| texts * tokens);
                2 * rows.max().unwrap_or(0) as u64 * cost.encoder.hidden_size as u64
            }
        };
        bytes(cost.parameters() + boundaries)
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.workshop.batches(self.client, self.round, self.recipe.local_steps)
    }

    fn shapes(&self) -> Vec<BatchShape> {
        self.workshop.shapes(self.client, self.round, self.recipe.local_steps)
    }

    /// What the work costs on mini-batches of these shapes.
    fn workload(&self, shapes: &[BatchShape]) -> Workload {
        let download = Payload::size(self.workshop.layout.len());
        self.predicted(shapes).workload(self.resident(shapes), download, self.upload())
    }

    /// The work before it is done, in closed form.
    fn predicted(&self, shapes: &[BatchShape]) -> Tally {
        let Plan { split, lower, upper } = self.recipe.plan;
        let (layout, cost) = (&self.workshop.layout, &self.workshop.cost);
        let border = if split == 0 { 0 } else { split + 1 };
        let mut tally = Tally::default();
        for &shape in shapes {
            let below = cost.pass(0..border, shape, false);
            let above = cost.pass(border..cost.encoder.num_hidden_layers + 2, shape, false);
            tally.forward += below.forward * (2 * u64::from(lower));
            tally.forward += above.forward * (2 * u64::from(lower) * u64::from(upper));
            tally.activations = tally.activations.max(ELEMENT * below.peak.max(above.peak));
            let passes = u64::from(lower);
            tally.perturb(layout.lower(split).len(), 3 * passes);
            tally.perturb(layout.upper(split).len(), 3 * passes * u64::from(upper));
            self.charge_update(&mut tally);
        }
        tally
    }

    fn charge_update(&self, tally: &mut Tally) {
        let Plan { split, lower, upper } = self.recipe.plan;
        let layout = &self.workshop.layout;
        tally.update_with_noise(layout.lower(split).len(), u64::from(lower));
        tally.update_with_noise(layout.upper(split).len(), u64::from(lower) * u64::from(upper));
    }

    /// The local steps, for real: what is uploaded, and the model that stays on the device.
    fn train(&self, start: &Weights) -> (Update, Weights) {
        let mut weights = start.clone();
        let mut probe = Probe::new(self.workshop.model.clone());
        let mut tally = Tally::default();
        let mut sent = Vec::new();
        for (step, texts) in self.batches().iter().enumerate() {
            let batch = self.workshop.collate(texts);
            let directions = self.directions(step);
            let scalars = project_with(
                &mut probe,
                &weights,
                self.recipe.plan,
                self.recipe.epsilon,
                &directions,
                (&batch.to_device(&self.workshop.device), &batch.labels),
                &mut tally,
            );
            apply(&mut weights, self.recipe.plan, &directions, &scalars, &|s| self.rate(s));
            self.charge_update(&mut tally);
            sent.extend(scalars);
        }
        let payload = Payload::Scalars(sent);
        let upload = Bytes::new(payload.encode(self.round).len() as u64);
        let examples = (self.recipe.local_steps * self.workshop.batch_size) as u64;
        let counted = tally.counted(self.resident(&self.shapes()), upload);
        (Update { payload, examples, counted }, weights)
    }

    /// The client's final model from its scalars: the same bits as the client's own.
    fn replay(&self, start: &Weights, scalars: &[f32]) -> Weights {
        let mut weights = start.clone();
        for (step, scalars) in scalars.chunks(self.recipe.plan.scalars()).enumerate() {
            apply(&mut weights, self.recipe.plan, &self.directions(step), scalars, &|s| {
                self.rate(s)
            });
        }
        weights
    }
}

#[cfg(test)]
mod tests;

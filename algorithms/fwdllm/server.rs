//! The server: whom it guides, what it collects, when it steps.

use std::{collections::BTreeSet, sync::Arc};

use fleetune_devices::Workload;
use fleetune_models::{cost::BatchShape, parameters::Weights, transformer::Classifier};
use fleetune_units::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Form, FwdLlmConfig, Upload,
    client::{Guide, Task},
    pacing::{Place, must_retry},
    sampling,
};
use crate::{
    average::advance,
    protocol::{
        Assignment, ClientId, Estimate, Exchange, Horizon, Moment, Movable, Payload, ProtocolError,
        Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    setup::Workshop,
};

/// The server between exchanges.
#[derive(Debug)]
pub(super) struct FwdLlmServer {
    pub(super) workshop: Arc<Workshop>,
    config: Arc<FwdLlmConfig>,
    pub(super) global: Arc<Weights>,
    /// Global steps made so far.
    step: u64,
    /// Where the present cohort stands.
    pub(super) place: Place,
    /// The sum of the previous step's gradients, while it guides the sampling.
    pub(super) reference: Option<Arc<Vec<f32>>>,
    /// Who is asked at present.
    convened: Option<Convened>,
    /// Gradients collected for the present step. If a cohort is gone before its step, what it gave is taken at the
    /// model that is still there, and counts in the step of the next one.
    pub(super) collected: Vec<Vec<f32>>,
}

/// Those who are asked in an exchange, in that order.
#[derive(Debug, Serialize, Deserialize)]
struct Convened {
    exchange: Exchange,
    cohort: Vec<ClientId>,
    /// While the server guides: for each tensor the candidate of each of the cohort.
    ranked: Option<Vec<Vec<u32>>>,
}

impl Convened {
    fn position(&self, client: ClientId) -> Option<usize> {
        self.cohort.iter().position(|&one| one == client)
    }

    fn choice(&self, client: ClientId) -> Option<Vec<u32>> {
        let (ranked, position) = (self.ranked.as_ref()?, self.position(client)?);
        Some(ranked.iter().map(|numbers| numbers[position]).collect())
    }
}

impl Server for FwdLlmServer {
    fn convene(&mut self, exchange: Exchange, cohort: &[ClientId]) {
        let ranked = match (self.config.form, &self.reference) {
            (Form::AsPublished { .. }, Some(reference)) => {
                let asked = u32::try_from(cohort.len()).unwrap_or(u32::MAX);
                let drawn = self.config.candidates.get().saturating_mul(asked);
                let (layout, streams) = (&self.workshop.layout, &self.workshop.streams);
                let seed = sampling::pool_seed(streams, exchange);
                Some(sampling::rank(layout, seed, reference, drawn, cohort.len()))
            }
            _ => None,
        };
        self.convened = Some(Convened { exchange, cohort: cohort.to_vec(), ranked });
    }

    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let task = self.task(exchange, client);
        let (shape, start) = (task.shape(), Arc::clone(&self.global));
        let (work, job) = (task.clone(), Box::new(move || task.probe(&start)));
        self.workshop.meters.assignment(|meter| work.workload(meter, shape), job)
    }

    fn workload(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Workload {
        let task = self.task(exchange, client);
        task.workload(self.workshop.meters.charged(), task.shape())
    }

    fn forecast_scope(&self) -> Scope {
        self.workshop.forecast_scope()
    }

    /// Without retries the server makes a step of every exchange, and the steps that are guided are known by number.
    fn pass_over(&mut self, exchange: Exchange, _: &[ClientId]) -> Option<Verdict> {
        if self.config.may_retry() {
            return None;
        }
        let batch = self.place(exchange).batch;
        let guides = self.stepped(batch);
        self.reference = guides.then(|| Arc::new(Vec::new()));
        Some(self.next_batch(batch))
    }

    fn forecast(&self, client: ClientId, _: &dyn Estimate, _: Horizon) -> Vec<Workload> {
        let config = &self.config;
        let batches = config.batches_per_round.get() as usize;
        let shapes = self.workshop.shape_bounds(client, batches).into_iter().flatten();
        let shapes: BTreeSet<BatchShape> = shapes.collect();
        let guided = (config.candidates.get() > 1).then(|| Arc::new(Vec::new()));
        let retried = config.may_retry();
        let first = Exchange::at(0, 0);
        let (charged, mut kinds) = (self.workshop.meters.charged(), Vec::new());
        for reference in std::iter::once(None).chain(guided.map(Some)) {
            for retry in std::iter::once(false).chain(retried.then_some(true)) {
                let guide = self.guide(first, client, reference.as_ref());
                let task = Task { guide, retry, ..self.task(first, client) };
                kinds.extend(shapes.iter().map(|&shape| task.workload(charged, shape)));
            }
        }
        kinds
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        mut updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        // As published, in the order of the cohort: it decides which half of the statistic a gradient is in.
        if let Some(convened) = self.convened.as_ref().filter(|c| c.exchange == exchange) {
            updates.sort_by_key(|(client, _)| convened.position(*client));
        }
        let gradients: Vec<Vec<f32>> = updates
            .iter()
            .map(|(client, update)| self.gradient(exchange, *client, update))
            .collect::<Result<_, _>>()?;
        self.collected.extend(gradients);
        let Place { batch, attempt } = self.place(exchange);
        if must_retry(&self.config, &self.global.layout, &self.collected, attempt) {
            self.place = Place { batch, attempt: attempt.saturating_add(1) };
            return Ok(Verdict::SameCohort);
        }
        self.descend(exchange.moment(), batch)?;
        Ok(self.next_batch(batch))
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        Some(self)
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_weights(&self.global);
        snapshot.put(&(self.step, self.place));
        snapshot.put(&self.reference.as_deref());
        snapshot.put(&self.convened);
        snapshot.put(&self.collected);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.global = Arc::new(snapshot.take_weights(&self.global)?);
        (self.step, self.place) = snapshot.take()?;
        self.reference = snapshot.take::<Option<Vec<f32>>>()?.map(Arc::new);
        self.convened = snapshot.take()?;
        self.collected = snapshot.take()?;
        Ok(())
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.workshop.model_with(&self.global)
    }
}

impl Movable for FwdLlmServer {
    /// Gradients of a cohort that was gone before its step were taken at the model of before.
    fn move_to(&mut self, weights: &Weights) {
        self.global = Arc::new(weights.clone());
        self.collected.clear();
    }

    fn message_size(&mut self) -> Bytes {
        Payload::size(self.workshop.meters.charged().elements())
    }
}

impl FwdLlmServer {
    pub(super) fn new(workshop: Arc<Workshop>, config: FwdLlmConfig, start: Weights) -> Self {
        Self {
            workshop,
            config: Arc::new(config),
            global: Arc::new(start),
            step: 0,
            place: Place::default(),
            reference: None,
            convened: None,
            collected: Vec::new(),
        }
    }

    /// Where the cohort of `exchange` stands: at the start if it is a new one, whatever became of the one before.
    fn place(&self, exchange: Exchange) -> Place {
        if exchange.index == 0 { Place::default() } else { self.place }
    }

    fn guide(
        &self,
        exchange: Exchange,
        client: ClientId,
        reference: Option<&Arc<Vec<f32>>>,
    ) -> Guide {
        let Some(reference) = reference.cloned() else { return Guide::Nothing };
        match self.config.form {
            Form::Deployable { .. } => Guide::Device(reference),
            Form::AsPublished { .. } => {
                let convened = self.convened.as_ref().filter(|c| c.exchange == exchange);
                Guide::Server { reference, chosen: convened.and_then(|c| c.choice(client)) }
            }
        }
    }

    pub(super) fn task(&self, exchange: Exchange, client: ClientId) -> Task {
        let place = self.place(exchange);
        Task {
            workshop: Arc::clone(&self.workshop),
            config: Arc::clone(&self.config),
            guide: self.guide(exchange, client, self.reference.as_ref()),
            exchange,
            batch: place.batch,
            retry: place.attempt > 0,
            client,
        }
    }

    /// The forward gradient that an update stands for.
    fn gradient(
        &self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
    ) -> Result<Vec<f32>, ProtocolError> {
        match self.config.form.upload() {
            Upload::Gradient => Ok(update.dense(client, self.global.layout.len())?.to_vec()),
            Upload::Scalars => {
                let derivative = update.scalars(client, 1)?[0];
                Ok(self.task(exchange, client).gradient(derivative))
            }
        }
    }

    /// One step along the mean of the collected gradients, for mini-batch `batch` of its round.
    fn descend(&mut self, when: Moment, batch: u32) -> Result<(), ProtocolError> {
        let mut sum = vec![0.0_f64; self.global.values.len()];
        for gradient in &self.collected {
            for (sum, &g) in sum.iter_mut().zip(gradient) {
                *sum += f64::from(g);
            }
        }
        let n = self.collected.len() as f64;
        let mut values: Vec<f64> = self.global.values.iter().map(|&w| w.into()).collect();
        for slot in self.global.layout.slots() {
            let rate = self.config.learning_rate.of(slot.stage, when);
            for i in slot.range.clone() {
                values[i] -= rate * sum[i] / n;
            }
        }
        advance(&mut self.global, &values, when.round)?;
        self.collected.clear();
        let guides = self.stepped(batch);
        self.reference = guides.then(|| Arc::new(sum.iter().map(|&s| s as f32).collect()));
        Ok(())
    }

    /// Counts a step, for mini-batch `batch` of its round: whether the next one is guided.
    fn stepped(&mut self, batch: u32) -> bool {
        self.step += 1;
        let guides = match self.config.form {
            // The code guides the next step if the number of the mini-batch that it comes to is odd, looked at before
            // a new round starts over from 0.
            Form::AsPublished { .. } => batch.is_multiple_of(2),
            Form::Deployable { .. } => !self.step.is_multiple_of(2),
        };
        guides && self.config.candidates.get() > 1
    }

    /// Turns to the mini-batch after `batch`, if its round has one.
    fn next_batch(&mut self, batch: u32) -> Verdict {
        self.place = Place { batch: batch + 1, attempt: 0 };
        let more = self.place.batch < self.config.batches_per_round.get();
        if more { Verdict::SameCohort } else { Verdict::RoundOver }
    }
}

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
};

use fleetune_devices::Workload;
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::Bytes;

use super::{LocalRule, Recipe, client::Task};
use crate::{
    average::{advance, difference, mean_by_examples, moved},
    protocol::{
        Assignment, ClientId, Displaced, Estimate, Exchange, Horizon, Layered, Moment, Movable,
        Payload, ProtocolError, Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    setup::{Setup, Workshop},
};

/// What tells one first-order algorithm from another.
pub(crate) trait Method: Send + fmt::Debug {
    /// What `client` makes of plain local steps in the coming round.
    fn rule(&self, client: ClientId) -> Arc<dyn LocalRule>;

    /// The next global model, from the present one and at least one update in the order of arrival. The default is a
    /// [`step`](Self::step) to the mean of the models that were sent.
    ///
    /// Its own state may move on even if that model turns out not to be finite: learning is over then.
    fn join(
        &mut self,
        global: &[f32],
        updates: &[(ClientId, Update)],
    ) -> Result<Vec<f64>, ProtocolError> {
        let mean = mean_of_models(global.len(), updates)?;
        Ok(self.step(global, mean))
    }

    /// The next global model, if the clients' models have this mean. The default is the mean.
    fn step(&mut self, _global: &[f32], mean: Vec<f64>) -> Vec<f64> {
        mean
    }

    /// Writes down what it has learnt since it was made; see [`Server::save`].
    fn save(&self, snapshot: &mut Snapshot);

    /// Takes that up again; see [`Server::restore`].
    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError>;

    /// Whether a client's last layers are of use alone: its steps are plain, and the next global model is the mean. The
    /// default is no.
    fn joins_layers(&self) -> bool {
        false
    }

    /// Whether clients send their models, so that nothing but their mean is needed. The default is yes.
    fn joins_models(&self) -> bool {
        true
    }
}

/// The mean of the models that the clients sent, weighted by the examples behind them.
fn mean_of_models(len: usize, updates: &[(ClientId, Update)]) -> Result<Vec<f64>, ProtocolError> {
    let sent = |client, update| Update::dense(update, client, len).map(Cow::Borrowed);
    let mean = mean_by_examples(len, updates, sent)?;
    Ok(mean.expect("updates are not empty, and each rests on at least one example"))
}

/// The server of every first-order algorithm.
#[derive(Debug)]
pub(crate) struct FirstOrderServer<M> {
    pub(super) workshop: Arc<Workshop>,
    pub(super) recipe: Arc<Recipe>,
    pub(super) global: Arc<Weights>,
    pub(super) method: M,
    /// What every exchange costs, if all cost the same.
    common: OnceLock<Workload>,
}

impl<M: Method> FirstOrderServer<M> {
    /// With the global model at its start; `method` is told how many parameters train, and of how many clients.
    pub(crate) fn open(
        setup: Setup,
        recipe: Recipe,
        method: impl FnOnce(usize, usize) -> M,
    ) -> Self {
        let batch = recipe.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, recipe.train, batch);
        let method = method(workshop.layout.len(), workshop.data.shards.len());
        let (recipe, global) = (Arc::new(recipe), Arc::new(start));
        Self { workshop, recipe, global, method, common: OnceLock::new() }
    }

    pub(super) fn task(&self, exchange: Exchange, client: ClientId) -> Task {
        let (workshop, recipe) = (Arc::clone(&self.workshop), Arc::clone(&self.recipe));
        Task { workshop, recipe, rule: self.method.rule(client), exchange, client }
    }
}

impl<M: Method> Server for FirstOrderServer<M> {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let task = self.task(exchange, client);
        let (shapes, start) = (task.shapes(), Arc::clone(&self.global));
        let (work, job) = (task.clone(), Box::new(move || task.train(&start.values)));
        self.workshop.meters.assignment(|meter| work.workload(meter, &shapes), job)
    }

    fn workload(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Workload {
        let work = || {
            let task = self.task(exchange, client);
            task.workload(self.workshop.meters.charged(), &task.shapes())
        };
        match self.workshop.common_shape() {
            Some(_) => self.common.get_or_init(work).clone(),
            None => work(),
        }
    }

    fn forecast_scope(&self) -> Scope {
        self.workshop.forecast_scope()
    }

    fn pass_over(&mut self, _: Exchange, _: &[ClientId]) -> Option<Verdict> {
        Some(Verdict::RoundOver)
    }

    fn forecast(&self, client: ClientId, _: &dyn Estimate, _: Horizon) -> Vec<Workload> {
        let bounds = self.workshop.shape_bounds(client, self.recipe.steps());
        let task = self.task(Exchange::at(0, 0), client);
        bounds.iter().map(|shapes| task.workload(self.workshop.meters.charged(), shapes)).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if !updates.is_empty() {
            let next = self.method.join(&self.global.values, &updates)?;
            advance(&mut self.global, &next, exchange.round)?;
        }
        Ok(Verdict::RoundOver)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        self.method.joins_models().then_some(self as &mut dyn Displaced)
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        self.method.joins_models().then_some(self as &mut dyn Movable)
    }

    fn layered(&mut self) -> Option<&mut dyn Layered> {
        self.joins_layers().then_some(self as &mut dyn Layered)
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_weights(&self.global);
        self.method.save(snapshot);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.global = Arc::new(snapshot.take_weights(&self.global)?);
        self.method.restore(snapshot)
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.workshop.model_with(&self.global)
    }
}

impl<M: Method> Displaced for FirstOrderServer<M> {
    /// Clients download the model in any case.
    fn leave_rounds(&mut self) {}

    fn base(&mut self) -> Arc<Weights> {
        Arc::clone(&self.global)
    }

    fn displacement(
        &mut self,
        _: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        Ok(difference(update.dense(client, base.values.len())?, &base.values))
    }

    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError> {
        let next = self.method.step(&self.global.values, moved(&self.global.values, movement));
        advance(&mut self.global, &next, moment.round)
    }
}

impl<M: Method> Movable for FirstOrderServer<M> {
    fn move_to(&mut self, weights: &Weights) {
        self.global = Arc::new(weights.clone());
    }

    fn message_size(&mut self) -> Bytes {
        Payload::size(self.workshop.meters.charged().elements())
    }
}

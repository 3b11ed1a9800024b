//! The server: its part of the model for every client of the round, and the averaging of both parts.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use fleetune_devices::Workload;
use fleetune_models::{cost::BatchShape, parameters::Weights, transformer::Classifier};
use fleetune_units::Flops;

use super::{
    client::{Received, State, Task},
    parts::{Crossing, Parts},
};
use crate::{
    average::{advance, mean_by_examples},
    first_order::Descent,
    meter::Meters,
    protocol::{
        Assignment, ClientId, Estimate, Exchange, Horizon, Kept, ProtocolError, Restoring, Scope,
        Server, Snapshot, SnapshotError, Update, Verdict,
    },
};

/// The two servers of the papers in one.
#[derive(Debug)]
pub(super) struct FedsLlmServer {
    pub(super) parts: Arc<Parts>,
    global: Arc<Weights>,
    /// The lower part of `global`, as it is sent.
    below: Arc<Vec<f32>>,
    /// The clients of the round under way: those whose activations arrived in its last exchange. Of a round that nobody
    /// finished they remain until the next one begins.
    pub(super) sessions: BTreeMap<ClientId, Session>,
    counted: Flops,
}

/// What the server has of a client in mid-round.
#[derive(Debug)]
pub(super) struct Session {
    /// The client's copy of the upper part.
    at: Vec<f32>,
    descent: Descent,
    /// What is on the device, held here for its next job.
    device: Arc<State>,
    /// The gradient that the device waits for.
    pub(super) gradient: Arc<Vec<f32>>,
}

impl Session {
    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put(&(&self.at, &self.descent));
        snapshot.put(&*self.device);
        snapshot.put(&*self.gradient);
    }

    fn restored(snapshot: &mut Restoring<'_>) -> Result<Self, SnapshotError> {
        let (at, descent) = snapshot.take()?;
        let (device, gradient) = (Arc::new(snapshot.take()?), Arc::new(snapshot.take()?));
        Ok(Self { at, descent, device, gradient })
    }
}

impl FedsLlmServer {
    pub(super) fn new(parts: Arc<Parts>, start: Weights) -> Self {
        let below = Arc::new(start.values[..parts.lower.len()].to_vec());
        let global = Arc::new(start);
        Self { parts, global, below, sessions: BTreeMap::new(), counted: Flops::ZERO }
    }

    /// Local steps per round, τ; the exchange of this index is the last.
    fn steps(&self) -> usize {
        self.parts.recipe.steps()
    }

    fn is_last(&self, exchange: Exchange) -> bool {
        exchange.index as usize >= self.steps()
    }

    fn task(&self, exchange: Exchange, client: ClientId) -> Task {
        Task { parts: Arc::clone(&self.parts), exchange, client }
    }

    /// The shape of the mini-batch whose activations `client` sends in `exchange`, which is not the last.
    fn shape(&self, exchange: Exchange, client: ClientId) -> BatchShape {
        let step = exchange.index as usize;
        self.parts.workshop.shapes(client, exchange.round, self.steps())[step]
    }

    /// What the server is charged for one mini-batch.
    fn above(&self, shape: BatchShape) -> Flops {
        self.parts.above(self.parts.workshop.meters.charged(), shape)
    }

    /// A client's copy of the upper part, with its optimiser, as of now.
    fn copy(&mut self, first: bool, client: ClientId) -> (Vec<f32>, Descent) {
        if first {
            let start = self.global.values[self.parts.lower.len()..].to_vec();
            let descent = self.parts.recipe.optimizer.start(start.len());
            return (start, descent);
        }
        let session = self.sessions.remove(&client);
        let session = session.expect("a round goes on with those alone who sent activations");
        (session.at, session.descent)
    }

    /// Takes a step on every client's copy of the upper part. Who sent nothing is forgotten.
    fn step(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<(), ProtocolError> {
        let parts = Arc::clone(&self.parts);
        let rates = parts.rates(&parts.upper, exchange.moment());
        let mut sessions = BTreeMap::new();
        for (client, update) in updates {
            let shape = self.shape(exchange, client);
            let sent = update.dense(client, parts.crossing_len(parts.trained(), shape))?;
            let crossing = Crossing::read(sent, shape[0], parts.texts(shape));
            let (mut at, mut descent) = self.copy(exchange.index == 0, client);
            let mut counted = Flops::ZERO;
            let [gradient, below] = parts.train_above(&at, &crossing, &mut counted);
            let due = parts.above(parts.trained(), shape);
            self.counted += Meters::restated(counted, due, self.above(shape));
            descent.step(&rates, &mut at, &gradient);
            let device = update.kept.and_then(Kept::take);
            let device = device.expect("jobs of this algorithm leave their state on the device");
            sessions.insert(client, Session { at, descent, device, gradient: Arc::new(below) });
        }
        self.sessions = sessions;
        Ok(())
    }

    /// The mean of both parts over the clients that finished the round.
    fn average(&mut self, round: u64, updates: &[(ClientId, Update)]) -> Result<(), ProtocolError> {
        let (lower, whole) = (self.parts.lower.len(), self.global.values.len());
        let both = |client, update: &Update| {
            let sent = update.dense(client, lower)?;
            let session = self.sessions.get(&client);
            let above = &session.expect("a round ends with those alone who sent activations").at;
            Ok(Cow::Owned([sent, above].concat()))
        };
        if let Some(mean) = mean_by_examples(whole, updates, both)? {
            advance(&mut self.global, &mean, round)?;
            self.below = Arc::new(self.global.values[..lower].to_vec());
        }
        self.sessions.clear();
        Ok(())
    }
}

impl Server for FedsLlmServer {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let task = self.task(exchange, client);
        let shapes = self.parts.workshop.shapes(client, exchange.round, self.steps());
        let received = match exchange.index {
            0 => Received::Weights(Arc::clone(&self.below)),
            _ => {
                let session = self.sessions.get(&client);
                let session = session.expect("only who sent activations is asked again");
                Received::Gradient(Arc::clone(&session.device), Arc::clone(&session.gradient))
            }
        };
        let (work, job) = (task.clone(), Box::new(move || task.run(received)));
        self.parts.workshop.meters.assignment(|meter| work.workload(meter, &shapes), job)
    }

    /// It does not depend on what is received, and so not on what clients sent before.
    fn workload(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Workload {
        let workshop = &self.parts.workshop;
        let shapes = workshop.shapes(client, exchange.round, self.steps());
        self.task(exchange, client).workload(workshop.meters.charged(), &shapes)
    }

    fn forecast_scope(&self) -> Scope {
        self.parts.workshop.forecast_scope()
    }

    fn pass_over(&mut self, exchange: Exchange, clients: &[ClientId]) -> Option<Verdict> {
        self.counted += self.join_work(exchange, clients);
        Some(if self.is_last(exchange) { Verdict::RoundOver } else { Verdict::SameCohort })
    }

    /// Every kind of exchange: the first, those between, the last.
    fn forecast(&self, client: ClientId, _: &dyn Estimate, _: Horizon) -> Vec<Workload> {
        let bounds = self.parts.workshop.shape_bounds(client, self.steps());
        let charged = self.parts.workshop.meters.charged();
        let all = bounds.iter().flat_map(|shapes| {
            let exchange = |index| Exchange::at(0, index);
            let indices = 0..=self.parts.recipe.local_steps.get();
            indices.map(move |index| self.task(exchange(index), client).workload(charged, shapes))
        });
        let mut all: Vec<Workload> = all.collect();
        all.dedup();
        all
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if self.is_last(exchange) {
            self.average(exchange.round, &updates)?;
            return Ok(Verdict::RoundOver);
        }
        self.step(exchange, updates)?;
        Ok(Verdict::SameCohort)
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        if self.is_last(exchange) {
            return Flops::ZERO;
        }
        clients.iter().map(|&client| self.above(self.shape(exchange, client))).sum()
    }

    fn join_counted(&self) -> Flops {
        self.counted
    }

    fn needs_whole_rounds(&self) -> bool {
        true
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_weights(&self.global);
        snapshot.put(&self.counted.get());
        snapshot.put(&self.sessions.len());
        for (client, session) in &self.sessions {
            snapshot.put(client);
            session.save(snapshot);
        }
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.global = Arc::new(snapshot.take_weights(&self.global)?);
        self.below = Arc::new(self.global.values[..self.parts.lower.len()].to_vec());
        self.counted = Flops::new(snapshot.take()?);
        let clients: usize = snapshot.take()?;
        let each = (0..clients).map(|_| Ok((snapshot.take()?, Session::restored(snapshot)?)));
        self.sessions = each.collect::<Result<_, SnapshotError>>()?;
        Ok(())
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.parts.workshop.model_with(&self.global)
    }
}

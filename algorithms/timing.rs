//! Algorithms without their training: what exchanges cost, and nothing else.
//!
//! A [`TimedServer`] gives out the workloads of an algorithm's own server, and lets it
//! [pass over](Server::pass_over) whatever arrives. The federation around it cannot tell: it is handed jobs that have
//! nothing to do and say that they did what was charged. So a run without training spends what the same run with
//! training spends, wherever an algorithm can be timed at all; its configuration says why where it
//! [cannot](crate::registry::Algorithm::untimed).

use std::{fmt, sync::Arc};

use fleetune_devices::Workload;
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::{Bytes, Flops};

use crate::protocol::{
    Assignment, ClientId, Counted, Displaced, Estimate, Exchange, Horizon, Losses, Moment, Movable,
    Payload, ProtocolError, Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
};

/// The server of an algorithm whose clients' work is never done.
pub struct TimedServer {
    inner: Box<dyn Server>,
    /// The model, which never moves.
    start: Arc<Weights>,
}

impl TimedServer {
    /// Around an algorithm's server at its start, which must be one that passes over updates.
    pub(crate) fn new(inner: Box<dyn Server>) -> Self {
        let start = Arc::new(inner.weights().clone());
        Self { inner, start }
    }
}

impl fmt::Debug for TimedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedServer").finish_non_exhaustive()
    }
}

/// Says why updates are passed over without asking.
const CHECKED: &str = "the algorithm's configuration says that it can be timed";

impl Server for TimedServer {
    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        let workload = self.workload(exchange, client, device);
        let counted = Counted::of(&workload);
        let nothing = move || Update {
            payload: Payload::Scalars(Vec::new()),
            examples: 1,
            counted,
            kept: None,
            losses: Losses::default(),
        };
        Assignment { workload, job: Box::new(nothing) }
    }

    fn workload(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Workload {
        self.inner.workload(exchange, client, device)
    }

    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        self.inner.forecast(client, device, horizon)
    }

    fn forecast_scope(&self) -> Scope {
        self.inner.forecast_scope()
    }

    fn pass_over(&mut self, exchange: Exchange, clients: &[ClientId]) -> Option<Verdict> {
        self.inner.pass_over(exchange, clients)
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        let clients: Vec<ClientId> = updates.iter().map(|&(client, _)| client).collect();
        Ok(self.pass_over(exchange, &clients).expect(CHECKED))
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        self.inner.join_work(exchange, clients)
    }

    fn join_counted(&self) -> Flops {
        self.inner.join_counted()
    }

    fn needs_whole_rounds(&self) -> bool {
        self.inner.needs_whole_rounds()
    }

    fn save(&self, snapshot: &mut Snapshot) {
        self.inner.save(snapshot);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.inner.restore(snapshot)
    }

    fn weights(&self) -> &Weights {
        &self.start
    }

    fn model(&self) -> Classifier {
        self.inner.model()
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        self.inner.displaced().is_some().then_some(self as &mut dyn Displaced)
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        self.inner.movable().is_some().then_some(self as &mut dyn Movable)
    }
}

/// Nobody's model has moved.
impl Displaced for TimedServer {
    fn leave_rounds(&mut self) {
        if let Some(inner) = self.inner.displaced() {
            inner.leave_rounds();
        }
    }

    fn base(&mut self) -> Arc<Weights> {
        Arc::clone(&self.start)
    }

    fn displacement(
        &mut self,
        _: Exchange,
        _: ClientId,
        _: &Update,
        _: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        Ok(Vec::new())
    }

    fn advance(&mut self, _: Moment, _: &[f64]) -> Result<(), ProtocolError> {
        Ok(())
    }
}

impl Movable for TimedServer {
    fn move_to(&mut self, weights: &Weights) {
        if let Some(inner) = self.inner.movable() {
            inner.move_to(weights);
        }
    }

    fn message_size(&mut self) -> Bytes {
        self.inner.movable().map_or(Bytes::ZERO, |inner| inner.message_size())
    }
}

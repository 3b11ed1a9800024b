use std::{fmt, sync::Arc};

use fleetune_algorithms::{
    privacy::Revealed,
    protocol::{
        Assignment, ClientId, Counted, Depth, Displaced, Estimate, Exchange, Horizon, Job, Layered,
        Losses, Moment, Movable, Payload, ProtocolError, Restoring, Scope, Server, Snapshot,
        SnapshotError, Update, Verdict,
    },
};
use fleetune_devices::Workload;
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::{Bytes, Flops};

use super::{journal::Question, recorder::Recorder};

/// A server whose answers are written down; or read out, and it is not troubled.
///
/// The federation around it cannot tell: while answers are read out it is handed jobs that do nothing, and models of no
/// parameters, with which nothing that it does of its own takes any time.
pub(crate) struct Recorded {
    inner: Box<dyn Server>,
    recorder: Recorder,
    blank: Arc<Weights>,
}

impl Recorded {
    /// Around a server at its start.
    pub(crate) fn new(inner: Box<dyn Server>, recorder: Recorder) -> Self {
        Self { inner, recorder, blank: Arc::default() }
    }

    fn joined(
        &mut self,
        join: impl FnOnce(&mut dyn Server) -> Result<Verdict, ProtocolError>,
    ) -> Result<Verdict, ProtocolError> {
        if let Some(verdict) = self.recorder.recall(Question::Verdict, || Verdict::RoundOver) {
            return Ok(verdict);
        }
        let verdict = join(self.inner.as_mut())?;
        self.recorder.note(Question::Verdict, &verdict);
        Ok(verdict)
    }

    fn inner_displaced(&mut self) -> &mut dyn Displaced {
        self.inner.displaced().expect(FOUND)
    }

    fn inner_movable(&mut self) -> &mut dyn Movable {
        self.inner.movable().expect(FOUND)
    }

    fn inner_layered(&mut self) -> &mut dyn Layered {
        self.inner.layered().expect(FOUND)
    }
}

/// Says why a face is expected.
const FOUND: &str = "it was, when this server was asked for it";

fn assigned(recorder: &Recorder, assign: impl FnOnce() -> Assignment) -> Assignment {
    let mut job = None;
    let workload = recorder.workload(|| {
        let assignment = assign();
        job = Some(assignment.job);
        assignment.workload
    });
    let job = job.unwrap_or_else(|| nothing(&workload));
    Assignment { workload, job }
}

/// A job that has been done before. How many examples were behind it, the federation reads in the journal.
fn nothing(workload: &Workload) -> Job {
    let counted = Counted::of(workload);
    Box::new(move || Update {
        payload: Payload::Scalars(Vec::new()),
        examples: 0,
        counted,
        kept: None,
        losses: Losses::default(),
    })
}

impl Server for Recorded {
    fn convene(&mut self, exchange: Exchange, cohort: &[ClientId]) {
        if !self.recorder.replays() {
            self.inner.convene(exchange, cohort);
        }
    }

    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        assigned(&self.recorder, || self.inner.assign(exchange, client, device))
    }

    fn workload(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Workload {
        self.recorder.workload(|| self.inner.workload(exchange, client, device))
    }

    /// Forecasts are made before a run, of a server at its start.
    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        self.inner.forecast(client, device, horizon)
    }

    fn forecast_scope(&self) -> Scope {
        self.inner.forecast_scope()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        self.joined(|server| server.aggregate(exchange, updates))
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        self.recorder.work(|| self.inner.join_work(exchange, clients))
    }

    fn join_counted(&self) -> Flops {
        self.recorder.work(|| self.inner.join_counted())
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
        if self.recorder.replays() { &self.blank } else { self.inner.weights() }
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

    fn layered(&mut self) -> Option<&mut dyn Layered> {
        self.inner.layered().is_some().then_some(self as &mut dyn Layered)
    }

    fn take_reports(&mut self) -> Vec<(ClientId, f32)> {
        let Self { inner, recorder, .. } = self;
        recorder.told(Question::Reports, || inner.take_reports())
    }

    fn revealed(&self) -> Option<&Revealed> {
        self.inner.revealed()
    }
}

/// What is put together from displacements of no parameters moves nothing.
impl Displaced for Recorded {
    fn leave_rounds(&mut self) {
        self.inner_displaced().leave_rounds();
    }

    fn base(&mut self) -> Arc<Weights> {
        if self.recorder.replays() {
            return Arc::clone(&self.blank);
        }
        self.inner_displaced().base()
    }

    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        if self.recorder.replays() {
            return Ok(Vec::new());
        }
        self.inner_displaced().displacement(exchange, client, update, base)
    }

    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError> {
        if self.recorder.replays() {
            return Ok(());
        }
        self.inner_displaced().advance(moment, movement)
    }
}

impl Movable for Recorded {
    fn move_to(&mut self, weights: &Weights) {
        if !self.recorder.replays() {
            self.inner_movable().move_to(weights);
        }
    }

    fn message_size(&mut self) -> Bytes {
        self.inner_movable().message_size()
    }
}

impl Layered for Recorded {
    fn layers(&mut self) -> usize {
        self.inner_layered().layers()
    }

    fn milestones(&mut self, exchange: Exchange, client: ClientId) -> Vec<Flops> {
        let recorder = self.recorder.clone();
        let ask = || {
            let ends = self.inner_layered().milestones(exchange, client);
            ends.into_iter().map(Flops::get).collect::<Vec<u128>>()
        };
        recorder.told(Question::Milestones, ask).into_iter().map(Flops::new).collect()
    }

    fn stopped(&mut self, exchange: Exchange, client: ClientId, layers: usize) -> Assignment {
        let recorder = self.recorder.clone();
        assigned(&recorder, || self.inner_layered().stopped(exchange, client, layers))
    }

    fn join_layers(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Depth, Update)>,
        missed: &[f64],
    ) -> Result<Verdict, ProtocolError> {
        self.joined(|server| server.layered().expect(FOUND).join_layers(exchange, updates, missed))
    }

    fn rate(&mut self, moment: Moment) -> f64 {
        self.inner_layered().rate(moment)
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}

//! Simultaneous perturbation by signs: one bit per local step goes up.

use std::{num::NonZeroU32, sync::Arc};

use fleetune_devices::Workload;
use fleetune_models::{
    cost::BatchShape,
    parameters::{Slot, Trainable, Weights},
    transformer::Classifier,
};
use fleetune_units::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    average::{advance, difference, moved},
    meter::Meter,
    protocol::{
        Assignment, ClientId, Displaced, Estimate, Exchange, Horizon, Moment, Movable, Payload,
        ProtocolError, Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate, Positive},
    setup::{Setup, Workshop},
    uplink::Content,
    zeroth_order::{Local, Plan, Seeds, StepDirections, apply},
};

/// Sign-SPSA: simultaneous perturbation (Spall 1992) that keeps of every projected gradient its sign alone, as FeedSign
/// does (Cai et al., arXiv 2501.17610).
///
/// A local step goes `θ -= η s z` with `s = sign(L(θ + ε z) - L(θ - ε z))` along a Gaussian direction z of a seed that
/// the server knows, too: the τ signs are all that is uploaded. The server replays everybody's steps and averages
/// (FeedSign takes one step by majority vote). As `E[s z] = sqrt(2/π) ∇L / |∇L|`, a step is as long on a plain as on a
/// slope: what is learnt is only as fine as η.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignSpsaConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// Perturbation scale ε. The default is 1e-3.
    #[serde(default = "crate::zeroth_order::default_epsilon")]
    pub epsilon: Positive,
    /// Learning rate η: what a parameter moves by in a step, as a root mean square.
    pub learning_rate: LearningRate,
}

impl Algorithm for SignSpsaConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let (config, global) = (Arc::new(self.clone()), Arc::new(start));
        Box::new(SignSpsaServer { workshop, config, global })
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::Signs)]
    }

    fn refusal(&self, _: Aggregation) -> Option<Conflict> {
        None
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!(
            "sign-SPSA on {}: {} local steps on {} texts; a bit per step up",
            self.train, self.local_steps, self.batch_size
        )
    }
}

/// The server between rounds.
#[derive(Debug)]
struct SignSpsaServer {
    workshop: Arc<Workshop>,
    config: Arc<SignSpsaConfig>,
    global: Arc<Weights>,
}

impl SignSpsaServer {
    fn task(&self, exchange: Exchange, client: ClientId) -> Task {
        let (workshop, config) = (Arc::clone(&self.workshop), Arc::clone(&self.config));
        Task { workshop, config, exchange, client }
    }

    /// What a client's signs do to a model, weighed by its share.
    fn replay(
        &self,
        weights: &mut Weights,
        exchange: Exchange,
        (client, update): (ClientId, &Update),
        share: f64,
    ) -> Result<(), ProtocolError> {
        let task = self.task(exchange, client);
        let signs = update.signs(client, task.steps())?;
        for (seed, &negative) in task.seeds().into_iter().zip(signs) {
            let z = StepDirections::derive(&weights.layout, task.plan(), seed);
            apply(weights, task.plan(), &z, &[sign(negative)], &|slot| share * task.rate(slot));
        }
        Ok(())
    }
}

impl Server for SignSpsaServer {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let task = self.task(exchange, client);
        let (shapes, start) = (task.shapes(), Arc::clone(&self.global));
        let (work, job) = (task.clone(), Box::new(move || task.train(&start)));
        self.workshop.meters.assignment(|meter| work.workload(meter, &shapes), job)
    }

    fn workload(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Workload {
        let task = self.task(exchange, client);
        task.workload(self.workshop.meters.charged(), &task.shapes())
    }

    fn forecast_scope(&self) -> Scope {
        self.workshop.forecast_scope()
    }

    fn pass_over(&mut self, _: Exchange, _: &[ClientId]) -> Option<Verdict> {
        Some(Verdict::RoundOver)
    }

    fn forecast(&self, client: ClientId, _: &dyn Estimate, _: Horizon) -> Vec<Workload> {
        let task = self.task(Exchange::at(0, 0), client);
        let bounds = self.workshop.shape_bounds(client, task.steps());
        bounds.iter().map(|shapes| task.workload(self.workshop.meters.charged(), shapes)).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let examples: u64 = updates.iter().map(|(_, update)| update.examples).sum();
        let mut weights = Weights::clone(&self.global);
        for (client, update) in &updates {
            let share = update.examples as f64 / examples as f64;
            self.replay(&mut weights, exchange, (*client, update), share)?;
        }
        let values: Vec<f64> = weights.values.iter().map(|&w| f64::from(w)).collect();
        advance(&mut self.global, &values, exchange.round)?;
        Ok(Verdict::RoundOver)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        Some(self)
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        Some(self)
    }

    /// The model is all that is learnt.
    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_weights(&self.global);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.global = Arc::new(snapshot.take_weights(&self.global)?);
        Ok(())
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.workshop.model_with(&self.global)
    }
}

/// For federations that join clients one by one, or at edges.
impl Displaced for SignSpsaServer {
    fn leave_rounds(&mut self) {}

    fn base(&mut self) -> Arc<Weights> {
        Arc::clone(&self.global)
    }

    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        let mut trained = base.clone();
        self.replay(&mut trained, exchange, (client, update), 1.0)?;
        Ok(difference(&trained.values, &base.values))
    }

    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError> {
        let values = moved(&self.global.values, movement);
        advance(&mut self.global, &values, moment.round)
    }
}

impl Movable for SignSpsaServer {
    fn move_to(&mut self, weights: &Weights) {
        self.global = Arc::new(weights.clone());
    }

    fn message_size(&mut self) -> Bytes {
        Payload::size(self.workshop.meters.charged().elements())
    }
}

/// One client's work in one round.
#[derive(Clone)]
struct Task {
    workshop: Arc<Workshop>,
    config: Arc<SignSpsaConfig>,
    exchange: Exchange,
    client: ClientId,
}

impl Task {
    /// One two-sided difference per step, along one Gaussian direction of everything that trains.
    fn plan(&self) -> Plan {
        Plan::joint(0, 1, 1)
    }

    fn steps(&self) -> usize {
        self.config.local_steps.get() as usize
    }

    fn shapes(&self) -> Vec<BatchShape> {
        self.workshop.shapes(self.client, self.exchange.draws(), self.steps())
    }

    /// The seed of each step's direction: a function of client, round and step, so that the server has it, too.
    fn seeds(&self) -> Vec<u64> {
        Seeds::Fresh.steps(
            &self.workshop.streams,
            (self.client, self.exchange.draws()),
            self.steps(),
        )
    }

    /// What multiplies a tensor's part of a direction with its sign: its learning rate.
    fn rate(&self, slot: &Slot) -> f64 {
        self.config.learning_rate.of(slot.stage, self.exchange.moment())
    }

    /// What the work costs on mini-batches of these shapes. Memory is that of inference: the parameters, beside the
    /// activations of a moment.
    fn workload(&self, meter: &Meter, shapes: &[BatchShape]) -> Workload {
        let mut tally = meter.tally();
        for &shape in shapes {
            self.plan().charge_evaluation(&mut tally, meter, shape);
            self.plan().charge_update(&mut tally, meter);
        }
        let (down, up) = (Payload::size(meter.elements()), Payload::size_of_signs(self.steps()));
        tally.workload(meter.parameters(), down, up)
    }

    /// The local steps, for real. What they cost is counted as they are made.
    fn train(&self, start: &Weights) -> Update {
        let (plan, workshop) = (self.plan(), &self.workshop);
        let meter = &workshop.meters.trained;
        let mut tally = meter.tally();
        let mut signs = Vec::with_capacity(self.steps());
        let texts = workshop.batches(self.client, self.exchange.draws(), self.steps());
        let (mut local, batches) = Local::open(workshop, start, plan, &texts);
        for (batch, seed) in batches.iter().zip(self.seeds()) {
            let on_device = batch.to_device(&workshop.device);
            let (epsilon, on) = (self.config.epsilon.get(), (&on_device, &batch.labels[..]));
            plan.charge_perturbations(&mut tally, meter);
            let slope = local.project(seed, epsilon, on, &mut tally);
            let negative = slope[0] < 0.0;
            local.apply(&[sign(negative)], &|slot| self.rate(slot));
            plan.charge_update(&mut tally, meter);
            signs.push(negative);
        }
        let payload = Payload::Signs(signs);
        let upload = Bytes::new(payload.encode(self.exchange.round).len() as u64);
        let examples = (self.steps() * self.workshop.batch_size(self.client)) as u64;
        let counted = tally.counted(meter.parameters(), upload);
        let losses = tally.seen.losses(self.workshop.distinct(self.client, examples));
        Update { payload, examples, counted, kept: None, losses }
    }
}

/// What a sign multiplies its direction with.
fn sign(negative: bool) -> f32 {
    if negative { -1.0 } else { 1.0 }
}

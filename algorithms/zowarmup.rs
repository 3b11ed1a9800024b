//! Zeroth-order training after a first-order warm-up.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
};

use fleetune_devices::Workload;
use fleetune_models::{
    architecture::{Architecture, Frozen, HeadShape, Larger},
    cost::CostModel,
    parameters::{Trainable, Weights},
    transformer::Classifier,
};
use fleetune_units::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    fedavg::FedAvg,
    first_order::{self, FirstOrderServer, Optimizer},
    meter::Meter,
    noise::Distribution,
    protocol::{
        Assignment, ClientId, Displaced, Estimate, Exchange, Horizon, Moment, Movable,
        ProtocolError, Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate, Positive},
    setup::{Setup, Workshop},
    uplink::Content,
    zeroth_order::{
        CatchUp, Difference, History, Memory, Plan, Recipe, Upload, Variant, ZerothOrderServer,
        replay_refusal,
    },
};

/// ZOWarmUp: clients that can backpropagate train first-order for some rounds, as in FedAvg; afterwards all clients, those
/// of little memory included, train zeroth-order with seeds and scalars, as in federated MeZO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoWarmUpConfig {
    /// Which parameters train, in both phases. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ, in both phases.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch, in both phases.
    pub batch_size: NonZeroU32,
    /// The first-order phase.
    pub warm_up: WarmUp,
    /// P: directions averaged per zeroth-order step. The default is 1.
    #[serde(default = "crate::zeroth_order::one")]
    pub perturbations: NonZeroU32,
    /// The law of the directions. The default is Gaussian.
    #[serde(default)]
    pub directions: Distribution,
    /// Perturbation scale ε. The default is 1e-3.
    #[serde(default = "crate::zeroth_order::default_epsilon")]
    pub epsilon: Positive,
    /// Learning rate η of the zeroth-order phase; its schedule starts with that phase.
    pub learning_rate: LearningRate,
    /// How clients that fell behind get the model. The default is what their device finishes soonest.
    #[serde(default)]
    pub catch_up: CatchUp,
}

/// The first-order phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// Rounds of it.
    pub rounds: NonZeroU64,
    /// The local optimiser. The default is AdamW.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Learning rate η.
    pub learning_rate: LearningRate,
}

impl Algorithm for ZoWarmUpConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let first = FirstOrderServer::open(setup.clone(), self.first(), |_, _| FedAvg);
        let (workshop, start) = Workshop::open(setup, self.train, self.batch_size.get() as usize);
        let memory = Memory::OwnDirections(History::default());
        let then = ZerothOrderServer::new(workshop, start, self.then(), memory);
        Box::new(ZoWarmUpServer { rounds: self.warm_up.rounds.get(), first, then })
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::Weights), (self.warm_up.rounds.get(), Content::OwnScalars)]
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        replay_refusal(self.catch_up, aggregation)
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!(
            "ZOWarmUp on {}: {} rounds of {}, dense weights up; then P = {}, scalars up",
            self.train,
            self.warm_up.rounds,
            self.first(),
            self.perturbations
        )
    }
}

impl ZoWarmUpConfig {
    /// The memory that a device needs to take part in the warm-up, on mini-batches of sequences of so many tokens, if it is
    /// charged for another model or not.
    pub fn warm_up_memory(
        &self,
        (architecture, charged, frozen): (&Architecture, Option<&Larger>, Frozen),
        head: HeadShape,
        tokens: usize,
    ) -> Bytes {
        let sequences = self.batch_size.get() as usize * head.sequences();
        let trained = CostModel::of(architecture.clone(), head, self.train).with_frozen(frozen);
        let meter = Meter::charged_for(trained, charged);
        self.first().peak_memory(&meter, [sequences, tokens])
    }

    fn first(&self) -> first_order::Recipe {
        first_order::Recipe {
            train: self.train,
            local_steps: self.local_steps,
            batch_size: self.batch_size,
            optimizer: self.warm_up.optimizer.clone(),
            learning_rate: self.warm_up.learning_rate.clone(),
        }
    }

    fn then(&self) -> Recipe {
        Recipe {
            plan: Plan {
                split: 0,
                lower: 1,
                upper: self.perturbations.get(),
                variant: Variant::Joint,
                difference: Difference::TwoSided,
                distribution: self.directions,
            },
            local_steps: self.local_steps.get() as usize,
            epsilon: self.epsilon.get(),
            learning_rate: self.learning_rate.clone(),
            first_round: self.warm_up.rounds.get(),
            weight_decay: 0.0,
            upload: Upload::Scalars,
            catch_up: self.catch_up,
            momentum: 0.0,
        }
    }
}

#[derive(Debug)]
struct ZoWarmUpServer {
    rounds: u64,
    first: FirstOrderServer<FedAvg>,
    /// Follows the model of the first phase, and takes over from there.
    then: ZerothOrderServer,
}

impl ZoWarmUpServer {
    fn warms_up(&self, exchange: Exchange) -> bool {
        exchange.round < self.rounds
    }

    fn follow(&mut self) {
        self.then.move_to(self.first.weights());
    }
}

impl Server for ZoWarmUpServer {
    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        match self.warms_up(exchange) {
            true => self.first.assign(exchange, client, device),
            false => self.then.assign(exchange, client, device),
        }
    }

    fn workload(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Workload {
        match self.warms_up(exchange) {
            true => self.first.workload(exchange, client, device),
            false => self.then.workload(exchange, client, device),
        }
    }

    fn forecast_scope(&self) -> Scope {
        self.first.forecast_scope().max(self.then.forecast_scope())
    }

    fn pass_over(&mut self, exchange: Exchange, clients: &[ClientId]) -> Option<Verdict> {
        if !self.warms_up(exchange) {
            return self.then.pass_over(exchange, clients);
        }
        let verdict = self.first.pass_over(exchange, clients);
        self.follow();
        verdict
    }

    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        let first = self.first.forecast(client, device, horizon);
        first.into_iter().chain(self.then.forecast(client, device, horizon)).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if !self.warms_up(exchange) {
            return self.then.aggregate(exchange, updates);
        }
        let verdict = self.first.aggregate(exchange, updates)?;
        self.follow();
        Ok(verdict)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        self.then.displaced().is_some().then_some(self as &mut dyn Displaced)
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        Some(self)
    }

    fn save(&self, snapshot: &mut Snapshot) {
        self.first.save(snapshot);
        self.then.save(snapshot);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.first.restore(snapshot)?;
        self.then.restore(snapshot)
    }

    fn weights(&self) -> &Weights {
        self.then.weights()
    }

    fn model(&self) -> Classifier {
        self.then.model()
    }
}

/// The warm-up lasts for so many versions of the model. Whoever started in it is joined as one of it, however late.
impl Displaced for ZoWarmUpServer {
    fn leave_rounds(&mut self) {
        self.first.leave_rounds();
        self.then.leave_rounds();
    }

    fn base(&mut self) -> Arc<Weights> {
        self.then.base()
    }

    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        match self.warms_up(exchange) {
            true => self.first.displacement(exchange, client, update, base),
            false => self.then.displacement(exchange, client, update, base),
        }
    }

    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError> {
        if moment.round >= self.rounds {
            return self.then.advance(moment, movement);
        }
        self.first.advance(moment, movement)?;
        self.follow();
        Ok(())
    }
}

impl Movable for ZoWarmUpServer {
    fn move_to(&mut self, weights: &Weights) {
        self.first.move_to(weights);
        self.follow();
    }

    fn message_size(&mut self) -> Bytes {
        self.first.message_size()
    }
}

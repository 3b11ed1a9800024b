//! First-order federated averaging.

use std::{num::NonZeroU32, sync::Arc};

use burn::{
    module::ParamId,
    optim::{AdamWConfig, GradientsParams, ModuleOptimizer, SgdConfig},
    tensor::{Tensor, TensorData, activation::log_softmax},
};
use serde::{Deserialize, Serialize};

use fleetune_devices::Workload;
use fleetune_models::{
    cost::BatchShape,
    encoder::Classifier,
    ledger::{Cost, Ledger},
    parameters::{Layout, Trainable, Weights, parameter_ids, read, require_gradients},
};
use fleetune_units::Bytes;

use crate::{
    average::Average,
    protocol::{
        Assignment, ClientId, Estimate, Exchange, Horizon, Payload, ProtocolError, Server, Update,
        Verdict,
    },
    settings::{Fraction, LearningRate, Positive},
    setup::{Setup, Workshop},
    work::{Tally, bytes},
};

/// FedAvg (McMahan et al. 2017): τ first-order local steps by backpropagation, then a weighted average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedAvgConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The local optimiser; its state does not outlive the round. The default is AdamW.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Learning rate η.
    pub learning_rate: LearningRate,
}

/// A client's local optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Plain stochastic gradient descent.
    Sgd,
    /// AdamW (Loshchilov and Hutter 2019).
    Adamw {
        /// First moment's decay. The default is 0.9.
        #[serde(default = "beta1")]
        beta1: Fraction,
        /// Second moment's decay. The default is 0.999.
        #[serde(default = "beta2")]
        beta2: Fraction,
        /// Added to the root of the second moment. The default is 1e-8.
        #[serde(default = "adam_epsilon")]
        epsilon: Positive,
        /// Decoupled weight decay, biases and norms included as Burn applies it. The default is 0.
        #[serde(default = "none")]
        weight_decay: Fraction,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Adamw {
            beta1: beta1(),
            beta2: beta2(),
            epsilon: adam_epsilon(),
            weight_decay: none(),
        }
    }
}

fn beta1() -> Fraction {
    Fraction::new(0.9).expect("0.9 is a fraction")
}

fn beta2() -> Fraction {
    Fraction::new(0.999).expect("0.999 is a fraction")
}

fn adam_epsilon() -> Positive {
    Positive::new(1e-8).expect("1e-8 is positive")
}

fn none() -> Fraction {
    Fraction::new(0.0).expect("0 is a fraction")
}

impl FedAvgConfig {
    /// The server with the global model at its start.
    pub(crate) fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        Box::new(FedAvgServer { workshop, config: Arc::new(self.clone()), global: Arc::new(start) })
    }
}

#[derive(Debug)]
struct FedAvgServer {
    workshop: Arc<Workshop>,
    config: Arc<FedAvgConfig>,
    global: Arc<Weights>,
}

impl Server for FedAvgServer {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let task = self.task(exchange.round, client);
        let workload = task.workload(&task.shapes());
        let start = Arc::clone(&self.global);
        Assignment { workload, job: Box::new(move || task.train(&start)) }
    }

    fn forecast(&self, client: ClientId, _: &dyn Estimate, _: Horizon) -> Vec<Workload> {
        let bounds = self.workshop.shape_bounds(client, self.config.local_steps.get() as usize);
        bounds.iter().map(|shapes| self.task(0, client).workload(shapes)).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let mut average = Average::new(self.global.values.len());
        for (client, update) in updates {
            average.add(update.dense(client, self.global.layout.len())?, update.examples);
        }
        if let Some(values) = average.finish(exchange.round)? {
            self.global = Arc::new(Weights { layout: Arc::clone(&self.global.layout), values });
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

impl FedAvgServer {
    fn task(&self, round: u64, client: ClientId) -> Task {
        let (workshop, config) = (Arc::clone(&self.workshop), Arc::clone(&self.config));
        Task { workshop, config, round, client }
    }
}

/// One client's work in one round.
struct Task {
    workshop: Arc<Workshop>,
    config: Arc<FedAvgConfig>,
    round: u64,
    client: ClientId,
}

impl Task {
    fn batches(&self) -> Vec<Vec<u32>> {
        let steps = self.config.local_steps.get() as usize;
        self.workshop.batches(self.client, self.round, steps)
    }

    /// Parameters, and gradients and optimiser state of those that train.
    fn resident(&self) -> u64 {
        let copies = 1 + self.config.optimizer.moments();
        bytes(self.workshop.cost.parameters() + copies * self.workshop.layout.len() as u64)
    }

    fn shapes(&self) -> Vec<BatchShape> {
        let steps = self.config.local_steps.get() as usize;
        self.workshop.shapes(self.client, self.round, steps)
    }

    /// What the work costs on mini-batches of these shapes.
    fn workload(&self, shapes: &[BatchShape]) -> Workload {
        let dense = Payload::size(self.workshop.layout.len());
        self.predicted(shapes).workload(self.resident(), dense, dense)
    }

    fn predicted(&self, shapes: &[BatchShape]) -> Tally {
        let mut tally = Tally::default();
        for &shape in shapes {
            let pass = self.workshop.cost.whole(shape, true);
            tally.forward += pass.forward;
            tally.backward += pass.backward;
            tally.activations = tally.activations.max(pass.peak_activations().get());
            tally.kept = tally.kept.max(pass.kept_activations().get());
            tally.optimizer += self.config.optimizer.step_cost(self.workshop.layout.len());
        }
        tally
    }

    /// The local steps, for real: forward, backward and optimiser step by Burn.
    fn train(&self, start: &Weights) -> Update {
        let workshop = &self.workshop;
        let device = workshop.device.clone().autodiff();
        let mut model = require_gradients(workshop.model_with(start), &workshop.layout);
        let mut optimizer = self.config.optimizer.build();
        let groups = Groups::of(&model, &workshop.layout, self);
        let mut tally = Tally::default();
        for texts in self.batches() {
            let batch = workshop.collate(&texts);
            let mut ledger = Ledger::new();
            let logits = model.forward(&batch.to_device(&device), &mut ledger);
            tally.training(&ledger);
            let mut gradients = mean_cross_entropy(logits, &batch.labels).backward();
            for (rate, parameters) in &groups.0 {
                let part = GradientsParams::from_params(&mut gradients, &model, parameters);
                model = optimizer.step(*rate, model, part);
            }
            tally.optimizer += self.config.optimizer.step_cost(workshop.layout.len());
        }
        let trained = read(&model, &workshop.layout);
        let payload = Payload::Dense(trained.values);
        let upload = Bytes::new(payload.encode(self.round).len() as u64);
        let examples = (self.config.local_steps.get() * self.config.batch_size.get()).into();
        Update { payload, examples, counted: tally.counted(self.resident(), upload) }
    }
}

/// The trainable parameters that share a learning rate.
struct Groups(Vec<(f64, Vec<ParamId>)>);

impl Groups {
    fn of(model: &Classifier, layout: &Layout, task: &Task) -> Self {
        let mut groups: Vec<(f64, Vec<ParamId>)> = Vec::new();
        for (stage, id) in parameter_ids(model, layout) {
            let rate = task.config.learning_rate.of(stage, task.round);
            match groups.iter_mut().find(|(r, _)| *r == rate) {
                Some((_, ids)) => ids.push(id),
                None => groups.push((rate, vec![id])),
            }
        }
        Self(groups)
    }
}

/// Mean cross-entropy as a tensor, so that gradients flow.
fn mean_cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    let device = logits.device();
    let mut chosen = vec![0.0_f32; batch * classes];
    for (row, &label) in labels.iter().enumerate() {
        chosen[row * classes + label] = -1.0 / batch as f32;
    }
    let chosen = Tensor::<2>::from_data(TensorData::new(chosen, [batch, classes]), &device);
    (log_softmax(logits, 1) * chosen).sum()
}

impl Optimizer {
    /// What papers call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd => "SGD",
            Self::Adamw { .. } => "AdamW",
        }
    }

    /// Vectors of optimiser state per parameter.
    fn moments(&self) -> u64 {
        match self {
            Self::Sgd => 0,
            Self::Adamw { .. } => 2,
        }
    }

    fn build(&self) -> ModuleOptimizer {
        match *self {
            Self::Sgd => SgdConfig::new().init(),
            Self::Adamw { beta1, beta2, epsilon, weight_decay } => AdamWConfig::new()
                .with_beta_1(beta1.get() as f32)
                .with_beta_2(beta2.get() as f32)
                .with_epsilon(epsilon.get() as f32)
                .with_weight_decay(weight_decay.get() as f32)
                .init(),
        }
    }

    /// One step over `elements` parameters. SGD scales and subtracts (2 operations; reads parameter and gradient,
    /// writes the parameter). AdamW: first moment 3, second moment 4, bias corrections 2, root, sum, quotient 3,
    /// decay 2, update 2; reads parameter, gradient and both moments, writes all but the gradient.
    fn step_cost(&self, elements: usize) -> Cost {
        let (operations, touched) = match self {
            Self::Sgd => (2, 3),
            Self::Adamw { .. } => (16, 7),
        };
        Cost {
            products: 0,
            elementwise: elements as u128 * operations,
            elements: elements as u64 * touched,
        }
    }
}

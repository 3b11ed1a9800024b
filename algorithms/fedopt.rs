//! Federated averaging with an adaptive optimiser on the server: FedAdam and FedYogi.

use std::{num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use crate::{
    first_order::{FirstOrderServer, LocalRule, Method, Optimizer, Plain, Recipe},
    protocol::{ClientId, Restoring, Server, Snapshot, SnapshotError},
    registry::Algorithm,
    settings::{Aggregation, Conflict, Decay, LearningRate, Positive},
    setup::Setup,
    uplink::Content,
};

/// FedAdam or FedYogi (Reddi et al. 2021, algorithm 2): the mean movement of the clients, `Δ = mean(θ_i - θ_t)`, is
/// a pseudo-gradient for an adaptive optimiser on the server.
///
/// `m = β1 m + (1 - β1) Δ`, `θ_{t+1} = θ_t + η_s m / (sqrt v + τ)`, without bias correction; m begins at 0 and v at
/// τ², the least that the paper allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedOptConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The local optimiser; its state does not outlive the round. The default is SGD, as published.
    #[serde(default = "Optimizer::sgd")]
    pub optimizer: Optimizer,
    /// The clients' learning rate η.
    pub learning_rate: LearningRate,
    /// The server's learning rate η_s: about what a parameter moves in a round.
    pub server_learning_rate: Positive,
    /// Decay β1 of the first moment. The default is 0.9, as published.
    #[serde(default = "beta1")]
    pub beta1: Decay,
    /// Decay β2 of the second moment. The default is 0.99, as published.
    #[serde(default = "beta2")]
    pub beta2: Decay,
    /// Adaptivity τ: the larger, the nearer to FedAvg with momentum. The default is 1e-3, as published.
    #[serde(default = "tau")]
    pub tau: Positive,
}

fn beta1() -> Decay {
    Decay::new(0.9).expect("0.9 is a decay")
}

fn beta2() -> Decay {
    Decay::new(0.99).expect("0.99 is a decay")
}

fn tau() -> Positive {
    Positive::new(1e-3).expect("1e-3 is positive")
}

/// How the second moment follows the squared pseudo-gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecondMoment {
    /// FedAdam: `v = β2 v + (1 - β2) Δ²`.
    Adam,
    /// FedYogi: `v = v - (1 - β2) Δ² sign(v - Δ²)`: where v must fall, it falls by no more than a share of Δ².
    Yogi,
}

impl SecondMoment {
    fn next(self, v: f64, square: f64, beta2: f64) -> f64 {
        match self {
            Self::Adam => beta2 * v + (1.0 - beta2) * square,
            // The sign of 0 is 0.
            Self::Yogi if v == square => v,
            Self::Yogi => v - (1.0 - beta2) * square * (v - square).signum(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Adam => "FedAdam",
            Self::Yogi => "FedYogi",
        }
    }
}

/// FedAdam: [`FedOptConfig`] with Adam's second moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FedAdamConfig(pub FedOptConfig);

/// FedYogi: [`FedOptConfig`] with Yogi's second moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FedYogiConfig(pub FedOptConfig);

impl Algorithm for FedAdamConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        self.0.server(setup, SecondMoment::Adam)
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::Weights)]
    }

    fn refusal(&self, _: Aggregation) -> Option<Conflict> {
        None
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        self.0.describe(SecondMoment::Adam)
    }
}

impl Algorithm for FedYogiConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        self.0.server(setup, SecondMoment::Yogi)
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::Weights)]
    }

    fn refusal(&self, _: Aggregation) -> Option<Conflict> {
        None
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        self.0.describe(SecondMoment::Yogi)
    }
}

impl FedOptConfig {
    fn server(&self, setup: Setup, second_moment: SecondMoment) -> Box<dyn Server> {
        let method = |len, _| FedOpt::new(self, second_moment, len);
        Box::new(FirstOrderServer::open(setup, self.recipe(), method))
    }

    fn describe(&self, second_moment: SecondMoment) -> String {
        format!(
            "{} on {}: {}; dense weights up; server learning rate {}, τ = {}",
            second_moment.name(),
            self.train,
            self.recipe(),
            self.server_learning_rate.get(),
            self.tau.get()
        )
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            train: self.train,
            local_steps: self.local_steps,
            batch_size: self.batch_size,
            optimizer: self.optimizer.clone(),
            learning_rate: self.learning_rate.clone(),
        }
    }
}

/// The server's optimiser.
#[derive(Debug)]
struct FedOpt {
    second_moment: SecondMoment,
    rate: f64,
    betas: [f64; 2],
    tau: f64,
    /// m and v of every parameter.
    moments: Vec<[f64; 2]>,
}

impl FedOpt {
    fn new(config: &FedOptConfig, second_moment: SecondMoment, len: usize) -> Self {
        let tau = config.tau.get();
        Self {
            second_moment,
            rate: config.server_learning_rate.get(),
            betas: [config.beta1.get(), config.beta2.get()],
            tau,
            moments: vec![[0.0, tau * tau]; len],
        }
    }
}

impl Method for FedOpt {
    fn rule(&self, _client: ClientId) -> Arc<dyn LocalRule> {
        Arc::new(Plain)
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put(&self.moments);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.moments = snapshot.take_vector(self.moments.len())?;
        Ok(())
    }

    fn step(&mut self, global: &[f32], mut next: Vec<f64>) -> Vec<f64> {
        let [beta1, beta2] = self.betas;
        for ((value, &at), [m, v]) in next.iter_mut().zip(global).zip(&mut self.moments) {
            let at = f64::from(at);
            let delta = *value - at;
            *m = beta1 * *m + (1.0 - beta1) * delta;
            *v = self.second_moment.next(*v, delta * delta, beta2);
            *value = at + self.rate * *m / (v.sqrt() + self.tau);
        }
        next
    }
}

//! First-order federated averaging.

use std::{num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use crate::{
    first_order::{FirstOrderServer, LocalRule, Method, Optimizer, Plain, Recipe, mean_of_models},
    protocol::{ClientId, ProtocolError, Server, Update},
    settings::LearningRate,
    setup::{Setup, Workshop},
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

impl FedAvgConfig {
    /// The server with the global model at its start.
    pub(crate) fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let recipe = Recipe {
            local_steps: self.local_steps.get() as usize,
            optimizer: self.optimizer.clone(),
            learning_rate: self.learning_rate.clone(),
        };
        Box::new(FirstOrderServer::new(workshop, start, recipe, FedAvg))
    }

    /// The algorithm in one line.
    pub(crate) fn describe(&self) -> String {
        format!(
            "FedAvg on {}: backpropagation, {} local steps of {} on {} texts; dense weights up",
            self.train,
            self.local_steps,
            self.optimizer.name(),
            self.batch_size
        )
    }
}

/// Plain local steps, plain mean.
#[derive(Debug)]
pub(crate) struct FedAvg;

impl Method for FedAvg {
    fn rule(&self, _client: ClientId) -> Arc<dyn LocalRule> {
        Arc::new(Plain)
    }

    fn join(
        &mut self,
        global: &[f32],
        updates: &[(ClientId, Update)],
    ) -> Result<Vec<f64>, ProtocolError> {
        mean_of_models(global.len(), updates)
    }
}

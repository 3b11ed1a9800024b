//! Split-perturbation zeroth-order optimisation, federated.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use crate::{
    protocol::Server,
    settings::{LearningRate, Positive},
    setup::{Setup, Workshop},
    zeroth_order::{
        Plan,
        federated::{Recipe, ZerothOrderServer},
    },
};

/// FedSPZO (Ahmed et al., arXiv 2502.10239): split-perturbation zeroth-order optimisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedSpzoConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The lower block is the embeddings and layers 1..=split; the rest and the head are the upper block.
    /// The default is three quarters of the layers.
    #[serde(default)]
    pub split: Option<usize>,
    /// Perturbations per step.
    pub perturbations: SplitPerturbations,
    /// Perturbation scale ε. The default is 1e-3.
    #[serde(default = "crate::zeroth_order::default_epsilon")]
    pub epsilon: Positive,
    /// Learning rate η.
    pub learning_rate: LearningRate,
}

/// How many perturbations the two blocks get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitPerturbations {
    /// P1: perturbations of the lower block per step.
    pub lower: NonZeroU32,
    /// P2: perturbations of the upper block per perturbation of the lower.
    pub upper: NonZeroU32,
}

impl FedSpzoConfig {
    /// The split for a model of `layers` layers: as configured, or three quarters of them.
    pub fn split_of(&self, layers: usize) -> usize {
        self.split.unwrap_or(layers * 3 / 4)
    }

    /// The server with the global model at its start.
    pub(crate) fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let split = self.split_of(setup.architecture.num_hidden_layers);
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let recipe = Recipe {
            plan: Plan {
                split,
                lower: self.perturbations.lower.get(),
                upper: self.perturbations.upper.get(),
            },
            local_steps: self.local_steps.get() as usize,
            epsilon: self.epsilon.get(),
            learning_rate: self.learning_rate.clone(),
        };
        Box::new(ZerothOrderServer::new(workshop, start, recipe))
    }
}

//! Dimension-free federated learning by shared directions.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use crate::{
    noise::Distribution,
    protocol::Server,
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate, Positive},
    setup::{Setup, Workshop},
    uplink::Content,
    zeroth_order::{
        CatchUp, Difference, History, Memory, Plan, Recipe, Upload, Variant, ZerothOrderServer,
        replay_refusal,
    },
};

/// DeComFL (Li et al., ICLR 2025): in every local step all clients of a round use the same directions, so the server's
/// model moves by the mean of their scalars. Clients discard what they trained and replay the rounds they missed, each
/// at its own learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeComFlConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, K.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// P: directions averaged per step. The default is 1.
    #[serde(default = "crate::zeroth_order::one")]
    pub perturbations: NonZeroU32,
    /// What differences are taken between. The default is two-sided (central).
    #[serde(default)]
    pub difference: Difference,
    /// The law of the directions. The default is Gaussian.
    #[serde(default)]
    pub directions: Distribution,
    /// Perturbation scale ε. The default is 1e-3.
    #[serde(default = "crate::zeroth_order::default_epsilon")]
    pub epsilon: Positive,
    /// Learning rate η.
    pub learning_rate: LearningRate,
    /// How clients that fell behind get the model. The default is as published: always the scalars of the rounds that
    /// they missed.
    #[serde(default = "scalars")]
    pub catch_up: CatchUp,
}

fn scalars() -> CatchUp {
    CatchUp::Scalars
}

impl Algorithm for DeComFlConfig {
    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::SharedScalars)]
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        replay_refusal(self.catch_up, aggregation)
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!(
            "DeComFL on {}: P = {}, {} local steps on {} texts along shared directions; scalars up",
            self.train, self.perturbations, self.local_steps, self.batch_size
        )
    }

    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let recipe = Recipe {
            plan: Plan {
                split: 0,
                lower: 1,
                upper: self.perturbations.get(),
                variant: Variant::Joint,
                difference: self.difference,
                distribution: self.directions,
            },
            local_steps: self.local_steps.get() as usize,
            epsilon: self.epsilon.get(),
            learning_rate: self.learning_rate.clone(),
            first_round: 0,
            weight_decay: 0.0,
            upload: Upload::Scalars,
            catch_up: self.catch_up,
            momentum: 0.0,
        };
        let memory = Memory::SharedDirections(History::default());
        Box::new(ZerothOrderServer::new(workshop, start, recipe, memory))
    }
}

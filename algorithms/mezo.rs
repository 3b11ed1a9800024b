//! Memory-efficient zeroth-order optimisation, federated.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use crate::{
    noise::Distribution,
    protocol::Server,
    registry::Algorithm,
    settings::{Aggregation, Conflict, Fraction, LearningRate, Positive},
    setup::{Setup, Workshop},
    uplink::Content,
    zeroth_order::{
        CatchUp, Difference, History, Memory, Plan, Recipe, Upload, Variant, ZerothOrderServer,
        catch_up_conflict, replay_refusal,
    },
};

/// MeZO (Malladi et al. 2023), federated as FedMeZO does: τ local steps, then a weighted average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MezoConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// P: directions averaged per step. The default is 1.
    #[serde(default = "crate::zeroth_order::one")]
    pub perturbations: NonZeroU32,
    /// What differences are taken between. The default is two-sided.
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
    /// Weight decay λ, of all but biases and norms: `θ -= η (g z + λ θ)`. The default is 0.
    #[serde(default = "crate::zeroth_order::none")]
    pub weight_decay: Fraction,
    /// What is uploaded. The default is the scalars.
    #[serde(default)]
    pub upload: Upload,
    /// How clients that fell behind get the model. The default is what their device finishes soonest.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// The server's momentum β. The default is 0.
    #[serde(default = "crate::zeroth_order::none")]
    pub server_momentum: Fraction,
}

impl Algorithm for MezoConfig {
    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, self.upload.content())]
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        replay_refusal(self.catch_up, aggregation)
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!(
            "federated MeZO on {}: P = {}, {} local steps on {} texts; {} up",
            self.train, self.perturbations, self.local_steps, self.batch_size, self.upload
        )
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let conflict = catch_up_conflict(self.catch_up, self.upload, self.server_momentum);
        conflict.into_iter().collect()
    }

    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let recipe = Recipe {
            // One perturbation of nothing below, P of everything above.
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
            weight_decay: self.weight_decay.get(),
            upload: self.upload,
            catch_up: self.catch_up,
            momentum: self.server_momentum.get(),
        };
        let memory = Memory::OwnDirections(History::default());
        Box::new(ZerothOrderServer::new(workshop, start, recipe, memory))
    }
}

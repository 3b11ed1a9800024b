//! Split-perturbation zeroth-order optimisation, federated.

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
    /// What the two blocks are perturbed against. The default is joint.
    #[serde(default)]
    pub variant: Variant,
    /// What differences are taken between. The default is two-sided.
    #[serde(default)]
    pub difference: Difference,
    /// The law of the directions. The default is Gaussian.
    #[serde(default)]
    pub directions: Distribution,
    /// Perturbation scale ε. The default is 1e-3.
    #[serde(default = "crate::zeroth_order::default_epsilon")]
    pub epsilon: Positive,
    /// Learning rate η; a rate of its own for the upper block is `upper` with `from_layer: split + 1`.
    pub learning_rate: LearningRate,
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

/// How many perturbations the two blocks get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitPerturbations {
    /// P1: perturbations of the lower block per step.
    pub lower: NonZeroU32,
    /// P2: perturbations of the upper block; if joint, per perturbation of the lower.
    pub upper: NonZeroU32,
}

impl Algorithm for FedSpzoConfig {
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
        let SplitPerturbations { lower, upper } = self.perturbations;
        format!(
            "FedSPZO on {}: P1 = {lower} for the lower block, P2 = {upper} for the upper, {}; {} local steps on {} \
             texts; {} up",
            self.train, self.variant, self.local_steps, self.batch_size, self.upload
        )
    }

    // With the split filled in.
    fn conflicts(&self) -> Vec<Conflict> {
        let catch_up = catch_up_conflict(self.catch_up, self.upload, self.server_momentum);
        let empty = self.variant == Variant::Separate && self.split == Some(0);
        let apart = empty.then(|| Conflict {
            field: "variant",
            message: "nothing is below split 0 to be perturbed apart".to_owned(),
            help: "write `joint`, or a split of 1 or more",
        });
        catch_up.into_iter().chain(apart).collect()
    }

    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let split = self.split_of(setup.architecture.num_hidden_layers);
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let recipe = Recipe {
            plan: Plan {
                split,
                lower: self.perturbations.lower.get(),
                upper: self.perturbations.upper.get(),
                variant: self.variant,
                difference: self.difference,
                distribution: self.directions,
            },
            local_steps: self.local_steps.get() as usize,
            epsilon: self.epsilon.get(),
            learning_rate: self.learning_rate.clone(),
            first_round: 0,
            weight_decay: 0.0,
            upload: self.upload,
            catch_up: self.catch_up,
            momentum: self.server_momentum.get(),
        };
        let memory = Memory::OwnDirections(History::default());
        Box::new(ZerothOrderServer::new(workshop, start, recipe, memory))
    }
}

impl FedSpzoConfig {
    /// The split for a model of `layers` layers: as configured, or three quarters of them.
    pub fn split_of(&self, layers: usize) -> usize {
        self.split.unwrap_or(layers * 3 / 4)
    }
}

//! Federated full-parameter tuning with a pool of seeds.

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
        CatchUp, Difference, Memory, Plan, Pool, Recipe, Upload, Variant, ZerothOrderServer,
    },
};

/// FedKSeed (Qin et al., ICML 2024): every step's direction has one of K seeds, so the model is its start and K
/// coefficients. A client rebuilds the model from them, a pass for each that is not zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedKSeedConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// Seeds in the pool, K. The default is 4096, as published.
    #[serde(default = "published_pool")]
    pub seeds: NonZeroU32,
    /// FedKSeed-Pro: seeds whose scalars were large are drawn more often. The default is not.
    #[serde(default)]
    pub pro: bool,
    /// The law of the directions. The default is Gaussian.
    #[serde(default)]
    pub directions: Distribution,
    /// Perturbation scale ε. The default is 5e-4, as published.
    #[serde(default = "published_epsilon")]
    pub epsilon: Positive,
    /// Learning rate η. A schedule is folded into the coefficients.
    pub learning_rate: LearningRate,
    /// How clients get the model. The default is as published: always the coefficients.
    #[serde(default = "scalars")]
    pub catch_up: CatchUp,
}

fn published_pool() -> NonZeroU32 {
    NonZeroU32::new(4096).expect("4096 is not zero")
}

fn published_epsilon() -> Positive {
    Positive::new(5e-4).expect("5e-4 is positive")
}

fn scalars() -> CatchUp {
    CatchUp::Scalars
}

impl Algorithm for FedKSeedConfig {
    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::OwnScalars)]
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        if self.catch_up == CatchUp::Scalars {
            let message = "clients cannot build the model from the coefficients of the pool: they tell of the rounds of \
                           one synchronous model";
            let help = "write `catch_up: dense`";
            return Some(Conflict { field: "catch_up", message: message.to_owned(), help });
        }
        (self.pro && aggregation == Aggregation::Asynchronous).then(|| Conflict {
            field: "pro",
            message: "FedKSeed-Pro learns from round to round which seeds to draw, and all of a round must draw alike"
                .to_owned(),
            help: "write `false`",
        })
    }

    /// A message of the pool has a place for every coefficient, but a client makes a pass for each that is not zero.
    fn untimed(&self) -> Option<Conflict> {
        (self.catch_up != CatchUp::Dense).then(|| Conflict {
            field: "catch_up",
            message: "how long a client takes to build the model from the pool depends on which coefficients are zero, \
                      and nothing is trained"
                .to_owned(),
            help: "write `dense`",
        })
    }

    fn describe(&self) -> String {
        let pro = if self.pro { "-Pro" } else { "" };
        format!(
            "FedKSeed{pro} on {}: {} seeds, {} local steps on {} texts; scalars up",
            self.train, self.seeds, self.local_steps, self.batch_size
        )
    }

    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let recipe = Recipe {
            plan: Plan {
                split: 0,
                lower: 1,
                upper: 1,
                variant: Variant::Joint,
                difference: Difference::TwoSided,
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
        let memory = Memory::Pool(Pool::new(self.seeds.get() as usize, self.pro));
        Box::new(ZerothOrderServer::new(workshop, start, recipe, memory))
    }
}

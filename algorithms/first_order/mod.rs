//! What the algorithms that train by backpropagation share.
//!
//! A client takes τ local steps: the gradient on a mini-batch, a [`LocalRule`]'s change to it, a step of the local
//! [`Optimizer`]. What it uploads is the rule's; how the server joins that is the [`Method`]'s, which also deals out the
//! rules. FedAvg is the plain rule and the plain mean; FedProx changes the rule alone, FedAdam and FedYogi the join
//! alone, SCAFFOLD both.
//!
//! Parameters and gradients are flat vectors here, so that rules and methods can be put to the test on any loss.

mod backpropagation;
mod client;
mod local;
mod optimizer;
mod server;

pub use self::optimizer::Optimizer;
pub(crate) use self::{
    local::{GradientOracle, LocalRule, LocalSteps, Plain, Vectors},
    optimizer::Rates,
    server::{FirstOrderServer, Method, mean_of_models},
};

use crate::settings::LearningRate;

/// How every client trains.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// Local steps per round, τ.
    pub(crate) local_steps: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) learning_rate: LearningRate,
}

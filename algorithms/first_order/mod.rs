//! What the algorithms that train by backpropagation share.
//!
//! A client takes τ local steps: the gradient on a mini-batch, the change that a `LocalRule` makes to it, a step of the local
//! [`Optimizer`]. What it uploads is the rule's; how the server joins that is the `Method`'s, which also deals out the
//! rules. FedAvg is the plain rule and the plain mean; FedProx changes the rule alone, FedAdam and FedYogi the join
//! alone, SCAFFOLD both.
//!
//! Parameters and gradients are flat vectors here, so that rules and methods can be put to the test on any loss.

mod backpropagation;
mod client;
mod layered;
mod local;
mod optimizer;
#[cfg(test)]
pub(crate) mod quadratic;
mod server;

pub use self::optimizer::Optimizer;
pub(crate) use self::{
    backpropagation::{Backpropagation, mean_cross_entropy},
    local::{GradientOracle, LocalRule, LocalSteps, Plain, Vectors},
    optimizer::{Descent, Rates, elementwise},
    server::{FirstOrderServer, Method},
};

use std::{fmt, num::NonZeroU32};

use fleetune_models::{cost::BatchShape, parameters::Trainable};
use fleetune_units::Bytes;

use crate::{meter::Meter, settings::LearningRate, work::Resident};

/// How every client trains: what the configurations of the family share.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) train: Trainable,
    pub(crate) local_steps: NonZeroU32,
    pub(crate) batch_size: NonZeroU32,
    pub(crate) optimizer: Optimizer,
    pub(crate) learning_rate: LearningRate,
}

impl Recipe {
    /// Local steps per round, τ.
    pub(crate) fn steps(&self) -> usize {
        self.local_steps.get() as usize
    }

    /// Elements that a device holds all the time: the parameters of the model, gradients and optimiser state of those
    /// that train, and as many vectors more as the rule holds.
    fn resident(&self, meter: &Meter, held: u64) -> Resident {
        let elements = meter.elements() as u64;
        meter
            .parameters()
            .and("gradient", elements)
            .and("moments of the optimiser", self.optimizer.moments() * elements)
            .and("vectors of the algorithm", held * elements)
    }

    /// Peak memory of a client that trains by the [`Plain`] rule on mini-batches of this shape.
    pub(crate) fn peak_memory(&self, meter: &Meter, shape: BatchShape) -> Bytes {
        let (mut tally, none) = (meter.tally(), Bytes::new(0));
        tally.training_passes(meter.whole(shape, true));
        let resident = self.resident(meter, Plain.vectors().held as u64);
        tally.workload(resident, none, none).peak_memory
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (optimizer, texts) = (self.optimizer.name(), self.batch_size);
        let steps = self.local_steps;
        write!(f, "backpropagation, {steps} local steps of {optimizer} on {texts} texts")
    }
}

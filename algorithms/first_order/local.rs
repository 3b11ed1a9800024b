use std::fmt;

use fleetune_models::ledger::Cost;

use super::{Optimizer, Rates};
use crate::{protocol::Payload, work::Tally};

/// Gradients of one client's loss.
pub(crate) trait GradientOracle {
    /// The gradient at `at` on the mini-batch of local step `step`; what it costs is added to `tally`.
    fn gradient(&mut self, step: usize, at: &[f32], tally: &mut Tally) -> Vec<f32>;
}

/// What an algorithm makes of plain local steps. Immutable: a job that is never run, or whose update never arrives,
/// leaves no trace.
///
/// Every default is FedAvg's.
pub(crate) trait LocalRule: Send + Sync + fmt::Debug {
    /// Changes the gradient at `at`, in a round that began at `start`.
    fn correct(&self, _start: &[f32], _at: &[f32], _gradient: &mut [f32]) {}

    /// What [`Self::correct`] costs over `elements` parameters.
    fn correction_cost(&self, _elements: usize) -> Cost {
        Cost::default()
    }

    /// What is uploaded by a client that went from `start` to `end`.
    fn upload(&self, _steps: &LocalSteps, _start: &[f32], end: Vec<f32>) -> Payload {
        Payload::Dense(end)
    }

    /// What [`Self::upload`] costs over `elements` parameters.
    fn upload_cost(&self, _elements: usize) -> Cost {
        Cost::default()
    }

    /// How many vectors the algorithm moves and holds.
    fn vectors(&self) -> Vectors {
        Vectors { download: 1, upload: 1, held: 0 }
    }
}

/// Vectors over the trainable parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vectors {
    /// Sent to the device.
    pub(crate) download: usize,
    /// Sent to the server.
    pub(crate) upload: usize,
    /// Held on the device besides the parameters, their gradient and the optimiser's state.
    pub(crate) held: usize,
}

/// FedAvg's local steps: none other than the optimiser's.
#[derive(Debug)]
pub(crate) struct Plain;

impl LocalRule for Plain {}

/// A client's local steps in one round.
#[derive(Debug)]
pub(crate) struct LocalSteps {
    /// How many, τ.
    pub(crate) count: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) rates: Rates,
}

impl LocalSteps {
    /// What the steps cost besides their gradients, over `elements` parameters.
    pub(super) fn predict(&self, rule: &dyn LocalRule, elements: usize, tally: &mut Tally) {
        let steps = self.count as u64;
        tally.optimize("correction of a gradient", rule.correction_cost(elements), steps);
        tally.optimize("step of the optimiser", self.optimizer.step_cost(elements), steps);
        tally.optimize("making of what is sent", rule.upload_cost(elements), 1);
    }

    /// Runs the steps from `start`: what is uploaded.
    pub(crate) fn run(
        &self,
        oracle: &mut dyn GradientOracle,
        rule: &dyn LocalRule,
        start: &[f32],
        tally: &mut Tally,
    ) -> Payload {
        let mut at = start.to_vec();
        let mut descent = self.optimizer.start(at.len());
        for step in 0..self.count {
            let mut gradient = oracle.gradient(step, &at, tally);
            rule.correct(start, &at, &mut gradient);
            tally.optimizer += rule.correction_cost(at.len());
            descent.step(&self.rates, &mut at, &gradient);
            tally.optimizer += self.optimizer.step_cost(at.len());
        }
        tally.optimizer += rule.upload_cost(at.len());
        rule.upload(self, start, at)
    }
}

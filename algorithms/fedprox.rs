//! Federated averaging with a proximal term.

use std::{num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

use fleetune_models::{ledger::Cost, parameters::Trainable};

use crate::{
    first_order::{FirstOrderServer, LocalRule, Method, Optimizer, Recipe, Vectors, elementwise},
    protocol::{ClientId, Restoring, Server, Snapshot, SnapshotError},
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate, NonNegative},
    setup::Setup,
    uplink::Content,
};

/// FedProx (Li et al. 2020): FedAvg whose clients minimise `L_i(θ) + μ/2 ||θ - θ_t||²`, so that none strays far from
/// the global model θ_t.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedProxConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The local optimiser; its state does not outlive the round. The default is AdamW, as for FedAvg.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Learning rate η. Plain gradient descent is stable only if η μ is below 2.
    pub learning_rate: LearningRate,
    /// Weight μ of the proximal term; 0 is FedAvg. The paper searches among 0.001, 0.01, 0.1 and 1.
    pub mu: NonNegative,
}

impl Algorithm for FedProxConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let rule = Arc::new(Proximal { mu: self.mu.get() as f32 });
        Box::new(FirstOrderServer::open(setup, self.recipe(), |_, _| FedProx { rule }))
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
        let Self { train, mu, .. } = self;
        format!("FedProx on {train}: μ = {}; {}; dense weights up", mu.get(), self.recipe())
    }
}

impl FedProxConfig {
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

#[derive(Debug)]
struct FedProx {
    rule: Arc<Proximal>,
}

impl Method for FedProx {
    fn rule(&self, _client: ClientId) -> Arc<dyn LocalRule> {
        Arc::clone(&self.rule) as Arc<dyn LocalRule>
    }

    /// The model is all that is learnt.
    fn save(&self, _: &mut Snapshot) {}

    fn restore(&mut self, _: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// The gradient of the proximal term, `μ (θ - θ_t)`, is added: the step goes back towards θ_t.
#[derive(Debug)]
struct Proximal {
    mu: f32,
}

impl LocalRule for Proximal {
    fn correct(&self, start: &[f32], at: &[f32], gradient: &mut [f32]) {
        for ((g, &w), &origin) in gradient.iter_mut().zip(at).zip(start) {
            *g += self.mu * (w - origin);
        }
    }

    /// Difference, product, sum; reads θ, θ_t and the gradient, writes the gradient.
    fn correction_cost(&self, elements: usize) -> Cost {
        elementwise(elements, 3, 4)
    }

    /// θ_t is held.
    fn vectors(&self) -> Vectors {
        Vectors { download: 1, upload: 1, held: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::first_order::quadratic::{Quadratic, run, sgd};

    /// Where many local steps on `h/2 |x - a|²` end: at the proximal point `(h a + μ x) / (h + μ)`, the nearer to
    /// where the round began the larger μ is.
    #[test]
    fn many_local_steps_end_at_the_proximal_point() {
        let mut client = [Quadratic { curvature: 2.0, optimum: vec![10.0, -3.0] }];
        for mu in [0.0, 0.5, 2.0, 8.0, 30.0] {
            let mut method = FedProx { rule: Arc::new(Proximal { mu }) };
            let mut global = vec![1.0, 1.0];
            run(&mut method, &mut global, &mut client, &sgd(400, [0.05, 0.02]), &[0]);
            for (&x, a) in global.iter().zip([10.0, -3.0]) {
                let expected = (2.0 * a + mu) / (2.0 + mu);
                assert!((x - expected).abs() < 1e-4, "μ = {mu}: {x}, not {expected}");
            }
        }
    }
}

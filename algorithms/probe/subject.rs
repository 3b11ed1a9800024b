//! Which algorithms the second-order model covers, and their settings as it needs them.

use std::num::NonZeroU32;

use fleetune_models::parameters::Trainable;

use super::Step;
use crate::{
    registry::AlgorithmConfig,
    settings::{Fraction, LearningRate},
    zeroth_order::{Difference, Plan, Variant},
};

/// An algorithm whose steps the model covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// What trains.
    pub train: Trainable,
    /// Texts in a mini-batch.
    pub batch_size: usize,
    /// τ: local steps per round.
    pub local_steps: u32,
    /// How a step perturbs.
    pub plan: Plan,
    /// ε.
    pub epsilon: f64,
    /// Whether all clients of a round use the same directions.
    pub shared: bool,
    /// The rate that the scenario asks for.
    pub learning_rate: LearningRate,
}

impl Subject {
    /// What a scenario's algorithm is to the model, for a model of `layers` layers.
    ///
    /// # Errors
    /// Why the model does not cover it.
    pub fn of(config: &AlgorithmConfig, layers: usize) -> Result<Self, &'static str> {
        let whole = |perturbations: NonZeroU32, difference, distribution| Plan {
            difference,
            distribution,
            ..Plan::joint(0, 1, perturbations.get())
        };
        let at_rest = |momentum: Fraction| match momentum.get() > 0.0 {
            true => Err("the server's momentum carries steps over into later rounds"),
            false => Ok(()),
        };
        macro_rules! subject {
            ($c:ident, $plan:expr, $shared:expr) => {
                Ok(Self {
                    train: $c.train,
                    batch_size: $c.batch_size.get() as usize,
                    local_steps: $c.local_steps.get(),
                    plan: $plan,
                    epsilon: $c.epsilon.get(),
                    shared: $shared,
                    learning_rate: $c.learning_rate.clone(),
                })
            };
        }
        match config {
            AlgorithmConfig::FedSpzo(c) => {
                at_rest(c.server_momentum)?;
                let plan = Plan {
                    split: c.split_of(layers),
                    lower: c.perturbations.lower.get(),
                    upper: c.perturbations.upper.get(),
                    variant: c.variant,
                    difference: c.difference,
                    distribution: c.directions,
                };
                subject!(c, plan, false)
            }
            AlgorithmConfig::Mezo(c) => {
                at_rest(c.server_momentum)?;
                if c.weight_decay.get() > 0.0 {
                    return Err("weight decay moves the parameters beside the gradient");
                }
                subject!(c, whole(c.perturbations, c.difference, c.directions), false)
            }
            AlgorithmConfig::DeComFl(c) => {
                subject!(c, whole(c.perturbations, c.difference, c.directions), true)
            }
            AlgorithmConfig::FedKSeed(c) if c.pro => {
                Err("it prefers directions by what was found along them before")
            }
            AlgorithmConfig::FedKSeed(c) => {
                let plan = whole(NonZeroU32::MIN, Difference::TwoSided, c.directions);
                subject!(c, plan, false)
            }
            AlgorithmConfig::ZoWarmUp(_) => {
                Err("its zeroth-order steps start from where backpropagation will have led")
            }
            AlgorithmConfig::SignSpsa(_) => {
                Err("its steps have a length of their own, whatever the slope")
            }
            AlgorithmConfig::FwdLlm(_) => {
                Err("it prefers directions by the gradients of earlier steps")
            }
            _ => Err("it trains by backpropagation: nothing is perturbed"),
        }
    }

    /// A step of `clients` clients.
    pub fn step(&self, clients: u32) -> Step {
        Step { plan: self.plan, epsilon: self.epsilon, clients, shared: self.shared }
    }
}

/// The same algorithm with another learning rate, if the model covers its kind.
pub fn at_rate(config: &AlgorithmConfig, learning_rate: LearningRate) -> Option<AlgorithmConfig> {
    let mut config = config.clone();
    match &mut config {
        AlgorithmConfig::FedSpzo(c) => c.learning_rate = learning_rate,
        AlgorithmConfig::Mezo(c) => c.learning_rate = learning_rate,
        AlgorithmConfig::DeComFl(c) => c.learning_rate = learning_rate,
        AlgorithmConfig::FedKSeed(c) => c.learning_rate = learning_rate,
        _ => return None,
    }
    Some(config)
}

/// The same algorithm with other perturbations, where it has a choice: P1 and P2 from `counts`, any split of a model of
/// `layers` layers and both variants for FedSPZO, P for MeZO and DeComFL. The configuration itself is the first.
pub fn alternatives(
    config: &AlgorithmConfig,
    layers: usize,
    counts: &[NonZeroU32],
) -> Vec<AlgorithmConfig> {
    let mut all = vec![config.clone()];
    let mut add = |alternative: AlgorithmConfig| {
        if !all.contains(&alternative) {
            all.push(alternative);
        }
    };
    match config {
        AlgorithmConfig::FedSpzo(given) => {
            let given = crate::fedspzo::FedSpzoConfig {
                split: Some(given.split_of(layers)),
                ..given.clone()
            };
            for variant in [Variant::Joint, Variant::Separate] {
                for split in 1..=layers {
                    for (&lower, &upper) in
                        counts.iter().flat_map(|l| counts.iter().map(move |u| (l, u)))
                    {
                        let mut other = given.clone();
                        other.perturbations.lower = lower;
                        other.perturbations.upper = upper;
                        other.split = Some(split);
                        other.variant = variant;
                        add(AlgorithmConfig::FedSpzo(other));
                    }
                }
            }
        }
        AlgorithmConfig::Mezo(given) => counts.iter().for_each(|&p| {
            let mut other = given.clone();
            other.perturbations = p;
            add(AlgorithmConfig::Mezo(other));
        }),
        AlgorithmConfig::DeComFl(given) => counts.iter().for_each(|&p| {
            let mut other = given.clone();
            other.perturbations = p;
            add(AlgorithmConfig::DeComFl(other));
        }),
        _ => {}
    }
    all
}

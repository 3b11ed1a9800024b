use std::ops::Range;

use serde::{Deserialize, Serialize};

use fleetune_models::{ledger::Cost, parameters::Layout};

use crate::{
    protocol::Moment,
    settings::{Decay, Fraction, LearningRate, Positive},
};

/// A client's local optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Plain stochastic gradient descent.
    Sgd,
    /// AdamW (Loshchilov and Hutter 2019).
    Adamw {
        /// First moment's decay. The default is 0.9.
        #[serde(default = "beta1")]
        beta1: Decay,
        /// Second moment's decay. The default is 0.999.
        #[serde(default = "beta2")]
        beta2: Decay,
        /// Added to the root of the second moment. The default is 1e-8.
        #[serde(default = "adam_epsilon")]
        epsilon: Positive,
        /// Decoupled weight decay, biases and norms included. The default is 0.
        #[serde(default = "none")]
        weight_decay: Fraction,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Adamw {
            beta1: beta1(),
            beta2: beta2(),
            epsilon: adam_epsilon(),
            weight_decay: none(),
        }
    }
}

fn beta1() -> Decay {
    Decay::new(0.9).expect("0.9 is a decay")
}

fn beta2() -> Decay {
    Decay::new(0.999).expect("0.999 is a decay")
}

fn adam_epsilon() -> Positive {
    Positive::new(1e-8).expect("1e-8 is positive")
}

fn none() -> Fraction {
    Fraction::new(0.0).expect("0 is a fraction")
}

impl Optimizer {
    /// [`Optimizer::Sgd`], as a default.
    pub fn sgd() -> Self {
        Self::Sgd
    }

    /// What papers call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd => "SGD",
            Self::Adamw { .. } => "AdamW",
        }
    }

    /// Vectors of optimiser state per parameter.
    pub(crate) fn moments(&self) -> u64 {
        match self {
            Self::Sgd => 0,
            Self::Adamw { .. } => 2,
        }
    }

    /// One step over `elements` parameters. SGD scales and subtracts (2 operations; reads parameter and gradient,
    /// writes the parameter). AdamW: first moment 3, second moment 4, bias corrections 2, root, sum, quotient 3,
    /// decay 2, update 2; reads parameter, gradient and both moments, writes all but the gradient.
    pub(crate) fn step_cost(&self, elements: usize) -> Cost {
        let (operations, touched) = match self {
            Self::Sgd => (2, 3),
            Self::Adamw { .. } => (16, 7),
        };
        elementwise(elements, operations, touched)
    }

    /// At the start of a round: no state outlives one.
    pub(crate) fn start(&self, elements: usize) -> Descent {
        match *self {
            Self::Sgd => Descent::Sgd,
            Self::Adamw { beta1, beta2, epsilon, weight_decay } => Descent::Adamw(AdamW {
                betas: [beta1.get() as f32, beta2.get() as f32],
                epsilon: epsilon.get() as f32,
                weight_decay: f64::from(weight_decay.get() as f32),
                steps: 0,
                moments: [vec![0.0; elements], vec![0.0; elements]],
            }),
        }
    }
}

/// Elementwise work of `operations` per element that reads and writes `touched` vectors.
pub(crate) fn elementwise(elements: usize, operations: u64, touched: u64) -> Cost {
    let n = elements as u64;
    Cost {
        elementwise: u128::from(n) * u128::from(operations),
        elements: n * touched,
        ..Cost::default()
    }
}

/// The learning rate of every stretch of the flat vector, in one round.
#[derive(Clone, Debug)]
pub(crate) struct Rates(Vec<(Range<usize>, f64)>);

impl Rates {
    /// The rates of the layout's slots.
    pub(crate) fn of(layout: &Layout, rate: &LearningRate, when: Moment) -> Self {
        let slots = layout.slots().iter();
        Self::new(slots.map(|slot| (slot.range.clone(), rate.of(slot.stage, when))).collect())
    }

    /// From stretches that follow each other.
    pub(crate) fn new(stretches: Vec<(Range<usize>, f64)>) -> Self {
        Self(stretches)
    }

    /// The stretches with their rates.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = (Range<usize>, f64)> {
        self.0.iter().cloned()
    }
}

/// An optimiser in the course of a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Descent {
    Sgd,
    Adamw(AdamW),
}

impl Descent {
    /// One step down the gradient.
    pub(crate) fn step(&mut self, rates: &Rates, parameters: &mut [f32], gradient: &[f32]) {
        match self {
            Self::Sgd => {
                for (range, rate) in rates.stretches() {
                    let rate = rate as f32;
                    for (w, &g) in parameters[range.clone()].iter_mut().zip(&gradient[range]) {
                        *w -= g * rate;
                    }
                }
            }
            Self::Adamw(adamw) => adamw.step(rates, parameters, gradient),
        }
    }
}

/// `m = β1 m + (1 - β1) g`, `v = β2 v + (1 - β2) g²`, `θ = (1 - η λ) θ - η m̂ / (sqrt v̂ + ε)` with
/// `m̂ = m / (1 - β1^t)`, `v̂ = v / (1 - β2^t)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AdamW {
    betas: [f32; 2],
    epsilon: f32,
    weight_decay: f64,
    /// Steps made, t.
    steps: i32,
    moments: [Vec<f32>; 2],
}

impl AdamW {
    fn step(&mut self, rates: &Rates, parameters: &mut [f32], gradient: &[f32]) {
        self.steps += 1;
        let [beta1, beta2] = self.betas;
        let [correction1, correction2] = self.betas.map(|beta| 1.0 - beta.powi(self.steps));
        let [first, second] = &mut self.moments;
        for (range, rate) in rates.stretches() {
            let (kept, step) = ((1.0 - rate * self.weight_decay) as f32, rate as f32);
            let moments = first[range.clone()].iter_mut().zip(&mut second[range.clone()]);
            let elements = parameters[range.clone()].iter_mut().zip(&gradient[range]);
            for ((w, &g), (m, v)) in elements.zip(moments) {
                *m = *m * beta1 + g * (1.0 - beta1);
                *v = *v * beta2 + g * g * (1.0 - beta2);
                let direction = (*m / correction1) / ((*v / correction2).sqrt() + self.epsilon);
                *w = *w * kept - direction * step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        optim::{AdamWConfig, Optimizer as _},
        tensor::Tensor,
    };
    use fleetune_models::backend::Backend;

    use super::*;
    use crate::{noise::fill_normal, world::bits};

    /// Over several steps, with weight decay and two learning rates.
    #[test]
    fn adamw_is_that_of_burn_to_the_bit() {
        const RATES: [f64; 2] = [0.01, 0.07];
        let optimizer = Optimizer::Adamw {
            beta1: Decay::new(0.8).unwrap(),
            beta2: Decay::new(0.95).unwrap(),
            epsilon: Positive::new(1e-3).unwrap(),
            weight_decay: Fraction::new(0.2).unwrap(),
        };
        let reference = AdamWConfig::new()
            .with_beta_1(0.8)
            .with_beta_2(0.95)
            .with_epsilon(1e-3)
            .with_weight_decay(0.2)
            .build();
        let device = Backend::Flex.device();
        let tensor = |values: &[f32]| Tensor::<1>::from_floats(values, &device);
        let mut parameters = vec![0.0; 60];
        fill_normal(1, 0, &mut parameters);
        let halves = [0..25, 25..60];
        let mut expected = halves.clone().map(|half| (tensor(&parameters[half]), None));
        let rates = Rates::new(halves.iter().cloned().zip(RATES).collect());
        let mut descent = optimizer.start(60);
        for step in 0..7 {
            let mut gradient = vec![0.0; 60];
            fill_normal(2, step, &mut gradient);
            descent.step(&rates, &mut parameters, &gradient);
            for ((state, half), rate) in expected.iter_mut().zip(&halves).zip(RATES) {
                let (at, moments) = (state.0.clone(), state.1.take());
                *state = reference.step(rate, at, tensor(&gradient[half.clone()]), moments);
                let values: Vec<f32> = state.0.to_data().try_to_vec().unwrap();
                assert_eq!(bits(&parameters[half.clone()]), bits(&values), "step {step}");
            }
        }
    }
}

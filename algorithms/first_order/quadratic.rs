//! Losses whose every answer is known: rules and methods are put to the test on them.

use fleetune_models::cost::Stored;
use fleetune_units::Bytes;

use super::{GradientOracle, LocalSteps, Method, Optimizer, Rates};
use crate::{
    protocol::{ClientId, Losses, Update},
    work::{Resident, Tally},
};

/// `h/2 |x - a|²`.
#[derive(Clone, Debug)]
pub(crate) struct Quadratic {
    /// h.
    pub(crate) curvature: f32,
    /// a.
    pub(crate) optimum: Vec<f32>,
}

impl GradientOracle for Quadratic {
    fn gradient(&mut self, _step: usize, at: &[f32], _tally: &mut Tally) -> Vec<f32> {
        at.iter().zip(&self.optimum).map(|(&x, &a)| self.curvature * (x - a)).collect()
    }
}

/// Local steps of SGD on vectors of two, with a rate for each element.
pub(crate) fn sgd(count: usize, rates: [f64; 2]) -> LocalSteps {
    let rates = Rates::new((0..2).map(|i| (i..i + 1, rates[i])).collect());
    LocalSteps { count, optimizer: Optimizer::Sgd, rates }
}

/// One round of the clients of `cohort`, all with equally many examples.
pub(crate) fn run(
    method: &mut dyn Method,
    global: &mut Vec<f32>,
    clients: &mut [Quadratic],
    steps: &LocalSteps,
    cohort: &[ClientId],
) {
    let mut updates = Vec::new();
    for &client in cohort {
        let (rule, mut tally) = (method.rule(client), Tally::default());
        let oracle = &mut clients[client as usize];
        let payload = steps.run(oracle, rule.as_ref(), global, &mut tally);
        let update = Update {
            payload,
            examples: 1,
            counted: tally.counted(Resident::new(Stored::default(), 0..0), Bytes::new(0)),
            kept: None,
            losses: Losses::default(),
        };
        updates.push((client, update));
    }
    let next = method.join(global, &updates).expect("well formed");
    *global = next.iter().map(|&value| value as f32).collect();
}

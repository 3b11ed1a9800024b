//! A client's part of an exchange: take the gradient, step, run the next mini-batch up to the split.

use std::sync::Arc;

use fleetune_devices::{PhaseKind, Workload};
use fleetune_models::{cost::BatchShape, ledger::Ledger};
use fleetune_units::Bytes;
use serde::{Deserialize, Serialize};

use super::parts::Parts;
use crate::{
    first_order::Descent,
    meter::Meter,
    protocol::{ClientId, Counted, Exchange, Kept, Losses, Payload, Update},
    work::{Resident, Tally},
};

/// What stays on the device between exchanges. What a backward keeps of its forward does too, and is charged, but here
/// it is computed again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// The lower part's trainable parameters.
    pub(super) at: Vec<f32>,
    pub(super) descent: Descent,
}

/// What comes down.
#[derive(Clone, Debug)]
pub(super) enum Received {
    /// The global lower part.
    Weights(Arc<Vec<f32>>),
    /// The gradient of the last activations, to a device in this state.
    Gradient(Arc<State>, Arc<Vec<f32>>),
}

/// One client's work in one exchange.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) parts: Arc<Parts>,
    pub(super) exchange: Exchange,
    pub(super) client: ClientId,
}

impl Task {
    fn steps(&self) -> usize {
        self.parts.recipe.steps()
    }

    /// The mini-batch whose gradient comes down, and the one whose activations go up, by local step.
    fn batches(&self) -> [Option<usize>; 2] {
        let index = self.exchange.index as usize;
        [index.checked_sub(1), Some(index).filter(|&step| step < self.steps())]
    }

    /// What the work costs if the local steps' mini-batches have these shapes, in closed form.
    pub(super) fn workload(&self, meter: &Meter, shapes: &[BatchShape]) -> Workload {
        let parts = &self.parts;
        let [learnt, sent] = self.batches().map(|step| step.map(|step| shapes[step]));
        let mut work = Work::new(meter);
        let elements = parts.lower_elements(meter);
        if let Some(shape) = learnt {
            work.learn(parts, elements, parts.below(meter, shape));
        }
        if let Some(shape) = sent {
            work.send(parts.below(meter, shape));
        }
        let weights = Payload::size(elements);
        let download = learnt.map_or(weights, |shape| parts.gradient_size(meter, shape));
        let upload = sent.map_or(weights, |shape| Payload::size(parts.crossing_len(meter, shape)));
        let (resident, none) = (parts.resident(meter), Bytes::new(0));
        let learning = work.learning.workload(resident.clone(), download, none);
        learning.then(work.sending.workload(resident, none, upload))
    }

    /// The work, for real.
    pub(super) fn run(&self, received: Received) -> Update {
        let Self { parts, exchange, client } = self;
        let texts = parts.workshop.batches(*client, exchange.round, self.steps());
        let [learnt, sent] = self.batches();
        let mut work = Work::new(parts.trained());
        let mut state = match received {
            Received::Weights(start) => {
                let descent = parts.recipe.optimizer.start(start.len());
                State { at: start.to_vec(), descent }
            }
            Received::Gradient(state, gradient) => {
                let mut state = State { at: state.at.clone(), descent: state.descent.clone() };
                let step = learnt.expect("a gradient is that of the exchange before");
                let batch = parts.workshop.collate(&texts[step]);
                let mut ledger = Ledger::new();
                let gradient = parts.backward(&state.at, &batch, &gradient, &mut ledger);
                state.descent.step(
                    &parts.rates(&parts.lower, exchange.moment()),
                    &mut state.at,
                    &gradient,
                );
                work.learn(parts, parts.lower.len(), counted(&ledger));
                state
            }
        };
        let payload = match sent {
            Some(step) => {
                let mut ledger = Ledger::new();
                let batch = parts.workshop.collate(&texts[step]);
                let crossing = parts.forward(&state.at, &batch, &mut ledger);
                work.send(counted(&ledger));
                crossing.payload()
            }
            None => Payload::Dense(std::mem::take(&mut state.at)),
        };
        Update {
            examples: (self.steps() * parts.workshop.batch_size(*client)) as u64,
            counted: work.counted(&parts.resident(parts.trained()), &payload, exchange.round),
            payload,
            kept: sent.map(|_| Kept::new(state)),
            losses: Losses::default(),
        }
    }
}

/// What an exchange makes a device do, one after the other.
#[derive(Debug)]
struct Work {
    /// The backward of the last mini-batch, from what its forward kept, and a step of the optimiser. While that runs,
    /// activations count as in the forward, as everywhere.
    learning: Tally,
    /// The forward of the next mini-batch, which keeps what its backward will need.
    sending: Tally,
}

impl Work {
    fn new(meter: &Meter) -> Self {
        Self { learning: meter.tally(), sending: meter.tally() }
    }

    fn learn(&mut self, parts: &Parts, elements: usize, pass: Tally) {
        self.learning = pass.without(PhaseKind::Forward);
        let step = parts.recipe.optimizer.step_cost(elements);
        self.learning.optimize("step of the optimiser", step, 1);
    }

    fn send(&mut self, pass: Tally) {
        self.sending = pass.without(PhaseKind::Backward);
    }

    fn counted(&self, resident: &Resident, payload: &Payload, round: u64) -> Counted {
        let upload = Bytes::new(payload.encode(round).len() as u64);
        let [first, then] =
            [&self.learning, &self.sending].map(|t| t.counted(resident.clone(), upload));
        Counted {
            flops: first.flops + then.flops,
            traffic: first.traffic + then.traffic,
            upload,
            peak_memory: first.peak_memory.max(then.peak_memory),
        }
    }
}

fn counted(ledger: &Ledger) -> Tally {
    let mut tally = Tally::default();
    tally.training(ledger);
    tally
}

//! Layer-wise contributions: what a client has that was stopped in the middle of its backward, and their join.

use std::{ops::Range, sync::Arc};

use fleetune_devices::Workload;
use fleetune_models::{
    cost::{BatchShape, PassCost},
    parameters::{Layout, Weights},
};
use fleetune_units::{Bytes, Flops};

use super::{
    FirstOrderServer, Method, Optimizer, Rates, backpropagation::Backpropagation, client::Task,
};
use crate::{
    average::advance,
    meter::Meter,
    protocol::{
        Assignment, ClientId, Depth, Exchange, Layered, Losses, Moment, Payload, ProtocolError,
        Update, Verdict,
    },
};

/// The stages in which something trains, from the head down, and where each begins in the flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layers(Vec<(usize, usize)>);

impl Layers {
    fn of(layout: &Layout) -> Self {
        let mut layers: Vec<(usize, usize)> = Vec::new();
        for slot in layout.slots() {
            if layers.last().is_none_or(|(stage, _)| *stage != slot.stage) {
                layers.push((slot.stage, slot.range.start));
            }
        }
        layers.reverse();
        Self(layers)
    }

    /// The lowest stage of the last `count` layers.
    fn stage(&self, count: usize) -> usize {
        self.0[count - 1].0
    }

    /// Where the last `count` layers begin.
    fn start(&self, count: usize) -> usize {
        self.0[count - 1].1
    }

    /// The elements of each layer of a vector of `len`.
    fn ranges(&self, len: usize) -> impl Iterator<Item = Range<usize>> {
        let ends = std::iter::once(len).chain(self.0.iter().map(|(_, start)| *start));
        self.0.iter().zip(ends).map(|((_, start), end)| *start..end)
    }
}

impl Task {
    fn stopped_workload(&self, meter: &Meter, shapes: &[BatchShape], stage: usize) -> Workload {
        let mut tally = meter.tally();
        for &shape in shapes {
            let backward = meter.pass(stage..meter.end(), shape, true).backward;
            tally.training_passes(PassCost { backward, ..meter.whole(shape, true) });
        }
        let [download, upload] = [meter.elements(), meter.elements_from(stage)].map(Payload::size);
        tally.workload(self.resident(meter), download, upload)
    }

    /// The gradients of the stages from `stage` up, for real.
    fn train_last(&self, start: &[f32], stage: usize) -> Update {
        let batches = self.texts();
        let meter = &self.workshop.meters.trained;
        let mut tally = meter.tally();
        let part = self.workshop.layout.from_stage(stage);
        let oracle = Backpropagation { workshop: &self.workshop, batches };
        let gradient = oracle.gradient_of(0, start, &part, &mut tally);
        // It had kept what a whole backward needs.
        let kept = self.shapes().into_iter().map(|shape| meter.whole(shape, true).kept);
        tally.kept = kept.max().unwrap_or_default();
        let payload = Payload::Dense(gradient);
        let upload = Bytes::new(payload.encode(self.exchange.round).len() as u64);
        let counted = tally.counted(self.resident(meter), upload);
        Update {
            payload,
            examples: self.examples(),
            counted,
            kept: None,
            losses: Losses::default(),
        }
    }
}

impl<M: Method> FirstOrderServer<M> {
    /// Whether clients' layers can be joined one by one: the method's step is the mean, and a client's work is one step
    /// of SGD.
    pub(super) fn joins_layers(&self) -> bool {
        let one_step = self.recipe.steps() == 1 && self.recipe.optimizer == Optimizer::Sgd;
        one_step && self.method.joins_layers()
    }

    fn layers_of(&self) -> Layers {
        Layers::of(&self.workshop.layout)
    }

    /// The model of a client that got so far, from where its layers begin in the flat vector.
    fn reached(
        &self,
        moment: Moment,
        client: ClientId,
        (depth, update): (Depth, &Update),
    ) -> Result<(usize, Vec<f32>), ProtocolError> {
        let len = self.global.values.len();
        let Depth::Last(count) = depth else {
            return Ok((0, update.dense(client, len)?.to_vec()));
        };
        let start = self.layers_of().start(count);
        let sent = update.dense(client, len - start)?;
        let rates = Rates::of(&self.workshop.layout, &self.recipe.learning_rate, moment);
        let mut at = self.global.values.clone();
        let mut gradient = vec![0.0; len];
        gradient[start..].copy_from_slice(sent);
        Optimizer::Sgd.start(len).step(&rates, &mut at, &gradient);
        Ok((start, at.split_off(start)))
    }
}

impl<M: Method> Layered for FirstOrderServer<M> {
    fn layers(&mut self) -> usize {
        self.layers_of().0.len()
    }

    fn milestones(&mut self, exchange: Exchange, client: ClientId) -> Vec<Flops> {
        let (task, meter) = (self.task(exchange, client), self.workshop.meters.charged());
        let (shapes, layers) = (task.shapes(), self.layers_of());
        let done = |count| task.stopped_workload(meter, &shapes, layers.stage(count)).flops();
        (1..=layers.0.len()).map(done).collect()
    }

    fn stopped(&mut self, exchange: Exchange, client: ClientId, layers: usize) -> Assignment {
        let stage = self.layers_of().stage(layers);
        let task = self.task(exchange, client);
        let (shapes, start) = (task.shapes(), Arc::clone(&self.global));
        let work = task.clone();
        let job = Box::new(move || task.train_last(&start.values, stage));
        self.workshop.meters.assignment(|meter| work.stopped_workload(meter, &shapes, stage), job)
    }

    fn join_layers(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Depth, Update)>,
        missed: &[f64],
    ) -> Result<Verdict, ProtocolError> {
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        let models = updates.iter().map(|(client, depth, update)| {
            self.reached(exchange.moment(), *client, (*depth, update))
        });
        let models = models.collect::<Result<Vec<_>, _>>()?;
        let next = joined(&self.global, &self.layers_of(), &models, missed);
        advance(&mut self.global, &next, exchange.round)?;
        Ok(Verdict::RoundOver)
    }

    fn rate(&mut self, moment: Moment) -> f64 {
        self.recipe.learning_rate.of(0, moment)
    }
}

/// SALF's aggregation: of every layer the mean over the `models` that reached it, each given from where it begins, less
/// the bias that nobody may have.
fn joined(
    global: &Weights,
    layers: &Layers,
    models: &[(usize, Vec<f32>)],
    missed: &[f64],
) -> Vec<f64> {
    let mut next: Vec<f64> = global.values.iter().map(|&w| f64::from(w)).collect();
    let ranges = layers.ranges(global.values.len());
    for (range, missed) in ranges.zip(missed.iter().copied().chain(std::iter::repeat(0.0))) {
        let there: Vec<_> = models.iter().filter(|(start, _)| *start <= range.start).collect();
        if there.is_empty() {
            continue;
        }
        let scale = 1.0 / (1.0 - missed);
        for i in range {
            let sum: f64 = there.iter().map(|(start, model)| f64::from(model[i - start])).sum();
            let mean = sum / there.len() as f64;
            // No correction that 64 bits can hold: the mean to the bit.
            next[i] = if scale == 1.0 { mean } else { (mean - missed * next[i]) * scale };
        }
    }
    next
}

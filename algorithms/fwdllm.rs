//! Forward gradients without local updates.

use std::{collections::BTreeSet, num::NonZeroU32, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

use fleetune_devices::Workload;
use fleetune_models::{
    cost::BatchShape,
    encoder::Classifier,
    evaluate::cross_entropy,
    ledger::Ledger,
    parameters::{Layout, Trainable, Weights},
};
use fleetune_units::Bytes;

use crate::{
    noise::{Distribution, fill_normal, tensor_key},
    protocol::{
        Assignment, ClientId, Estimate, Exchange, Horizon, Payload, ProtocolError, Server, Update,
        Verdict,
    },
    settings::{LearningRate, Positive},
    setup::{Setup, Workshop},
    work::{Tally, bytes},
};

/// FwdLLM (Xu et al., USENIX ATC'24): forward gradients, one global step per mini-batch, variance-controlled pacing
/// and discriminative sampling, guided every other step.
///
/// Candidate directions are drawn and ranked on each device, as the paper describes; its published code ranks one
/// pool for the whole cohort, which only a worker that simulates all clients can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FwdLlmConfig {
    /// Which parameters train; FwdLLM is meant for parameter-efficient ones. The default is `bitfit`.
    #[serde(default = "Trainable::bitfit")]
    pub train: Trainable,
    /// Texts in a mini-batch. The default is 8, as published.
    #[serde(default = "eight")]
    pub batch_size: NonZeroU32,
    /// Mini-batches a cohort works through before the next cohort is drawn: one global step each. The default is 1.
    #[serde(default = "crate::zeroth_order::one")]
    pub batches_per_round: NonZeroU32,
    /// Finite-difference step h. The default is 0.01, as published.
    #[serde(default = "published_step")]
    pub epsilon: Positive,
    /// Candidate directions per kept one. The default is 10, as published; 1 turns discriminative sampling off.
    #[serde(default = "ten")]
    pub candidates: NonZeroU32,
    /// The server steps once the variance of the collected gradients is below this; none: it never waits.
    #[serde(default)]
    pub variance_threshold: Option<Positive>,
    /// Retries after which the server steps all the same; none: as often as it takes, as published.
    #[serde(default)]
    pub retry_cap: Option<u32>,
    /// The server's learning rate η.
    pub learning_rate: LearningRate,
}

fn eight() -> NonZeroU32 {
    NonZeroU32::new(8).expect("eight is not zero")
}

fn ten() -> NonZeroU32 {
    NonZeroU32::new(10).expect("ten is not zero")
}

fn published_step() -> Positive {
    Positive::new(0.01).expect("0.01 is positive")
}

impl FwdLlmConfig {
    /// The algorithm in one line, for a report.
    pub(crate) fn describe(&self) -> String {
        format!(
            "FwdLLM on {}: forward gradients on {} texts, best of {} candidates every other step; dense gradient up",
            self.train, self.batch_size, self.candidates
        )
    }

    /// The server with the global model at its start.
    pub(crate) fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        Box::new(FwdLlmServer {
            workshop,
            config: Arc::new(self.clone()),
            global: Arc::new(start),
            step: 0,
            place: Place::default(),
            reference: None,
            collected: Vec::new(),
        })
    }
}

/// Where a cohort stands in its round.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Mini-batches it has finished: global steps of this round.
    batch: u32,
    /// Retries of the present mini-batch.
    attempt: u32,
}

/// The server between exchanges.
#[derive(Debug)]
struct FwdLlmServer {
    workshop: Arc<Workshop>,
    config: Arc<FwdLlmConfig>,
    global: Arc<Weights>,
    /// Global steps made so far.
    step: u64,
    /// Where the present cohort stands.
    place: Place,
    /// The sum of the previous step's gradients, while it guides the sampling: every other step.
    reference: Option<Arc<Vec<f32>>>,
    /// Gradients collected for the present step, in order of arrival.
    collected: Vec<Vec<f32>>,
}

impl Server for FwdLlmServer {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let task = self.task(exchange, client, self.reference.clone());
        let workload = self.workload(&task, task.shape(), self.place(exchange).attempt > 0);
        let start = Arc::clone(&self.global);
        Assignment { workload, job: Box::new(move || task.probe(&start)) }
    }

    fn forecast(&self, client: ClientId, _: &dyn Estimate, _: Horizon) -> Vec<Workload> {
        let config = &self.config;
        let batches = config.batches_per_round.get() as usize;
        let shapes = self.workshop.shape_bounds(client, batches).into_iter().flatten();
        let shapes: BTreeSet<BatchShape> = shapes.collect();
        let guide =
            (config.candidates.get() > 1).then(|| Arc::new(vec![0.0; self.global.layout.len()]));
        let retries = config.variance_threshold.is_some() && config.retry_cap != Some(0);
        let first = Exchange { round: 0, index: 0 };
        let mut kinds = Vec::new();
        for reference in std::iter::once(None).chain(guide.map(Some)) {
            let task = self.task(first, client, reference);
            for &shape in &shapes {
                kinds.push(self.workload(&task, shape, false));
                if retries {
                    kinds.push(self.workload(&task, shape, true));
                }
            }
        }
        kinds
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        for (client, update) in updates {
            self.collected.push(update.dense(client, self.global.layout.len())?.to_vec());
        }
        let Place { batch, attempt } = self.place(exchange);
        let capped = self.config.retry_cap.is_some_and(|cap| attempt >= cap);
        if !capped && self.too_noisy() {
            self.place = Place { batch, attempt: attempt.saturating_add(1) };
            return Ok(Verdict::SameCohort);
        }
        self.descend(exchange.round)?;
        self.place = Place { batch: batch + 1, attempt: 0 };
        let more = self.place.batch < self.config.batches_per_round.get();
        Ok(if more { Verdict::SameCohort } else { Verdict::RoundOver })
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.workshop.model_with(&self.global)
    }
}

impl FwdLlmServer {
    /// Where the cohort of `exchange` stands: at the start if it is a new one, whatever became of the one before.
    fn place(&self, exchange: Exchange) -> Place {
        if exchange.index == 0 { Place::default() } else { self.place }
    }

    fn task(&self, exchange: Exchange, client: ClientId, reference: Option<Arc<Vec<f32>>>) -> Task {
        Task {
            workshop: Arc::clone(&self.workshop),
            config: Arc::clone(&self.config),
            reference,
            round: exchange.round,
            batch: self.place(exchange).batch,
            attempt: exchange.index,
            client,
        }
    }

    fn workload(&self, task: &Task, shape: BatchShape, retry: bool) -> Workload {
        let dense = Payload::size(self.global.layout.len());
        // A retry runs on the model and the reference that the client already holds: it is told so, no more.
        let download = match (retry, &task.reference) {
            (true, _) => Payload::size(0),
            (false, None) => dense,
            (false, Some(_)) => dense + dense,
        };
        task.predicted(shape).workload(task.resident(), download, dense)
    }

    /// Whether the collected gradients disagree too much on the watched tensor to step yet.
    fn too_noisy(&self) -> bool {
        let Some(threshold) = self.config.variance_threshold else { return false };
        let watched = watched(&self.global.layout);
        let slices: Vec<&[f32]> = self.collected.iter().map(|g| &g[watched.clone()]).collect();
        // One gradient says nothing about its variance.
        half_variance(&slices).is_none_or(|variance| variance > threshold.get())
    }

    /// One step along the mean of the collected gradients.
    fn descend(&mut self, round: u64) -> Result<(), ProtocolError> {
        let mut sum = vec![0.0_f64; self.global.values.len()];
        for gradient in &self.collected {
            for (sum, &g) in sum.iter_mut().zip(gradient) {
                *sum += f64::from(g);
            }
        }
        let n = self.collected.len() as f64;
        let mut values = self.global.values.clone();
        for slot in self.global.layout.slots() {
            let rate = self.config.learning_rate.of(slot.stage, round);
            for i in slot.range.clone() {
                values[i] = (f64::from(values[i]) - rate * sum[i] / n) as f32;
            }
        }
        if !values.iter().all(|v| v.is_finite()) {
            return Err(ProtocolError::Diverged { round });
        }
        self.global = Arc::new(Weights { layout: Arc::clone(&self.global.layout), values });
        self.step += 1;
        self.collected.clear();
        // As published: guided and unguided steps alternate.
        let guides = self.config.candidates.get() > 1 && self.step % 2 == 1;
        self.reference = guides.then(|| Arc::new(sum.iter().map(|&s| s as f32).collect()));
        Ok(())
    }
}

/// The tensor whose variance paces the steps: the first trainable one of layer 1, as the published code watches a
/// tensor of its lowest layer; the first of all where that layer does not train.
fn watched(layout: &Layout) -> Range<usize> {
    let slots = layout.slots();
    slots.iter().find(|s| s.stage == 1).or(slots.first()).map_or(0..0, |s| s.range.clone())
}

/// FwdLLM's statistic: with A and B the means of the two halves, the mean over coordinates of (A - B)² / 2.
/// Its expectation is 2 σ²/n for n independent gradients of per-coordinate variance σ². `None` below two gradients.
pub fn half_variance(gradients: &[&[f32]]) -> Option<f64> {
    let half = gradients.len() / 2;
    if half == 0 {
        return None;
    }
    let (first, second) = gradients.split_at(half);
    let mean = |part: &[&[f32]], i: usize| {
        part.iter().map(|g| f64::from(g[i])).sum::<f64>() / part.len() as f64
    };
    let coordinates = gradients[0].len();
    let total: f64 =
        (0..coordinates).map(|i| (mean(first, i) - mean(second, i)).powi(2) / 2.0).sum();
    Some(total / coordinates as f64)
}

/// One client's work in one exchange.
struct Task {
    workshop: Arc<Workshop>,
    config: Arc<FwdLlmConfig>,
    reference: Option<Arc<Vec<f32>>>,
    round: u64,
    /// Which of the cohort's mini-batches this step is for.
    batch: u32,
    /// Which exchange of the round this is: a new direction each time.
    attempt: u32,
    client: ClientId,
}

impl Task {
    fn texts(&self) -> Vec<u32> {
        let last = self.batch as usize;
        self.workshop.batches(self.client, self.round, last + 1).swap_remove(last)
    }

    /// Parameters, the kept direction and its best candidate so far, and the reference while it guides.
    fn resident(&self) -> u64 {
        let d = self.workshop.layout.len() as u64;
        let guided = if self.reference.is_some() { 2 * d } else { 0 };
        bytes(self.workshop.cost.parameters() + d + guided)
    }

    fn shape(&self) -> BatchShape {
        let last = self.batch as usize;
        self.workshop.shapes(self.client, self.round, last + 1).swap_remove(last)
    }

    fn predicted(&self, shape: BatchShape) -> Tally {
        let pass = self.workshop.cost.whole(shape, false);
        let mut tally = Tally::default();
        tally.forward += pass.forward * 2;
        tally.activations = pass.peak_activations().get();
        self.charge_directions(&mut tally);
        tally
    }

    /// Three passes perturb and restore in place, one scales the direction into the gradient; while guided, every
    /// candidate is generated and its inner product and norm are taken.
    fn charge_directions(&self, tally: &mut Tally) {
        let d = self.workshop.layout.len();
        tally.perturb(Distribution::Gaussian, d, 3);
        tally.update_with_noise(Distribution::Gaussian, d, 1);
        if self.reference.is_some() {
            let candidates = u64::from(self.config.candidates.get());
            tally.perturb(Distribution::Gaussian, d, candidates);
            // Inner product and squared norm: 4 operations; the noise pass already counts 2 of them.
            tally.perturbation.elementwise += u128::from(candidates) * d as u128 * 2;
        }
    }

    /// The direction: standard normal, or while guided, tensor by tensor, the candidate with the largest cosine with
    /// the reference.
    fn direction(&self) -> Vec<f32> {
        let seed = self
            .workshop
            .streams
            .subtree("forward gradients", u64::from(self.client))
            .subtree("round", self.round)
            .seed("exchange", u64::from(self.attempt));
        let layout = &self.workshop.layout;
        let mut direction = vec![0.0; layout.len()];
        for slot in layout.slots() {
            let (out, key) = (&mut direction[slot.range.clone()], tensor_key(&slot.path));
            match &self.reference {
                None => fill_normal(seed, key, out),
                Some(reference) => {
                    self.best_candidate(seed, key, &reference[slot.range.clone()], out)
                }
            }
        }
        direction
    }

    fn best_candidate(&self, seed: u64, key: u64, reference: &[f32], best: &mut [f32]) {
        let mut largest = f64::NEG_INFINITY;
        let mut candidate = vec![0.0; best.len()];
        for number in 0..u64::from(self.config.candidates.get()) {
            // splitmix64's increment keeps candidates of one seed apart.
            fill_normal(
                seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                key,
                &mut candidate,
            );
            let cosine = cosine(&candidate, reference);
            if cosine > largest {
                largest = cosine;
                best.copy_from_slice(&candidate);
            }
        }
    }

    /// The forward gradient, for real: `(L(θ + h v) - L(θ - h v)) / (2 h) v`.
    fn probe(&self, global: &Weights) -> Update {
        let workshop = &self.workshop;
        let batch = workshop.collate(&self.texts());
        let on_device = batch.to_device(&workshop.device);
        let mut direction = self.direction();
        let mut tally = Tally::default();
        let h = self.config.epsilon.get();
        let mut loss = |by: f64| {
            let values = global.values.iter().zip(&direction);
            let values = values.map(|(&w, &v)| w + by as f32 * v).collect();
            let shifted = Weights { layout: Arc::clone(&global.layout), values };
            let mut ledger = Ledger::new();
            let logits = workshop.model_with(&shifted).forward(&on_device, &mut ledger);
            tally.inference(&ledger);
            cross_entropy(logits, &batch.labels)
        };
        let derivative = ((loss(h) - loss(-h)) / (2.0 * h)) as f32;
        direction.iter_mut().for_each(|v| *v *= derivative);
        self.charge_directions(&mut tally);
        let payload = Payload::Dense(direction);
        let upload = Bytes::new(payload.encode(self.round).len() as u64);
        let examples = self.config.batch_size.get().into();
        Update { payload, examples, counted: tally.counted(self.resident(), upload), kept: None }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| {
        x.iter().zip(y).map(|(&p, &q)| f64::from(p) * f64::from(q)).sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;

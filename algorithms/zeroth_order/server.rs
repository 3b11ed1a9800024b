//! The server of the methods that train by projected gradients.
//!
//! Clients take τ local steps and upload the projected gradients, or what they amount to; the server averages the
//! resulting models, weighted by the examples behind them. An average of models that were moved along known directions
//! is the old model moved along all of them, each weighed by its client's share: so the server computes it, in the order
//! of arrival, and so a client that fell behind replays it, to the same bits.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use fleetune_devices::Workload;
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::Bytes;

use super::{
    client::{Download, Task},
    history::{Entry, Gap},
    memory::Memory,
    recipe::{CatchUp, Recipe, Upload},
};
use crate::{
    average::{advance, difference, mean_by_examples, moved},
    protocol::{
        Assignment, ClientId, Displaced, Estimate, Exchange, Horizon, Moment, Movable, Payload,
        ProtocolError, Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    setup::Workshop,
};

/// A moment for work whose cost does not depend on it.
const START: Moment = Exchange::at(0, 0).moment();

/// The server of MeZO, FedSPZO, DeComFL and FedKSeed.
#[derive(Debug)]
pub(crate) struct ZerothOrderServer {
    workshop: Arc<Workshop>,
    recipe: Arc<Recipe>,
    global: Arc<Weights>,
    memory: Memory,
    /// The version of the global model that a client holds, after the last round in which its update was joined.
    held: BTreeMap<ClientId, usize>,
    /// Whether clients that are missing there hold the start: it comes with the pretrained model, unless it was trained
    /// before.
    start_is_known: bool,
    /// Whether rounds of one cohort are all that moves the model.
    keeps_rounds: bool,
    /// The server's momentum, if it has any.
    velocity: Option<Vec<f64>>,
    /// What exchanges cost, where that depends on the way to the model alone: worked out once for each way.
    costs: Mutex<BTreeMap<(Download, bool), Workload>>,
}

/// Says why the costs are not poisoned.
const SOUND: &str = "working out a cost does not panic";
/// Ways to the model of which the costs are kept: clients of so many versions, in one round.
const WAYS: usize = 1_000;

impl ZerothOrderServer {
    pub(crate) fn new(
        workshop: Arc<Workshop>,
        start: Weights,
        recipe: Recipe,
        memory: Memory,
    ) -> Self {
        let velocity = (recipe.momentum > 0.0).then(|| vec![0.0; start.values.len()]);
        Self {
            workshop,
            recipe: Arc::new(recipe),
            global: Arc::new(start),
            memory,
            held: BTreeMap::new(),
            start_is_known: true,
            keeps_rounds: true,
            velocity,
            costs: Mutex::default(),
        }
    }

    /// What `task` costs its device.
    fn cost(&self, task: &Task) -> Workload {
        let work = || task.workload(self.workshop.meters.charged(), &task.shapes());
        if self.workshop.common_shape().is_none() {
            return work();
        }
        let mut costs = self.costs.lock().expect(SOUND);
        if costs.len() >= WAYS {
            costs.clear();
        }
        costs.entry((task.download, task.keeps_copy)).or_insert_with(work).clone()
    }

    fn task(&self, when: Moment, client: ClientId, download: Download) -> Task {
        Task {
            workshop: Arc::clone(&self.workshop),
            recipe: Arc::clone(&self.recipe),
            seeds: self.memory.seeds(),
            when,
            draws: when.round,
            client,
            download,
            // A client that always gets everything needs no copy; the start is at hand anyway.
            keeps_copy: self.can_replay() && !self.memory.replays_from_the_start(),
        }
    }

    /// What `client` is to do in `exchange`, with its draws.
    fn asked(&self, exchange: Exchange, client: ClientId, download: Download) -> Task {
        let draws = exchange.draws();
        Task { draws, ..self.task(exchange.moment(), client, download) }
    }

    /// Whether clients may replay: not if the model moves by more than its scalars say, nor from a start that is gone.
    fn can_replay(&self) -> bool {
        self.recipe.catch_up != CatchUp::Dense
            && self.recipe.upload == Upload::Scalars
            && self.velocity.is_none()
            && self.keeps_rounds
            && (self.start_is_known || !self.memory.replays_from_the_start())
    }

    fn always_replays(&self) -> bool {
        self.recipe.catch_up == CatchUp::Scalars
    }

    /// Scalars that are due of a client.
    fn due(&self) -> usize {
        self.recipe.plan.scalars() * self.recipe.local_steps
    }

    /// How a client shall get the model that it is to train.
    fn download(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Download {
        if !self.can_replay() {
            return Download::Dense;
        }
        let known = self.start_is_known.then_some(0);
        let Some(held) = self.held.get(&client).copied().or(known) else {
            return Download::Dense;
        };
        self.choose(self.asked(exchange, client, Download::Dense), self.memory.gap(held), device)
    }

    fn choose(&self, dense: Task, gap: Gap, device: &dyn Estimate) -> Download {
        let replay = Task { download: Download::Replay(gap), ..dense.clone() };
        let [all, scalars] = [&dense, &replay].map(|task| self.cost(task));
        let replays = match self.recipe.catch_up {
            CatchUp::Dense => false,
            CatchUp::Scalars => true,
            CatchUp::FewestBytes => scalars.download < all.download,
            CatchUp::Fastest => device.duration(&scalars) < device.duration(&all),
        };
        if replays { replay.download } else { dense.download }
    }

    /// The least and the most that this client may ever be asked to replay.
    fn extremes(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> [Gap; 2] {
        let scalars = self.due();
        let gap = |entries| self.memory.gap_of(entries, scalars);
        let dense = self.task(START, client, Download::Dense);
        let chosen = |entries| self.choose(dense.clone(), gap(entries), device) != Download::Dense;
        // The choice turns once: more to replay takes longer and has more bytes.
        let (mut least, mut beyond) = (0, self.memory.most_entries(horizon) + 1);
        while least + 1 < beyond {
            let middle = least + (beyond - least) / 2;
            if chosen(middle) { least = middle } else { beyond = middle }
        }
        [gap(0), gap(least)]
    }

    /// The new model from the scalars of a round.
    fn join_scalars(
        &mut self,
        when: Moment,
        updates: &[(ClientId, Update)],
    ) -> Result<Vec<f32>, ProtocolError> {
        let due = self.due();
        let entry = |(client, update): &(ClientId, Update)| {
            let scalars = update.scalars(*client, due)?.to_vec();
            Ok(Entry { client: *client, examples: update.examples as u32, scalars })
        };
        let entries = updates.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let record = self.memory.record(when, entries);
        let mut weights = Weights::clone(&self.global);
        self.recipe.rates(when).decay(&mut weights, self.recipe.local_steps as u32);
        for contribution in record.contributions() {
            let task = self.task(when, contribution.client, Download::Dense);
            task.replay(&mut weights, contribution.share, contribution.scalars);
        }
        self.memory.keep(record, &self.workshop, &self.recipe);
        Ok(weights.values)
    }

    /// The new model from the changes that clients send.
    fn join_deltas(&self, updates: &[(ClientId, Update)]) -> Result<Vec<f32>, ProtocolError> {
        let len = self.global.values.len();
        let sent = |client, update| Update::dense(update, client, len).map(Cow::Borrowed);
        let delta = mean_by_examples(len, updates, sent)?.unwrap_or_else(|| vec![0.0; len]);
        Ok(self.towards(&delta))
    }

    /// The global model moved by this.
    fn towards(&self, movement: &[f64]) -> Vec<f32> {
        moved(&self.global.values, movement).into_iter().map(|value| value as f32).collect()
    }

    /// Heavy ball: v <- β v + (joined - old), and the model moves by v.
    fn with_momentum(&mut self, joined: &[f32]) -> Vec<f64> {
        let Some(velocity) = &mut self.velocity else {
            return joined.iter().copied().map(f64::from).collect();
        };
        let moves = velocity.iter_mut().zip(joined).zip(&self.global.values);
        moves
            .map(|((v, &new), &old)| {
                *v = self.recipe.momentum * *v + f64::from(new) - f64::from(old);
                f64::from(old) + *v
            })
            .collect()
    }
}

impl Server for ZerothOrderServer {
    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        let download = self.download(exchange, client, device);
        let task = self.asked(exchange, client, download);
        let (shapes, start) = (task.shapes(), Arc::clone(&self.global));
        let (work, job) = (task.clone(), Box::new(move || task.train(&start)));
        self.workshop.meters.assignment(|meter| work.workload(meter, &shapes), job)
    }

    fn workload(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Workload {
        self.cost(&self.asked(exchange, client, self.download(exchange, client, device)))
    }

    fn forecast_scope(&self) -> Scope {
        let weighs = self.can_replay() && self.recipe.catch_up == CatchUp::Fastest;
        let least = if weighs { Scope::Device } else { Scope::Fleet };
        self.workshop.forecast_scope().max(least)
    }

    /// Scalars are as many, and take as many bytes to tell of, whatever they are; a pool's coefficients do not.
    fn pass_over(&mut self, _: Exchange, clients: &[ClientId]) -> Option<Verdict> {
        if self.can_replay() && self.memory.replays_from_the_start() {
            return None;
        }
        let trained = self.memory.version();
        if self.recipe.upload == Upload::Scalars {
            self.memory.pass_over(clients.len(), self.due());
        }
        self.held.extend(clients.iter().map(|client| (*client, trained)));
        Some(Verdict::RoundOver)
    }

    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        let bounds = self.workshop.shape_bounds(client, self.recipe.local_steps);
        let charged = self.workshop.meters.charged();
        let mut downloads = vec![Download::Dense];
        if self.can_replay() {
            downloads.extend(self.extremes(client, device, horizon).map(Download::Replay));
        }
        let each = |download: Download| {
            let task = self.task(START, client, download);
            let work = |shapes| match self.workshop.common_shape() {
                Some(_) => self.cost(&task),
                None => task.workload(charged, shapes),
            };
            bounds.iter().map(|shapes| work(shapes)).collect::<Vec<_>>()
        };
        downloads.into_iter().flat_map(each).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if updates.is_empty() {
            return Ok(Verdict::RoundOver);
        }
        let trained = self.memory.version();
        let joined = match self.recipe.upload {
            Upload::Scalars => self.join_scalars(exchange.moment(), &updates)?,
            Upload::Delta => self.join_deltas(&updates)?,
        };
        let values = self.with_momentum(&joined);
        advance(&mut self.global, &values, exchange.round)?;
        self.held.extend(updates.iter().map(|(client, _)| (*client, trained)));
        Ok(Verdict::RoundOver)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        let needs_rounds = self.always_replays() || self.memory.learns_to_draw();
        (!needs_rounds).then_some(self as &mut dyn Displaced)
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        let needs_start = self.always_replays() && self.memory.replays_from_the_start();
        (!needs_start).then_some(self as &mut dyn Movable)
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_weights(&self.global);
        self.memory.save(snapshot);
        snapshot.put(&self.held);
        snapshot.put(&(self.start_is_known, self.keeps_rounds));
        snapshot.put(&self.velocity);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.global = Arc::new(snapshot.take_weights(&self.global)?);
        self.memory.restore(snapshot)?;
        self.held = snapshot.take()?;
        (self.start_is_known, self.keeps_rounds) = snapshot.take()?;
        self.velocity = snapshot.take()?;
        Ok(())
    }

    fn weights(&self) -> &Weights {
        &self.global
    }

    fn model(&self) -> Classifier {
        self.workshop.model_with(&self.global)
    }
}

impl Displaced for ZerothOrderServer {
    fn leave_rounds(&mut self) {
        self.keeps_rounds = false;
    }

    fn base(&mut self) -> Arc<Weights> {
        Arc::clone(&self.global)
    }

    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        if self.recipe.upload == Upload::Delta {
            let delta = update.dense(client, base.values.len())?;
            return Ok(delta.iter().copied().map(f64::from).collect());
        }
        let scalars = update.scalars(client, self.due())?;
        let task = self.asked(exchange, client, Download::Dense);
        let mut trained = base.clone();
        self.recipe.rates(exchange.moment()).decay(&mut trained, self.recipe.local_steps as u32);
        task.replay(&mut trained, 1.0, scalars);
        Ok(difference(&trained.values, &base.values))
    }

    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError> {
        let joined = self.towards(movement);
        let values = self.with_momentum(&joined);
        advance(&mut self.global, &values, moment.round)
    }
}

impl Movable for ZerothOrderServer {
    /// Nobody holds a version of before that scalars could still bring up to date.
    fn move_to(&mut self, weights: &Weights) {
        self.global = Arc::new(weights.clone());
        self.start_is_known = false;
        self.held.clear();
    }

    fn message_size(&mut self) -> Bytes {
        Payload::size(self.workshop.meters.charged().elements())
    }
}

#[cfg(test)]
mod eager;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

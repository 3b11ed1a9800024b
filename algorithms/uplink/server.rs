use std::{borrow::Cow, collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc};

use fleetune_devices::{Workload, streams::SeedTree};
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::{Bytes, Flops};

use super::{
    Content,
    channel::{Channel, Sender},
};
use crate::{
    privacy::{NoiseSite, PrivacyConfig, Revealed, client_seed, clip, server_seed},
    protocol::{
        Assignment, ClientId, Displaced, Estimate, Exchange, Horizon, Moment, Movable, Payload,
        ProtocolError, Restoring, Scope, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    wire::{DecodeError, Encoding, HEADER, Header},
};

/// An algorithm's server, whose clients' updates are made private and encoded on their way to it.
pub(super) struct UplinkServer {
    inner: Box<dyn Server>,
    /// What is uploaded, from which round on.
    uploads: Vec<(u64, Content)>,
    encoding: Option<Encoding>,
    privacy: Option<PrivacyConfig>,
    /// Updates that a round plans to join.
    cohort: NonZeroU32,
    streams: SeedTree,
    /// The global model's values.
    global: Arc<Vec<f32>>,
    /// What the messages of each client that were joined have left unsaid.
    residuals: BTreeMap<ClientId, Arc<Vec<f32>>>,
    revealed: Option<Revealed>,
}

impl UplinkServer {
    pub(super) fn new(
        inner: Box<dyn Server>,
        uploads: Vec<(u64, Content)>,
        (encoding, privacy): (Option<Encoding>, Option<PrivacyConfig>),
        cohort: NonZeroU32,
        streams: SeedTree,
    ) -> Self {
        let global = Arc::new(inner.weights().values.clone());
        let revealed = privacy.map(|privacy| Revealed::new(privacy, cohort));
        let residuals = BTreeMap::new();
        Self { inner, uploads, encoding, privacy, cohort, streams, global, residuals, revealed }
    }

    fn content(&self, round: u64) -> Content {
        let begun = self.uploads.iter().rev().find(|(first, _)| *first <= round);
        begun.expect("the first upload is from round 0 on").1
    }

    /// The channel of an update that would be `plain` if it were sent as it is.
    fn channel(&self, content: Content, plain: &Workload) -> Channel {
        Channel {
            content,
            values: values_of(plain),
            encoding: self.encoding,
            privacy: self.privacy.map(|privacy| (privacy, self.cohort)),
        }
    }

    pub(super) fn sender(&self, exchange: Exchange, client: ClientId) -> Sender {
        let streams = self.streams.subtree("encoding of client", u64::from(client));
        let round = streams.subtree("round", exchange.round);
        Sender {
            round: exchange.round,
            start: Arc::clone(&self.global),
            residual: self.residuals.get(&client).map(Arc::clone),
            noise_seed: client_seed(self.streams, client, exchange),
            rounding_seed: round.seed("exchange", exchange.index.into()),
        }
    }

    /// What the server sees of an update, before it adds the global model back.
    fn decoded<'u>(
        &self,
        exchange: Exchange,
        client: ClientId,
        payload: &'u Payload,
    ) -> Result<Cow<'u, [f32]>, ProtocolError> {
        let content = self.content(exchange.round);
        let expected = if content.is_dense() { "a dense vector" } else { "scalars" };
        match (payload, &self.encoding) {
            (Payload::Dense(values), None) if content.is_dense() => Ok(values.into()),
            (Payload::Scalars(values), None) if !content.is_dense() => Ok(values.into()),
            (Payload::Encoded { message, .. }, Some(encoding)) => {
                let decoded = self.decode(encoding, content, message);
                decoded.map(Cow::Owned).map_err(|error| match error {
                    DecodeError::NotFinite => ProtocolError::Diverged { round: exchange.round },
                    source => ProtocolError::Undecodable { client, source },
                })
            }
            (other, _) => {
                Err(ProtocolError::WrongPayload { client, found: other.kind(), expected })
            }
        }
    }

    fn decode(
        &self,
        encoding: &Encoding,
        content: Content,
        message: &[u8],
    ) -> Result<Vec<f32>, DecodeError> {
        let values = match content.is_dense() {
            true => content.parts() * self.global.len(),
            // The algorithm itself knows how many scalars are due, and counts them.
            false => Header::open(message)?.0.count as usize,
        };
        let channel = Channel { content, values, encoding: self.encoding, privacy: None };
        let part = channel.part();
        let length = encoding.size(part).get() as usize;
        if message.len() != content.parts() * length {
            return Err(DecodeError::WrongLength);
        }
        let decode = |message| encoding.decode_as(channel.kind(), message, part);
        let parts = message.chunks(length).map(|message| Ok(decode(message)?.1));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The update that the algorithm sees, of these values, from a client that started from `start`.
    fn rewrap(content: Content, start: &[f32], values: Vec<f32>) -> Payload {
        match content {
            Content::Weights => {
                let moved = start.iter().zip(values).map(|(start, v)| start + v);
                Payload::Dense(moved.collect())
            }
            Content::Change | Content::ChangeAndState | Content::Activations => {
                Payload::Dense(values)
            }
            Content::OwnScalars | Content::SharedScalars => Payload::Scalars(values),
            Content::Signs => Payload::Signs(values.iter().map(|value| *value < 0.0).collect()),
        }
    }

    /// The noisy sum of the clipped updates over the planned cohort, as the updates of an exchange.
    fn privatised(
        &mut self,
        privacy: &PrivacyConfig,
        exchange: Exchange,
        updates: &[(ClientId, Update)],
    ) -> Result<Vec<(ClientId, Update)>, ProtocolError> {
        let mut sum: Vec<f64> = Vec::new();
        for (client, update) in updates {
            let mut values = self.decoded(exchange, *client, &update.payload)?.into_owned();
            if privacy.noise == NoiseSite::Server {
                // What was clipped before it was encoded may have become longer.
                clip(&mut values, privacy.clip);
            }
            sum.resize(values.len(), 0.0);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
        let mut sum: Vec<f32> = sum.into_iter().map(|value| value as f32).collect();
        privacy.privatise_sum(&mut sum, server_seed(self.streams, exchange));
        let share = 1.0 / f64::from(self.cohort.get());
        let mean: Vec<f32> = sum.into_iter().map(|v| (f64::from(v) * share) as f32).collect();
        if let Some(revealed) = &mut self.revealed {
            revealed.add(exchange, updates.len() as u32);
        }
        let content = self.content(exchange.round);
        let all = if content.is_dense() { 1 } else { updates.len() };
        let payload = Self::rewrap(content, &self.global, mean);
        let alike = |(client, update): &(ClientId, Update)| {
            let payload = payload.clone();
            (*client, Update { payload, examples: 1, kept: update.kept.clone(), ..*update })
        };
        Ok(updates[..all].iter().map(alike).collect())
    }

    /// An update as the algorithm sees it, from a client that started from `start`.
    fn opened(
        &self,
        exchange: Exchange,
        (client, update): (ClientId, &Update),
        start: &[f32],
    ) -> Result<Update, ProtocolError> {
        let values = self.decoded(exchange, client, &update.payload)?.into_owned();
        let payload = Self::rewrap(self.content(exchange.round), start, values);
        Ok(Update { payload, kept: update.kept.clone(), ..*update })
    }

    fn feeds_back(&self) -> bool {
        self.encoding.is_some_and(|encoding| encoding.error_feedback)
    }

    /// The algorithm's own server, one by one.
    fn inner_displaced(&mut self) -> &mut dyn Displaced {
        self.inner.displaced().expect("it was, when this server was asked for it")
    }

    fn follow(&mut self) {
        self.global = Arc::new(self.inner.weights().values.clone());
    }
}

/// Values of a plain upload.
fn values_of(plain: &Workload) -> usize {
    (plain.upload.get() as usize).saturating_sub(HEADER) / 4
}

impl Server for UplinkServer {
    fn convene(&mut self, exchange: Exchange, cohort: &[ClientId]) {
        self.inner.convene(exchange, cohort);
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        self.inner.join_work(exchange, clients)
    }

    fn join_counted(&self) -> Flops {
        self.inner.join_counted()
    }

    fn needs_whole_rounds(&self) -> bool {
        self.inner.needs_whole_rounds()
    }

    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        let Assignment { workload, job } = self.inner.assign(exchange, client, device);
        let content = self.content(exchange.round);
        let charged = self.channel(content, &workload);
        // What the job sends are the trained model's values, also where a larger one's are charged.
        let own = match content.is_dense() {
            true => Channel { values: content.parts() * self.global.len(), ..charged.clone() },
            false => charged.clone(),
        };
        let sender = self.sender(exchange, client);
        let workload = charged.workload(workload);
        let job = move || {
            let update = job();
            let [due, charged] = [&own, &charged].map(|channel| channel.due(update.counted));
            let sent = own.send(update, &sender);
            Update { counted: sent.counted.restated(due, charged), ..sent }
        };
        Assignment { workload, job: Box::new(job) }
    }

    fn workload(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Workload {
        let plain = self.inner.workload(exchange, client, device);
        self.channel(self.content(exchange.round), &plain).workload(plain)
    }

    fn forecast_scope(&self) -> Scope {
        self.inner.forecast_scope()
    }

    fn pass_over(&mut self, exchange: Exchange, clients: &[ClientId]) -> Option<Verdict> {
        self.inner.pass_over(exchange, clients)
    }

    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        // What is uploaded in which phase is told by how much it is.
        let phases: Vec<(Content, usize)> = self
            .uploads
            .iter()
            .map(|&(round, content)| {
                let first = self.inner.workload(Exchange::at(round, 0), client, device);
                (content, values_of(&first))
            })
            .collect();
        let of_phases = |workload: Workload| {
            let mine = phases.iter().filter(|(_, values)| *values == values_of(&workload));
            let all = mine
                .map(|(content, _)| self.channel(*content, &workload).workload(workload.clone()));
            all.collect::<Vec<_>>()
        };
        self.inner.forecast(client, device, horizon).into_iter().flat_map(of_phases).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        if updates.is_empty() {
            return self.inner.aggregate(exchange, updates);
        }
        let joined = match self.privacy {
            Some(privacy) => self.privatised(&privacy, exchange, &updates)?,
            None => {
                let seen = |(client, update): &(ClientId, Update)| {
                    Ok((*client, self.opened(exchange, (*client, update), &self.global)?))
                };
                updates.iter().map(seen).collect::<Result<_, _>>()?
            }
        };
        for (client, update) in updates {
            if let Payload::Encoded { residual: Some(residual), .. } = update.payload {
                self.residuals.insert(client, Arc::new(residual));
            }
        }
        let verdict = self.inner.aggregate(exchange, joined)?;
        self.follow();
        Ok(verdict)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        let fits = self.privacy.is_none() && !self.feeds_back() && self.inner.displaced().is_some();
        fits.then_some(self as &mut dyn Displaced)
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        let fits = self.privacy.is_none() && self.inner.movable().is_some();
        fits.then_some(self as &mut dyn Movable)
    }

    fn save(&self, snapshot: &mut Snapshot) {
        self.inner.save(snapshot);
        snapshot.put(&self.residuals.len());
        for (client, residual) in &self.residuals {
            snapshot.put(client);
            snapshot.put(&**residual);
        }
        if let Some(revealed) = &self.revealed {
            revealed.save(snapshot);
        }
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.inner.restore(snapshot)?;
        self.follow();
        let clients: usize = snapshot.take()?;
        let each = (0..clients).map(|_| Ok((snapshot.take()?, Arc::new(snapshot.take()?))));
        self.residuals = each.collect::<Result<_, SnapshotError>>()?;
        match &mut self.revealed {
            Some(revealed) => revealed.restore(snapshot),
            None => Ok(()),
        }
    }

    fn weights(&self) -> &Weights {
        self.inner.weights()
    }

    fn model(&self) -> Classifier {
        self.inner.model()
    }

    fn revealed(&self) -> Option<&Revealed> {
        self.revealed.as_ref()
    }
}

impl Displaced for UplinkServer {
    fn leave_rounds(&mut self) {
        self.inner_displaced().leave_rounds();
    }

    fn base(&mut self) -> Arc<Weights> {
        self.inner_displaced().base()
    }

    /// What an encoding lost is lost as in a cohort: the difference from `base` is what was encoded.
    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        update: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        let seen = self.opened(exchange, (client, update), &base.values)?;
        self.inner_displaced().displacement(exchange, client, &seen, base)
    }

    fn advance(&mut self, moment: Moment, movement: &[f64]) -> Result<(), ProtocolError> {
        self.inner_displaced().advance(moment, movement)?;
        self.follow();
        Ok(())
    }
}

impl Movable for UplinkServer {
    fn move_to(&mut self, weights: &Weights) {
        let inner = self.inner.movable().expect("it was, when this server was asked for it");
        inner.move_to(weights);
        self.follow();
    }

    fn message_size(&mut self) -> Bytes {
        let inner = self.inner.movable().expect("it was, when this server was asked for it");
        inner.message_size()
    }
}

impl fmt::Debug for UplinkServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UplinkServer")
            .field("uploads", &self.uploads)
            .field("encoding", &self.encoding)
            .field("privacy", &self.privacy)
            .field("cohort", &self.cohort)
            .finish_non_exhaustive()
    }
}

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use fleetune_devices::Workload;
use fleetune_models::parameters::Weights;
use serde::{Deserialize, Serialize};

use super::{Buffer, FedAsync, FedBuff};
use crate::protocol::{
    Assignment, ClientId, Displaced, Estimate, Exchange, Moment, Progress, ProtocolError,
    Restoring, Server, Snapshot, SnapshotError, Update,
};

/// How updates become the model's next move.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Each by itself.
    FedAsync(FedAsync),
    /// So many at once.
    FedBuff(FedBuff),
}

impl Rule {
    /// The rule in a few words, for a report.
    pub fn describe(&self) -> String {
        match self {
            Self::FedAsync(rule) => {
                format!("FedAsync, α {}{}", rule.mixing.get(), rule.staleness.describe())
            }
            Self::FedBuff(rule) => {
                let rate = rule.server_learning_rate.get();
                format!("FedBuff, server rate {rate}{}", rule.staleness.describe())
            }
        }
    }

    /// What an update that is stale by so many versions weighs; nothing if it is too stale.
    pub fn weight(&self, staleness: u64) -> Option<f64> {
        match self {
            Self::FedAsync(rule) => rule.weight(staleness),
            Self::FedBuff(rule) => rule.weight(staleness),
        }
    }
}

/// A client at work: who was asked, and from which model it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(u64);

/// What is known of a ticket that is out.
struct Out {
    client: ClientId,
    exchange: Exchange,
    base: Arc<Weights>,
}

/// What became of the updates that were given to [`Mixer::join`].
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// The version of the global model that they led to: the old one if none counted.
    pub version: u64,
    /// Each of them, in the order given.
    pub contributions: Vec<Contribution>,
}

impl Joined {
    /// How many were too stale to count.
    pub fn discarded(&self) -> usize {
        self.contributions.iter().filter(|one| one.weight.is_none()).count()
    }
}

/// One update's part in a join.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// Which.
    pub ticket: Ticket,
    /// Whose.
    pub client: ClientId,
    /// Versions that came between its dispatch and its joining.
    pub staleness: u64,
    /// What it weighed, FedAsync's α_t or FedBuff's s; nothing if it was too stale and discarded.
    pub weight: Option<f64>,
}

/// A server without rounds: it asks clients one by one and joins what they made of whatever model they started from.
///
/// See the [module page](super) for what it guarantees.
pub struct Mixer<'a> {
    server: &'a mut dyn Server,
    rule: Rule,
    version: u64,
    dispatched: u64,
    discarded: u64,
    out: BTreeMap<Ticket, Out>,
    /// How often each client was asked at the present version.
    asked: BTreeMap<ClientId, u32>,
}

impl fmt::Debug for Mixer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixer")
            .field("rule", &self.rule)
            .field("version", &self.version)
            .field("out", &self.out.keys())
            .finish_non_exhaustive()
    }
}

const OURS: &str = "the server was found to be one of displacements";
const MOVABLE: &str = "a server whose clients are joined one by one can go on from any model";
const OUT: &str = "the ticket was given out, and neither joined nor forgotten";

impl<'a> Mixer<'a> {
    /// Around a server at its start; nothing if its algorithm cannot do without cohorts
    /// ([`refusal`](crate::registry::Algorithm::refusal) says why).
    pub fn new(server: &'a mut dyn Server, rule: Rule) -> Option<Self> {
        server.displaced()?.leave_rounds();
        let (out, asked) = (BTreeMap::new(), BTreeMap::new());
        Some(Self { server, rule, version: 0, dispatched: 0, discarded: 0, out, asked })
    }

    /// The server, with the global model.
    pub fn server(&self) -> &dyn Server {
        &*self.server
    }

    /// The version of the global model: moves that it has made.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What asking `client` now would cost it.
    pub fn preview(&self, client: ClientId, progress: Progress, device: &dyn Estimate) -> Workload {
        self.server.assign(self.exchange(client, progress), client, device).workload
    }

    /// Asks `client`, on this device, to train the global model as it is now.
    #[must_use = "what the ticket started from is kept until the ticket is joined, discarded or forgotten"]
    pub fn dispatch(
        &mut self,
        client: ClientId,
        progress: Progress,
        device: &dyn Estimate,
    ) -> (Ticket, Assignment) {
        let exchange = self.exchange(client, progress);
        let assignment = self.server.assign(exchange, client, device);
        let ticket = Ticket(self.dispatched);
        let base = self.displaced().base();
        self.dispatched += 1;
        *self.asked.entry(client).or_default() += 1;
        self.out.insert(ticket, Out { client, exchange, base });
        (ticket, assignment)
    }

    fn exchange(&self, client: ClientId, progress: Progress) -> Exchange {
        let index = self.asked.get(&client).copied().unwrap_or(0);
        Exchange { round: self.version, index, progress }
    }

    fn displaced(&mut self) -> &mut dyn Displaced {
        self.server.displaced().expect(OURS)
    }

    /// Who was asked.
    ///
    /// # Panics
    /// As all methods that take a ticket, if it is not out.
    pub fn client(&self, ticket: Ticket) -> ClientId {
        self.out.get(&ticket).expect(OUT).client
    }

    /// Versions that have come since the ticket was given out.
    ///
    /// # Panics
    /// If it is not out.
    pub fn staleness(&self, ticket: Ticket) -> u64 {
        self.version - self.out.get(&ticket).expect(OUT).exchange.round
    }

    /// Whether an update with this ticket would be too stale to count if it were joined now.
    ///
    /// # Panics
    /// If it is not out.
    pub fn is_outdated(&self, ticket: Ticket) -> bool {
        self.rule.weight(self.staleness(ticket)).is_none()
    }

    /// Gives up a client that is lost.
    ///
    /// # Panics
    /// If the ticket is not out.
    pub fn forget(&mut self, ticket: Ticket) {
        self.out.remove(&ticket).expect(OUT);
    }

    /// Gives up a client whose update has come too late, whatever it is: as [`Self::join`] does with those that it finds
    /// outdated, but the update need not be known, so that its training need not be done.
    ///
    /// # Panics
    /// If the ticket is not out.
    pub fn discard(&mut self, ticket: Ticket) {
        self.forget(ticket);
        self.discarded += 1;
    }

    /// Updates that were discarded so far.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Tickets that are out.
    pub fn outstanding(&self) -> usize {
        self.out.len()
    }

    /// Versions of the model that are kept for tickets that are out; the present one may be among them.
    pub fn kept(&self) -> usize {
        self.out.values().map(|out| out.exchange.round).collect::<BTreeSet<_>>().len()
    }

    /// Writes down the server and the models that tickets that are out started from; the tickets themselves are the
    /// caller's to come by again, by the same calls.
    pub fn save(&self, snapshot: &mut Snapshot) {
        self.server.save(snapshot);
        let bases: BTreeMap<u64, &Weights> =
            self.out.values().map(|out| (out.exchange.round, &*out.base)).collect();
        snapshot.put(&bases.len());
        for (version, base) in bases {
            snapshot.put(&version);
            snapshot.put_weights(base);
        }
    }

    /// Takes up what a mixer with the same tickets out has written down.
    ///
    /// # Errors
    /// If that is not what was written.
    pub fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.server.restore(snapshot)?;
        let like = self.server.weights();
        let count: usize = snapshot.take()?;
        let each =
            (0..count).map(|_| Ok((snapshot.take()?, Arc::new(snapshot.take_weights(like)?))));
        let bases: BTreeMap<u64, Arc<Weights>> = each.collect::<Result<_, SnapshotError>>()?;
        for out in self.out.values_mut() {
            let version = out.exchange.round;
            let base = bases.get(&version).ok_or(SnapshotError::NoVersion(version))?;
            out.base = Arc::clone(base);
        }
        Ok(())
    }

    /// Assigns the work of all tickets that are out once more, each from the model that its client started from: for jobs
    /// that are owed, and lost. `device` gives the device of a client.
    ///
    /// # Errors
    /// The server cannot take up what it has just written down itself.
    pub fn assign_again<'d>(
        &mut self,
        device: &dyn Fn(ClientId) -> Box<dyn Estimate + 'd>,
    ) -> Result<BTreeMap<Ticket, Assignment>, SnapshotError> {
        let mut here = Snapshot::default();
        self.server.save(&mut here);
        let mut assigned = BTreeMap::new();
        let mut moved_to = None;
        // Tickets are given out in the order of versions.
        for (&ticket, out) in &self.out {
            if moved_to.replace(out.exchange.round) != Some(out.exchange.round) {
                self.server.movable().expect(MOVABLE).move_to(&out.base);
            }
            let device = device(out.client);
            let assignment = self.server.assign(out.exchange, out.client, device.as_ref());
            assigned.insert(ticket, assignment);
        }
        self.server.restore(&mut Restoring::new(&here.into_bytes()))?;
        Ok(assigned)
    }

    /// Joins updates in this order: FedAsync one after the other, a version each, FedBuff all at once, K being how many
    /// of them are not too stale.
    ///
    /// # Errors
    /// If an update breaks the protocol or the model has left the finite numbers. Learning is over then.
    ///
    /// # Panics
    /// If a ticket is not out.
    pub fn join(
        &mut self,
        progress: Progress,
        updates: Vec<(Ticket, Update)>,
    ) -> Result<Joined, ProtocolError> {
        let contributions = match self.rule {
            Rule::FedAsync(_) => self.join_each(progress, updates)?,
            Rule::FedBuff(rule) => self.join_all(progress, updates, &rule)?,
        };
        Ok(Joined { version: self.version, contributions })
    }

    fn join_each(
        &mut self,
        progress: Progress,
        updates: Vec<(Ticket, Update)>,
    ) -> Result<Vec<Contribution>, ProtocolError> {
        let mut contributions = Vec::new();
        for (ticket, update) in updates {
            let (contribution, out) = self.take(ticket);
            contributions.push(contribution);
            let Some(weight) = contribution.weight else { continue };
            let displacement = self.displacement(&out, &update)?;
            let (global, base) = (&self.server.weights().values, &out.base.values);
            let movement = FedAsync::movement(global, base, &displacement, weight);
            self.advance(progress, &movement)?;
        }
        Ok(contributions)
    }

    fn join_all(
        &mut self,
        progress: Progress,
        updates: Vec<(Ticket, Update)>,
        rule: &FedBuff,
    ) -> Result<Vec<Contribution>, ProtocolError> {
        let mut contributions = Vec::new();
        let mut buffer = Buffer::new(self.server.weights().values.len());
        for (ticket, update) in updates {
            let (contribution, out) = self.take(ticket);
            contributions.push(contribution);
            let Some(weight) = contribution.weight else { continue };
            buffer.add(&self.displacement(&out, &update)?, weight);
        }
        if let Some(movement) = buffer.movement(rule.server_learning_rate.get()) {
            self.advance(progress, &movement)?;
        }
        Ok(contributions)
    }

    /// Takes a ticket back: what its update weighs.
    fn take(&mut self, ticket: Ticket) -> (Contribution, Out) {
        let staleness = self.staleness(ticket);
        let out = self.out.remove(&ticket).expect(OUT);
        let weight = self.rule.weight(staleness);
        self.discarded += u64::from(weight.is_none());
        (Contribution { ticket, client: out.client, staleness, weight }, out)
    }

    fn displacement(&mut self, out: &Out, update: &Update) -> Result<Vec<f64>, ProtocolError> {
        self.displaced().displacement(out.exchange, out.client, update, &out.base)
    }

    fn advance(&mut self, progress: Progress, movement: &[f64]) -> Result<(), ProtocolError> {
        let moment = Moment { round: self.version, progress };
        self.displaced().advance(moment, movement)?;
        self.version += 1;
        self.asked.clear();
        Ok(())
    }
}

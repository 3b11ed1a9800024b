//! What the federation needs of an algorithm: exact work before it is done, pure jobs, and a server step.
//!
//! An algorithm never sees a clock or a network. It says what a client's exchange costs ([`Workload`]) and gives the
//! pure [`Job`] that performs it; the federation decides when, and whether, that job is really run.

mod error;
mod faces;
mod layered;
mod snapshot;

use std::{any::Any, fmt, sync::Arc};

use fleetune_devices::{Workload, network::Alone};
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::{Bytes, Flops, Seconds};
use serde::{Deserialize, Serialize};

/// A client's index in the partition of the data, and its device's in the fleet.
pub type ClientId = u32;

/// One exchange between the server and a cohort. A round is one exchange, or more where the server asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exchange {
    /// The round, from 0.
    pub round: u64,
    /// The exchange within the round, from 0.
    pub index: u32,
    /// How much of the run was over when the round opened.
    pub progress: Progress,
}

/// Rounds that the draws of an exchange can tell apart, as a power of two.
const ROUNDS: u32 = 32;

impl Exchange {
    /// An exchange at the beginning of a run, as far as schedules can tell.
    pub const fn at(round: u64, index: u32) -> Self {
        Self { round, index, progress: Progress::START }
    }

    /// What schedules depend on: the same for all exchanges of a round.
    pub const fn moment(self) -> Moment {
        Moment { round: self.round, progress: self.progress }
    }

    /// The number of a client's random draws, where a round has one exchange: that of the round, and another one for
    /// each time that the client is [asked again](Displaced) before there is a new round.
    pub(crate) const fn draws(self) -> u64 {
        self.round ^ ((self.index as u64) << ROUNDS)
    }
}

/// When in a run something happens, as far as schedules can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// The round, from 0.
    pub round: u64,
    /// How much of the run was over when the round opened.
    pub progress: Progress,
}

/// How much of a run is over, in millionths: the share of its rounds, simulated time or device FLOPs that is spent,
/// whichever is nearest to its limit. It is what a server with a budget knows, and it is sent in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress(u32);

impl Progress {
    /// Nothing is over.
    pub const START: Self = Self(0);
    /// All is over.
    pub const END: Self = Self(1_000_000);

    /// A share, rounded to millionths; below 0, or not a number, it is 0, and above 1 it is 1.
    pub fn of(share: f64) -> Self {
        // A cast saturates, and takes what is not a number for 0.
        Self((share * 1e6).round() as u32).min(Self::END)
    }

    /// From 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// Millionths.
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// From millionths; `None` if there are more than a million.
    pub fn from_millionths(millionths: u32) -> Option<Self> {
        (millionths <= Self::END.0).then_some(Self(millionths))
    }
}

/// What a client is to do in an exchange.
pub struct Assignment {
    /// What it costs the device, exactly, before it is run.
    pub workload: Workload,
    /// The work itself.
    pub job: Job,
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment").field("workload", &self.workload).finish_non_exhaustive()
    }
}

/// A client's work: a pure function of the global model, the client's data, the exchange and the seed.
pub type Job = Box<dyn FnOnce() -> Update + Send>;

/// What a client's job gave.
#[derive(Clone, Debug)]
pub struct Update {
    /// What is uploaded.
    pub payload: Payload,
    /// Training examples behind it: its weight in the average.
    pub examples: u64,
    /// What the job counted while it ran: must equal the assignment's workload.
    pub counted: Counted,
    /// What stays on the device for the client's next exchange, if anything does.
    pub kept: Option<Kept>,
    /// The losses that the job saw: known to the client alone, unless it is asked to [report](crate::reporting) them.
    pub losses: Losses,
}

/// The training losses that a client saw in an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// |B|: different texts that it trained on.
    pub texts: u64,
    /// Mean square of the cross-entropies, one for each text of each forward, in nats².
    pub mean_square: f64,
}

impl Losses {
    /// Oort's statistical utility `|B| sqrt(1/|B| Σ loss²)` (Lai et al., OSDI 2021, section 4.2); 0 if none was seen.
    pub fn utility(&self) -> f32 {
        (self.texts as f64 * self.mean_square.sqrt()) as f32
    }
}

/// What a client keeps to itself between two exchanges of a round, such as half-trained weights.
///
/// It is not sent and costs no bytes on the wire; the device's memory is charged for it by the workloads. The
/// algorithm's server holds it on the host from the joining of the update to the client's next job, so that jobs are
/// pure, and looks at it no more than a server could.
#[derive(Clone)]
pub struct Kept(Arc<dyn Any + Send + Sync>);

impl Kept {
    /// Keeps `state`.
    pub(crate) fn new<T: Any + Send + Sync>(state: T) -> Self {
        Self(Arc::new(state))
    }

    /// What was kept, if it is of this type.
    pub(crate) fn take<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        self.0.downcast().ok()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl Update {
    /// The dense vector of `len` values that this update carries.
    ///
    /// # Errors
    /// [`ProtocolError::WrongPayload`] if it carries something else, [`ProtocolError::WrongLength`] if more or less.
    pub(crate) fn dense(&self, client: ClientId, len: usize) -> Result<&[f32], ProtocolError> {
        match &self.payload {
            Payload::Dense(values) => of_length(values, client, len),
            other => {
                let found = other.kind();
                Err(ProtocolError::WrongPayload { client, found, expected: "a dense vector" })
            }
        }
    }

    /// The `len` scalars that this update carries.
    ///
    /// # Errors
    /// As [`Self::dense`].
    pub(crate) fn scalars(&self, client: ClientId, len: usize) -> Result<&[f32], ProtocolError> {
        match &self.payload {
            Payload::Scalars(values) => of_length(values, client, len),
            other => {
                let found = other.kind();
                Err(ProtocolError::WrongPayload { client, found, expected: "scalars" })
            }
        }
    }

    /// The `len` signs that this update carries.
    ///
    /// # Errors
    /// As [`Self::dense`].
    pub(crate) fn signs(&self, client: ClientId, len: usize) -> Result<&[bool], ProtocolError> {
        match &self.payload {
            Payload::Signs(signs) => of_length(signs, client, len),
            other => {
                let found = other.kind();
                Err(ProtocolError::WrongPayload { client, found, expected: "signs" })
            }
        }
    }
}

fn of_length<T>(values: &[T], client: ClientId, expected: usize) -> Result<&[T], ProtocolError> {
    match values.len() == expected {
        true => Ok(values),
        false => Err(ProtocolError::WrongLength { client, found: values.len(), expected }),
    }
}

/// What a job counted while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// FLOPs of all phases.
    pub flops: Flops,
    /// Bytes moved through memory in all phases.
    pub traffic: Bytes,
    /// Bytes of the payload as serialised.
    pub upload: Bytes,
    /// Peak bytes of memory.
    pub peak_memory: Bytes,
}

/// What the server says after joining a cohort's updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The global model moved on; the next round may start.
    RoundOver,
    /// The same clients take another exchange (FwdLLM's retries and its further mini-batches, FedsLLM's local steps).
    SameCohort,
}

/// A client's device, as far as an algorithm may weigh one way to work against another.
pub trait Estimate {
    /// How long this work would take with nobody else on the network: its transfers and its computing.
    fn duration(&self, work: &Workload) -> Seconds;
}

impl Estimate for Alone<'_> {
    fn duration(&self, work: &Workload) -> Seconds {
        Alone::duration(self, work)
    }
}

/// How far a plan looks ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Rounds, at most.
    pub rounds: u64,
    /// Clients whose updates are joined in a round, at most.
    pub cohort: u32,
}

/// What a forecast depends on, beside the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nothing: it is that of every client on every device.
    Fleet,
    /// The device, which may weigh one way to work against another; what memory they take is the same on all.
    Device,
    /// The client, too: its texts.
    Client,
}

/// The server's side of an algorithm, with the global model.
pub trait Server: Send {
    /// Learns who is asked in `exchange`, in what order, before any of their jobs is assigned. Those who do not arrive
    /// will not contribute. The default is an algorithm that does not care.
    ///
    /// What a client's part costs must not depend on who else is asked: the federation lets [`Self::assign`] say it
    /// first, to learn who has the memory.
    fn convene(&mut self, _exchange: Exchange, _cohort: &[ClientId]) {}

    /// What `client`, on this device, shall do in `exchange`. Pure: the same call gives the same assignment, until a
    /// cohort is convened or joined. A client that was not convened is asked alone.
    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment;

    /// The workload of [`Self::assign`], without the work itself.
    fn workload(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Workload {
        self.assign(exchange, client, device).workload
    }

    /// Workloads between the least and the most of which any exchange of `client` lies, in every quantity, for
    /// planning.
    ///
    /// The default is an algorithm whose every exchange is like its first.
    fn forecast(
        &self,
        client: ClientId,
        device: &dyn Estimate,
        _horizon: Horizon,
    ) -> Vec<Workload> {
        vec![self.assign(Exchange::at(0, 0), client, device).workload]
    }

    /// What [`Self::forecast`] depends on, so that a large fleet need not be forecast device by device. The default is
    /// an algorithm of whose clients each may differ.
    fn forecast_scope(&self) -> Scope {
        Scope::Client
    }

    /// Goes on as [`Self::aggregate`] does with updates of `clients`, in the order in which they arrived, but without
    /// the updates: what later exchanges cost comes to be as if those had been joined, and the model stays as it is.
    /// For runs that train nothing; [`Self::convene`] is not called in them. `clients` are not empty.
    ///
    /// The default is nothing: an algorithm whose course may depend on what its clients find. Its configuration says
    /// [why](crate::registry::Algorithm::untimed).
    fn pass_over(&mut self, _exchange: Exchange, _clients: &[ClientId]) -> Option<Verdict> {
        None
    }

    /// Joins the updates of an exchange, in the order in which they arrived.
    ///
    /// # Errors
    /// If an update breaks the protocol or the model has left the finite numbers.
    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError>;

    /// FLOPs that joining the updates of `clients` will take the server where that is a part of training, as in split
    /// learning: exactly, before it is done. It takes simulated time. The default is none: averaging is free.
    fn join_work(&self, _exchange: Exchange, _clients: &[ClientId]) -> Flops {
        Flops::ZERO
    }

    /// FLOPs of that kind that [`Self::aggregate`] has done since the start, counted where they were done: grows by
    /// [`Self::join_work`] each time.
    fn join_counted(&self) -> Flops {
        Flops::ZERO
    }

    /// Whether what a client does in a round is of use only if it stays until the round's last exchange. The default
    /// is no: what has been joined stands.
    fn needs_whole_rounds(&self) -> bool {
        false
    }

    /// Writes down all that has changed since the server was opened, caches apart: the model, what was learnt besides, and
    /// who is asked at present. There is no default, so that nothing is forgotten silently.
    fn save(&self, snapshot: &mut Snapshot);

    /// Takes up what a server that was opened alike has [written down](Self::save): from here on both answer alike, to the
    /// bit, whatever this one has done before.
    ///
    /// # Errors
    /// If that is not what was written. The server is then of no use any more.
    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError>;

    /// The global model's trainable parameters.
    fn weights(&self) -> &Weights;

    /// The global model, for evaluation.
    fn model(&self) -> Classifier;

    /// This server as one whose clients are joined one by one. The default is an algorithm that needs whole cohorts;
    /// its configuration says [why](crate::registry::Algorithm::refusal).
    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        None
    }

    /// This server as one whose model can be replaced. The default is an algorithm that goes on from its own alone; its
    /// configuration says [why](crate::registry::Algorithm::refusal).
    fn movable(&mut self) -> Option<&mut dyn Movable> {
        None
    }

    /// What clients have reported of their losses with the updates that were joined since this was asked last, by client,
    /// if they were asked to [report](crate::reporting): the [utility](Losses::utility) of each one's last report. The
    /// default is an algorithm whose clients report nothing.
    fn take_reports(&mut self) -> Vec<(ClientId, f32)> {
        Vec::new()
    }

    /// This server as one whose clients may be stopped in the middle of a backward. The default is an algorithm of
    /// whose clients nothing is of use before they are done; its configuration says
    /// [why](crate::registry::Algorithm::layered_refusal).
    fn layered(&mut self) -> Option<&mut dyn Layered> {
        None
    }

    /// What the updates joined so far have revealed, if they are made private. The default is an algorithm that makes
    /// nothing private.
    fn revealed(&self) -> Option<&Revealed> {
        None
    }
}

pub use self::{
    error::ProtocolError,
    faces::{Displaced, Movable},
    layered::{Depth, Layered},
    snapshot::{Restoring, Snapshot, SnapshotError},
};
use crate::privacy::Revealed;
pub use crate::wire::Payload;

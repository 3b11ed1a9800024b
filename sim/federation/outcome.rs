//! What the federation tells: plain records.

use std::{error::Error, ops::ControlFlow};

use fleetune_algorithms::protocol::{ClientId, Server};
use fleetune_devices::Battery;
use fleetune_units::{Bytes, Flops};
use serde::{Deserialize, Serialize};

use super::{anatomy::Anatomy, group::GroupInfo, ledger::Ledger};
use crate::kernel::{SimDuration, SimTime};

/// What became of a client in the last exchange of a round that it took part in; without rounds, what
/// became of its only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its update was aggregated.
    Aggregated,
    /// Its device left before its update was at the server.
    Left,
    /// The deadline came first.
    Late,
    /// Enough others were faster.
    Surplus,
    /// The run ended.
    Interrupted,
    /// Its device lacks the memory for a further exchange.
    Excluded,
    /// The model had moved on too far since it was asked, and its update was discarded.
    Stale,
}

/// One client's part in one round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClientOutcome {
    /// Which client.
    pub client: ClientId,
    /// What became of it.
    pub fate: Fate,
    /// Versions of the model that came between its asking and the joining of its update, where there
    /// are no rounds and its update arrived.
    pub staleness: Option<u64>,
    /// So many of its last layers, from the head down, were joined of it, where a deadline stopped it and its update was
    /// aggregated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
    /// Exchanges in which its update was aggregated.
    pub exchanges: u32,
    /// What its time was made of.
    pub times: Anatomy,
    /// What it spent.
    pub spent: Ledger,
}

/// Why the last exchange of a round took no more updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// As many updates as wanted had arrived.
    Full,
    /// Nobody was left who could deliver.
    NobodyLeft,
    /// The deadline.
    Deadline,
    /// The run ended.
    Interrupted,
}

/// One round of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundOutcome {
    /// Which group's: a tier, an edge; 0 where all devices are one.
    pub group: u32,
    /// The group's round, from 0.
    pub round: u64,
    /// How long the server had waited for devices before it could ask any.
    pub waited: SimDuration,
    /// When it asked.
    pub opened: SimTime,
    /// When it joined the last updates.
    pub closed: SimTime,
    /// Why the last exchange ended.
    pub closing: Closing,
    /// Exchanges begun.
    pub exchanges: u32,
    /// Devices that this round would have asked, had they had the memory.
    pub excluded: u32,
    /// All clients asked, in the order of the selection.
    pub clients: Vec<ClientOutcome>,
    /// What radios' tails of earlier rounds have drawn since those were told, by client.
    pub tails: Vec<(ClientId, Ledger)>,
}

impl RoundOutcome {
    /// How many clients met this fate.
    pub fn count(&self, fate: Fate) -> u32 {
        self.clients.iter().map(|client| u32::from(client.fate == fate)).sum()
    }

    /// Clients of whom at least one update was aggregated.
    pub fn participants(&self) -> u32 {
        self.clients.iter().map(|client| u32::from(client.exchanges > 0)).sum()
    }

    /// Clients asked that were lost: their device left, or they were late. Those who merely lost
    /// the over-commitment race are not among them.
    pub fn dropped(&self) -> u32 {
        self.count(Fate::Left) + self.count(Fate::Late)
    }

    /// Whether nothing was aggregated in the whole round.
    pub fn is_void(&self) -> bool {
        self.participants() == 0
    }

    /// Makes waste of all that was useful: the global model will never hear of it.
    pub(super) fn forfeit(&mut self) {
        for client in &mut self.clients {
            client.spent.wasted += std::mem::take(&mut client.spent.useful);
            client.exchanges = 0;
            if client.fate == Fate::Aggregated {
                client.fate = Fate::Interrupted;
            }
        }
    }

    /// What all clients spent, and tails of earlier rounds.
    pub fn spent(&self) -> Ledger {
        let tails = self.tails.iter().map(|&(_, spent)| spent);
        self.clients.iter().map(|client| client.spent).chain(tails).sum()
    }

    /// What the time of the participants was made of, summed over them.
    pub fn anatomy(&self) -> Anatomy {
        self.clients.iter().filter(|c| c.exchanges > 0).map(|client| client.times).sum()
    }
}

/// Where a run stands: all counts since its start.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// Simulated time.
    pub time: SimTime,
    /// Rounds closed or broken off, void ones included; where groups have rounds of their own: of a hierarchy, versions
    /// of the cloud's model, of tiers, rounds of any tier. All that the end of the run breaks off is one.
    pub rounds: u64,
    /// Rounds in which nothing was aggregated.
    pub void_rounds: u64,
    /// Spent by the fleet.
    pub ledger: Ledger,
    /// What edges and cloud have sent each other.
    pub backhaul: Backhaul,
    /// What the server computed as its part of training, broken off work included.
    pub server_flops: Flops,
    /// Sum over rounds of the clients asked.
    pub asked: u64,
    /// Sum over rounds of [`RoundOutcome::participants`].
    pub participants: u64,
    /// Sum over rounds of [`RoundOutcome::dropped`].
    pub dropped: u64,
    /// Devices of the fleet whose memory is too small for this algorithm, as found at the start.
    pub excluded: u32,
}

/// Bytes between edges and cloud, whole ones of what was broken off included. They are no device's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backhaul {
    /// To the edges.
    pub downlink: Bytes,
    /// To the cloud.
    pub uplink: Bytes,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All rounds asked for are done.
    Rounds,
    /// The limit of simulated time.
    SimulatedTime,
    /// The limit of device FLOPs.
    DeviceFlops,
    /// The observer asked for it.
    Asked,
    /// Excluded by memory: all devices. No round was run.
    ExcludedByMemory,
    /// The server waits for devices, and none will ever come or go again.
    NobodyComes,
    /// Transfers of the open round will never end, and nothing else will ever happen.
    Stalled,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// Why.
    pub end: End,
    /// Where it stood, a round broken off included.
    pub standing: Standing,
    /// Events that happened, those of devices that were never asked included.
    pub events: u64,
}

/// What an observer may fail with.
pub type ObserverError = Box<dyn Error + Send + Sync>;

/// Who watches a run and judges its model. `ControlFlow::Break` ends the run.
pub trait Observer {
    /// The model is due for evaluation: before the first round, after every `evaluate_every`-th,
    /// and after the last. It is the server's own work and costs no simulated time.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on.
    fn evaluate(
        &mut self,
        standing: &Standing,
        server: &dyn Server,
    ) -> Result<ControlFlow<()>, ObserverError>;

    /// The groups that have rounds of their own, told once before the run, if there are any. The default does nothing.
    fn groups(&mut self, groups: &[GroupInfo]) {
        let _ = groups;
    }

    /// A round was closed, or broken off by the end of the run. The default does nothing.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on.
    fn round(
        &mut self,
        standing: &Standing,
        outcome: &RoundOutcome,
    ) -> Result<ControlFlow<()>, ObserverError> {
        let _ = (standing, outcome);
        Ok(ControlFlow::Continue(()))
    }

    /// The run is over at `at`: the battery of a device, told once for each that has one. The default
    /// does nothing.
    fn battery(&mut self, device: ClientId, battery: &Battery, at: SimTime) {
        let _ = (device, battery, at);
    }

    /// Whether the run should end before the round is over: asked between the exchanges of a round
    /// that has several, of which an algorithm may ask for any number. The default never does.
    fn wants_to_stop(&mut self) -> bool {
        false
    }
}

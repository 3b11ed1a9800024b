//! `details.json`: what the charts and the report need beyond rounds and summary.

use fleetune_units::{Bytes, Flops, Joules, Seconds};
use serde::{Deserialize, Serialize};

use super::{Fates, GroupRecord, Staleness, plain};

/// What `details.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// What was asked.
    pub scenario: ScenarioInfo,
    /// Where training started: one entry per seed, common to all algorithms; none where nothing was trained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Start>,
    /// One entry per algorithm, in the scenario's order.
    pub algorithms: Vec<AlgorithmDetails>,
    /// What was simulated and what was really computed.
    pub reality: Vec<Statement>,
    /// What a reader must know before the results, such as "stopped early: interrupted".
    pub notices: Vec<String>,
}

/// What a scenario says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioInfo {
    /// Its name.
    pub name: String,
    /// Its description, one or two sentences.
    pub description: String,
    /// Facts to print below it as label and text, such as ("fleet", "64 devices, 5 profiles").
    pub facts: Vec<(String, String)>,
}

/// The model before training, as the server's test set sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The replication.
    pub seed: u64,
    /// Accuracy, a fraction.
    pub accuracy: f64,
    /// Loss.
    pub loss: f64,
}

/// What was counted for one algorithm, over all its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgorithmDetails {
    /// The label in the scenario; the same as in [`RoundRecord`](super::RoundRecord).
    pub label: String,
    /// What it is, in one line, such as "first-order FedAvg, AdamW on LoRA adapters".
    pub description: String,
    /// Which profiles have the memory to run it.
    pub fit: Vec<ProfileFit>,
    /// Where a client's time in a round goes; nothing if no client ever took part.
    pub anatomy: Option<RoundAnatomy>,
    /// Who took part.
    pub participation: Vec<ProfileParticipation>,
    /// What its updates revealed: one entry per seed, or none if they were not made private.
    #[serde(default)]
    pub privacy: Vec<PrivacySpent>,
    /// What each group of devices with rounds of its own did; absent where all devices are one group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRecord>,
}

impl AlgorithmDetails {
    /// What became of all client-rounds.
    pub fn fates(&self) -> Fates {
        let mut all = Fates::default();
        self.participation.iter().for_each(|profile| all += profile.fates());
        all
    }

    /// How stale updates were, over all profiles.
    pub fn staleness(&self) -> Staleness {
        let mut all = Staleness::default();
        self.participation.iter().for_each(|profile| all.merge(&profile.staleness));
        all
    }
}

/// The (ε, δ) guarantee that each device had at the end of a run against whoever sees all of the server's models.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySpent {
    /// The replication.
    pub seed: u64,
    /// Rounds in which a sum of updates was joined.
    pub rounds: u64,
    /// δ.
    pub delta: f64,
    /// ε, whoever takes part in each round; null if nothing is proven.
    pub epsilon: Option<f64>,
    /// The share of the devices that can take part which a round asks.
    pub sampling_rate: f64,
    /// ε, if each round drew its devices at random at that rate; null if nothing is proven.
    pub epsilon_if_sampled: Option<f64>,
}

/// Whether a device profile's memory suffices for an algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFit {
    /// The profile's name.
    pub profile: String,
    /// Devices of this profile in the fleet.
    pub devices: u64,
    /// Memory that training may use on such a device.
    #[serde(rename = "budget_bytes", with = "plain::bytes")]
    pub budget: Bytes,
    /// Peak memory of the algorithm's client step, the largest over its clients.
    #[serde(rename = "needed_bytes", with = "plain::bytes")]
    pub needed: Bytes,
    /// Whether the algorithm may run there.
    pub fits: bool,
}

/// Mean durations over the client-rounds of an algorithm that were aggregated, all seeds pooled.
// Earlier versions wrote some counts here that are those of the participation; they are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundAnatomy {
    /// Mean time to receive the model or its update.
    #[serde(rename = "download_s", with = "plain::seconds")]
    pub download: Seconds,
    /// Mean time to compute.
    #[serde(rename = "compute_s", with = "plain::seconds")]
    pub compute: Seconds,
    /// Mean time to send the result.
    #[serde(rename = "upload_s", with = "plain::seconds")]
    pub upload: Seconds,
    /// Mean time from the end of the upload to the end of the round: waiting for others.
    #[serde(rename = "wait_s", with = "plain::seconds")]
    pub wait: Seconds,
}

/// What the devices of one profile did for an algorithm, all seeds pooled. Every client-round that
/// was started is counted under one of the seven ends. Earlier versions had three, and counted the
/// last five as `late`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileParticipation {
    /// The profile's name.
    pub profile: String,
    /// Devices of this profile in the fleet.
    pub devices: u64,
    /// Client-rounds started.
    pub started: u64,
    /// Client-rounds aggregated.
    pub completed: u64,
    /// Client-rounds lost because the device left: it went offline, was no longer eligible or had
    /// an empty battery.
    #[serde(alias = "dropped")]
    pub left: u64,
    /// Client-rounds to which the deadline put an end.
    pub late: u64,
    /// Client-rounds that came to nothing because enough others were faster.
    #[serde(default)]
    pub surplus: u64,
    /// Client-rounds whose update was discarded, as the model had moved on too far.
    #[serde(default)]
    pub stale: u64,
    /// Client-rounds that the end of the run broke off.
    #[serde(default)]
    pub interrupted: u64,
    /// Client-rounds that ended because the device lacks the memory for a further exchange.
    #[serde(default)]
    pub excluded: u64,
    /// How stale its updates were; absent where none can be.
    #[serde(default, skip_serializing_if = "Staleness::is_empty")]
    pub staleness: Staleness,
    /// Arithmetic done.
    #[serde(with = "plain::flops")]
    pub device_flops: Flops,
    /// Energy spent.
    #[serde(rename = "energy_j", with = "plain::joules")]
    pub energy: Joules,
}

/// One line of the table "what was simulated and what was real".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What is spoken of, such as "local training".
    pub subject: String,
    /// Whether it was simulated.
    pub treatment: Treatment,
    /// How, in a sentence.
    pub how: String,
}

/// Whether something really happened on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Really computed.
    Real,
    /// Computed from a model of devices, links or people.
    Simulated,
    /// Not done at all.
    Absent,
}

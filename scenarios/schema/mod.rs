//! The scenario language: what a file may say, and what it means.
//!
//! Ranges are checked while a field is read; what concerns several fields at once, or files, in [`crate::check`].

mod costs;
mod federation;
mod model;
mod name;
mod network;
mod number;
mod selection;
mod task;
mod training;

use fleetune_algorithms::uplink::Algorithm;
use fleetune_devices::{FleetConfig, Profile};
use indexmap::IndexMap;
use serde::Serialize;

pub(crate) use self::number::whole;
pub use self::{
    costs::CostsOf,
    federation::{
        Adaptive, Asynchronous, BatchBounds, Batching, Bound, FederationConfig, Hierarchical,
        PolicyConfig, Stop, TierWeights, Tiers,
    },
    model::{CheckpointConfig, ModelConfig},
    name::{Label, Name},
    network::{NetworkConfig, ServerConfig},
    selection::{
        AvailabilityConfig, EnergyConfig, EnergyMeasure, OortConfig, ResourcesConfig,
        SelectionConfig,
    },
    task::{HeldOut, TaskConfig},
    training::Training,
};

/// The keys of a scenario, in the order they are written.
pub(crate) const KEYS: &[&str] = &[
    "name",
    "description",
    "root_seed",
    "seeds",
    "training",
    "target",
    "model",
    "task",
    "fleet",
    "profiles",
    "network",
    "federation",
    "algorithms",
];

/// The most replications of one scenario.
pub const MAX_SEEDS: u32 = 1_000;

/// Everything a scenario says, every default written out.
///
/// Plain data; [`crate::Scenario`] is one that has been checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spec {
    /// What run directories and reports call it.
    pub name: Name,
    /// One sentence for people. The default is empty.
    pub description: String,
    /// The seed that every random number of the scenario descends from. The default is 0.
    pub root_seed: u64,
    /// Replications, each with random numbers of its own; 1 to [`MAX_SEEDS`]. The default is 1.
    pub seeds: u32,
    /// Whether it trains: `real` or `none`. The default is `real`; with `none` a run is timed alone.
    #[serde(skip_serializing_if = "Training::is_real")]
    pub training: Training,
    /// What the algorithms are to reach. There is none, and may be none, without training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What is trained. The default is the embedded model.
    pub model: ModelConfig,
    /// What it learns, from which data. Without training it may be left out, if batches are padded to a fixed length:
    /// every local step then has a full batch of `max_length` tokens a text, as it has with any texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskConfig>,
    /// On which devices.
    pub fleet: FleetConfig,
    /// Device profiles by name: those that the scenario brings along, which prevail over the library's of the same
    /// name. In a resolved scenario: exactly those that the fleet uses.
    pub profiles: IndexMap<String, Profile>,
    /// What connects devices and server, and how fast the server is. The default is 1 Gbit/s and 10 TFLOP/s.
    pub network: NetworkConfig,
    /// How rounds are run.
    pub federation: FederationConfig,
    /// The algorithms to compare, by the label that reports use, in the order reports list them.
    pub algorithms: IndexMap<Label, Algorithm>,
}

/// What the algorithms are to reach; costs are compared up to there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Accuracy on the test examples, above 0 and at most 1.
    #[serde(deserialize_with = "number::accuracy")]
    pub accuracy: f64,
}

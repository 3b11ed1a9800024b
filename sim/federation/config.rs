//! How the server runs its rounds.

use fleetune_algorithms::mixing::Rule;
use fleetune_devices::{
    Device,
    network::{
        ServerLink, Wiring,
        config::{TopologyConfig, TopologyError},
        model::TransferModel,
    },
};
use fleetune_scenarios::schema::SelectionConfig;
use fleetune_units::{Flops, FlopsPerSecond, Seconds};
use serde::{Deserialize, Serialize};

use super::selection;

/// When to stop: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// After this many rounds, void ones included.
    pub rounds: u64,
    /// At this simulated time; a round under way is broken off and counts as waste. The default is
    /// never.
    #[serde(default)]
    pub simulated_time: Option<Seconds>,
    /// After the exchange in which all devices together have done this much, waste included. The
    /// default is never.
    #[serde(default)]
    pub device_flops: Option<Flops>,
}

/// When the server joins what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Policy {
    /// In rounds of a cohort.
    #[default]
    Synchronous,
    /// Without rounds: whenever `cohort` updates have arrived, of however many clients at work.
    Asynchronous {
        /// Clients at work at any time, if so many devices are free.
        concurrency: u32,
        /// What the model makes of updates from its earlier versions.
        rule: Rule,
    },
    /// Devices of like speed are a tier, and each tier has rounds of its own, of `cohort` clients.
    Tiers {
        /// Tiers; fewer if there are fewer devices that can run the algorithm.
        count: u32,
        /// What each tier's model weighs in the global one.
        weights: TierWeights,
    },
    /// The devices behind each edge aggregator have rounds of their own, of `cohort` clients, and the cloud joins the
    /// edges. What is counted as a round of the run is a version of the cloud's model.
    Hierarchical {
        /// Rounds of an edge between two versions.
        edge_rounds: u32,
    },
}

/// What each tier's latest model weighs in the global model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TierWeights {
    /// As FedAT has it: as often as the tier at the other end of the order has reported. Until the slowest tier has, the
    /// global model does not move.
    #[default]
    FedAt,
    /// Tiers that have reported weigh alike, the others nothing.
    Even,
}

/// How a federation is run: plain data, checked by [`FederationConfig::validate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// Updates wanted per round. A fleet with fewer devices that can run the algorithm gives what
    /// it has.
    pub cohort: u32,
    /// `ceil(cohort * over_commitment)` devices are asked; the first `cohort` updates count.
    pub over_commitment: f64,
    /// Rounds or not.
    #[serde(default)]
    pub policy: Policy,
    /// Whom a round asks; without rounds, of no account.
    #[serde(default)]
    pub selection: SelectionConfig,
    /// An exchange takes no updates after this time; without rounds, a client that takes longer is
    /// broken off. It is also how long the server waits for a
    /// full cohort to be online before it starts with those who are. Without one, the server
    /// waits for everyone it asked and for a full cohort, as long as it takes.
    #[serde(default)]
    pub deadline: Option<Seconds>,
    /// When to stop.
    pub stop: Stop,
    /// Evaluate after every so many rounds, besides before the first and after the last.
    pub evaluate_every: u64,
    /// The server's link, full duplex: downloads share one direction, uploads the other.
    pub server: ServerLink,
    /// What lies between the server's link and the devices.
    #[serde(default)]
    pub topology: TopologyConfig,
    /// How transfers use it.
    #[serde(default)]
    pub transfers: TransferModel,
    /// How fast the server does its part of training, where it has one.
    pub server_speed: FlopsPerSecond,
}

/// Why a [`FederationConfig`] cannot be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `cohort` is 0.
    #[error("cohort: expected at least 1 client per round, found 0")]
    EmptyCohort,
    /// `over_commitment` is below 1, infinite or NaN.
    #[error("over_commitment: expected a finite factor of at least 1, found {0}; 1.3 is usual")]
    OverCommitment(f64),
    /// `deadline` is zero.
    #[error("deadline: expected more than 0 s; leave it out to wait for everyone")]
    ZeroDeadline,
    /// `stop.rounds` is 0.
    #[error("stop.rounds: expected at least 1 round, found 0")]
    NoRounds,
    /// Nobody may be at work.
    #[error("policy.asynchronous.concurrency: expected at least 1 client at work, found 0")]
    NobodyAtWork,
    /// There are no tiers.
    #[error("policy.tiers.count: expected at least 1 tier, found 0")]
    NoTiers,
    /// Edges have no rounds.
    #[error("policy.hierarchical.edge_rounds: expected at least 1 round, found 0")]
    NoEdgeRounds,
    /// The algorithm's server cannot take over a model.
    #[error(
        "policy: this algorithm's server goes on from its own model only, so it cannot be one of several"
    )]
    NeedsOneServer,
    /// The algorithm needs whole cohorts.
    #[error("policy.asynchronous: this algorithm joins whole cohorts only")]
    NeedsCohorts,
    /// The algorithm's clients are of use whole or not at all.
    #[error("policy.adaptive: this algorithm cannot join the last layers of clients alone")]
    NeedsLayers,
    /// `evaluate_every` is 0.
    #[error("evaluate_every: expected at least 1 round, found 0")]
    NeverEvaluated,
    /// A rate of the server's link is zero.
    #[error("network.server.{0}: expected a rate above 0, or no transfer ever ends")]
    ZeroRate(&'static str),
    /// `server_speed` is zero.
    #[error("network.server.compute: expected a speed above 0, or the server is never done")]
    ZeroSpeed,
}

impl FederationConfig {
    /// Devices asked in each round, if so many are there: `ceil(cohort * over_commitment)`.
    pub fn asked(&self) -> u32 {
        selection::asked(self.cohort, self.over_commitment)
    }

    /// Connects a fleet.
    ///
    /// # Errors
    /// The topology does not go with these devices.
    pub fn wiring(&self, devices: &[Device]) -> Result<Wiring, TopologyError> {
        match self.policy {
            Policy::Hierarchical { .. } => {
                Wiring::to_edges(&self.topology, self.transfers, &self.server, devices)
            }
            _ => Wiring::new(&self.topology, self.transfers, &self.server, devices),
        }
    }

    /// Whether groups of devices have rounds of their own.
    pub fn has_parts(&self) -> bool {
        matches!(self.policy, Policy::Tiers { .. } | Policy::Hierarchical { .. })
    }

    /// Groups of devices that have rounds of their own; else all devices are one.
    pub fn groups(&self) -> usize {
        match (&self.policy, &self.topology) {
            (Policy::Synchronous | Policy::Asynchronous { .. }, _) => 1,
            (Policy::Tiers { count, .. }, _) => *count as usize,
            (Policy::Hierarchical { .. }, TopologyConfig::TwoTier(tiers)) => {
                tiers.aggregators.len()
            }
            (Policy::Hierarchical { .. }, _) => 0,
        }
    }

    /// Checks what the types alone cannot hold.
    ///
    /// # Errors
    /// [`ConfigError`] names the field and what it should be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.cohort == 0 {
            return Err(ConfigError::EmptyCohort);
        }
        if !(self.over_commitment >= 1.0 && self.over_commitment.is_finite()) {
            return Err(ConfigError::OverCommitment(self.over_commitment));
        }
        if self.deadline.is_some_and(Seconds::is_zero) {
            return Err(ConfigError::ZeroDeadline);
        }
        if self.stop.rounds == 0 {
            return Err(ConfigError::NoRounds);
        }
        if matches!(self.policy, Policy::Asynchronous { concurrency: 0, .. }) {
            return Err(ConfigError::NobodyAtWork);
        }
        match self.policy {
            Policy::Tiers { count: 0, .. } => return Err(ConfigError::NoTiers),
            Policy::Hierarchical { edge_rounds: 0 } => return Err(ConfigError::NoEdgeRounds),
            _ => (),
        }
        if self.evaluate_every == 0 {
            return Err(ConfigError::NeverEvaluated);
        }
        for (name, rate) in [("uplink", self.server.uplink), ("downlink", self.server.downlink)] {
            if rate.is_zero() {
                return Err(ConfigError::ZeroRate(name));
            }
        }
        if self.server_speed.is_zero() {
            return Err(ConfigError::ZeroSpeed);
        }
        Ok(())
    }
}

//! The algorithms by name. A new one is a file of its own and one line in each of the lists below.

use serde::{Deserialize, Serialize};

use crate::{
    decomfl::DeComFlConfig,
    fedavg::FedAvgConfig,
    fedkseed::FedKSeedConfig,
    fedopt::{FedOptConfig, SecondMoment},
    fedprox::FedProxConfig,
    fedsllm::FedsLlmConfig,
    fedspzo::FedSpzoConfig,
    fwdllm::FwdLlmConfig,
    mezo::MezoConfig,
    protocol::Server,
    scaffold::ScaffoldConfig,
    settings::Conflict,
    setup::Setup,
    zowarmup::ZoWarmUpConfig,
};

/// An algorithm as a scenario names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlgorithmConfig {
    /// [`FedSpzoConfig`].
    FedSpzo(FedSpzoConfig),
    /// [`MezoConfig`].
    Mezo(MezoConfig),
    /// [`FwdLlmConfig`].
    FwdLlm(FwdLlmConfig),
    /// [`DeComFlConfig`].
    DeComFl(DeComFlConfig),
    /// [`FedKSeedConfig`].
    FedKSeed(FedKSeedConfig),
    /// [`FedAvgConfig`].
    FedAvg(FedAvgConfig),
    /// [`FedProxConfig`].
    FedProx(FedProxConfig),
    /// [`FedOptConfig`], with Adam's second moment.
    FedAdam(FedOptConfig),
    /// [`FedOptConfig`], with Yogi's second moment.
    FedYogi(FedOptConfig),
    /// [`ScaffoldConfig`].
    Scaffold(ScaffoldConfig),
    /// [`ZoWarmUpConfig`].
    ZoWarmUp(ZoWarmUpConfig),
    /// [`FedsLlmConfig`].
    FedsLlm(FedsLlmConfig),
}

impl AlgorithmConfig {
    /// The algorithm's server, with the global model at its start.
    pub fn server(&self, setup: Setup) -> Box<dyn Server> {
        match self {
            Self::FedSpzo(config) => config.server(setup),
            Self::Mezo(config) => config.server(setup),
            Self::FwdLlm(config) => config.server(setup),
            Self::DeComFl(config) => config.server(setup),
            Self::FedKSeed(config) => config.server(setup),
            Self::FedAvg(config) => config.server(setup),
            Self::FedProx(config) => config.server(setup),
            Self::FedAdam(config) => config.server(setup, SecondMoment::Adam),
            Self::FedYogi(config) => config.server(setup, SecondMoment::Yogi),
            Self::Scaffold(config) => config.server(setup),
            Self::ZoWarmUp(config) => config.server(setup),
            Self::FedsLlm(config) => config.server(setup),
        }
    }

    /// Settings that cannot go together, though each is fine alone.
    pub fn conflicts(&self) -> Vec<Conflict> {
        match self {
            Self::FedSpzo(config) => config.conflicts(),
            Self::Mezo(config) => config.conflicts(),
            Self::FedsLlm(config) => config.conflicts(),
            _ => Vec::new(),
        }
    }

    /// The algorithm in one line, for a report.
    pub fn describe(&self) -> String {
        match self {
            Self::FedSpzo(c) => c.describe(),
            Self::Mezo(c) => c.describe(),
            Self::FwdLlm(c) => c.describe(),
            Self::DeComFl(c) => c.describe(),
            Self::FedKSeed(c) => c.describe(),
            Self::FedAvg(c) => c.describe(),
            Self::FedProx(c) => c.describe(),
            Self::FedAdam(c) => c.describe(SecondMoment::Adam),
            Self::FedYogi(c) => c.describe(SecondMoment::Yogi),
            Self::Scaffold(c) => c.describe(),
            Self::ZoWarmUp(c) => c.describe(),
            Self::FedsLlm(c) => c.describe(),
        }
    }
}

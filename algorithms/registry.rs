//! The algorithms by name. A new one is a file of its own and one line in each of the two lists below.

use serde::{Deserialize, Serialize};

use crate::{
    decomfl::DeComFlConfig, fedavg::FedAvgConfig, fedkseed::FedKSeedConfig, fedspzo::FedSpzoConfig,
    fwdllm::FwdLlmConfig, mezo::MezoConfig, protocol::Server, setup::Setup,
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
        }
    }

    /// The algorithm in one line, for a report.
    pub fn describe(&self) -> String {
        match self {
            Self::FedSpzo(c) => format!(
                "FedSPZO on {}: P1 = {} for the lower block, P2 = {} for the upper; {} local steps on {} texts; scalars up",
                c.train, c.perturbations.lower, c.perturbations.upper, c.local_steps, c.batch_size
            ),
            Self::Mezo(c) => format!(
                "federated MeZO on {}: P = {}, {} local steps on {} texts; scalars up",
                c.train, c.perturbations, c.local_steps, c.batch_size
            ),
            Self::FwdLlm(c) => format!(
                "FwdLLM on {}: forward gradients on {} texts, best of {} candidates every other step; dense gradient up",
                c.train, c.batch_size, c.candidates
            ),
            Self::DeComFl(c) => format!(
                "DeComFL on {}: P = {}, {} local steps on {} texts along shared directions; scalars up",
                c.train, c.perturbations, c.local_steps, c.batch_size
            ),
            Self::FedKSeed(c) => format!(
                "FedKSeed{} on {}: {} seeds, {} local steps on {} texts; scalars up",
                if c.pro { "-Pro" } else { "" },
                c.train,
                c.seeds,
                c.local_steps,
                c.batch_size
            ),
            Self::FedAvg(c) => format!(
                "FedAvg on {}: backpropagation, {} local steps of {} on {} texts; dense weights up",
                c.train,
                c.local_steps,
                c.optimizer.name(),
                c.batch_size
            ),
        }
    }
}

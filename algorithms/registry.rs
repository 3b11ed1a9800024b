//! The algorithms by name.
//!
//! A new one is a file of its own, whose configuration is an [`Algorithm`], and one line in the list below.

use serde::{Deserialize, Serialize};

use crate::{protocol::Server, settings::Conflict, setup::Setup, uplink::Content};

/// What an algorithm's configuration can do.
pub trait Algorithm {
    /// The algorithm's server, with the global model at its start.
    fn server(&self, setup: Setup) -> Box<dyn Server>;

    /// What clients upload, from which round on: in ascending order, the first from round 0. It decides how uploads can
    /// be encoded and made private.
    fn uploads(&self) -> Vec<(u64, Content)>;

    /// Settings that cannot go together, though each is fine alone. The default is an algorithm without such settings.
    fn conflicts(&self) -> Vec<Conflict> {
        Vec::new()
    }

    /// The algorithm in one line, for a report.
    fn describe(&self) -> String;
}

/// Makes one choice of each `Name(module::Config)`. A scenario writes the name in lower case.
macro_rules! algorithms {
    ($($name:ident($module:ident::$config:ident),)*) => {
        /// An algorithm as a scenario names it.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum AlgorithmConfig {
            $(
                #[doc = concat!("[`", stringify!($config), "`](crate::", stringify!($module), "::", stringify!($config), ").")]
                $name(crate::$module::$config),
            )*
        }

        impl AlgorithmConfig {
            fn algorithm(&self) -> &dyn Algorithm {
                match self {
                    $(Self::$name(config) => config,)*
                }
            }
        }
    };
}

algorithms! {
    FedSpzo(fedspzo::FedSpzoConfig),
    Mezo(mezo::MezoConfig),
    FwdLlm(fwdllm::FwdLlmConfig),
    DeComFl(decomfl::DeComFlConfig),
    FedKSeed(fedkseed::FedKSeedConfig),
    FedAvg(fedavg::FedAvgConfig),
    FedProx(fedprox::FedProxConfig),
    FedAdam(fedopt::FedAdamConfig),
    FedYogi(fedopt::FedYogiConfig),
    Scaffold(scaffold::ScaffoldConfig),
    ZoWarmUp(zowarmup::ZoWarmUpConfig),
    SignSpsa(signspsa::SignSpsaConfig),
    FedsLlm(fedsllm::FedsLlmConfig),
}

impl AlgorithmConfig {
    /// [`Algorithm::server`].
    pub fn server(&self, setup: Setup) -> Box<dyn Server> {
        self.algorithm().server(setup)
    }

    /// [`Algorithm::uploads`].
    pub fn uploads(&self) -> Vec<(u64, Content)> {
        self.algorithm().uploads()
    }

    /// [`Algorithm::conflicts`].
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.algorithm().conflicts()
    }

    /// [`Algorithm::describe`].
    pub fn describe(&self) -> String {
        self.algorithm().describe()
    }
}

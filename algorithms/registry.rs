//! The algorithms by name.
//!
//! A new one is a file of its own, whose configuration is an [`Algorithm`], and one line in the list below.

use serde::{Deserialize, Serialize};

use crate::{
    protocol::Server,
    settings::{Aggregation, Conflict},
    setup::Setup,
    uplink::Content,
};

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

    /// Why clients cannot be joined in this way; nothing if they can: then the server is
    /// [`displaced`](Server::displaced), or at edges [`movable`](Server::movable). The default is an algorithm that
    /// knows rounds of one server alone.
    fn refusal(&self, _aggregation: Aggregation) -> Option<Conflict> {
        Some(Conflict {
            field: "",
            message: "this algorithm is made for synchronous rounds of one server alone".to_owned(),
            help: "let the federation be synchronous, or take another algorithm",
        })
    }

    /// Why clients cannot [report](crate::reporting) their training losses; nothing if they can. The default is an
    /// algorithm whose clients see them.
    fn silence(&self) -> Option<Conflict> {
        None
    }

    /// Why the last layers of a client that was stopped are of no use; nothing if they are: then the server is
    /// [`layered`](Server::layered). The default is an algorithm whose clients are of use whole or not at all.
    fn layered_refusal(&self) -> Option<Conflict> {
        let uploads = self.uploads();
        let scalars = uploads.iter().any(|(_, content)| {
            matches!(content, Content::OwnScalars | Content::SharedScalars | Content::Signs)
        });
        let message = match scalars {
            true => {
                "a client has its scalars when it has the losses of whole forwards: stopped in the middle of one, it \
                 has nothing, for any layer"
            }
            false => {
                "what a client of this algorithm sends is of use whole or not at all: it is not the gradient of one \
                 step, layer by layer"
            }
        };
        let help = "let the federation be synchronous, or take `fedavg` with `local_steps: 1` and `optimizer: sgd`";
        Some(Conflict { field: "", message: message.to_owned(), help })
    }

    /// Why its exchanges cannot be timed without training; nothing if they can: then the server
    /// [passes over](Server::pass_over) updates. The default is an algorithm whose course may depend on what its clients
    /// find.
    fn untimed(&self) -> Option<Conflict> {
        Some(Conflict {
            field: "",
            message: "what a round of this algorithm costs depends on what its clients find"
                .to_owned(),
            help: "train (`training: real`), or take another algorithm",
        })
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

    /// [`Algorithm::refusal`], or [`Algorithm::layered_refusal`].
    pub fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        match aggregation {
            Aggregation::Layered => self.algorithm().layered_refusal(),
            _ => self.algorithm().refusal(aggregation),
        }
    }

    /// [`Algorithm::silence`].
    pub fn silence(&self) -> Option<Conflict> {
        self.algorithm().silence()
    }

    /// [`Algorithm::untimed`].
    pub fn untimed(&self) -> Option<Conflict> {
        self.algorithm().untimed()
    }

    /// [`Algorithm::describe`].
    pub fn describe(&self) -> String {
        self.algorithm().describe()
    }
}

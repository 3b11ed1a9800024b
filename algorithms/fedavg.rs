//! First-order federated averaging.

use std::{num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use crate::{
    first_order::{FirstOrderServer, LocalRule, Method, Optimizer, Plain, Recipe},
    protocol::{ClientId, Restoring, Server, Snapshot, SnapshotError},
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate},
    setup::Setup,
    uplink::Content,
};

/// FedAvg (McMahan et al. 2017): τ first-order local steps by backpropagation, then a weighted average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedAvgConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, τ.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The local optimiser; its state does not outlive the round. The default is AdamW.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Learning rate η.
    pub learning_rate: LearningRate,
}

impl Algorithm for FedAvgConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        Box::new(FirstOrderServer::open(setup, self.recipe(), |_, _| FedAvg))
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::Weights)]
    }

    fn refusal(&self, _: Aggregation) -> Option<Conflict> {
        None
    }

    fn layered_refusal(&self) -> Option<Conflict> {
        let conflict = |field, message: &str, help| {
            Some(Conflict { field, message: message.to_owned(), help })
        };
        if self.local_steps.get() > 1 {
            let message = "a client that is stopped in its second step or later has no gradients of the model that it \
                           was sent, of which the rule for joining layers is made";
            return conflict("local_steps", message, "write 1");
        }
        if self.optimizer != Optimizer::Sgd {
            let message = "the rule for joining layers is made for steps along the gradient, and the correction of its \
                           bias is that of their mean";
            return conflict("optimizer", message, "write `sgd`");
        }
        None
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!("FedAvg on {}: {}; dense weights up", self.train, self.recipe())
    }
}

impl FedAvgConfig {
    fn recipe(&self) -> Recipe {
        Recipe {
            train: self.train,
            local_steps: self.local_steps,
            batch_size: self.batch_size,
            optimizer: self.optimizer.clone(),
            learning_rate: self.learning_rate.clone(),
        }
    }
}

/// Plain local steps, plain mean.
#[derive(Debug)]
pub(crate) struct FedAvg;

impl Method for FedAvg {
    fn joins_layers(&self) -> bool {
        true
    }

    fn rule(&self, _client: ClientId) -> Arc<dyn LocalRule> {
        Arc::new(Plain)
    }

    /// The model is all that is learnt.
    fn save(&self, _: &mut Snapshot) {}

    fn restore(&mut self, _: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}

//! Split federated learning: the lower layers on the devices, the upper ones on the server.
//!
//! ```text
//!              device of client i                                  server, its copy of client i
//!   exchange 0   θ_low ◄───────────────── lower weights ─────────  global θ
//!                y = f_low(x; θ_low) ──── y, lengths, labels ────► L = f_up(y; θ_up); θ_up -= η ∂L/∂θ_up
//!   exchange s   θ_low -= η (∂y/∂θ_low)ᵀ g ◄──── g = ∂L/∂y ──────
//!                the next batch's y ──────────────────────────────► ...
//!   exchange τ   the last θ_low ─────────── lower weights ───────► mean over clients of θ_low and of θ_up
//! ```
//!
//! # What is published
//!
//! FedsLLM (Zhao et al., arXiv 2407.09250) puts LoRA into SplitFed: its abstract says that the network is divided into
//! client subnetworks and server subnetworks, that LoRA reduces the processing, that a main server trains the upper
//! part and a federated server aggregates the clients' parts. The rest of it allots wireless bandwidth so that the
//! delay is least; here the network is the scenario's. No more of it than the abstract was at hand. What a round is
//! follows SplitFed's first version (SFLV1; Thapa et al., AAAI 2022, arXiv 2004.12088): clients in parallel, a copy of
//! the server's part for each client, activations and labels up, gradients of the activations down, both parts averaged
//! by examples. Its text lets the server average over the clients step by step; its published code
//! (`SFLV1_ResNet_HAM10000.py`) steps each copy and averages copies once at the end of the round, as is done here.
//! So a round of all is a round of [FedAvg](crate::fedavg), wherever the model is split: SFLV1's selling point, and a
//! test.
//!
//! # What had to be decided
//!
//! * The two servers are one. The global upper part never leaves it.
//! * Whole padded batches of activations are sent, as tensors are, and with them each text's length (without which the
//!   upper layers could not tell padding) and label: one 32-bit value each.
//! * Exchanges are synchronous: the server begins when the last activations of the cohort are in, and works for one
//!   client after the other; the devices wait, on idle power. It computes at the scenario's
//!   `network.server.compute`, is charged for forward, backward and optimiser of the upper part, and averages and
//!   evaluates for nothing, as in every other algorithm. Its memory is taken to suffice.
//! * A device holds the lower part's parameters, gradient and optimiser state, and while it waits for the gradient it
//!   keeps what the backward will need: each batch runs forward **once** on it. On the host, a job that receives a
//!   gradient runs that forward again, uncounted, for want of a graph that outlives a job; the result is the same, and
//!   the device is charged what it does.
//! * A client's half-trained lower part and its optimiser stay on its device ([`Kept`](crate::protocol::Kept)). A
//!   client that is lost in mid-round is lost for the round: its state and its copy of the upper part are dropped, what
//!   it did is waste, and the others go on. Optimiser states do not outlive the round, as in FedAvg.

mod client;
mod parts;
mod server;
#[cfg(test)]
mod tests;

use std::{num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

use self::{parts::Parts, server::FedsLlmServer};
use crate::{
    first_order::{Optimizer, Recipe},
    protocol::Server,
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate},
    setup::{Setup, Workshop},
    uplink::Content,
};

/// FedsLLM: split federated learning with LoRA. See the [module page](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedsLlmConfig {
    /// Which parameters train, of both parts: anything but the head alone. The default is LoRA of rank 8 with alpha 8,
    /// as Hu et al. (2021) take it for RoBERTa.
    #[serde(default = "lora")]
    pub train: Trainable,
    /// The embeddings and layers 1..=split are on the device, the rest and the head on the server: from 1 to the number
    /// of layers, which leaves the server the head alone.
    pub split: usize,
    /// Local steps per round, τ: each costs one more exchange with the server.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The optimiser of both parts; its state does not outlive the round. The default is AdamW, as for FedAvg.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Learning rate η; a rate of its own for the server's part is `upper` with `from_layer: split + 1`.
    pub learning_rate: LearningRate,
}

fn lora() -> Trainable {
    Trainable::lora(8, 8.0)
}

impl Algorithm for FedsLlmConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        let parts = Parts::new(workshop, self.recipe(), self.split);
        Box::new(FedsLlmServer::new(Arc::new(parts), start))
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::Activations)]
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let empty = (self.split == 0).then(|| Conflict {
            field: "split",
            message: "split 0 leaves nothing on the devices".to_owned(),
            help: "write 1 or more: the embeddings and so many layers are the devices' part",
        });
        let still = (self.train == Trainable::Head).then(|| Conflict {
            field: "train",
            message: "`head` leaves the devices nothing to train: the head is on the server"
                .to_owned(),
            help: "write `layers`, `bitfit` or `{ lora: { rank: 8, alpha: 8 } }`",
        });
        empty.into_iter().chain(still).collect()
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        let message = match aggregation {
            Aggregation::Asynchronous => {
                "FedsLLM's server trains its part with the whole cohort of a round, exchange by exchange"
            }
            Aggregation::InGroups => {
                "FedsLLM's server trains the upper layers of one model: edges do not compute, and tiers have a model each"
            }
            Aggregation::Layered => "FedsLLM's last layers are not on the device",
        };
        let help = "take `fedavg`: what it learns in a round is the same";
        Some(Conflict { field: "", message: message.to_owned(), help })
    }

    fn silence(&self) -> Option<Conflict> {
        Some(Conflict {
            field: "",
            message: "its clients never see a loss: the server has the head and computes it"
                .to_owned(),
            help: "take another algorithm, or choose whom to ask by something else than losses",
        })
    }

    fn layered_refusal(&self) -> Option<Conflict> {
        self.refusal(Aggregation::Layered)
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!(
            "FedsLLM on {}: layers up to {} on the device, the rest on the server; {}; activations up, their \
             gradients down, lower weights both ways",
            self.train,
            self.split,
            self.recipe()
        )
    }
}

impl FedsLlmConfig {
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

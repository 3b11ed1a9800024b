//! Forward gradients without local updates.
//!
//! At every step each client of the cohort evaluates its mini-batch at θ + h v and θ - h v and sends back the forward
//! gradient `(L+ - L-) / (2 h) v`; the server steps along the mean once these agree well enough, and asks the same
//! clients for more along new directions until then.
//!
//! * [`pacing`](half_variance): when the server steps, when it asks again;
//! * `sampling`: directions as a seed and a candidate's number for each tensor, and how candidates are ranked;
//! * `client`, `server`: an exchange's work on either side.
//!
//! # Who ranks the pool
//!
//! While a reference gradient guides the sampling, candidate directions are ranked, tensor by tensor, by their cosine
//! with it. The published code simulates all clients of a cohort in one process, which draws and ranks one pool for
//! all of them: no device does. [`Form::AsPublished`] takes that process for the server. It draws `candidates` for
//! each client it asks, ranks them, and sends the c-th client the numbers of the c-th best candidates, one for each
//! tensor; seeds are derived on both sides, so the client generates just the direction that it uses. The device does
//! no ranking and gets no reference; ranking is the server's work and takes no simulated time. Guided and unguided
//! steps then cost a device the same, but for 4 bytes a tensor on the way down.
//!
//! In [`Form::Deployable`] each device downloads the reference, draws and ranks candidates of its own and uses the
//! best; all of that is charged. Nobody has to know the cohort beforehand.

mod client;
mod pacing;
mod sampling;
mod server;

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use fleetune_models::parameters::Trainable;

pub use self::pacing::half_variance;
use self::server::FwdLlmServer;
use crate::{
    protocol::Server,
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate, Positive},
    setup::{Setup, Workshop},
    uplink::Content,
};

/// FwdLLM (Xu et al., USENIX ATC'24): forward gradients, one global step per mini-batch, variance-controlled pacing
/// and discriminative sampling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FwdLlmConfig {
    /// Which parameters train: parameter-efficient ones alone, that is anything but `full` and `layers`. The default
    /// is `bitfit`.
    #[serde(default = "Trainable::bitfit")]
    pub train: Trainable,
    /// Texts in a mini-batch. The default is 8, as published.
    #[serde(default = "eight")]
    pub batch_size: NonZeroU32,
    /// Mini-batches a cohort works through before the next cohort is drawn: one global step each. The default is 1.
    #[serde(default = "crate::zeroth_order::one")]
    pub batches_per_round: NonZeroU32,
    /// Finite-difference step h. The default is 0.01, as published.
    #[serde(default = "published_step")]
    pub epsilon: Positive,
    /// Candidate directions per kept one, 1 or more. The default is 10, as published; 1 turns discriminative sampling
    /// off.
    #[serde(default = "ten")]
    pub candidates: NonZeroU32,
    /// The server steps once the variance of the collected gradients is no more than this (published: 0.1 for
    /// DistilBERT and ALBERT, 0.2 for BERT and RoBERTa-large). The default is none: it never waits.
    #[serde(default)]
    pub variance_threshold: Option<Positive>,
    /// Who ranks candidates, how often a step is retried, and what is uploaded. The default is `as_published`.
    #[serde(default)]
    pub form: Form,
    /// The server's learning rate η (published: 0.01, falling linearly to 0 over the rounds).
    pub learning_rate: LearningRate,
}

/// The method as its published code has it, or as devices of their own could run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Form {
    /// The server ranks one pool of candidates for the cohort. The steps that follow the first, third, ... step of a
    /// round are guided, also across rounds: every other step if `batches_per_round` is even, and every step but the
    /// run's first if it is 1. Dense gradients go up.
    AsPublished {
        /// Retries of a step after which the server makes it all the same, 0 or more. The default is none: as often
        /// as it takes.
        #[serde(default)]
        retry_cap: Option<u32>,
    },
    /// Each device ranks candidates of its own, every other step.
    Deployable {
        /// Retries of a step after which the server makes it all the same, 0 or more. The default is 3: a step then
        /// has four gradients of every client at most, which halves the standard error of one, and the slowest
        /// cohort takes four times as long as one that is never asked again. Nothing is published.
        #[serde(default = "three")]
        retry_cap: u32,
        /// What is uploaded. The default is the gradient.
        #[serde(default)]
        upload: Upload,
    },
}

impl Default for Form {
    fn default() -> Self {
        Self::AsPublished { retry_cap: None }
    }
}

impl Form {
    fn retry_cap(self) -> Option<u32> {
        match self {
            Self::AsPublished { retry_cap } => retry_cap,
            Self::Deployable { retry_cap, .. } => Some(retry_cap),
        }
    }

    fn upload(self) -> Upload {
        match self {
            Self::AsPublished { .. } => Upload::Gradient,
            Self::Deployable { upload, .. } => upload,
        }
    }
}

/// What a client sends back. The global model is the same either way, to the bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upload {
    /// The forward gradient: as many values as parameters train.
    #[default]
    Gradient,
    /// The directional derivative, one scalar: the server derives the direction, ranking the client's candidates again
    /// if they were guided.
    Scalars,
}

impl Upload {
    fn content(self) -> Content {
        match self {
            Self::Gradient => Content::Change,
            Self::Scalars => Content::OwnScalars,
        }
    }
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gradient => "dense gradient",
            Self::Scalars => "one scalar",
        })
    }
}

fn three() -> u32 {
    3
}

fn eight() -> NonZeroU32 {
    NonZeroU32::new(8).expect("eight is not zero")
}

fn ten() -> NonZeroU32 {
    NonZeroU32::new(10).expect("ten is not zero")
}

fn published_step() -> Positive {
    Positive::new(0.01).expect("0.01 is positive")
}

impl Algorithm for FwdLlmConfig {
    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, self.form.upload().content())]
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        (aggregation == Aggregation::Asynchronous).then(|| Conflict {
            field: "",
            message: "FwdLLM pools the gradients of one cohort, all at one model, until their variance is low enough: \
                      there is no step for a client alone"
                .to_owned(),
            help: "take `mezo` or `fedspzo`, whose clients are joined by what they made alone",
        })
    }

    fn untimed(&self) -> Option<Conflict> {
        self.may_retry().then(|| Conflict {
            field: "variance_threshold",
            message: "how often a step is retried depends on how much the clients' gradients differ, and nothing is trained"
                .to_owned(),
            help: "leave `variance_threshold` out: every step is then made at once",
        })
    }

    fn describe(&self) -> String {
        let (form, ranked) = match self.form {
            Form::AsPublished { .. } => ("as published", "for each client, ranked by the server"),
            Form::Deployable { .. } => ("deployable", "on each device"),
        };
        format!(
            "FwdLLM ({form}) on {}: forward gradients on {} texts, guided steps use the best of {} candidates {ranked}; \
             {} up",
            self.train,
            self.batch_size,
            self.candidates,
            self.form.upload()
        )
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let dense = matches!(self.train, Trainable::Full | Trainable::Layers);
        let conflict = dense.then(|| Conflict {
            field: "train",
            message: format!(
                "FwdLLM without adapters: it trains parameter-efficient weights only, not {}",
                self.train
            ),
            help: "write `bitfit`, `head`, or `{ lora: { rank: 8, alpha: 16 } }`",
        });
        conflict.into_iter().collect()
    }

    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let batch = self.batch_size.get() as usize;
        let (workshop, start) = Workshop::open(setup, self.train, batch);
        Box::new(FwdLlmServer::new(workshop, self.clone(), start))
    }
}

impl FwdLlmConfig {
    /// Whether gradients that differ too much are ever asked for again.
    fn may_retry(&self) -> bool {
        self.variance_threshold.is_some() && self.form.retry_cap() != Some(0)
    }
}

#[cfg(test)]
mod tests;

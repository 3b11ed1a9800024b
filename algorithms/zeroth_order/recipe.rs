use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Plan, update::Rates};
use crate::{
    protocol::Moment,
    settings::{Aggregation, Conflict, Fraction, LearningRate},
    uplink::Content,
};

/// How every client trains, and how server and clients keep in step.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) plan: Plan,
    /// τ.
    pub(crate) local_steps: usize,
    /// ε.
    pub(crate) epsilon: f64,
    pub(crate) learning_rate: LearningRate,
    /// The round with which the learning rate's schedule starts.
    pub(crate) first_round: u64,
    /// λ.
    pub(crate) weight_decay: f64,
    pub(crate) upload: Upload,
    pub(crate) catch_up: CatchUp,
    /// β of the server's momentum; 0 for none.
    pub(crate) momentum: f64,
}

impl Recipe {
    pub(crate) fn rates(&self, when: Moment) -> Rates<'_> {
        let when = Moment { round: when.round.saturating_sub(self.first_round), ..when };
        Rates { learning_rate: &self.learning_rate, when, weight_decay: self.weight_decay }
    }
}

/// Clients cannot replay a model that moves by more than their scalars say.
pub(crate) fn catch_up_conflict(
    catch_up: CatchUp,
    upload: Upload,
    momentum: Fraction,
) -> Option<Conflict> {
    let why = match (upload, momentum.get() > 0.0) {
        (Upload::Delta, _) => "there are no scalars with `upload: delta`",
        (Upload::Scalars, true) => "the server's momentum is not in the scalars",
        (Upload::Scalars, false) => return None,
    };
    (catch_up == CatchUp::Scalars).then(|| Conflict {
        field: "catch_up",
        message: format!("clients cannot catch up by replaying scalars: {why}"),
        help: "leave `catch_up` out, or write `dense`",
    })
}

/// Clients cannot replay what moved a model that has no rounds.
pub(crate) fn replay_refusal(catch_up: CatchUp, aggregation: Aggregation) -> Option<Conflict> {
    let always = catch_up == CatchUp::Scalars && aggregation == Aggregation::Asynchronous;
    always.then(|| Conflict {
        field: "catch_up",
        message: "clients cannot catch up by replaying scalars: they tell of the rounds of one synchronous model"
            .to_owned(),
        help: "write `dense`",
    })
}

/// What a client sends back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upload {
    /// Its projected gradients: the server derives the directions and replays the steps.
    #[default]
    Scalars,
    /// The change of its trainable parameters.
    Delta,
}

impl Upload {
    /// What it means, of clients with directions of their own.
    pub(crate) fn content(self) -> Content {
        match self {
            Self::Scalars => Content::OwnScalars,
            Self::Delta => Content::Change,
        }
    }
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalars => "scalars",
            Self::Delta => "dense changes",
        })
    }
}

/// How a client that took no part in the last rounds gets the global model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// All trainable parameters, always.
    Dense,
    /// The scalars of the rounds it missed, always: it replays them.
    Scalars,
    /// Either, whichever its own device finishes sooner by its cost model.
    #[default]
    Fastest,
    /// Either, whichever has fewer bytes.
    FewestBytes,
}

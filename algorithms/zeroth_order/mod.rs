//! Zeroth-order training: projected gradients along random directions, and their federation.
//!
//! A step perturbs the two parts of a split model. With P1 perturbations of the lower part and P2 of the upper part
//! under each, it evaluates the loss at `θ + ε z` and `θ - ε z` and forms the projected gradients
//! `g_pj = (l+ - l-) / (2 ε)`; the update is `θ1 -= η1 mean_p (mean_j g_pj) z1_p` and
//! `θ2 -= η2 mean_pj g_pj z2_pj` (algorithms of arXiv 2502.10239 with joint perturbation). With an empty lower part
//! and P1 = 1 this is MeZO with P2 averaged directions.
//!
//! * [`Plan`]: how a step perturbs, and what that costs; [`StepDirections`]: along what; [`project`]: the scalars of a
//!   step; [`apply`]: the update they make;
//! * `client`, `server`: one round's work on either side; `seeds`: whose directions they are; `rows`, `settle`, `leftovers`:
//!   work that the host is spared;
//! * `memory`, [`history`], `pool`: how a client that fell behind catches up.

mod axpy;
mod client;
mod directions;
pub mod history;
mod leftovers;
mod memory;
mod plan;
mod pool;
pub(crate) mod probe;
mod recipe;
mod rows;
mod seeds;
pub(crate) mod server;
mod settle;
mod step;
mod update;

use std::num::NonZeroU32;

pub use self::{
    directions::StepDirections,
    plan::{Difference, Plan, Variant},
    recipe::{CatchUp, Upload},
    step::{Along, SplitLoss, project},
    update::{Rates, apply},
};
pub(crate) use self::{
    history::History, memory::Memory, pool::Pool, recipe::Recipe, recipe::catch_up_conflict,
    recipe::replay_refusal, rows::Local, seeds::Seeds, server::ZerothOrderServer,
};
use crate::settings::{Fraction, Positive};

pub(crate) fn default_epsilon() -> Positive {
    Positive::new(1e-3).expect("1e-3 is positive")
}

pub(crate) fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

pub(crate) fn none() -> Fraction {
    Fraction::new(0.0).expect("0 is a fraction")
}

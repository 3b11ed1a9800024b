//! The zeroth-order step that MeZO and FedSPZO share.
//!
//! A step perturbs the two parts of a split model. With P1 perturbations of the lower part and P2 of the upper part
//! under each, it evaluates the loss at `θ + ε z` and `θ - ε z` and forms the projected gradients
//! `g_pj = (l+ - l-) / (2 ε)`; the update is `θ1 -= η1 mean_p (mean_j g_pj) z1_p` and
//! `θ2 -= η2 mean_pj g_pj z2_pj` (algorithms of arXiv 2502.10239 with joint perturbation). With an empty lower part
//! and P1 = 1 this is MeZO with P2 averaged directions.

mod directions;
pub(crate) mod federated;
mod step;

use std::num::NonZeroU32;

pub use self::directions::{Plan, StepDirections};
pub use self::step::{SplitLoss, apply, project};
use crate::settings::Positive;

pub(crate) fn default_epsilon() -> Positive {
    Positive::new(1e-3).expect("1e-3 is positive")
}

pub(crate) fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

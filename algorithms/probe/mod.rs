//! What a step will bring, before it is made: the second-order model of zeroth-order training.
//!
//! A step lowers the loss by `η |g|²` and noise raises it by `η²/2 E ĝᵀHĝ`, of which nearly all is `|g_B|² tr H` over
//! the directions that are averaged. [`survey`] measures these moments, block by block, on a scenario's own model, task
//! and clients ([`Landscape`]); [`Step::parabola`] turns them into the expected change of the loss, in closed form for
//! every plan of perturbations; [`Parabola`] gives the best rates for a step and for a run.
//!
//! What it rests on, and where it ends:
//!
//! * the loss is that of a random client's texts, in which clients weigh alike, as in the average of their models;
//! * τ local steps count as τ steps of the averaged model. On a quadratic that all clients share this is exact but for
//!   `E |g_B|²` at the clients' own models; clients of different curvature or gradient drift apart in between;
//! * moments are those of the start. A run's forecast lets gradient and noise fade as on a quadratic; that curvature
//!   changes on the way, it does not know;
//! * third derivatives are left out: `O(ε²)` in the estimates, `O(η³)` in the step.
//!
//! Sources: the identities for Gaussian directions are Isserlis' (1918); the trace estimator is Hutchinson's (1990), with
//! signs and with Hessian-vector products by central differences of gradients: a product serves all blocks at once for
//! the cost of about six forwards, where a difference of three losses serves one block for two forwards and loses
//! `1e-7 L / ε²` to rounding. That the descent of zeroth-order steps is set by `|g|²`, `|g_B|²` and `tr H` is Malladi et
//! al. (2023), section 4.

mod descent;
mod measure;
mod moments;
mod source;
mod subject;
#[cfg(test)]
mod tests;
mod theory;

pub use self::{
    descent::RunChange,
    measure::Effort,
    moments::{Block, Landscape, Measured, Moments},
    subject::{Subject, alternatives, at_rate},
    theory::{Parabola, Step},
};
use crate::setup::Setup;

/// Measures the landscape of what a subject trains, at the model's start.
///
/// Randomness comes from the setup's streams, of purposes of its own: the number of threads changes nothing, and no other
/// stream is touched.
pub fn survey(setup: Setup, subject: &Subject, effort: Effort) -> Landscape {
    let (source, start) = source::ModelSource::open(setup, subject.train, subject.batch_size);
    measure::survey(&source, &start.values, subject.epsilon, effort)
}

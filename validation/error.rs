//! What can stop an experiment.

use fleetune_kernel::{KernelError, TimeError};

/// Why an experiment could not be carried out. None can be mended by trying again; the other
/// experiments are not concerned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationError {
    /// The kernel refused an event: a fault of the experiment or of the kernel.
    #[error("the calendar refused an event: {0}")]
    Kernel(#[from] KernelError),
    /// A duration of the experiment is no simulated time.
    #[error("a duration could not be simulated: {0}")]
    Time(#[from] TimeError),
    /// A model reached a state that its own events exclude.
    #[error("the model of {experiment} lost its way: {what}")]
    Model {
        /// Whose model.
        experiment: &'static str,
        /// What was found.
        what: &'static str,
    },
    /// A part of the simulator refused what the experiment asked of it.
    #[error("the simulator refused: {0}")]
    Refused(String),
}

impl ValidationError {
    /// For an error of a part of the simulator, such as the network or the federation.
    pub fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }
}

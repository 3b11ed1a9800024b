use serde::{Deserialize, Serialize};

/// Whether a run trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Training {
    /// Every update that is joined is computed, and the model evaluated.
    #[default]
    Real,
    /// Nothing is trained or evaluated: a run tells what rounds take in time, work, bytes and energy, and nothing of
    /// learning. For planning, of fleets of up to millions.
    None,
}

impl Training {
    /// Whether it is real.
    pub fn is_real(&self) -> bool {
        *self == Self::Real
    }
}

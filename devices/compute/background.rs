//! Other programs on the device: an alternating process that takes a share of the computation.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{availability::Availability, power::Share};

/// What other programs take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BackgroundLoad {
    /// How much of the computation they take while they run; less than 1.
    pub share: Share,
    /// When they run: a law as for availability, in which "on" is running.
    pub running: Availability,
}

impl BackgroundLoad {
    /// What is left for us while they run.
    pub(super) fn remaining(&self) -> f64 {
        1.0 - self.share.get()
    }
}

impl<'de> Deserialize<'de> for BackgroundLoad {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Unchecked {
            share: Share,
            running: Availability,
        }
        let Unchecked { share, running } = Unchecked::deserialize(source)?;
        if share.get() == 1.0 {
            return Err(D::Error::custom(
                "expected a share below 1; at 1 work under background load would never end",
            ));
        }
        Ok(Self { share, running })
    }
}

//! The two CPU backends, chosen at run time.

use std::fmt;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// A Burn backend that runs the tensor products on the host.
///
/// Both are always built in. They agree on logits to 1e-4 relative (a test), but not to the bit: a run's
/// manifest names the backend it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// burn-flex: the faster one here, and the default.
    #[default]
    Flex,
    /// burn-ndarray.
    Ndarray,
}

impl Backend {
    /// The plain device: no gradients are tracked on it.
    #[expect(
        deprecated,
        reason = "burn-ndarray stays available as an independent check of the default"
    )]
    pub fn device(self) -> Device {
        match self {
            Self::Flex => Device::flex(),
            Self::Ndarray => Device::ndarray(),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
        })
    }
}

impl std::str::FromStr for Backend {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "flex" => Ok(Self::Flex),
            "ndarray" => Ok(Self::Ndarray),
            other => Err(format!("unknown backend `{other}`: expected `flex` or `ndarray`")),
        }
    }
}

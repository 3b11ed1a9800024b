//! Settings of `config.json` that several families share.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{ModelError, architecture::FeedForward};

/// The activation of a feed-forward layer without a gate, by the names that the reference library has for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// `gelu`: by the error function.
    #[default]
    Gelu,
    /// `gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`: by the hyperbolic tangent (Hendrycks and Gimpel 2016).
    GeluTanh,
    /// `relu`.
    Relu,
}

impl Activation {
    /// The feed-forward layer with it.
    pub(super) fn feed_forward(self) -> FeedForward {
        match self {
            Self::Gelu => FeedForward::Gelu,
            Self::GeluTanh => FeedForward::GeluTanh,
            Self::Relu => FeedForward::Relu,
        }
    }
}

impl Serialize for Activation {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_new",
            Self::Relu => "relu",
        })
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        match name.as_str() {
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Self::GeluTanh),
            "relu" => Ok(Self::Relu),
            _ => Err(D::Error::custom(format!(
                "activation `{name}`; expected gelu, gelu_new, gelu_pytorch_tanh, gelu_fast or relu"
            ))),
        }
    }
}

/// Refuses what is set to anything but `expected`.
pub(super) fn only<T: PartialEq + std::fmt::Debug>(
    field: &str,
    found: &T,
    expected: &T,
) -> Result<(), ModelError> {
    match found == expected {
        true => Ok(()),
        false => Err(ModelError::Architecture(format!(
            "{field} is {found:?}; this program computes {expected:?} alone"
        ))),
    }
}

/// Refuses an epsilon that cannot be meant.
pub(super) fn epsilon(field: &str, found: f64) -> Result<(), ModelError> {
    match found > 0.0 && found < 1.0 {
        true => Ok(()),
        false => Err(ModelError::Architecture(format!(
            "{field} is {found}; expected a small positive number such as 1e-12"
        ))),
    }
}

use serde::{Deserialize, Serialize};

/// How the weights of the layers' products are stored if they do not train. Embeddings, biases, norms and what trains
/// stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frozen {
    /// In the numbers that the model is computed in.
    #[default]
    Plain,
    /// In 8 bits, with one scale for each output: the largest absolute value over 127 (as the vector-wise part of
    /// LLM.int8, Dettmers et al. 2022, without its outliers).
    Int8,
    /// As -1, 0 or 1 in 2 bits, with one scale a tensor: the mean absolute value (BitNet b1.58, Ma et al. 2024).
    Ternary,
}

impl Frozen {
    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Int8 => "int8",
            Self::Ternary => "ternary",
        }
    }

    /// Whether weights are as they came.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// How many codes share a byte; none if there are no codes.
    pub const fn codes_per_byte(self) -> Option<usize> {
        match self {
            Self::Plain => None,
            Self::Int8 => Some(1),
            Self::Ternary => Some(4),
        }
    }

    /// Scales of a weight `[input, output]`.
    pub const fn scales(self, output: usize) -> usize {
        match self {
            Self::Plain => 0,
            Self::Int8 => output,
            Self::Ternary => 1,
        }
    }
}

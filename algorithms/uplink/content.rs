use crate::{
    settings::Conflict,
    wire::{Encoding, Values},
};

/// What the values that a client uploads mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The trainable parameters after training.
    Weights,
    /// A change of the trainable parameters, or a gradient.
    Change,
    /// A change of the trainable parameters, and one of a vector of the same length that the client keeps.
    ChangeAndState,
    /// Projected gradients, along directions of the client's own.
    OwnScalars,
    /// Projected gradients, along directions that all clients of an exchange share.
    SharedScalars,
    /// Signs of projected gradients, along directions of the client's own.
    Signs,
    /// Activations, and in the end the parameters of the lower part of a split model.
    Activations,
}

impl Content {
    /// Whether there is a value, or are two, for each trainable parameter.
    pub(super) fn is_dense(self) -> bool {
        !matches!(self, Self::OwnScalars | Self::SharedScalars | Self::Signs | Self::Activations)
    }

    /// Vectors that are encoded one by one.
    pub(super) fn parts(self) -> usize {
        if self == Self::ChangeAndState { 2 } else { 1 }
    }

    /// Why `encoding` cannot apply.
    pub(super) fn encoding_conflict(self, encoding: &Encoding) -> Option<Conflict> {
        if self.is_dense() {
            return None;
        }
        if self == Self::Activations {
            let message = "activations are sent here in every step, and only what is sent after training can be \
                           encoded";
            let help = "leave `encoding` out";
            return Some(Conflict { field: "encoding", message: message.to_owned(), help });
        }
        if self == Self::Signs {
            let message = "signs are sent here, a bit each: there is nothing left to encode";
            let help = "leave `encoding` out";
            return Some(Conflict { field: "encoding", message: message.to_owned(), help });
        }
        let (field, message) = if encoding.top_k.is_some() {
            let why = "scalars are sent here, and each is a step: those left out would not be made";
            ("encoding.top_k", why)
        } else if matches!(encoding.values, Values::Sign { .. }) {
            let why = "scalars are sent here, and a sign has lost how large a step is";
            ("encoding.values", why)
        } else if encoding.error_feedback {
            let why = "scalars are sent here, along new directions every time: what is left unsaid \
                       along one cannot be made up for along another";
            ("encoding.error_feedback", why)
        } else {
            return None;
        };
        let help = "scalars can be sent as `f16` or `q8`; `fedspzo` and `mezo` can send dense \
                    vectors instead, by `upload: delta`";
        Some(Conflict { field, message: message.to_owned(), help })
    }

    /// Why what is sent cannot be made private.
    pub(super) fn privacy_conflict(self) -> Option<Conflict> {
        let (message, help) = match self {
            Self::Weights | Self::Change | Self::SharedScalars => return None,
            Self::OwnScalars | Self::Signs => (
                "scalars along each client's own directions are not summed, so that no noise on the \
                 sum could hide one: the model's move shows who took part",
                "`fedspzo` and `mezo` can send their change instead, by `upload: delta`; `decomfl` \
                 shares directions",
            ),
            Self::Activations => (
                "the activations of every text are sent here, and no noise on a sum hides them",
                "`fedavg`, `fedprox`, `fedadam` and `fedyogi` can be made private",
            ),
            Self::ChangeAndState => (
                "every client's control variate follows from its own update alone, and the server \
                 would learn but a noisy sum of them",
                "`fedavg`, `fedprox`, `fedadam` and `fedyogi` can be made private",
            ),
        };
        Some(Conflict { field: "privacy", message: message.to_owned(), help })
    }
}

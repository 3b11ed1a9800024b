use fleetune_algorithms::uplink::{Algorithm, Content};

use crate::{document::Node, yaml::tree};

/// How an algorithm's clients work, as far as a cost mode may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The kind of algorithm, as a scenario writes it.
    pub kind: String,
    /// Texts in a mini-batch.
    pub batch_size: u32,
    /// Mini-batches in one exchange.
    pub steps: u32,
}

/// The pace of an algorithm, found by the names of settings that all algorithms share.
///
/// A client works through all its local steps in one exchange, but for split learning, where each step is an exchange of
/// its own; without `local_steps` an exchange is one mini-batch.
pub fn pace(algorithm: &Algorithm) -> Pace {
    let Ok(Node::Map(choice)) = tree(&algorithm.kind) else { return Pace::unknown() };
    let Some((kind, Node::Map(settings))) = choice.into_iter().next() else {
        return Pace::unknown();
    };
    let number = |name: &str| match settings.get(name) {
        Some(Node::Integer(value)) => u32::try_from(*value).ok(),
        _ => None,
    };
    let split = algorithm.kind.uploads().iter().any(|(_, c)| *c == Content::Activations);
    let steps = number("local_steps").filter(|_| !split);
    Pace { kind, batch_size: number("batch_size").unwrap_or(1), steps: steps.unwrap_or(1) }
}

impl Pace {
    /// Of an algorithm that cannot be written down, which none of the registry's is.
    fn unknown() -> Self {
        Self { kind: String::new(), batch_size: 1, steps: 1 }
    }
}

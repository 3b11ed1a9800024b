//! Naming the model whose costs were charged, wherever one of them is shown, if it is not the model that learnt.

use crate::{reader::Run, text::shown};

/// What qualifies every cost of a run; nothing if the model that learnt was charged for itself.
pub(crate) fn note(run: &Run) -> Option<String> {
    let name = shown(run.summary.costs_of.as_deref()?);
    Some(format!(
        "Time, compute, bytes, memory and energy are charged as {name} would incur them. Accuracy and loss are those of \
         the smaller model that was trained."
    ))
}

/// A sentence about a run, with the model whose costs it speaks of.
pub(crate) fn qualified(run: &Run, sentence: String) -> String {
    match &run.summary.costs_of {
        Some(name) => format!("At the costs of {}: {sentence}", shown(name)),
        None => sentence,
    }
}

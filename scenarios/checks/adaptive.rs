use std::num::NonZeroU32;

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::{BatchBounds, Batching, PolicyConfig},
};

/// Deadlines are chosen for so many rounds at most.
const MOST_ROUNDS: u64 = 10_000;

/// What adaptive rounds ask of the rest of the federation.
pub(super) fn rounds(draft: &Draft, faults: &mut Vec<Fault>) {
    let Some(federation) = &draft.federation else { return };
    let base = FieldPath::root().key("federation");
    let adaptive = matches!(federation.policy, PolicyConfig::Adaptive(_));
    if adaptive && federation.cohort < 2 {
        let message =
            "adaptive rounds need a cohort of 2 or more: their bound is about who else has a layer";
        let fault = Fault::value(base.key("cohort"), message);
        faults.push(fault.with_help("write 2 or more, or let the federation be synchronous"));
    }
    if adaptive && federation.stop.rounds > MOST_ROUNDS {
        let message = format!(
            "adaptive rounds share out a budget of time beforehand, over at most {MOST_ROUNDS} rounds; found {}",
            federation.stop.rounds
        );
        let fault = Fault::value(base.key("stop").key("rounds"), message);
        faults.push(fault.with_help("say how many rounds are to be run"));
    }
}

/// Batch sizes by device: within bounds that are some, of as many texts as there are, under a clock that knows them, and
/// asked for once.
pub(super) fn batches(draft: &Draft, examples: Option<usize>, faults: &mut Vec<Fault>) {
    let Some(federation) = &draft.federation else { return };
    let base = FieldPath::root().key("federation");
    let policy = match federation.policy {
        PolicyConfig::Adaptive(adaptive) => adaptive.batch,
        _ => None,
    };
    if let Some(BatchBounds { smallest, largest }) = policy {
        let path = base.key("policy").key("adaptive").key("batch");
        bounds(draft, &path, [smallest, largest], examples, faults);
    }
    let Some(Batching { smallest, largest, .. }) = federation.batch else { return };
    let path = base.key("batch");
    let (message, help) = match federation.policy {
        PolicyConfig::Synchronous => {
            return bounds(draft, &path, [smallest, largest], examples, faults);
        }
        PolicyConfig::Asynchronous(_) => (
            "devices of an asynchronous federation wait for nobody: there is nothing to balance",
            "leave `batch` out, or let the federation be synchronous",
        ),
        PolicyConfig::Tiers(_) | PolicyConfig::Hierarchical(_) => (
            "batch sizes are balanced over the rounds of one server, and here every group has rounds of its own",
            "leave `batch` out, or let the federation be synchronous",
        ),
        PolicyConfig::Adaptive(_) => (
            "adaptive rounds choose batch sizes together with their deadlines",
            "write bounds at `policy.adaptive.batch`, and leave this out",
        ),
    };
    faults.push(Fault::key(path, message).with_help(help));
}

fn bounds(
    draft: &Draft,
    path: &FieldPath,
    [smallest, largest]: [NonZeroU32; 2],
    examples: Option<usize>,
    faults: &mut Vec<Fault>,
) {
    if smallest > largest {
        let message = format!("expected {smallest} or more, as `smallest` is; found {largest}");
        let help = "the two may be the same: then all batches are";
        faults.push(Fault::value(path.key("largest"), message).with_help(help));
    }
    if let Some(examples) = examples.filter(|examples| largest.get() as usize > *examples) {
        let message = format!("a batch of {largest} texts; there are only {examples} to train on");
        faults.push(Fault::value(path.key("largest"), message).with_help("8 to 64 is usual"));
    }
    if draft.fleet.as_ref().is_some_and(|fleet| !fleet.cost.is_roofline()) {
        let message = "the scenario's clock knows one batch size for all devices";
        let help = "leave this out, or leave out `fleet.cost`";
        faults.push(Fault::key(path.clone(), message).with_help(help));
    }
}

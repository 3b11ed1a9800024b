use fleetune_algorithms::registry::AlgorithmConfig;
use fleetune_devices::Profile;
use fleetune_models::{
    alignment::LabelWords, architecture::HeadShape, batch::Padding, checkpoint::Checkpoint,
    tasks::Task,
};

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::{CostsOf, ModelConfig},
};

/// Some device has the memory for the rounds that only able devices take part in: without one, no round would ever
/// open.
///
/// Where batches are as long as their longest text, only what even the shortest text exceeds is refused.
pub(super) fn warm_ups(
    draft: &Draft,
    checkpoint: &Checkpoint,
    (task, label_words): (Option<&Task>, Option<&LabelWords>),
    faults: &mut Vec<Fault>,
) {
    let (Some(model), Some(algorithms)) = (&draft.model, &draft.algorithms) else { return };
    let Some(largest) = largest(draft) else { return };
    let Some(classes) = task.map(|task| task.classes.len()).or(model.classes) else { return };
    let head = label_words.map_or(HeadShape::from(classes), |words| words.shape().clone());
    let charged = model.costs_of.as_ref().map(CostsOf::larger);
    let base = FieldPath::root().key("algorithms");
    for (label, algorithm) in algorithms {
        let AlgorithmConfig::ZoWarmUp(config) = &algorithm.kind else { continue };
        let Some(tokens) = fewest_tokens(model, checkpoint, (task, label_words)) else { return };
        let architecture = checkpoint.config.architecture();
        let charged = (&architecture, charged.as_ref(), model.frozen);
        let needed = config.warm_up_memory(charged, head.clone(), tokens);
        let budget = largest.memory.budget;
        if needed <= budget {
            continue;
        }
        let message = format!(
            "no device can warm up: backpropagation on {} texts of {tokens} tokens takes {} of memory, and the largest \
             budget in the fleet is {}, of {}",
            config.batch_size,
            needed.human(),
            budget.human(),
            largest.name.as_str()
        );
        let help = "add a device with more memory, lower `batch_size`, or train fewer parameters";
        let path = base.key(label.as_str()).key("zowarmup").key("warm_up");
        faults.push(Fault::key(path, message).with_help(help));
    }
}

/// The profile with the largest budget, if those of all groups are known.
fn largest(draft: &Draft) -> Option<&Profile> {
    let (fleet, profiles) = (draft.fleet.as_ref()?, draft.profiles.as_ref()?);
    let known = fleet.groups.iter().map(|group| profiles.get(group.profile.as_str()));
    let known: Vec<&Profile> = known.collect::<Option<_>>()?;
    known.into_iter().max_by_key(|profile| profile.memory.budget)
}

/// No batch has fewer tokens a text.
fn fewest_tokens(
    model: &ModelConfig,
    checkpoint: &Checkpoint,
    (task, label_words): (Option<&Task>, Option<&LabelWords>),
) -> Option<usize> {
    match model.padding {
        Padding::Fixed => Some(model.max_length),
        Padding::Longest => {
            let tokenizer = checkpoint.tokenizer(model.max_length).ok()?;
            let length = |text: &str| {
                let encoded = match label_words {
                    Some(words) => words.encode(text, 0),
                    None => tokenizer.encode(text, 0),
                };
                let appended = label_words.map_or(0, |words| words.shape().appended());
                encoded.ok().map(|encoded| encoded.ids.len() + appended)
            };
            let lengths = task?.train.iter().map(|example| length(&example.text));
            lengths.min_by_key(|length| length.unwrap_or(0))?
        }
    }
}

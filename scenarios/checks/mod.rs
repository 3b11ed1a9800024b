//! What concerns several fields at once, or files. Every check runs whose fields could be read.

mod adaptive;
mod algorithms;
mod alignment;
mod clock;
mod costs;
mod data;
mod fleet;
mod memory;
mod model;
mod network;
mod policy;
mod selection;
mod training;

use std::{path::Path, sync::Arc};

use fleetune_devices::{Profiles, availability::trace::Traces};
use fleetune_models::{alignment::LabelWords, checkpoint::Checkpoint, tasks::Task};

use crate::{document::Fault, draft::Draft, schema::CostsOf};

/// What a scenario's files hold.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// The pretrained weights.
    pub(crate) checkpoint: Checkpoint,
    /// The labelled texts; none if the scenario has no task.
    pub(crate) task: Option<Task>,
    /// How texts and classes are put into words, if they are.
    pub(crate) label_words: Option<LabelWords>,
    /// When devices are there, if that was recorded.
    pub(crate) traces: Option<Arc<Traces>>,
}

/// Checks a draft; relative paths are taken from `folder`.
///
/// Fills in what depends on several fields: files by their absolute path, the profiles that the fleet uses, FedSPZO's
/// split, the classes where no task tells them. The files' content is returned if nothing is wrong with it.
pub(crate) fn run(draft: &mut Draft, folder: &Path, faults: &mut Vec<Fault>) -> Option<Inputs> {
    let library = Profiles::shipped();
    match library {
        Ok(library) => fleet::profiles(draft, &library, faults),
        Err(broken) => faults.push(Fault::value(
            crate::FieldPath::root(),
            format!("the program's own device profiles are broken: {broken}"),
        )),
    }
    training::check(draft, faults);
    fleet::sizes(draft, faults);
    let traces = fleet::traces(draft, folder, faults);
    clock::check(draft, faults);
    costs::read_config(draft, folder, faults);
    adaptive::rounds(draft, faults);
    network::topology(draft, faults);
    policy::groups(draft, faults);
    selection::check(draft, faults);
    let checkpoint = model::checkpoint(draft, folder, faults);
    costs::check(draft, checkpoint.as_ref(), faults);
    let has_task = !matches!(draft.task, Some(None));
    let task = data::task(draft, folder, faults);
    data::clients(draft, task.as_ref(), faults);
    let label_words = alignment::label_words(draft, checkpoint.as_ref(), task.as_ref(), faults);
    let architecture = checkpoint.as_ref().map(|checkpoint| checkpoint.config.architecture());
    let model = draft.model.as_ref();
    let charged = model.and_then(|model| model.costs_of.as_ref()).map(CostsOf::larger);
    let sizes = algorithms::Sizes {
        model: architecture.as_ref(),
        charged: charged.as_ref().map(|larger| &larger.architecture),
        frozen: model.map(|model| model.frozen).unwrap_or_default(),
        examples: task.as_ref().map(|task| task.train.len()),
        devices: draft.fleet.as_ref().map(fleet::devices),
    };
    adaptive::batches(draft, sizes.examples, faults);
    algorithms::check(draft, sizes, faults);
    if let Some(checkpoint) = &checkpoint {
        memory::warm_ups(draft, checkpoint, (task.as_ref(), label_words.as_ref()), faults);
    }
    let task = if has_task { Some(task?) } else { None };
    Some(Inputs { checkpoint: checkpoint?, task, label_words, traces })
}

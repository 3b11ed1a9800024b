use fleetune_models::batch::Padding;

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::{FederationConfig, PolicyConfig, SelectionConfig, Training},
};

/// Classes of a model's head where neither a task nor the scenario says how many: the fewest that a task can have.
const FEWEST: usize = 2;

/// What a scenario without training may leave out, and may not say. Fills in the classes that no task tells.
pub(super) fn check(draft: &mut Draft, faults: &mut Vec<Fault>) {
    let Some(training) = draft.training else { return };
    if training == Training::None && matches!(draft.target, Some(Some(_))) {
        let message =
            "nothing is trained (`training: none`), so no accuracy is there to be reached";
        let help = "leave `target` out, or train (`training: real`)";
        faults.push(Fault::value(FieldPath::root().key("target"), message).with_help(help));
    }
    if let (Training::None, Some(federation)) = (training, draft.federation) {
        untimed(&federation, faults);
    }
    let (Some(task), Some(model)) = (&draft.task, &mut draft.model) else { return };
    if task.is_some() || training.is_real() {
        if model.classes.is_some() {
            let message = "the task says how many classes there are";
            let help =
                "leave `classes` out: it is for scenarios without training and without a task";
            faults.push(Fault::value(FieldPath::from("model.classes"), message).with_help(help));
        }
        return;
    }
    model.classes.get_or_insert(FEWEST);
    if model.padding == Padding::Longest {
        let message =
            "how long a batch is depends on its longest text, and there is no `task` to give texts";
        let help = "write `fixed`: every batch is then as long as `max_length`, whatever its texts";
        faults.push(Fault::value(FieldPath::from("model.padding"), message).with_help(help));
    }
}

/// What of a federation depends on what is learnt.
fn untimed(federation: &FederationConfig, faults: &mut Vec<Fault>) {
    let base = FieldPath::from("federation");
    if matches!(federation.policy, PolicyConfig::Adaptive(_)) {
        let message = "adaptive rounds join layers of what clients learnt, and nothing is trained (`training: none`)";
        let fault = Fault::value(base.key("policy"), message);
        faults.push(
            fault.with_help("train (`training: real`), or let the federation be synchronous"),
        );
    }
    if matches!(federation.selection, SelectionConfig::Oort(_)) {
        let message = "Oort asks by clients' losses, and nothing is trained (`training: none`): there are none";
        let fault = Fault::value(base.key("selection"), message);
        faults.push(
            fault.with_help("train (`training: real`), or choose whom to ask by something else"),
        );
    }
}

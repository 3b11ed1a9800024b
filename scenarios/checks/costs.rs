use fleetune_models::{checkpoint::Checkpoint, parameters::Trainable};

use crate::{
    document::{Fault, FieldPath, Node, read},
    draft::Draft,
    schema::CostsOf,
    yaml::tree,
};

/// The model whose costs are charged can be counted, can stand for the one that is trained, and has what the algorithms
/// train.
pub(super) fn check(draft: &Draft, checkpoint: Option<&Checkpoint>, faults: &mut Vec<Fault>) {
    let Some(model) = &draft.model else { return };
    let Some(costs) = &model.costs_of else { return };
    let path = FieldPath::from("model.costs_of").key(costs.key());
    let larger = costs.larger();
    if let Err(error) = larger.architecture.validate() {
        let path = path.key("architecture");
        let help = "the fields are those of the model's config.json; docs/costs-of.md lists them";
        faults.push(Fault::key(path, error.to_string()).with_help(help));
        return;
    }
    if let Some(longest) = larger.architecture.longest_input().filter(|n| *n < model.max_length) {
        let message =
            format!("{} tokens; {} reads at most {longest}", model.max_length, larger.name);
        let help = format!("at most {longest}, or the costs of a model with more positions");
        faults.push(Fault::value(FieldPath::from("model.max_length"), message).with_help(help));
    }
    if let Some(checkpoint) = checkpoint {
        let (trained, found) = (checkpoint.config.layers(), larger.architecture.num_hidden_layers);
        if found < trained {
            let message = format!(
                "{} has {found} layers; the model that learns has {trained}, each of which is to stand for one at least",
                larger.name
            );
            let help = "charge the costs of a model with as many layers, or more";
            faults.push(Fault::key(path, message).with_help(help));
        }
    }
    if !larger.architecture.has_biases() {
        without_biases(draft, costs, faults);
    }
}

/// Of a model without biases and shifts BitFit would train the head alone.
fn without_biases(draft: &Draft, costs: &CostsOf, faults: &mut Vec<Fault>) {
    let base = FieldPath::root().key("algorithms");
    for (label, algorithm) in draft.algorithms.iter().flatten() {
        let Ok(Node::Map(choice)) = tree(&algorithm.kind) else { continue };
        for (kind, settings) in &choice {
            let path = base.key(label.as_str()).key(kind).key("train");
            let Some(train) = settings.at(&FieldPath::from("train")) else { continue };
            if read::<Trainable>(train, &path) == Ok(Trainable::Bitfit) {
                let message = format!(
                    "biases and norm shifts are to train, and {} has none: its costs would be those of the head alone",
                    costs.larger().name
                );
                let help = "write `{ lora: { rank: 8, alpha: 8 } }` or `layers`, or charge the costs of another model";
                faults.push(Fault::value(path, message).with_help(help));
            }
        }
    }
}

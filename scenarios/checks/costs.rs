use std::path::Path;

use fleetune_models::{
    architecture::Architecture, checkpoint::Checkpoint, families, parameters::Trainable,
};

use crate::{
    document::{Fault, FieldPath, Node, read},
    draft::Draft,
    load::read_file,
    schema::{CostsOf, Label},
    yaml::tree,
};

/// Reads the `config.json` that costs are to be of: from here on they are those of a `custom` shape.
pub(super) fn read_config(draft: &mut Draft, folder: &Path, faults: &mut Vec<Fault>) {
    let Some(model) = &mut draft.model else { return };
    let Some(CostsOf::Config { file, dtype }) = &model.costs_of else { return };
    let dtype = *dtype;
    let name = file.file_stem().and_then(|stem| Label::new(stem.to_string_lossy()).ok());
    let found = architecture(&folder.join(file)).and_then(|architecture| {
        let name = name.ok_or("the file's name is none that reports can show".to_owned())?;
        Ok(CostsOf::Custom { name, dtype, architecture })
    });
    model.costs_of = match found {
        Ok(custom) => Some(custom),
        Err(message) => {
            let path = FieldPath::from("model.costs_of.config.file");
            let help =
                "give the config.json of a model of the families bert, roberta, opt or llama";
            faults.push(Fault::value(path, message).with_help(help));
            None
        }
    };
}

/// What a `config.json` says that a model is made of.
fn architecture(path: &Path) -> Result<Architecture, String> {
    let shown = path.display();
    let json = read_file(path, "configuration", "scenarios/models/opt-1.3b.json")
        .map_err(|error| format!("{shown}: {}", error.message()))?;
    let config = families::ModelConfig::from_json(&json).map_err(|e| format!("{shown}: {e}"))?;
    config.validate().map_err(|error| format!("{shown}: {error}"))?;
    Ok(config.architecture())
}

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

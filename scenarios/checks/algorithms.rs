use fleetune_algorithms::{
    registry::AlgorithmConfig,
    settings::{Aggregation, Conflict},
    uplink::Algorithm,
};
use fleetune_models::{
    architecture::{Architecture, Frozen, Projection},
    parameters::Trainable,
};

use crate::{
    document::{Fault, FieldPath, Node, read},
    draft::Draft,
    schema::{PolicyConfig, Training},
    yaml::tree,
};

/// What settings are measured by, as far as it is known.
#[derive(Clone, Copy)]
pub(super) struct Sizes<'a> {
    /// The architecture.
    pub(super) model: Option<&'a Architecture>,
    /// That of the model whose costs are charged, if it is another.
    pub(super) charged: Option<&'a Architecture>,
    /// How weights that do not train are stored.
    pub(super) frozen: Frozen,
    /// Training examples.
    pub(super) examples: Option<usize>,
    /// Devices of the fleet.
    pub(super) devices: Option<u64>,
}

/// Labels differ, and every algorithm's settings fit the model and the data.
///
/// Settings are found by the names that all algorithms share, so that a new algorithm is checked without a word here.
pub(super) fn check(draft: &mut Draft, sizes: Sizes<'_>, faults: &mut Vec<Fault>) {
    let policy = draft.federation.map_or(PolicyConfig::Synchronous, |federation| federation.policy);
    let losses = draft.federation.is_some_and(|federation| federation.selection.needs_losses());
    let Some(algorithms) = &mut draft.algorithms else { return };
    let base = FieldPath::root().key("algorithms");
    let mut seen: Vec<String> = Vec::new();
    for (label, algorithm) in algorithms.iter_mut() {
        let path = base.key(label.as_str());
        let folded = label.as_str().to_lowercase();
        if seen.contains(&folded) {
            let message = format!("label `{label}` is given twice, but for upper and lower case");
            let help = "charts and files could not tell them apart: rename one";
            faults.push(Fault::key(path.clone(), message).with_help(help));
        }
        seen.push(folded);
        if let (AlgorithmConfig::FedSpzo(config), Some(model)) = (&mut algorithm.kind, sizes.model)
        {
            config.split = Some(config.split_of(model.num_hidden_layers));
        }
        beside(algorithm, &path, sizes, faults);
        let mut conflicts = algorithm.kind.conflicts();
        if let Some(aggregation) = aggregation(&policy) {
            conflicts.extend(algorithm.kind.refusal(aggregation));
            for conflict in algorithm.refusals(aggregation) {
                let fault = Fault::value(within(&path, conflict.field), conflict.message);
                faults.push(fault.with_help(conflict.help));
            }
        }
        if losses {
            conflicts.extend(algorithm.kind.silence().map(|conflict| about_losses(&conflict)));
            if let Some(conflict) = algorithm.silence() {
                let conflict = about_losses(&conflict);
                let fault = Fault::value(within(&path, conflict.field), conflict.message);
                faults.push(fault.with_help(conflict.help));
            }
        }
        if draft.training == Some(Training::None) {
            conflicts.extend(algorithm.kind.untimed());
        }
        match tree(&algorithm.kind) {
            Ok(Node::Map(choice)) => {
                for (kind, settings) in &choice {
                    for conflict in conflicts.drain(..) {
                        let path = within(&path.key(kind), conflict.field);
                        let fault = Fault::value(path, conflict.message);
                        faults.push(fault.with_help(conflict.help));
                    }
                    Settings { settings, path: path.key(kind), sizes, faults }.check();
                }
            }
            Ok(_) => (),
            Err(error) => faults.push(Fault::key(path, error.to_string())),
        }
    }
}

/// Says what the losses are for.
fn about_losses(conflict: &Conflict) -> Conflict {
    let message = format!("`federation.selection` goes by clients' losses: {}", conflict.message);
    Conflict { message, ..*conflict }
}

/// How a policy joins updates, if not by one server in rounds.
fn aggregation(policy: &PolicyConfig) -> Option<Aggregation> {
    match policy {
        PolicyConfig::Synchronous => None,
        PolicyConfig::Asynchronous(_) => Some(Aggregation::Asynchronous),
        PolicyConfig::Tiers(_) | PolicyConfig::Hierarchical(_) => Some(Aggregation::InGroups),
        PolicyConfig::Adaptive(_) => Some(Aggregation::Layered),
    }
}

/// What stands beside the algorithm's own settings.
fn beside(algorithm: &Algorithm, path: &FieldPath, sizes: Sizes<'_>, faults: &mut Vec<Fault>) {
    for conflict in algorithm.conflicts() {
        let path = within(path, conflict.field);
        faults.push(Fault::value(path, conflict.message).with_help(conflict.help));
    }
    let (Some(privacy), Some(devices)) = (&algorithm.privacy, sizes.devices) else { return };
    let delta = privacy.delta.get();
    if delta * devices as f64 >= 1.0 {
        let message = format!(
            "a chance of {delta} that the guarantee fails, on {devices} devices: giving away one \
             device's texts at random would keep it"
        );
        let help = format!("expected well below 1/{devices}");
        faults.push(Fault::value(within(path, "privacy.delta"), message).with_help(help));
    }
}

/// The field of this path within what is at `base`.
fn within(base: &FieldPath, field: &str) -> FieldPath {
    [base.segments(), FieldPath::from(field).segments()].concat().into()
}

/// Beyond this a prefix is longer than any text here.
const LONGEST_PREFIX: usize = 1000;

/// One algorithm's settings.
struct Settings<'a> {
    settings: &'a Node,
    path: FieldPath,
    sizes: Sizes<'a>,
    faults: &'a mut Vec<Fault>,
}

impl Settings<'_> {
    fn check(mut self) {
        self.batch_size();
        self.schedule();
        if let Some(model) = self.sizes.model {
            let (layers, width) = (model.num_hidden_layers, model.hidden_size);
            self.range("split", 0, layers, &format!("the model has {layers} layers"));
            let head = format!("the model has {layers} layers, and {} is its head", layers + 1);
            self.range("learning_rate.upper.from_layer", 1, layers + 1, &head);
            self.range("train.lora.rank", 1, width, &format!("the model is {width} wide"));
            self.range("train.bottleneck.width", 1, width, &format!("the model is {width} wide"));
            self.gate();
        }
        self.range("train.prefix.length", 1, LONGEST_PREFIX, "5 to 200 is published");
        self.lora_scale();
        self.frozen();
    }

    fn at(&self, field: &str) -> (FieldPath, Option<&Node>) {
        (within(&self.path, field), self.settings.at(&FieldPath::from(field)))
    }

    fn range(&mut self, field: &str, least: usize, most: usize, why: &str) {
        let (path, Some(Node::Integer(value))) = self.at(field) else { return };
        if (least as i128..=most as i128).contains(value) {
            return;
        }
        let message = format!("expected {least} to {most}; found {value}");
        self.faults.push(Fault::value(path, message).with_help(why));
    }

    fn batch_size(&mut self) {
        let (path, Some(Node::Integer(size))) = self.at("batch_size") else { return };
        let Some(examples) = self.sizes.examples else { return };
        if *size > examples as i128 {
            let message = format!("a batch of {size} texts; there are only {examples} to train on");
            self.faults.push(Fault::value(path, message).with_help("8 to 64 is usual"));
        }
    }

    fn schedule(&mut self) {
        let (path, Some(Node::Integer(0))) = self.at("learning_rate.schedule.linear.rounds") else {
            return;
        };
        let help = "the rate falls over so many rounds";
        self.faults.push(Fault::value(path, "expected 1 or more; found 0").with_help(help));
    }

    /// What trains cannot be quantised.
    fn frozen(&mut self) {
        let frozen = self.sizes.frozen;
        let (path, Some(train)) = self.at("train") else { return };
        let trained = read::<Trainable>(train, &path);
        if frozen.is_plain() || !trained.is_ok_and(Trainable::trains_weights) {
            return;
        }
        let message = format!(
            "it trains the weights of the layers, which `model.frozen: {}` is to store in whole numbers",
            frozen.name()
        );
        let help = "train what is added to them, such as `{ lora: { rank: 8, alpha: 8 } }`, or `bitfit` or `head`; or \
                    write `frozen: plain`";
        self.faults.push(Fault::value(path, message).with_help(help));
    }

    /// A gate can only be adapted where there is one.
    fn gate(&mut self) {
        let (path, Some(Node::List(projections))) = self.at("train.lora.projections") else {
            return;
        };
        let named = projections.contains(&Node::Text(Projection::Gate.name().to_owned()));
        let models = [("learns", self.sizes.model), ("is charged for", self.sizes.charged)];
        for (of, model) in models {
            if named && model.is_some_and(|model| !model.feed_forward.is_gated()) {
                let message = format!("the model that {of} has no gate in its feed-forward layers");
                let help = "leave `gate` out, or write `projections: all`: those that there are";
                self.faults.push(Fault::value(path.clone(), message).with_help(help));
            }
        }
    }

    fn lora_scale(&mut self) {
        let (path, Some(value)) = self.at("train.lora.alpha") else { return };
        let holds = match value {
            Node::Real(alpha) => *alpha > 0.0 && alpha.is_finite(),
            Node::Integer(alpha) => *alpha > 0,
            _ => true,
        };
        if !holds {
            let message = format!("expected a number above 0; found {}", value.describe());
            self.faults.push(Fault::value(path, message).with_help("alpha = rank gives scale 1"));
        }
    }
}

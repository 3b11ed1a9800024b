use std::{ops::Deref, sync::Arc};

use fleetune_algorithms::uplink::Algorithm;
use fleetune_devices::{Profiles, availability::trace::Traces};
use fleetune_models::{alignment::LabelWords, checkpoint::Checkpoint, tasks::Task};
use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use crate::{
    checks::Inputs,
    document::{FieldPath, Node},
    schema::{Label, Spec},
    yaml::{emit, tree},
};

/// A scenario that can be run: made by [`crate::check`] alone, and never changed after.
///
/// It reads as its [`Spec`]: `scenario.federation.cohort`. Every default is filled in, every path absolute, and
/// `profiles` holds exactly the profiles that the fleet uses.
#[derive(Clone, Debug)]
pub struct Scenario {
    spec: Spec,
    inputs: Arc<Inputs>,
    resolved: String,
    hash: String,
}

impl Scenario {
    /// Seals what has been checked.
    pub(crate) fn seal(spec: Spec, inputs: Inputs) -> Result<Self, serde_yaml::Error> {
        Self::sealed(spec, Arc::new(inputs))
    }

    /// The same scenario with some of its algorithms: those whose label is to be kept.
    ///
    /// # Errors
    /// It cannot be written as YAML.
    pub fn keeping(&self, keep: impl Fn(&Label) -> bool) -> Result<Self, serde_yaml::Error> {
        let mut spec = self.spec.clone();
        spec.algorithms.retain(|label, _| keep(label));
        Self::sealed(spec, Arc::clone(&self.inputs))
    }

    fn sealed(spec: Spec, inputs: Arc<Inputs>) -> Result<Self, serde_yaml::Error> {
        let written = tree(&spec)?;
        let resolved = format!("{}{}", header(&spec), emit(&written)?);
        let hash = identity(written, &inputs)?;
        Ok(Self { spec, inputs, resolved, hash })
    }

    /// What the scenario says.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The scenario as YAML with every default written out, the profiles it uses included: reading it again gives an
    /// equal scenario with the same hash.
    pub fn resolved_yaml(&self) -> String {
        self.resolved.clone()
    }

    /// SHA-256, in hexadecimal, over all that results depend on.
    ///
    /// That is every field but `name`, `description` and the profiles' own descriptions and sources, and the *content*
    /// of dataset, checkpoint and trace rather than their paths. The order of algorithms and profiles does not matter. Two
    /// scenarios with the same hash give the same results for the same version of the program.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// SHA-256, in hexadecimal, over all that the cells of one algorithm depend on, its label and the seed apart: as
    /// [`Self::hash`], but without the other algorithms, the number of seeds and the target, which only says what is
    /// read from the results. `None` if there is no such algorithm.
    pub fn cell_hash(&self, label: &Label) -> Option<String> {
        let config = self.spec.algorithms.get(label)?;
        let one = Label::new("algorithm").ok()?;
        let algorithms = IndexMap::from([(one, config.clone())]);
        self.reduced(algorithms)
    }

    /// As [`Self::cell_hash`], without any algorithm: what model, data, fleet and rounds depend on.
    pub fn world_hash(&self) -> Option<String> {
        self.reduced(IndexMap::new())
    }

    fn reduced(&self, algorithms: IndexMap<Label, Algorithm>) -> Option<String> {
        let mut written = tree(&Spec { algorithms, seeds: 1, ..self.spec.clone() }).ok()?;
        if let Node::Map(root) = &mut written {
            root.shift_remove("target");
        }
        identity(written, &self.inputs).ok()
    }

    /// The labelled texts, already read; none if the scenario, which then trains nothing, has no task.
    pub fn dataset(&self) -> Option<&Task> {
        self.inputs.task.as_ref()
    }

    /// Classes that the model tells apart.
    pub fn classes(&self) -> usize {
        let told = self.dataset().map(|task| task.classes.len()).or(self.spec.model.classes);
        told.expect("a scenario without a task has its classes filled in")
    }

    /// The accuracy to be reached; none if nothing is trained.
    pub fn target_accuracy(&self) -> Option<f64> {
        self.spec.target.map(|target| target.accuracy)
    }

    /// The pretrained model's files, already read.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.inputs.checkpoint
    }

    /// How texts and classes are put into words, if the scenario has that.
    pub fn label_words(&self) -> Option<&LabelWords> {
        self.inputs.label_words.as_ref()
    }

    /// When devices are there, if the scenario has that recorded: already read.
    pub fn traces(&self) -> Option<&Arc<Traces>> {
        self.inputs.traces.as_ref()
    }

    /// How many devices the fleet has.
    pub fn device_count(&self) -> usize {
        self.spec.fleet.groups.iter().map(|group| group.count.get() as usize).sum()
    }

    /// The profiles that the fleet uses, to draw it from.
    pub fn device_profiles(&self) -> Profiles {
        let mut profiles = Profiles::empty();
        for profile in self.spec.profiles.values() {
            profiles.insert(profile.clone());
        }
        profiles
    }
}

impl Deref for Scenario {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        &self.spec
    }
}

/// Equal if they say the same of the same data.
impl PartialEq for Scenario {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec && self.hash == other.hash
    }
}

fn header(spec: &Spec) -> String {
    format!(
        "# Scenario {}, with every default written out by fleetune {}.\n\
         # To run it again: cargo run --release -- run FILE, where FILE is this file.\n",
        spec.name,
        env!("CARGO_PKG_VERSION")
    )
}

/// The hash of a scenario that was written as `written`.
fn identity(mut written: Node, inputs: &Inputs) -> Result<String, serde_yaml::Error> {
    if let Node::Map(root) = &mut written {
        root.shift_remove("name");
        root.shift_remove("description");
        for section in ["profiles", "algorithms"] {
            if let Some(Node::Map(entries)) = root.get_mut(section) {
                entries.sort_keys();
            }
        }
        if let Some(Node::Map(profiles)) = root.get_mut("profiles") {
            for profile in profiles.values_mut() {
                if let Node::Map(profile) = profile {
                    profile.shift_remove("description");
                    profile.shift_remove("sources");
                }
            }
        }
    }
    let checkpoint = ("model.checkpoint", checkpoint_hash(&inputs.checkpoint)?);
    let task = inputs.task.iter().map(|task| ("task.dataset", task.data_hash()));
    let trace = inputs.traces.iter().map(|traces| ("fleet.trace.file", trace_hash(traces)));
    for (path, hash) in [checkpoint].into_iter().chain(task).chain(trace) {
        if let Some(node) = written.at_mut(&FieldPath::from(path)) {
            *node = Node::Text(hash);
        }
    }
    Ok(hexadecimal(
        Sha256::new().chain_update("fleetune/scenario/v1\n").chain_update(emit(&written)?),
    ))
}

/// SHA-256 over architecture, tokenizer and weights.
fn checkpoint_hash(checkpoint: &Checkpoint) -> Result<String, serde_yaml::Error> {
    let mut hash = Sha256::new().chain_update("fleetune/checkpoint/v1\n");
    let config = emit(&tree(&checkpoint.config)?)?;
    for part in [config.as_bytes()].into_iter().chain(checkpoint.bytes()) {
        // Every length is hashed before what it counts, so that no two checkpoints share a byte stream.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Ok(hexadecimal(hash))
}

/// SHA-256 over what is replayed: of the devices that the fleet has.
fn trace_hash(traces: &Traces) -> String {
    let mut hash = Sha256::new().chain_update("fleetune/trace/v1\n");
    traces.words().for_each(|word| hash.update(word.to_le_bytes()));
    hexadecimal(hash)
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

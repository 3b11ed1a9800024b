//! A scenario whose sections have been read, each for itself.

use fleetune_algorithms::uplink::Algorithm;
use fleetune_devices::{FleetConfig, Profile};
use indexmap::IndexMap;

use crate::{
    document::{Fault, FieldPath, Node},
    schema::{
        FederationConfig, Label, MAX_SEEDS, ModelConfig, Name, NetworkConfig, Spec, Target,
        TaskConfig, Training,
    },
    sections::Sections,
};

/// What could be read; a section with a mistake is `None`.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: Option<Name>,
    pub(crate) description: Option<String>,
    pub(crate) root_seed: Option<u64>,
    pub(crate) seeds: Option<u32>,
    pub(crate) training: Option<Training>,
    /// Read and not there, or what it says.
    pub(crate) target: Option<Option<Target>>,
    pub(crate) model: Option<ModelConfig>,
    /// As `target`.
    pub(crate) task: Option<Option<TaskConfig>>,
    pub(crate) fleet: Option<FleetConfig>,
    pub(crate) profiles: Option<IndexMap<String, Profile>>,
    pub(crate) network: Option<NetworkConfig>,
    pub(crate) federation: Option<FederationConfig>,
    pub(crate) algorithms: Option<IndexMap<Label, Algorithm>>,
}

impl Draft {
    /// Reads every section, collecting what is wrong in `sections`.
    pub(crate) fn read(sections: &mut Sections) -> Self {
        let name = sections.required("name");
        let training = sections.optional("training", Training::Real);
        // What only real training needs is not missed where it is unclear whether there is any.
        let real = training.is_some_and(|training| training.is_real());
        Self {
            name,
            description: sections.optional("description", String::new()),
            root_seed: sections.optional("root_seed", 0),
            seeds: seeds(sections),
            training,
            target: sections.required_if(real, "target"),
            model: sections.optional("model", ModelConfig::default()),
            task: sections.required_if(real, "task"),
            fleet: sections.required("fleet"),
            profiles: profiles(sections),
            network: sections.optional("network", NetworkConfig::default()),
            federation: sections.required("federation"),
            algorithms: algorithms(sections),
        }
    }

    /// The whole, if every section could be read.
    pub(crate) fn complete(self) -> Option<Spec> {
        Some(Spec {
            name: self.name?,
            description: self.description?,
            root_seed: self.root_seed?,
            seeds: self.seeds?,
            training: self.training?,
            target: self.target?,
            model: self.model?,
            task: self.task?,
            fleet: self.fleet?,
            profiles: self.profiles?,
            network: self.network?,
            federation: self.federation?,
            algorithms: self.algorithms?,
        })
    }
}

fn seeds(sections: &mut Sections) -> Option<u32> {
    let seeds: u32 = sections.optional("seeds", 1)?;
    if (1..=MAX_SEEDS).contains(&seeds) {
        return Some(seeds);
    }
    let message = format!("expected a number of replications from 1 to {MAX_SEEDS}; found {seeds}");
    sections.faults.push(Fault::value(FieldPath::root().key("seeds"), message));
    None
}

/// Inline profiles. Their key is their name, which need not be said again inside.
fn profiles(sections: &mut Sections) -> Option<IndexMap<String, Profile>> {
    let profiles: IndexMap<String, Profile> = sections.entries("profiles", |name, node| {
        if let Node::Map(map) = node
            && !map.contains_key("name")
        {
            map.shift_insert(0, "name".to_owned(), Node::Text(name.to_owned()));
        }
    })?;
    let mut agree = true;
    for (key, profile) in &profiles {
        if profile.name.as_str() != key {
            agree = false;
            let path = FieldPath::root().key("profiles").key(key).key("name");
            let message = format!("profile `{key}` calls itself `{}`", profile.name);
            let help = "leave `name` out: the key is the name";
            sections.faults.push(Fault::value(path, message).with_help(help));
        }
    }
    agree.then_some(profiles)
}

fn algorithms(sections: &mut Sections) -> Option<IndexMap<Label, Algorithm>> {
    let base = FieldPath::root().key("algorithms");
    let algorithms = sections.entries::<Algorithm>("algorithms", |_, _| ())?;
    if algorithms.is_empty() {
        let message = "expected at least one algorithm";
        let help = "for example `MeZO: { mezo: { local_steps: 10, batch_size: 16, learning_rate: { base: 5e-4 } } }`";
        sections.faults.push(Fault::key(base, message).with_help(help));
        return None;
    }
    let mut labelled = Some(IndexMap::new());
    for (text, algorithm) in algorithms {
        match (Label::new(&text), &mut labelled) {
            (Ok(label), Some(labelled)) => drop(labelled.insert(label, algorithm)),
            (Ok(_), None) => (),
            (Err(message), _) => {
                sections.faults.push(Fault::key(base.key(&text), message));
                labelled = None;
            }
        }
    }
    labelled
}

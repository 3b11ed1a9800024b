//! What all cells of a scenario share: the model, the tokenised texts, the device that computes.

use std::sync::Arc;

use burn::tensor::Device;
use fleetune_algorithms::{
    settings::BatchSizes,
    setup::{Setup, TrainingData},
};
use fleetune_devices::{
    Fleet, FleetError,
    network::{Wiring, config::TopologyError},
    streams::SeedTree,
};
use fleetune_models::{
    ModelError,
    alignment::{LOGIT_SCALE, LabelWords, aligned},
    backend::Backend,
    batch::{Encoded, Padding},
    tasks::{Example, PartitionError, partition},
    tokenizer::Tokenizer,
    transformer::{Classifier, Head, Transformer},
};
use fleetune_scenarios::{
    Scenario,
    schema::{CostsOf, HeldOut},
};

use crate::{cell::federation_config, federation::NoChoice};

/// A scenario made ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// The scenario.
    pub scenario: Scenario,
    /// The pretrained model, its head aligned with the task if it is to be trained.
    pub model: Classifier,
    /// The host's device.
    pub device: Device,
    /// What devices hold, as far as it matters.
    train: Vec<Encoded>,
    /// The texts that the server evaluates on; none if nothing is trained.
    pub test: Vec<Encoded>,
}

/// One replication's world: the same for every algorithm.
#[derive(Debug)]
pub struct World {
    /// Its randomness.
    pub streams: SeedTree,
    /// Its devices.
    pub fleet: Fleet,
    /// What connects them.
    pub wiring: Wiring,
    data: Arc<TrainingData>,
}

/// Why a scenario that was checked cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The fleet.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The network.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// Rounds have deadlines, and none can be chosen.
    #[error(transparent)]
    Deadlines(#[from] NoChoice),
    /// The split of the data over the clients.
    #[error(transparent)]
    Partition(#[from] PartitionError),
}

impl Prepared {
    /// Loads the model, aligns its head with the task and tokenises the texts.
    ///
    /// # Errors
    /// If the checkpoint does not hold what its configuration promises.
    pub fn new(scenario: Scenario, backend: Backend) -> Result<Self, PrepareError> {
        let device = backend.device();
        let max_length = scenario.model.max_length;
        let checkpoint = scenario.checkpoint();
        let encoder = checkpoint.encoder(&device)?;
        let (Some(config), Some(task)) = (&scenario.task, scenario.dataset()) else {
            let model = pretrained(encoder, &scenario, &device)?;
            return Ok(Self { model, device, train: Vec::new(), test: Vec::new(), scenario });
        };
        let tokenizer = checkpoint.tokenizer(max_length)?;
        let reader = scenario.label_words().map_or(Reader::Plain(&tokenizer), Reader::Words);
        if !scenario.training.is_real() {
            // Of texts the lengths alone count, and only if batches follow them.
            let texts = match scenario.model.padding {
                Padding::Fixed => &[],
                Padding::Longest => &task.train[..],
            };
            let train = reader.encode(texts)?;
            let model = pretrained(encoder, &scenario, &device)?;
            return Ok(Self { model, device, train, test: Vec::new(), scenario });
        }
        let model = match scenario.label_words() {
            Some(_) => pretrained(encoder, &scenario, &device)?,
            None => {
                let prompts: Vec<&str> = task.classes.iter().map(|c| c.prompt.as_str()).collect();
                aligned(encoder, &prompts, &tokenizer, max_length, &device)?
            }
        };
        let train = reader.encode(&task.train)?;
        let held_out = match config.evaluate_on {
            HeldOut::Test => &task.test,
            HeldOut::Validation => &task.validation,
        };
        let wanted = config.test_examples.min(held_out.len());
        let test = reader.encode(&held_out[..wanted])?;
        Ok(Self { model, device, train, test, scenario })
    }

    /// The world of replication `seed`: its fleet, and who holds which texts.
    ///
    /// # Errors
    /// If the fleet cannot be drawn or the data not be spread over it.
    pub fn world(&self, seed: u64) -> Result<World, PrepareError> {
        let streams = SeedTree::new(self.scenario.root_seed).subtree("replication", seed);
        let profiles = self.scenario.device_profiles();
        let fleet = Fleet::draw(&self.scenario.fleet, &profiles, &streams)?;
        let wiring = federation_config(&self.scenario).wiring(&fleet.devices)?;
        let shards = match &self.scenario.task {
            Some(task) if !self.train.is_empty() => {
                let labels: Vec<usize> = self.train.iter().map(|e| e.label).collect();
                let mut stream = streams.stream("partition", 0);
                partition(
                    &labels,
                    self.scenario.classes(),
                    fleet.len(),
                    &task.partition,
                    &mut stream,
                )?
            }
            _ => Vec::new(),
        };
        let data = Arc::new(TrainingData {
            examples: self.train.clone(),
            shards,
            max_length: self.scenario.model.max_length,
            padding: self.scenario.model.padding,
        });
        Ok(World { streams, fleet, wiring, data })
    }

    /// What an algorithm starts from in `world`.
    pub fn setup(&self, world: &World) -> Setup {
        Setup {
            model: self.model.clone(),
            architecture: self.scenario.checkpoint().config.architecture(),
            charged: self.scenario.model.costs_of.as_ref().map(CostsOf::larger),
            frozen: self.scenario.model.frozen,
            device: self.device.clone(),
            data: Arc::clone(&world.data),
            streams: world.streams,
            batches: BatchSizes::Configured,
            accounts: None,
        }
    }
}

/// The model as pretraining left it: with the head of the scenario's label words, or one of zeros that nobody needs to be
/// of any use where nothing is trained.
fn pretrained(
    encoder: Transformer,
    scenario: &Scenario,
    device: &Device,
) -> Result<Classifier, ModelError> {
    let checkpoint = scenario.checkpoint();
    let head = match scenario.label_words() {
        Some(words) => words.head(checkpoint.language_head(device)?),
        None => Head::zeros(checkpoint.config.width(), scenario.classes(), LOGIT_SCALE, device),
    };
    Ok(Classifier { encoder, head })
}

/// How texts become tokens.
#[derive(Clone, Copy)]
enum Reader<'a> {
    /// As they are.
    Plain(&'a Tokenizer),
    /// In a template.
    Words(&'a LabelWords),
}

impl Reader<'_> {
    fn encode(self, examples: &[Example]) -> Result<Vec<Encoded>, ModelError> {
        let encode = |example: &Example| match self {
            Self::Plain(tokenizer) => tokenizer.encode(&example.text, example.label),
            Self::Words(words) => words.encode(&example.text, example.label),
        };
        examples.iter().map(encode).collect()
    }
}

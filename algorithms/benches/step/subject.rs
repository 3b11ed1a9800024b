use std::{
    fmt,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::{Tensor, TensorData};
use fleetune_algorithms::{
    noise::{fill_normal, normal},
    protocol::{Estimate, Exchange, Server},
    settings::BatchSizes,
    setup::{Setup, TrainingData},
    uplink::Algorithm,
};
use fleetune_devices::{Workload, streams::SeedTree};
use fleetune_models::{
    architecture::Frozen,
    backend::Backend,
    batch::{Batch, DeviceBatch, Encoded, Padding},
    checkpoint::Checkpoint,
    evaluate::cross_entropy,
    ledger::Ledger,
    parameters::Trainable,
    transformer::{Classifier, Head},
};
use fleetune_units::Seconds;
use rand::RngExt;

/// Texts of a mini-batch.
pub(crate) const TEXTS: usize = 16;
/// Tokens of a text.
pub(crate) const TOKENS: usize = 32;
/// Local steps of a client's round.
pub(crate) const STEPS: usize = 4;
/// Rows and columns of the matrices of a product that shows what the processor can do.
pub(crate) const SQUARE: usize = 1024;
const CLASSES: usize = 4;
const SCALE: f64 = 10.0;

/// A model with random texts, of all whose parameters MeZO trains.
pub(crate) struct Subject {
    pub(crate) name: String,
    directory: PathBuf,
    model: Classifier,
    examples: Vec<Encoded>,
    head: Vec<Vec<f32>>,
    batch: DeviceBatch,
    labels: Vec<usize>,
    server: Box<dyn Server>,
    square: [Tensor<2>; 2],
    values: Vec<f32>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Subject {
    /// The checkpoint in a directory, or the embedded model.
    pub(crate) fn open(directory: Option<&Path>) -> Self {
        let device = Backend::Flex.device();
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/assets/encoder");
        let (name, directory) = match directory {
            Some(directory) => {
                (directory.file_name().unwrap_or_default().display().to_string(), directory)
            }
            None => ("the embedded model".to_owned(), Path::new(assets)),
        };
        let checkpoint = Checkpoint::from_dir(directory).expect("a checkpoint");
        let architecture = checkpoint.config.architecture();
        let (layers, width) = (architecture.num_hidden_layers, architecture.hidden_size);
        let (examples, head) = random(architecture.vocab_size as u32, width);
        let mut model = Classifier {
            encoder: checkpoint.encoder(&device).expect("weights"),
            head: Head::zeros(width, CLASSES, SCALE, &device),
        };
        let columns = TensorData::new(head.concat(), [width, CLASSES]);
        model.head.weight = model.head.weight.map(|_| Tensor::from_data(columns, &device));
        let batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), TOKENS, Padding::Fixed);
        let touched = touched(&model, &batch);
        let setup = Setup {
            model: model.clone(),
            architecture,
            charged: None,
            accounts: None,
            frozen: Frozen::Plain,
            device: device.clone(),
            data: Arc::new(TrainingData {
                examples: examples.clone(),
                shards: vec![(0..TEXTS as u32).collect()],
                max_length: TOKENS,
                padding: Padding::Fixed,
            }),
            streams: SeedTree::new(0),
            batches: BatchSizes::Configured,
        };
        let square = [1, 2].map(|seed| {
            let mut values = vec![0.0; SQUARE * SQUARE];
            fill_normal(seed, 0, &mut values);
            Tensor::from_data(TensorData::new(values, [SQUARE, SQUARE]), &device)
        });
        Self {
            name: format!("{name}: {layers} layers, {width} wide"),
            directory: directory.to_owned(),
            model,
            examples,
            head,
            batch: batch.to_device(&device),
            labels: batch.labels,
            server: mezo().server(setup, NonZeroU32::MIN),
            square,
            values: vec![0.0; touched],
        }
    }

    /// What the peer needs to know.
    pub(crate) fn json(&self) -> String {
        let ids: Vec<&Vec<u32>> = self.examples.iter().map(|e| &e.ids).collect();
        serde_json::json!({
            "model": self.directory,
            "head": self.head,
            "scale": SCALE,
            "ids": ids,
            "mask": vec![vec![1; TOKENS]; TEXTS],
            "labels": self.labels,
        })
        .to_string()
    }

    /// Values that train, of the token table those of the batch.
    pub(crate) fn touched(&self) -> usize {
        self.values.len()
    }

    /// FLOPs in the products of a forward.
    pub(crate) fn flops(&self) -> f64 {
        let mut ledger = Ledger::new();
        self.model.forward(&self.batch, &mut ledger);
        ledger.forward.products as f64
    }

    pub(crate) fn loss(&self) -> f64 {
        let logits = self.model.forward(&self.batch, &mut Ledger::new());
        cross_entropy(logits, &self.labels)
    }

    /// A client's round, as the federation runs it.
    pub(crate) fn steps(&self) {
        (self.server.assign(Exchange::at(0, 0), 0, &Nothing).job)();
    }

    /// A client's round, and the server's replay of its steps on all parameters.
    pub(crate) fn settled_steps(&mut self) {
        let exchange = Exchange::at(0, 0);
        let update = (self.server.assign(exchange, 0, &Nothing).job)();
        self.server.aggregate(exchange, vec![(0, update)]).expect("one update");
    }

    pub(crate) fn product(&self) -> Tensor<2> {
        let [left, right] = self.square.clone();
        left.matmul(right)
    }

    pub(crate) fn noise(&mut self) -> f32 {
        fill_normal(1, 1, &mut self.values);
        self.values[0]
    }

    pub(crate) fn fill(&mut self) -> f32 {
        self.values.fill(std::hint::black_box(1.0));
        self.values[0]
    }
}

fn mezo() -> Algorithm {
    let settings = format!(
        "mezo: {{ train: full, local_steps: {STEPS}, batch_size: {TEXTS}, learning_rate: {{ base: 1.0e-6 }}, \
         catch_up: dense }}"
    );
    serde_yaml::from_str(&settings).expect("these settings are the algorithm's own")
}

/// Texts of random tokens, and a random head.
fn random(vocabulary: u32, width: usize) -> (Vec<Encoded>, Vec<Vec<f32>>) {
    let mut stream = SeedTree::new(1).stream("texts", 0);
    let mut ids = || (0..TOKENS).map(|_| stream.random_range(0..vocabulary)).collect();
    let examples = (0..TEXTS).map(|i| Encoded { ids: ids(), label: i % CLASSES }).collect();
    let row = |i| (0..CLASSES).map(|c| 0.3 * normal(1, 2, (i * CLASSES + c) as u64)).collect();
    (examples, (0..width).map(row).collect())
}

fn touched(model: &Classifier, batch: &Batch) -> usize {
    let (_, layout) = Trainable::Full.adapt(model.clone(), &mut || 0.0);
    let rows: Arc<[u32]> = batch.tokens().into_iter().collect();
    layout.with_rows(&rows).expect("the token table trains").len()
}

/// A device of which the algorithm need not know anything.
#[derive(Debug)]
struct Nothing;

impl Estimate for Nothing {
    fn duration(&self, _: &Workload) -> Seconds {
        Seconds::ZERO
    }
}

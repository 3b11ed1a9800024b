//! Models and steps to be timed. Their weights and texts are random: they are not to learn anything.

use std::{fmt, num::NonZeroU32, sync::Arc};

use fleetune_algorithms::{
    protocol::{Assignment, Estimate, Exchange, Server},
    settings::BatchSizes,
    setup::{Setup, TrainingData},
    uplink::Algorithm,
};
use fleetune_devices::{Workload, streams::SeedTree};
use fleetune_models::{
    architecture::Frozen,
    backend::Backend,
    batch::{Encoded, Padding},
    families::Activation,
    families::BertConfig,
    parameters::{Trainable, install},
    transformer::{Classifier, Head, Transformer},
};
use fleetune_units::Seconds;
use rand::RngExt;

/// Texts of a mini-batch, and tokens of each.
pub(super) const BATCH: [usize; 2] = [16, 32];
const CLASSES: usize = 4;
const VOCABULARY: usize = 6000;

/// A model to be timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Layers.
    pub layers: usize,
    /// Width; heads are 32 wide, and the feed-forward layer four times as wide.
    pub width: usize,
}

impl Size {
    /// Half of the embedded model, twice its width, and a little more than MiniLM.
    pub const ALL: [Self; 3] = [
        Self { layers: 2, width: 128 },
        Self { layers: 4, width: 256 },
        Self { layers: 8, width: 384 },
    ];

    /// The architecture.
    pub fn encoder(self) -> BertConfig {
        BertConfig {
            vocab_size: VOCABULARY,
            hidden_size: self.width,
            num_hidden_layers: self.layers,
            num_attention_heads: self.width / 32,
            intermediate_size: 4 * self.width,
            max_position_embeddings: BATCH[1],
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            hidden_act: Activation::Gelu,
            position_embedding_type: None,
        }
    }

    /// What a client has to start from: the model and texts, all random.
    fn setup(self, backend: Backend) -> Setup {
        let (device, encoder) = (backend.device(), self.encoder());
        let streams = SeedTree::new(0);
        let mut stream = streams.stream("calibration", 0);
        let model = Classifier {
            encoder: Transformer::zeros(&(&encoder).into(), &device),
            head: Head::zeros(self.width, CLASSES, 10.0, &device),
        };
        let (model, layout) = Trainable::Full.adapt(model, &mut || 0.0);
        let model = install(model, &layout, 0..layout.len(), &mut |_, values| {
            values.iter_mut().for_each(|value| *value = stream.random_range(-0.05..0.05));
        });
        let [texts, tokens] = BATCH;
        let examples = (0..texts).map(|i| Encoded {
            ids: (0..tokens).map(|_| stream.random_range(0..VOCABULARY as u32)).collect(),
            label: i % CLASSES,
        });
        let data = TrainingData {
            examples: examples.collect(),
            shards: vec![(0..texts as u32).collect()],
            max_length: tokens,
            padding: Padding::Fixed,
        };
        let data = Arc::new(data);
        Setup {
            model,
            architecture: (&encoder).into(),
            charged: None,
            frozen: Frozen::Plain,
            device,
            data,
            streams,
            batches: BatchSizes::Configured,
            accounts: None,
        }
    }

    /// A server whose clients take one such step.
    pub(super) fn server(self, method: Method, backend: Backend) -> Box<dyn Server> {
        method.algorithm().server(self.setup(backend), NonZeroU32::MIN)
    }

    /// What the step costs, by the cost model.
    pub(super) fn workload(self, method: Method) -> Workload {
        step(self.server(method, Backend::default()).as_ref()).workload
    }
}

/// The step of the one client.
pub(super) fn step(server: &dyn Server) -> Assignment {
    server.assign(Exchange::at(0, 0), 0, &Nothing)
}

/// As in a report: "4 layers, 256 wide".
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers, {} wide", self.layers, self.width)
    }
}

/// How a step trains; everything trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One direction, two forwards.
    Mezo,
    /// Backpropagation and a step of SGD.
    FirstOrder,
}

impl Method {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mezo, Self::FirstOrder];

    fn algorithm(self) -> Algorithm {
        let settings = format!(
            "{{ train: full, local_steps: 1, batch_size: {}, learning_rate: {{ base: 1.0e-4 }}",
            BATCH[0]
        );
        let text = match self {
            Self::Mezo => format!("mezo: {settings}, catch_up: dense }}"),
            Self::FirstOrder => format!("fedavg: {settings}, optimizer: sgd }}"),
        };
        serde_yaml::from_str(&text).expect("these settings are the algorithms' own")
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mezo => "MeZO, two forwards",
            Self::FirstOrder => "first order, SGD",
        })
    }
}

/// A device that has no choice.
struct Nothing;

impl Estimate for Nothing {
    fn duration(&self, _: &Workload) -> Seconds {
        Seconds::ZERO
    }
}

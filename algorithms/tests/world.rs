//! A small world to train in: a random classifier, a separable task, five clients.

use std::sync::Arc;

use fleetune_algorithms::{
    privacy::Revealed,
    protocol::{
        ClientId, Estimate, Exchange, Horizon, Restoring, Server, Snapshot, Update, Verdict,
    },
    registry::AlgorithmConfig,
    settings::BatchSizes,
    setup::{Setup, TrainingData},
};
use fleetune_devices::{Workload, streams::SeedTree};
use fleetune_models::{
    architecture::Frozen,
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    evaluate::evaluate,
    parameters::Weights,
};
use fleetune_units::Seconds;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::tiny::{Kind, architecture, gradient, headed};

/// Classes of the task.
pub(crate) const CLASSES: usize = 3;
/// Clients, with 6, 9, 12, 15 and 18 texts.
pub(crate) const CLIENTS: u32 = 5;
/// Tokens to which texts are cut; some are longer.
pub(crate) const LENGTH: usize = 8;

/// A device of 1 GFLOP/s behind a link of 1 MB/s.
pub(crate) struct Spare;

impl Estimate for Spare {
    fn duration(&self, work: &Workload) -> Seconds {
        let bytes = work.download.get() + work.upload.get();
        Seconds::from_raw(work.flops().get() as f64 / 1e9 + bytes as f64 / 1e6)
    }
}

/// Further than any test goes.
pub(crate) const HORIZON: Horizon = Horizon { rounds: 1000, cohort: CLIENTS };

/// Texts of 3 to 9 tokens, each class with words of its own.
pub(crate) fn texts(count: usize, seed: u64) -> Vec<Encoded> {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: usize| stream.next_u32() as usize % n;
    (0..count)
        .map(|i| {
            let label = i % CLASSES;
            let length = 3 + below(7);
            Encoded {
                ids: (0..length).map(|_| (3 + label * 12 + below(12)) as u32).collect(),
                label,
            }
        })
        .collect()
}

/// What an algorithm starts from, with a model of `layers` layers.
pub(crate) fn setup(layers: usize, padding: Padding, seed: u64) -> Setup {
    setup_with(layers, data(padding), seed)
}

fn data(padding: Padding) -> TrainingData {
    let examples = texts(60, 100);
    let ends = [0, 6, 15, 27, 42, 60];
    let shards = ends.windows(2).map(|w| (w[0]..w[1]).collect()).collect();
    TrainingData { examples, shards, max_length: LENGTH, padding }
}

/// As [`setup`], with other data.
pub(crate) fn setup_with(layers: usize, data: TrainingData, seed: u64) -> Setup {
    setup_of(Kind::Mean, layers, data, seed)
}

/// As [`setup`], with a head of another kind.
pub(crate) fn setup_headed(head: Kind, layers: usize, padding: Padding, seed: u64) -> Setup {
    setup_of(head, layers, data(padding), seed)
}

fn setup_of(head: Kind, layers: usize, data: TrainingData, seed: u64) -> Setup {
    let (device, architecture) = (Backend::Flex.device(), architecture(layers));
    Setup {
        model: headed(&architecture, (head, CLASSES), 101, &device),
        architecture: (&architecture).into(),
        charged: None,
        frozen: Frozen::Plain,
        device,
        data: Arc::new(data),
        streams: SeedTree::new(seed),
        batches: BatchSizes::Configured,
        accounts: None,
    }
}

/// What [`alone`] trains on, as one batch.
pub(crate) fn only_batch() -> Batch {
    Batch::collate(&texts(6, 7).iter().collect::<Vec<_>>(), LENGTH, Padding::Longest)
}

/// One client whose shard is one batch of six texts.
pub(crate) fn alone(json: &str) -> Box<dyn Server> {
    let data = TrainingData {
        examples: texts(6, 7),
        shards: vec![(0..6).collect()],
        max_length: LENGTH,
        padding: Padding::Longest,
    };
    algorithm(json).server(setup_with(2, data, 1))
}

/// The gradient of [`only_batch`]'s loss at the server's model with `values` for its trainable parameters.
pub(crate) fn slope(server: &dyn Server, values: &[f32]) -> Vec<f32> {
    let layout = Arc::clone(&server.weights().layout);
    let at = Weights { layout: Arc::clone(&layout), values: values.to_vec() };
    let model = at.install_in(server.model());
    gradient(&model, &layout, &only_batch(), &Backend::Flex.device())
}

/// One exchange of a cohort, in its order.
pub(crate) fn exchange(
    server: &mut dyn Server,
    exchange: Exchange,
    cohort: &[ClientId],
) -> (Vec<Update>, Verdict) {
    server.convene(exchange, cohort);
    let updates: Vec<(ClientId, Update)> =
        cohort.iter().map(|&c| (c, (server.assign(exchange, c, &Spare).job)())).collect();
    let copies = updates.iter().map(|(_, update)| update.clone()).collect();
    (copies, server.aggregate(exchange, updates).expect("finite and well formed"))
}

/// One round, however many exchanges it takes; how many it took.
pub(crate) fn round(server: &mut dyn Server, round: u64, cohort: &[ClientId]) -> u32 {
    for index in 0.. {
        let (_, verdict) = exchange(server, Exchange::at(round, index), cohort);
        if verdict == Verdict::RoundOver {
            return index + 1;
        }
    }
    unreachable!("rounds end")
}

/// The loss on texts that nobody trains on.
pub(crate) fn loss(server: &dyn Server) -> f64 {
    evaluate(&server.model(), &texts(90, 102), LENGTH, &Backend::Flex.device()).loss
}

/// An algorithm as a scenario would say it, in JSON.
pub(crate) fn algorithm(json: &str) -> AlgorithmConfig {
    serde_json::from_str(json).expect("a valid configuration")
}

/// The bits of a vector.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// All that a server writes down.
pub(crate) fn saved(server: &dyn Server) -> Vec<u8> {
    let mut snapshot = Snapshot::default();
    server.save(&mut snapshot);
    snapshot.into_bytes()
}

/// Restores a server from all of `bytes`.
pub(crate) fn restore(server: &mut dyn Server, bytes: &[u8]) {
    let mut restoring = Restoring::new(bytes);
    server.restore(&mut restoring).expect("it is what a server opened alike wrote down");
    restoring.finish().expect("all of it is read");
}

/// After every exchange of a few rounds, and between being told whom it asks and joining them, a server opened alike takes
/// up what this one wrote down, whatever it did before, and both go on alike: charges, updates, verdicts, models, reports,
/// and what they write down next, to the bit.
pub(crate) fn goes_on_alike(name: &str, open: impl Fn() -> Box<dyn Server>) {
    let mut server = open();
    let (mut now, mut copy) = (Exchange::at(0, 0), open());
    for number in 0..6 {
        let cohort: &[ClientId] = if now.round % 2 == 0 { &[0, 3] } else { &[4, 0] };
        if number == 4 && now.index == 0 {
            let moved = Weights {
                values: vec![0.01; server.weights().values.len()],
                ..server.weights().clone()
            };
            if let Some(movable) = server.movable() {
                movable.move_to(&moved);
            }
        }
        let bytes = saved(server.as_ref());
        // What the copy has seen is what the server has, or of another run, or nothing.
        if number % 2 == 1 {
            copy = open();
            if number % 4 == 1 {
                exchange(copy.as_mut(), Exchange::at(0, 0), &[1, 2]);
            }
        }
        restore(copy.as_mut(), &bytes);
        assert_eq!(saved(copy.as_ref()), bytes, "{name} {now:?}");
        server.convene(now, cohort);
        if number % 3 == 0 {
            copy.convene(now, cohort);
        } else {
            restore(copy.as_mut(), &saved(server.as_ref()));
        }
        let mut joined = [Vec::new(), Vec::new()];
        for &client in cohort {
            let asked = [&server, &copy].map(|server| server.assign(now, client, &Spare));
            assert_eq!(asked[0].workload, asked[1].workload, "{name} {now:?}");
            let updates = asked.map(|assignment| (assignment.job)());
            assert_eq!(updates[0].payload, updates[1].payload, "{name} {now:?}");
            for (joined, update) in joined.iter_mut().zip(updates) {
                joined.push((client, update));
            }
        }
        let [one, other] = joined;
        let verdict = server.aggregate(now, one).expect("finite and well formed");
        let alike = copy.aggregate(now, other).expect("finite and well formed");
        assert_eq!(alike, verdict, "{name} {now:?}");
        assert_eq!(bits(&server.weights().values), bits(&copy.weights().values), "{name} {now:?}");
        assert_eq!(saved(server.as_ref()), saved(copy.as_ref()), "{name} {now:?}");
        assert_eq!(server.join_counted(), copy.join_counted(), "{name} {now:?}");
        let [one, other] = [&server, &copy].map(|server| server.revealed().map(Revealed::rounds));
        assert_eq!(one, other, "{name} {now:?}");
        if number % 2 == 1 {
            assert_eq!(server.take_reports(), copy.take_reports(), "{name} {now:?}");
        }
        now = match verdict {
            Verdict::RoundOver => Exchange::at(now.round + 1, 0),
            Verdict::SameCohort => Exchange::at(now.round, now.index + 1),
        };
    }
}

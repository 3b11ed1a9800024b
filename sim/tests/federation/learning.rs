//! L1 and L2: the simulator decides when, and nothing of what is learnt.

use std::sync::Arc;

use fleetune::federation::{FederationConfig, Policy, RoundOutcome};
use fleetune_algorithms::{
    mixing::{FedAsync, FedBuff, Rule, Staleness},
    protocol::{
        Assignment, ClientId, Displaced, Estimate, Exchange, Horizon, Movable, Payload,
        ProtocolError, Restoring, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    settings::Share,
    setup::TrainingData,
    zeroth_order::{Plan, StepDirections},
};
use fleetune_devices::{Fleet, Workload, streams::SeedTree};
use fleetune_models::{
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    evaluate::cross_entropy,
    ledger::Ledger,
    parameters::Weights,
    transformer::Classifier,
};
use fleetune_units::Flops;
use rand::seq::SliceRandom;

use super::diary::Diary;
use super::world::{SPEC, Spec, config, fleet, same, uniform};
use crate::learners::{CLIENTS, LENGTH, Spare, algorithm, bits, setup, setup_with, texts};

const SEED: u64 = 9;

/// Every kind, and whether all that its clients download is the dense model.
pub(super) const KINDS: [(&str, bool); 15] = [
    (r#"{"fedspzo":{"split":1,"perturbations":{"lower":1,"upper":2}"#, false),
    (r#"{"mezo":{"catch_up":"dense","server_momentum":0.5"#, true),
    (r#"{"mezo":{"upload":"delta","weight_decay":0.1"#, true),
    (r#"{"decomfl":{"perturbations":2"#, false),
    (r#"{"fedkseed":{"seeds":40,"pro":true"#, false),
    (r#"{"zowarmup":{"warm_up":{"rounds":2,"learning_rate":{"base":0.01}}"#, false),
    (r#"{"signspsa":{"train":"layers""#, true),
    (r#"{"fedavg":{"optimizer":"sgd""#, true),
    (r#"{"fedprox":{"mu":0.5"#, true),
    (r#"{"fedadam":{"server_learning_rate":0.01"#, true),
    (r#"{"fedyogi":{"server_learning_rate":0.01"#, true),
    (r#"{"scaffold":{"train":"bitfit""#, false),
    (r#"{"fwdllm":{"variance_threshold":1e-30,"form":{"as_published":{"retry_cap":1}}"#, false),
    (r#"{"fwdllm":{"variance_threshold":1e-30,"form":{"deployable":{"retry_cap":1}}"#, false),
    (r#"{"fedsllm":{"split":1,"train":"layers""#, false),
];

pub(super) fn open(kind: &str) -> Box<dyn Server> {
    let steps = if kind.contains("fwdllm") { "" } else { r#","local_steps":2"# };
    let json = format!(r#"{kind}{steps},"batch_size":4,"learning_rate":{{"base":0.01}}}}}}"#);
    algorithm(&json).server(setup(2, Padding::Longest, SEED))
}

/// A server that notes who was joined, in which order, and how long their messages were.
pub(super) struct Noted {
    inner: Box<dyn Server>,
    convened: Vec<(Exchange, Vec<ClientId>)>,
    pub(super) joined: Vec<(Exchange, Vec<ClientId>)>,
    uploaded: u64,
    /// What a dense model for each of them would have been.
    dense: u64,
}

impl Noted {
    pub(super) fn new(inner: Box<dyn Server>) -> Self {
        Self { inner, convened: Vec::new(), joined: Vec::new(), uploaded: 0, dense: 0 }
    }
}

impl Server for Noted {
    fn convene(&mut self, exchange: Exchange, cohort: &[ClientId]) {
        self.convened.push((exchange, cohort.to_vec()));
        self.inner.convene(exchange, cohort);
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        self.inner.join_work(exchange, clients)
    }

    fn join_counted(&self) -> Flops {
        self.inner.join_counted()
    }

    fn needs_whole_rounds(&self) -> bool {
        self.inner.needs_whole_rounds()
    }

    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        self.inner.assign(exchange, client, device)
    }

    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        self.inner.forecast(client, device, horizon)
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let model = Payload::Dense(self.weights().values.clone()).encode(exchange.round).len();
        for (_, update) in &updates {
            self.uploaded += update.payload.encode(exchange.round).len() as u64;
            self.dense += model as u64;
        }
        self.joined.push((exchange, updates.iter().map(|(client, _)| *client).collect()));
        self.inner.aggregate(exchange, updates)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        self.inner.displaced()
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        self.inner.movable()
    }

    fn save(&self, snapshot: &mut Snapshot) {
        self.inner.save(snapshot);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.inner.restore(snapshot)
    }

    fn weights(&self) -> &Weights {
        self.inner.weights()
    }

    fn model(&self) -> Classifier {
        self.inner.model()
    }
}

fn simulate(config: &FederationConfig, fleet: &Fleet, server: &mut Noted) -> Vec<RoundOutcome> {
    let mut diary = Diary::default();
    let seeds = SeedTree::new(3);
    fleetune::federation::Federation::new(config, fleet, seeds, server, &mut diary)
        .unwrap()
        .run()
        .unwrap();
    diary.rounds
}

/// Devices alike; devices up to a hundred times as fast as others; slow links and long ways.
pub(super) fn fleets() -> [Fleet; 3] {
    let draw =
        |seed, client| libm::pow(10.0, 2.0 * uniform(seed, Exchange::at(0, 0), client) - 1.0);
    let specs = |far: f64| -> Vec<Spec> {
        let spec = |client| Spec {
            gflops: draw(1, client),
            megabytes_per_second: draw(2, client) / (1.0 + 1000.0 * far),
            latency: far * draw(3, client),
            ..SPEC
        };
        (0..CLIENTS).map(spec).collect()
    };
    [same(CLIENTS as usize), fleet(&specs(0.0)), fleet(&specs(1.0))]
}

/// L1: every algorithm, on any devices that stay, has to the bit the parameters that a plain loop gives, which joins
/// the same clients in the same order. And what the ledger holds is the length of the messages.
#[test]
fn a_synchronous_run_is_a_plain_loop_to_the_bit() {
    let mut config = config(3);
    config.stop.rounds = 4;
    for (kind, dense) in KINDS {
        let mut orders = Vec::new();
        for fleet in fleets() {
            let mut simulated = Noted::new(open(kind));
            let rounds = simulate(&config, &fleet, &mut simulated);
            assert!(rounds.iter().all(|round| round.participants() == 3), "{kind}: nobody drops");

            let mut plain = open(kind);
            let start = bits(&plain.weights().values);
            for ((exchange, order), (_, cohort)) in simulated.joined.iter().zip(&simulated.convened)
            {
                plain.convene(*exchange, cohort);
                let job =
                    |&client: &ClientId| (client, (plain.assign(*exchange, client, &Spare).job)());
                let updates = order.iter().map(job).collect();
                plain.aggregate(*exchange, updates).unwrap();
            }
            assert_eq!(
                bits(&simulated.weights().values),
                bits(&plain.weights().values),
                "{kind}: what is learnt is learnt without a simulator"
            );
            assert_ne!(bits(&plain.weights().values), start, "{kind}: something is");

            let spent: Vec<_> = rounds.iter().map(RoundOutcome::spent).collect();
            assert!(spent.iter().all(|ledger| ledger.wasted.uplink.is_zero()));
            let sum = |of: fn(&fleetune::federation::Resources) -> u64| -> u64 {
                spent.iter().map(|ledger| of(&ledger.useful)).sum()
            };
            assert_eq!(sum(|useful| useful.uplink.get()), simulated.uploaded, "{kind}");
            if dense {
                assert_eq!(sum(|useful| useful.downlink.get()), simulated.dense, "{kind}");
            }
            orders.push(simulated.joined);
        }
        assert_ne!(orders[0], orders[1], "{kind}: other devices are joined in another order");
    }
}

/// What a centralised zeroth-order run is made of.
struct Centralised {
    plan: Plan,
    /// Of every projected gradient the sign alone.
    signs: bool,
}

const ROUNDS: u64 = 3;
const STEPS: u64 = 4;
const BATCH: usize = 4;
const EPSILON: f64 = 2e-3;
/// Of the first layer, and of what is above it.
const RATES: [f64; 2] = [0.01, 0.03];

/// Ten texts of one client.
fn data() -> TrainingData {
    let (shards, padding) = (vec![(0..10).collect()], Padding::Longest);
    TrainingData { examples: texts(10, 7), shards, max_length: LENGTH, padding }
}

impl Centralised {
    /// Zeroth-order descent on one's own texts, with whole forwards alone.
    fn run(&self, model: &Classifier, mut weights: Weights, streams: SeedTree) -> Weights {
        let (data, split) = (data(), self.plan.split);
        for round in 0..ROUNDS {
            let mut order = streams.subtree("batches", 0).stream("round", round);
            let mut queue: Vec<u32> = Vec::new();
            for step in 0..STEPS {
                let mut batch: Vec<&Encoded> = Vec::new();
                while batch.len() < BATCH {
                    if queue.is_empty() {
                        queue.clone_from(&data.shards[0]);
                        queue.shuffle(&mut order);
                    }
                    batch.extend(queue.pop().map(|text| &data.examples[text as usize]));
                }
                let batch = Batch::collate(&batch, LENGTH, Padding::Longest);
                let seed =
                    streams.subtree("directions", 0).subtree("round", round).seed("step", step);
                let z = StepDirections::derive(&weights.layout, self.plan, seed);
                let border = weights.layout.lower(split).end;
                let uppers: Vec<&[f32]> =
                    (0..self.plan.upper as usize).map(|j| z.upper(j)).collect();
                let slopes: Vec<f64> = uppers
                    .iter()
                    .map(|upper| slope(model, &weights, &[z.lower(0), upper].concat(), &batch))
                    .map(|g| if self.signs { g.signum() } else { g })
                    .collect();
                let p2 = uppers.len() as f64;
                let mean = slopes.iter().sum::<f64>() / p2;
                descend(&mut weights, 0..border, mean, z.lower(0));
                for (g, upper) in slopes.iter().zip(&uppers) {
                    descend(&mut weights, border..border + upper.len(), g / p2, upper);
                }
            }
        }
        weights
    }
}

/// `(L(θ + ε z) - L(θ - ε z)) / 2ε`, in 32 bits as it would travel.
fn slope(model: &Classifier, weights: &Weights, z: &[f32], batch: &Batch) -> f64 {
    let on_device = batch.to_device(&Backend::Flex.device());
    let [plus, minus] = [EPSILON, -EPSILON].map(|by| {
        let values = weights.values.iter().zip(z).map(|(w, z)| w + by as f32 * z).collect();
        let at = Weights { layout: Arc::clone(&weights.layout), values };
        let logits = at.install_in(model.clone()).forward(&on_device, &mut Ledger::new());
        cross_entropy(logits, &batch.labels)
    });
    f64::from(((plus - minus) / (2.0 * EPSILON)) as f32)
}

/// `θ -= η g z` over a part of the vector, each tensor at its own η.
fn descend(weights: &mut Weights, part: std::ops::Range<usize>, g: f64, z: &[f32]) {
    let layout = Arc::clone(&weights.layout);
    for slot in layout.slots_in(&part) {
        let step = (RATES[usize::from(slot.stage > 1)] * g) as f32;
        for i in slot.range.clone() {
            weights.values[i] -= step * z[i - part.start];
        }
    }
}

/// L2: one client alone is centralised zeroth-order descent, to the bit, in rounds and without: asynchronous aggregation
/// of updates that are never late is sequential descent.
#[test]
fn one_client_is_centralised_descent_to_the_bit() {
    let rates = format!(
        r#""epsilon":{EPSILON},"learning_rate":{{"base":{},"upper":{{"from_layer":2,"rate":{}}}}}"#,
        RATES[0], RATES[1]
    );
    let common = format!(r#""local_steps":{STEPS},"batch_size":{BATCH},{rates}"#);
    let centralised =
        |split, upper, signs| Centralised { plan: Plan::joint(split, 1, upper), signs };
    let cases = [
        (format!(r#"{{"mezo":{{"perturbations":1,{common}}}}}"#), centralised(0, 1, false)),
        (format!(r#"{{"mezo":{{"perturbations":3,{common}}}}}"#), centralised(0, 3, false)),
        (format!(r#"{{"signspsa":{{{common}}}}}"#), centralised(0, 1, true)),
        (
            format!(
                r#"{{"fedspzo":{{"split":1,"perturbations":{{"lower":1,"upper":2}},{common}}}}}"#
            ),
            centralised(1, 2, false),
        ),
    ];
    let fedbuff = Rule::FedBuff(FedBuff::default());
    let fedasync = Rule::FedAsync(FedAsync {
        mixing: Share::new(1.0).unwrap(),
        staleness: Staleness::default(),
    });
    let alone_at_work = |rule| Policy::Asynchronous { concurrency: 1, rule };
    let policies = [Policy::Synchronous, alone_at_work(fedbuff), alone_at_work(fedasync)];
    for ((json, alone), policy) in
        cases.iter().flat_map(|case| policies.map(|policy| (case, policy)))
    {
        let setup = setup_with(2, data(), SEED);
        let streams = setup.streams;
        let mut server = Noted::new(algorithm(json).server(setup));
        let (model, start) = (server.model(), server.weights().clone());
        let mut config = FederationConfig { policy, ..config(1) };
        config.stop.rounds = ROUNDS;
        simulate(&config, &same(1), &mut server);
        let expected = alone.run(&model, start.clone(), streams);
        assert_eq!(bits(&server.weights().values), bits(&expected.values), "{json}, {policy:?}");
        assert_ne!(bits(&expected.values), bits(&start.values));
    }
}

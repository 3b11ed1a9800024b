//! C1, C2, C4: what models and messages count, against the textbook. C3, durations, is with
//! `fleetune_validation`.

use std::sync::Arc;

use fleetune_algorithms::{
    protocol::{Estimate, Exchange, Server, Update},
    registry::AlgorithmConfig,
    settings::BatchSizes,
    setup::{Setup, TrainingData},
};
use fleetune_devices::{PhaseKind, Workload, streams::SeedTree};
use fleetune_models::{
    architecture::Frozen,
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    cost::CostModel,
    families::Activation,
    families::BertConfig,
    ledger::Ledger,
    parameters::{Trainable, require_gradients},
    transformer::{Classifier, Head, Transformer},
};
use fleetune_units::Seconds;
use fleetune_validation::{Experiment, Finding, Measurement, ValidationError};

/// These of the series, in order.
pub(super) const EXPERIMENTS: [Experiment; 3] = [FORMULA, ORDERS, PAYLOADS];

const FORMULA: Experiment = Experiment {
    id: "C1",
    title: "FLOPs of a transformer",
    statement: "What a ledger counts while models of odd shapes really run is what the textbook \
                says of their products, a multiply-add being two operations; elementwise work is \
                counted apart; and the closed form that planning uses has every number of it.",
    closed_form: "a layer 8BTd² + 4BTdf + 4BT²d; a head 2BdC; the backward of everything twice the \
                  forward",
    measure: formula,
};

const ORDERS: Experiment = Experiment {
    id: "C2",
    title: "Zeroth against first order",
    statement: "A step of backpropagation is a forward and a backward of twice its FLOPs; a \
                two-sided zeroth-order step along q directions is 2q forwards. Zeroth order keeps \
                no activations for later, so its memory beyond the parameters does not grow with \
                depth.",
    closed_form: "3F against 2qF: ratio 2q/3; peak = parameters + one layer's activations",
    measure: orders,
};

const PAYLOADS: Experiment = Experiment {
    id: "C4",
    title: "Bytes of messages",
    statement: "Messages as they are really serialised, 24 bytes of header and 4 a number: a dense \
                update grows with the model's d parameters, the scalars of zeroth order do not. \
                What is charged is what is sent.",
    closed_form: "dense 24 + 4d; K steps of q directions 24 + 4Kq",
    measure: payloads,
};

fn architecture(width: usize, layers: usize) -> BertConfig {
    BertConfig {
        vocab_size: 40,
        hidden_size: width,
        num_hidden_layers: layers,
        num_attention_heads: 2,
        intermediate_size: 3 * width + 1,
        max_position_embeddings: 12,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        hidden_act: Activation::Gelu,
        position_embedding_type: None,
    }
}

fn classifier(config: &BertConfig, classes: usize) -> Classifier {
    let device = Backend::default().device();
    let encoder = Transformer::zeros(&config.into(), &device);
    Classifier { encoder, head: Head::zeros(config.hidden_size, classes, 4.0, &device) }
}

fn texts(count: usize, length: u32) -> Vec<Encoded> {
    let text = |label| Encoded { ids: (1..=length).collect(), label };
    (0..count).map(|i| text(i % 2)).collect()
}

fn formula(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    // B, T, d, L, C.
    for [b, t, d, layers, classes] in [[1, 1, 2, 1, 2], [3, 7, 10, 2, 3], [4, 11, 16, 4, 5]] {
        let encoder = architecture(d, layers);
        let (model, layout) = Trainable::Full.adapt(classifier(&encoder, classes), &mut || 0.0);
        let model = require_gradients(model, &layout);
        let examples = texts(b, t as u32);
        let batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), t, Padding::Fixed);
        let mut ledger = Ledger::new();
        model.forward(&batch.to_device(&Backend::default().device().autodiff()), &mut ledger);
        let [b, t, d, f, l, c] =
            [b, t, d, encoder.intermediate_size, layers, classes].map(|x| x as u128);
        let layer = 8 * b * t * d * d + 4 * b * t * d * f + 4 * b * t * t * d;
        let whole = l * layer + 2 * b * d * c;
        let name = format!("{l} x (B {b}, T {t}, d {d}, f {f}), C {c}");
        let mut exact = |what: &str, unit: &str, expected: u128, measured: u128| {
            findings.push(Finding::exact(format!("{what}, {name}"), unit, expected, measured));
        };
        exact("products", "FLOP", whole, ledger.forward.products);
        exact("products of the backward", "FLOP", 2 * whole, ledger.backward.products);
        let plan = CostModel::of(&encoder, classes, Trainable::Full);
        let plan = plan.whole([b as usize, t as usize], true);
        let (run, planned) = (ledger.forward, plan.forward);
        exact("elementwise, as planned", "FLOP", planned.elementwise, run.elementwise);
        exact(
            "memory traffic, as planned",
            "B",
            planned.traffic().get().into(),
            run.traffic().get().into(),
        );
        exact(
            "activations kept, as planned",
            "B",
            plan.kept_activations().get().into(),
            ledger.kept_activations().get().into(),
        );
    }
    Ok(findings.into())
}

/// A device that takes as long as its FLOPs at 1 GFLOP/s.
struct Spare;

impl Estimate for Spare {
    fn duration(&self, work: &Workload) -> Seconds {
        Seconds::from_raw(work.flops().get() as f64 / 1e9)
    }
}

const BATCH: usize = 4;
const LENGTH: usize = 8;

/// An algorithm as a scenario says it, for a model of this shape and one client.
fn server(
    algorithm: &str,
    width: usize,
    layers: usize,
) -> Result<Box<dyn Server>, ValidationError> {
    let config: AlgorithmConfig =
        serde_json::from_str(algorithm).map_err(ValidationError::refused)?;
    let architecture = architecture(width, layers);
    let examples = texts(12, LENGTH as u32);
    let shards = vec![(0..12).collect()];
    let data = TrainingData { examples, shards, max_length: LENGTH, padding: Padding::Fixed };
    Ok(config.server(Setup {
        model: classifier(&architecture, 2),
        architecture: (&architecture).into(),
        charged: None,
        frozen: Frozen::Plain,
        device: Backend::default().device(),
        data: Arc::new(data),
        streams: SeedTree::new(0),
        batches: BatchSizes::Configured,
        accounts: None,
    }))
}

fn first_order() -> String {
    format!(
        r#"{{"fedavg":{{"train":"full","batch_size":{BATCH},"local_steps":1,"optimizer":"sgd","learning_rate":{{"base":0.01}}}}}}"#
    )
}

fn zeroth_order(steps: u32, directions: u32) -> String {
    format!(
        r#"{{"mezo":{{"train":"full","batch_size":{BATCH},"local_steps":{steps},"perturbations":{directions},"catch_up":"dense","learning_rate":{{"base":0.001}}}}}}"#
    )
}

/// The first exchange of the only client: what it is charged for, and what its job really gave.
fn exchange(server: &dyn Server) -> (Workload, Update) {
    let assignment = server.assign(Exchange::at(0, 0), 0, &Spare);
    (assignment.workload, (assignment.job)())
}

fn orders(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    let of = |work: &Workload, kind| work.flops_of(kind).get();
    for layers in [1, 2, 4] {
        let plan = CostModel::of(&architecture(16, layers), 2, Trainable::Full);
        let pass = plan.whole([BATCH, LENGTH], false);
        let forward = pass.forward.flops().get();
        let (first, update) = exchange(server(&first_order(), 16, layers)?.as_ref());
        let step = of(&first, PhaseKind::Forward) + of(&first, PhaseKind::Backward);
        let name = format!("L = {layers}");
        let mut exact = |what: String, unit: &str, expected: u128, measured: u128| {
            findings.push(Finding::exact(format!("{what}, {name}"), unit, expected, measured));
        };
        exact("a first-order step, 3F".into(), "FLOP", 3 * forward, step);
        exact(
            "all phases, as counted by its job".into(),
            "FLOP",
            first.flops().get(),
            update.counted.flops.get(),
        );
        for q in [1, 3, 8_u32] {
            let (zeroth, update) = exchange(server(&zeroth_order(1, q), 16, layers)?.as_ref());
            let forwards = of(&zeroth, PhaseKind::Forward);
            exact(
                format!("3 zeroth-order steps are 2q first-order ones, q = {q}"),
                "FLOP",
                u128::from(2 * q) * step,
                3 * forwards,
            );
            exact(
                format!("all phases, as counted by its job, q = {q}"),
                "FLOP",
                zeroth.flops().get(),
                update.counted.flops.get(),
            );
            let parameters = 4 * plan.parameters();
            let activations = pass.peak_activations().get();
            exact(
                format!("one layer's activations: peak less parameters, q = {q}"),
                "B",
                activations.into(),
                zeroth.peak_memory.get().saturating_sub(parameters).into(),
            );
        }
    }
    Ok(findings.into())
}

fn payloads(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    for width in [8, 16, 32] {
        let dense = server(&first_order(), width, 2)?;
        let d = dense.weights().layout.len() as u128;
        let name = format!("d = {d}");
        let mut exact = |what: String, expected: u128, measured: u128| {
            findings.push(Finding::exact(format!("{what}, {name}"), "B", expected, measured));
        };
        let (work, update) = exchange(dense.as_ref());
        let message = update.payload.encode(0).len() as u128;
        exact("a dense update as serialised".into(), 24 + 4 * d, message);
        exact("charged for it".into(), message, work.upload.get().into());
        exact("charged for the model's way down".into(), message, work.download.get().into());
        for (steps, q) in [(1, 1), (5, 3)] {
            let (work, update) = exchange(server(&zeroth_order(steps, q), width, 2)?.as_ref());
            let message = update.payload.encode(0).len() as u128;
            exact(
                format!("the scalars of K = {steps}, q = {q} as serialised"),
                u128::from(24 + 4 * steps * q),
                message,
            );
            exact(
                format!("charged for them, K = {steps}, q = {q}"),
                message,
                work.upload.get().into(),
            );
        }
    }
    Ok(findings.into())
}

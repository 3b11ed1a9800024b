//! What an assignment says is what its job does.

use std::sync::Arc;

use fleetune_algorithms::{
    protocol::{Counted, Exchange, Payload, Verdict},
    registry::AlgorithmConfig,
    setup::Setup,
};
use fleetune_devices::{PhaseKind, Workload};
use fleetune_models::{
    architecture::Frozen, batch::Padding, cost::CostModel, parameters::Trainable,
};
use fleetune_units::Bytes;

use crate::{
    tiny::{Kind, architecture},
    world::{
        CLASSES, CLIENTS, HORIZON, LENGTH, Spare, algorithm, bits, exchange, setup, setup_headed,
    },
};

const RATE: &str = r#""learning_rate":{"base":0.01}"#;

/// Every algorithm with everything that changes its work.
pub(crate) fn configurations() -> Vec<String> {
    let trains = [
        r#""full""#,
        r#""layers""#,
        r#""bitfit""#,
        r#"{"lora":{"rank":3,"alpha":3.0}}"#,
        r#"{"lora":{"rank":2,"alpha":2.0,"projections":"all"}}"#,
        r#"{"bottleneck":{"width":3}}"#,
        r#"{"prefix":{"length":2}}"#,
        r#""head""#,
    ];
    let mut all = Vec::new();
    for train in trains {
        let common = format!(r#""train":{train},"batch_size":5,{RATE}"#);
        for extra in [
            r#""perturbations":2"#,
            r#""upload":"delta","weight_decay":0.1"#,
            r#""catch_up":"dense","difference":"one_sided","server_momentum":0.5"#,
            r#""catch_up":"scalars","directions":"rademacher""#,
            r#""catch_up":"fewest_bytes","directions":"sphere""#,
        ] {
            all.push(format!(r#"{{"mezo":{{{common},"local_steps":2,{extra}}}}}"#));
        }
        for catch_up in ["scalars", "fastest"] {
            let shared = format!(r#"{common},"local_steps":2,"catch_up":"{catch_up}""#);
            all.push(format!(r#"{{"decomfl":{{{shared},"perturbations":2}}}}"#));
            all.push(format!(r#"{{"fedkseed":{{{shared},"seeds":3,"pro":true}}}}"#));
        }
        for catch_up in ["dense", "scalars"] {
            all.push(format!(
                r#"{{"zowarmup":{{{common},"local_steps":2,"catch_up":"{catch_up}","warm_up":{{"rounds":1,{RATE}}}}}}}"#
            ));
        }
        all.push(format!(r#"{{"signspsa":{{{common},"local_steps":2}}}}"#));
        for extra in [r#""variant":"separate""#, r#""difference":"one_sided""#] {
            all.push(format!(
                r#"{{"fedspzo":{{{common},"local_steps":2,"split":2,"perturbations":{{"lower":2,"upper":3}},{extra}}}}}"#
            ));
        }
        for (split, lower, upper) in [(0, 2, 2), (1, 1, 3), (2, 2, 1), (3, 1, 2)] {
            all.push(format!(
                r#"{{"fedspzo":{{{common},"local_steps":2,"split":{split},"perturbations":{{"lower":{lower},"upper":{upper}}}}}}}"#
            ));
        }
        // FwdLLM is for parameter-efficient weights.
        let efficient = ![r#""full""#, r#""layers""#].contains(&train);
        for extra in fwdllm().into_iter().filter(|_| efficient) {
            all.push(format!(r#"{{"fwdllm":{{{common}{extra}}}}}"#));
        }
        for optimizer in [r#""sgd""#, r#"{"adamw":{}}"#] {
            let common = format!(r#"{common},"local_steps":2,"optimizer":{optimizer}"#);
            all.push(format!(r#"{{"fedavg":{{{common}}}}}"#));
            all.push(format!(r#"{{"fedprox":{{{common},"mu":0.1}}}}"#));
            all.push(format!(r#"{{"fedadam":{{{common},"server_learning_rate":0.01}}}}"#));
            all.push(format!(r#"{{"fedyogi":{{{common},"server_learning_rate":0.01}}}}"#));
        }
        all.push(format!(r#"{{"scaffold":{{{common},"local_steps":2}}}}"#));
        // Of the head alone nothing would be on the device.
        for split in (1..=3).filter(|_| train != r#""head""#) {
            all.push(format!(r#"{{"fedsllm":{{{common},"local_steps":2,"split":{split}}}}}"#));
        }
    }
    all
}

/// FwdLLM in both forms, with either upload: with one candidate, with further mini-batches, with retries.
fn fwdllm() -> Vec<String> {
    let forms = [
        r#"{"as_published":{"retry_cap":2}}"#,
        r#"{"deployable":{"retry_cap":2}}"#,
        r#"{"deployable":{"retry_cap":2,"upload":"scalars"}}"#,
    ];
    let more = [
        "",
        r#","candidates":1"#,
        r#","batches_per_round":2"#,
        r#","variance_threshold":1e-20"#,
        r#","batches_per_round":2,"variance_threshold":1e-20"#,
    ];
    let with = |form: &str| more.map(|more| format!(r#","form":{form}{more}"#));
    forms.iter().flat_map(|form| with(form)).collect()
}

pub(crate) fn charged(workload: &Workload) -> Counted {
    Counted {
        flops: workload.flops(),
        traffic: workload.traffic(),
        upload: workload.upload,
        peak_memory: workload.peak_memory,
    }
}

#[test]
fn jobs_count_what_was_assigned_and_send_what_was_charged() {
    let heads = [Kind::Mean, Kind::Masked].map(|head| (head, Padding::Fixed));
    let more = [Kind::Mean, Kind::Options].map(|head| (head, Padding::Longest));
    for (head, padding) in heads.into_iter().chain(more) {
        let frozen = [Frozen::Plain, Frozen::Int8, Frozen::Ternary].into_iter().cycle();
        for (json, frozen) in configurations().into_iter().zip(frozen) {
            let setup = Setup { frozen, ..setup_headed(head, 3, padding, 4) };
            let mut server = algorithm(&json).server(setup);
            for number in 0..5 {
                // Enough exchanges for guided steps, retries of those, and further mini-batches.
                let now = Exchange::at(number / 3, (number % 3) as u32);
                server.convene(now, &[0, 3]);
                for client in [0, 3] {
                    let assignment = server.assign(now, client, &Spare);
                    let assigned = charged(&assignment.workload);
                    let update = (assignment.job)();
                    assert_eq!(update.counted, assigned, "{json} {now:?} {padding:?} {head:?}");
                    let message = update.payload.encode(now.round);
                    assert_eq!(Bytes::new(message.len() as u64), assigned.upload, "{json}");
                    assert_eq!(Payload::decode(&message), Some((now.round, update.payload)));
                }
                exchange(server.as_mut(), now, &[0, 3]);
            }
        }
    }
}

#[test]
fn forecasts_enclose_every_assignment_and_meet_it_where_all_batches_are_alike() {
    let heads = [Kind::Mean, Kind::Options].map(|head| (head, Padding::Fixed));
    for (head, padding) in heads.into_iter().chain([(Kind::Mean, Padding::Longest)]) {
        for json in configurations() {
            let mut server = algorithm(&json).server(setup_headed(head, 3, padding, 4));
            let mut now = Exchange::at(0, 0);
            for _ in 0..5 {
                // Within a round only its cohort is asked again.
                let asked = if now.index == 0 { CLIENTS } else { 2 };
                for client in 0..asked {
                    let forecast = server.forecast(client, &Spare, HORIZON);
                    let real = server.assign(now, client, &Spare).workload;
                    let within = |of: fn(&Workload) -> u128| {
                        let ends = || forecast.iter().map(of);
                        let (least, most) = (ends().min().unwrap(), ends().max().unwrap());
                        assert!((least..=most).contains(&of(&real)), "{json} client {client}");
                    };
                    within(|w| w.flops().get());
                    within(|w| w.traffic().get().into());
                    within(|w| w.peak_memory.get().into());
                    within(|w| w.download.get().into());
                    within(|w| w.upload.get().into());
                    // Who trains for the first time has nothing to replay, and FwdLLM's clients never have.
                    let nothing_missed = now.round == 0 || json.contains("fwdllm");
                    if padding == Padding::Fixed && nothing_missed {
                        assert!(forecast.iter().any(|w| charged(w) == charged(&real)), "{json}");
                    }
                }
                now = match exchange(server.as_mut(), now, &[0, 1]).1 {
                    Verdict::SameCohort => Exchange { index: now.index + 1, ..now },
                    Verdict::RoundOver => Exchange::at(now.round + 1, 0),
                };
            }
        }
    }
}

#[test]
fn the_same_call_gives_the_same_bits() {
    for json in configurations() {
        let run = || {
            let mut server = algorithm(&json).server(setup(2, Padding::Longest, 4));
            let first = Exchange::at(0, 0);
            let (mut updates, _) = exchange(server.as_mut(), first, &[2, 1]);
            let next = Exchange::at(1, 0);
            let [a, b] = [0, 1].map(|_| server.assign(next, 1, &Spare));
            assert_eq!(a.workload, b.workload, "{json}");
            let [a, b] = [a, b].map(|assignment| (assignment.job)());
            assert_eq!(a.payload.encode(1), b.payload.encode(1), "{json}");
            updates.push(a);
            let sent: Vec<_> = updates.iter().map(|u| u.payload.encode(0)).collect();
            (sent, bits(&server.weights().values))
        };
        // Split 3 leaves the two-layer model no room: that configuration belongs to deeper ones.
        if !json.contains(r#""split":3"#) {
            assert!(run() == run(), "{json}");
        }
    }
}

/// From the method's description: 2 P1 forwards of the lower part and 2 P1 P2 of the upper, a step.
#[test]
fn fedspzo_costs_the_forwards_that_its_paper_says() {
    let cost = CostModel::of(&architecture(3), CLASSES, Trainable::Layers);
    let pass = |stages| cost.pass(stages, [5, LENGTH], false).forward.flops().get();
    for (split, lower, upper) in [(1, 1, 3), (2, 2, 4)] {
        let json = format!(
            r#"{{"fedspzo":{{"batch_size":5,"local_steps":3,"split":{split},"perturbations":{{"lower":{lower},"upper":{upper}}},{RATE}}}}}"#
        );
        let server = algorithm(&json).server(setup(3, Padding::Fixed, 4));
        let workload = server.assign(Exchange::at(0, 0), 1, &Spare).workload;
        let expected =
            3 * (2 * lower * pass(0..split + 1) + 2 * lower * upper * pass(split + 1..5));
        assert_eq!(workload.flops_of(PhaseKind::Forward).get(), expected);
        assert_eq!(workload.flops_of(PhaseKind::Backward).get(), 0);
        // Scalars alone go up, whatever the model's size: a header of 24 bytes and 4 each.
        assert_eq!(workload.upload.get(), 24 + 4 * 3 * (lower * upper) as u64);
    }
}

/// Zeroth order needs no more memory than inference: at most parameters, activations of one moment, two boundaries.
#[test]
fn backpropagation_takes_more_memory_than_perturbation() {
    let memory = |json: &str| {
        let server = algorithm(json).server(setup(3, Padding::Fixed, 4));
        server.assign(Exchange::at(0, 0), 1, &Spare).workload.peak_memory
    };
    let mezo = memory(&format!(r#"{{"mezo":{{"batch_size":5,"local_steps":2,{RATE}}}}}"#));
    let fedspzo = memory(&format!(
        r#"{{"fedspzo":{{"batch_size":5,"local_steps":2,"perturbations":{{"lower":1,"upper":2}},{RATE}}}}}"#
    ));
    let fedavg = memory(&format!(r#"{{"fedavg":{{"batch_size":5,"local_steps":2,{RATE}}}}}"#));
    assert!(mezo < fedspzo && fedspzo < fedavg, "{mezo} {fedspzo} {fedavg}");
    // Two boundary activations of 5 texts of 8 tokens, width 16, in 4 bytes.
    assert_eq!(fedspzo - mezo, Bytes::new(2 * 5 * 8 * 16 * 4));
}

/// What FedProx and SCAFFOLD take beyond FedAvg by SGD, over d trainable parameters and τ = 3 steps of 4-byte elements.
#[test]
fn corrections_cost_what_their_formulas_say() {
    let workload = |kind: &str, extra: &str| {
        let json = format!(r#"{{"{kind}":{{"batch_size":5,"local_steps":3,{RATE}{extra}}}}}"#);
        let server = algorithm(&json).server(setup(3, Padding::Fixed, 4));
        let d = server.weights().layout.len() as u64;
        (server.assign(Exchange::at(0, 0), 1, &Spare).workload, d)
    };
    let (fedavg, d) = workload("fedavg", r#","optimizer":"sgd""#);
    let beyond = |workload: &Workload| {
        [
            (workload.flops().get() - fedavg.flops().get()) as u64 / d,
            (workload.traffic().get() - fedavg.traffic().get()) / (4 * d),
            (workload.peak_memory.get() - fedavg.peak_memory.get()) / (4 * d),
            (workload.download.get() - fedavg.download.get()) / (4 * d),
            (workload.upload.get() - fedavg.upload.get()) / (4 * d),
        ]
    };
    // g + μ (θ - θ_t): 3 operations on 3 vectors read and 1 written; θ_t is held.
    let (fedprox, _) = workload("fedprox", r#","optimizer":"sgd","mu":0.1"#);
    assert_eq!(beyond(&fedprox), [3 * 3, 3 * 4, 1, 0, 0]);
    // g + (c - c_i): 2 operations on 3 read and 1 written; at last Δy, Δc and c_i+: 4 on 4 read and 3 written; x, c and
    // c_i are held; c comes down with x; Δc goes up with Δy.
    let (scaffold, _) = workload("scaffold", "");
    assert_eq!(beyond(&scaffold), [3 * 2 + 4, 3 * 4 + 7, 3, 1, 1]);
    // The server's optimiser costs the device nothing.
    for kind in ["fedadam", "fedyogi"] {
        let (adaptive, _) = workload(kind, r#","server_learning_rate":0.01"#);
        assert_eq!(adaptive, fedavg, "{kind}");
    }
}

/// FwdLLM over d trainable parameters in 4-byte elements: who ranks pays for it. A pass that makes a Gaussian element
/// and adds a multiple of it takes 41 + 2 operations, and reads and writes one element; ranking takes 41 + 4 and reads
/// one, for each of ten candidates.
#[test]
fn fwdllm_costs_what_its_forms_say() {
    let [published, gradient, scalars] = [
        r#"{"as_published":{}}"#,
        r#"{"deployable":{}}"#,
        r#"{"deployable":{"upload":"scalars"}}"#,
    ]
    .map(|form| {
        let json = format!(r#"{{"fwdllm":{{"batch_size":5,"form":{form},{RATE}}}}}"#);
        let mut server = algorithm(&json).server(setup(3, Padding::Fixed, 4));
        let layout = Arc::clone(&server.weights().layout);
        let plain = server.assign(Exchange::at(0, 0), 1, &Spare).workload;
        exchange(server.as_mut(), Exchange::at(0, 0), &[0, 1]);
        let guided = server.assign(Exchange::at(1, 0), 1, &Spare).workload;
        let totals = [plain, guided].map(|w| {
            let [flops, traffic] = [w.flops().get() as i64, w.traffic().get() as i64];
            [
                flops,
                traffic,
                w.peak_memory.get() as i64,
                w.download.get() as i64,
                w.upload.get() as i64,
            ]
        });
        (totals, layout.len() as i64, layout.slots().len() as i64)
    });
    let difference =
        |a: [i64; 5], b: [i64; 5]| -> [i64; 5] { std::array::from_fn(|i| a[i] - b[i]) };
    let ([plain, guided], d, tensors) = published;
    let cost = CostModel::of(&architecture(3), CLASSES, Trainable::Bitfit);
    let pass = cost.whole([5, LENGTH], false);
    let passes = 4 * 43 * d;
    assert_eq!(plain[0], 2 * pass.forward.flops().get() as i64 + passes);
    assert_eq!(plain[1], 2 * pass.forward.traffic().get() as i64 + 4 * 2 * 4 * d);
    let held = 4 * (cost.parameters() as i64 + d) + pass.peak_activations().get() as i64;
    assert_eq!(plain[2..], [held, 24 + 4 * d, 24 + 4 * d]);
    // The server ranks: one number a tensor comes down.
    assert_eq!(difference(guided, plain), [0, 0, 0, 24 + 4 * tensors, 0]);
    // The device ranks: ten candidates, by a reference that comes down and stays.
    let ([same, ranks], ..) = gradient;
    assert_eq!(same, plain);
    assert_eq!(difference(ranks, plain), [10 * 45 * d, 10 * 4 * d, 4 * d, 24 + 4 * d, 0]);
    // A scalar goes up: no gradient is made or held.
    for (one, dense) in scalars.0.into_iter().zip(gradient.0) {
        assert_eq!(difference(dense, one), [43 * d, 2 * 4 * d, 4 * d, 0, 4 * d - 4]);
    }
}

/// What `check` holds against the fleet is what the warm-up's rounds are charged with.
#[test]
fn the_memory_of_a_warm_up_is_that_of_its_rounds() {
    for train in [r#""full""#, r#""layers""#, r#""bitfit""#, r#"{"lora":{"rank":3,"alpha":3.0}}"#] {
        for optimizer in [r#""sgd""#, r#"{"adamw":{}}"#] {
            let json = format!(
                r#"{{"zowarmup":{{"train":{train},"batch_size":5,"local_steps":2,{RATE},"warm_up":{{"rounds":1,"optimizer":{optimizer},{RATE}}}}}}}"#
            );
            let config = algorithm(&json);
            let AlgorithmConfig::ZoWarmUp(zowarmup) = &config else { panic!("it is ZOWarmUp") };
            let server = config.server(setup(3, Padding::Fixed, 4));
            let peak =
                |round| server.assign(Exchange::at(round, 0), 1, &Spare).workload.peak_memory;
            let needed = zowarmup.warm_up_memory(
                (&(&architecture(3)).into(), None, Frozen::Plain),
                CLASSES.into(),
                LENGTH,
            );
            assert_eq!(needed, peak(0), "{json}");
            assert!(needed > peak(1), "{json}");
        }
    }
}

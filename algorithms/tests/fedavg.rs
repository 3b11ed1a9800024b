//! FedAvg against gradient descent computed directly.

use std::sync::Arc;

use fleetune_algorithms::{
    protocol::{Exchange, Payload, ProtocolError},
    setup::TrainingData,
};
use fleetune_models::{
    backend::Backend,
    batch::{Batch, Padding},
    parameters::{Layout, Trainable, read},
};

use crate::{
    tiny::gradient,
    world::{
        LENGTH, Spare, algorithm, alone, bits, exchange, round, setup, setup_with, slope, texts,
    },
};

const TRAINS: [&str; 5] =
    [r#""full""#, r#""layers""#, r#""bitfit""#, r#"{"lora":{"rank":2,"alpha":4.0}}"#, r#""head""#];

fn fedavg(train: &str, steps: u32, batch: usize, rate: &str, optimizer: &str) -> String {
    format!(
        r#"{{"fedavg":{{"train":{train},"local_steps":{steps},"batch_size":{batch},"optimizer":{optimizer},"learning_rate":{rate}}}}}"#
    )
}

#[test]
fn one_client_and_one_step_are_a_centralised_gradient_step() {
    for train in TRAINS {
        let mut server = alone(&fedavg(train, 1, 6, r#"{"base":0.5}"#, r#""sgd""#));
        for number in 0..3 {
            let before = server.weights().clone();
            let slope = slope(server.as_ref(), &before.values);
            let largest = slope.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
            assert!(largest > 1e-3, "{train}: something to learn");
            round(server.as_mut(), number, &[0]);
            for (i, &new) in server.weights().values.iter().enumerate() {
                let expected = before.values[i] - 0.5 * slope[i];
                let tolerance = 1e-5 * largest + 2.0 * f32::EPSILON * expected.abs();
                assert!((new - expected).abs() <= tolerance, "{train} {i}: {new} {expected}");
            }
        }
    }
}

/// Three clients, each with a third of the texts as its one batch: together a step on all of them.
#[test]
fn one_step_of_all_clients_is_a_centralised_gradient_step_on_all_texts() {
    let examples = texts(12, 7);
    let batch = Batch::collate(&examples.iter().collect::<Vec<_>>(), LENGTH, Padding::Longest);
    let data = TrainingData {
        examples,
        shards: vec![(0..4).collect(), (4..8).collect(), (8..12).collect()],
        max_length: LENGTH,
        padding: Padding::Longest,
    };
    let json = fedavg(r#""full""#, 1, 4, r#"{"base":0.5}"#, r#""sgd""#);
    let mut server = algorithm(&json).server(setup_with(2, data, 1));
    for number in 0..3 {
        let before = server.weights().clone();
        let device = Backend::Flex.device();
        let slope = gradient(&server.model(), &before.layout, &batch, &device);
        let largest = slope.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        round(server.as_mut(), number, &[2, 0, 1]);
        for (i, &new) in server.weights().values.iter().enumerate() {
            let expected = before.values[i] - 0.5 * slope[i];
            let tolerance = 1e-5 * largest + 2.0 * f32::EPSILON * expected.abs();
            assert!((new - expected).abs() <= tolerance, "{i}: {new} {expected}");
        }
    }
}

/// Adam's first step is the gradient's sign times the rate, but for epsilon.
#[test]
fn the_first_step_of_adamw_is_the_sign_of_the_gradient() {
    let mut server = alone(&fedavg(r#""layers""#, 1, 6, r#"{"base":0.01}"#, r#"{"adamw":{}}"#));
    let before = server.weights().clone();
    let slope = slope(server.as_ref(), &before.values);
    round(server.as_mut(), 0, &[0]);
    let mut moved = 0;
    for (i, &g) in slope.iter().enumerate().filter(|(_, g)| g.abs() > 1e-4) {
        let step = server.weights().values[i] - before.values[i];
        assert!((step + 0.01 * g.signum()).abs() < 1e-5, "element {i}: {step}");
        moved += 1;
    }
    assert!(moved > 100);
}

#[test]
fn the_global_model_is_the_mean_of_what_the_clients_send() {
    let mut server = algorithm(&fedavg(r#""layers""#, 2, 4, r#"{"base":0.1}"#, r#""sgd""#))
        .server(setup(2, Padding::Fixed, 2));
    let (updates, _) = exchange(server.as_mut(), Exchange::at(0, 0), &[4, 0, 2]);
    for (i, &value) in server.weights().values.iter().enumerate() {
        let sent = updates.iter().map(|update| match &update.payload {
            Payload::Dense(values) => f64::from(values[i]),
            other => panic!("expected parameters, found {}", other.kind()),
        });
        assert_eq!(value, (sent.sum::<f64>() / 3.0) as f32);
    }
    let mut update = updates[0].clone();
    update.payload = Payload::Dense(vec![0.0]);
    let error = server.aggregate(Exchange::at(1, 0), vec![(4, update)]);
    assert!(matches!(error, Err(ProtocolError::WrongLength { client: 4, found: 1, .. })));
}

/// Every algorithm, with rates per block: frozen tensors keep their bits, trained ones move.
#[test]
fn what_does_not_train_does_not_change() {
    let rate = r#"{"base":0.05}"#;
    for train in TRAINS {
        let common = format!(r#""train":{train},"batch_size":4,"learning_rate":{rate}"#);
        let all = [
            format!(r#"{{"mezo":{{{common},"local_steps":1}}}}"#),
            format!(
                r#"{{"fedspzo":{{{common},"local_steps":1,"perturbations":{{"lower":1,"upper":2}}}}}}"#
            ),
            format!(r#"{{"signspsa":{{{common},"local_steps":2}}}}"#),
            format!(r#"{{"fwdllm":{{{common}}}}}"#),
            format!(r#"{{"fwdllm":{{{common},"form":{{"deployable":{{"upload":"scalars"}}}}}}}}"#),
            fedavg(train, 1, 4, rate, r#""sgd""#),
            fedavg(train, 1, 4, rate, r#"{"adamw":{"weight_decay":0.1}}"#),
            format!(r#"{{"fedprox":{{{common},"local_steps":2,"mu":0.5}}}}"#),
            format!(r#"{{"fedadam":{{{common},"local_steps":1,"server_learning_rate":0.01}}}}"#),
            format!(r#"{{"fedyogi":{{{common},"local_steps":1,"server_learning_rate":0.01}}}}"#),
            format!(r#"{{"scaffold":{{{common},"local_steps":2}}}}"#),
        ];
        for json in all {
            let mut server = algorithm(&json).server(setup(2, Padding::Fixed, 2));
            let trained: Arc<Layout> = Arc::clone(&server.weights().layout);
            let before = server.model();
            for number in 0..2 {
                round(server.as_mut(), number, &[1, 3]);
            }
            let (_, everything) =
                Trainable::Full.adapt(before.clone(), &mut || unreachable!("nothing is added"));
            let [old, new] = [before, server.model()].map(|model| read(&model, &everything).values);
            for slot in everything.slots() {
                let same = bits(&old[slot.range.clone()]) == bits(&new[slot.range.clone()]);
                // The second table of segments and unused words and positions get no gradient; keys' biases none
                // either, as softmax does not see them. With A drawn and B zero, A gets none at first.
                let trains = trained.slot(&slot.path).is_some();
                assert!(trains || same, "{json}: {} is frozen", slot.path);
                if slot.path == "head.weight" {
                    assert!(!same, "{json}: the head trains");
                }
            }
            assert_ne!(bits(&old), bits(&new));
        }
    }
}

/// With SGD and one step the displacement is proportional to the rate of its stage and round.
#[test]
fn rates_apply_to_their_stages_and_rounds() {
    let displacement = |rate: &str, number: u64| {
        let mut server = alone(&fedavg(r#""full""#, 1, 6, rate, r#""sgd""#));
        let before = server.weights().clone();
        round(server.as_mut(), number, &[0]);
        let after = &server.weights().values;
        let moved = before.values.iter().zip(after).map(|(b, a)| f64::from(a - b)).collect();
        (moved, before.layout)
    };
    // The rate falls from 1 in round 0 to a fifth in round 4; batches are the same texts in every round.
    let schedule = r#""schedule":{"linear":{"rounds":5,"final_fraction":0.2}}"#;
    let (plain, layout): (Vec<f64>, _) = displacement(r#"{"base":0.25}"#, 2);
    for from in 1..=3 {
        let rate =
            format!(r#"{{"base":0.25,"upper":{{"from_layer":{from},"rate":1.0}},{schedule}}}"#);
        let (moved, _): (Vec<f64>, _) = displacement(&rate, 2);
        for slot in layout.slots() {
            let factor = 0.6 * if slot.stage >= from { 4.0 } else { 1.0 };
            for i in slot.range.clone() {
                let expected = factor * plain[i];
                assert!(
                    (moved[i] - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                    "{}",
                    slot.path
                );
            }
        }
    }
}

#[test]
fn divergence_is_said_with_its_round() {
    let mut server = alone(&fedavg(r#""full""#, 4, 6, r#"{"base":1e38}"#, r#""sgd""#));
    let now = Exchange::at(5, 0);
    let update = (server.assign(now, 0, &Spare).job)();
    let error = server.aggregate(now, vec![(0, update)]).expect_err("far too fast");
    assert!(matches!(error, ProtocolError::Diverged { round: 5 }), "{error}");
    assert!(server.weights().values.iter().all(|v| v.is_finite()), "the last good model stays");
}

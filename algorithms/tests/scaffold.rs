//! SCAFFOLD with a real model: what it sends, and that it is SGD where nothing drifts.

use fleetune_algorithms::protocol::{Exchange, Payload, ProtocolError};

use crate::world::{Spare, alone, bits, round, slope};

const RATES: &str = r#"{"base":0.1,"upper":{"from_layer":2,"rate":0.4},"schedule":{"linear":{"rounds":3,"final_fraction":0.5}}}"#;

fn scaffold(steps: u32, batch: usize) -> String {
    format!(
        r#"{{"scaffold":{{"local_steps":{steps},"batch_size":{batch},"learning_rate":{RATES}}}}}"#
    )
}

#[test]
fn alone_it_is_fedavg_by_sgd() {
    let mut scaffold = alone(&scaffold(3, 6));
    let mut fedavg = alone(&format!(
        r#"{{"fedavg":{{"local_steps":3,"batch_size":6,"optimizer":"sgd","learning_rate":{RATES}}}}}"#
    ));
    let start = fedavg.weights().values.clone();
    for number in 0..4 {
        round(scaffold.as_mut(), number, &[0]);
        round(fedavg.as_mut(), number, &[0]);
        let distance = |other: &[f32]| {
            let pairs = fedavg.weights().values.iter().zip(other);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
        };
        let (apart, moved) = (distance(&scaffold.weights().values), distance(&start));
        assert!(moved > 0.1 && apart < 1e-4 * moved, "round {number}: {apart} of {moved}");
    }
}

/// Of one step, from nothing: Δc is the gradient itself, whatever the rate of the layer and of the round; Δy is `-η`
/// times it.
#[test]
fn a_first_step_sends_the_gradient() {
    for (number, factor) in [(0, 1.0), (2, 0.5)] {
        let server = alone(&scaffold(1, 6));
        let start = &server.weights().values;
        let slope = slope(server.as_ref(), start);
        let largest = slope.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        let update = (server.assign(Exchange::at(number, 0), 0, &Spare).job)();
        let Payload::Dense(sent) = update.payload else { panic!("vectors are dense") };
        let (movement, change) = sent.split_at(start.len());
        assert_eq!(change.len(), start.len());
        for slot in server.weights().layout.slots() {
            let rate = factor * if slot.stage >= 2 { 0.4 } else { 0.1 };
            for i in slot.range.clone() {
                // y - x keeps the gradient only as far as the parameter's own precision allows.
                let lost = 2.0 * f32::EPSILON * start[i].abs().max(rate * largest);
                assert!((movement[i] + rate * slope[i]).abs() <= lost + 1e-6 * largest, "{i}");
                let close = lost / rate + 1e-5 * largest;
                assert!((change[i] - slope[i]).abs() <= close, "{i}: {} {}", change[i], slope[i]);
            }
        }
    }
}

#[test]
fn a_payload_of_another_length_is_refused_and_nothing_moves() {
    let mut server = alone(&scaffold(2, 6));
    let now = Exchange::at(0, 0);
    let before = bits(&server.weights().values);
    let mut update = (server.assign(now, 0, &Spare).job)();
    update.payload = Payload::Dense(vec![0.0; before.len()]);
    let error = server.aggregate(now, vec![(0, update)]).expect_err("twice as many were due");
    assert!(matches!(error, ProtocolError::WrongLength { client: 0, .. }), "{error}");
    assert_eq!(bits(&server.weights().values), before);
    server.aggregate(now, Vec::new()).expect("nobody is fine");
    assert_eq!(bits(&server.weights().values), before);
}

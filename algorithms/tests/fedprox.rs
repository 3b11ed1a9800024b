//! FedProx against FedAvg and against its formula.

use fleetune_models::batch::Padding;

use crate::world::{algorithm, alone, bits, round, setup, slope};

fn course(json: &str) -> Vec<Vec<u32>> {
    let mut server = algorithm(json).server(setup(2, Padding::Longest, 9));
    [&[0, 3, 1][..], &[4, 2], &[1, 0, 2, 4]]
        .iter()
        .zip(0..)
        .map(|(cohort, number)| {
            round(server.as_mut(), number, cohort);
            bits(&server.weights().values)
        })
        .collect()
}

#[test]
fn without_its_term_it_is_fedavg_to_the_bit() {
    for train in [r#""layers""#, r#""full""#, r#"{"lora":{"rank":2,"alpha":4.0}}"#] {
        for optimizer in [r#""sgd""#, r#"{"adamw":{"weight_decay":0.1}}"#] {
            let common = format!(
                r#""train":{train},"local_steps":3,"batch_size":4,"optimizer":{optimizer},
                "learning_rate":{{"base":0.01,"upper":{{"from_layer":2,"rate":0.02}}}}"#
            );
            let fedavg = course(&format!(r#"{{"fedavg":{{{common}}}}}"#));
            let fedprox = |mu: f64| course(&format!(r#"{{"fedprox":{{{common},"mu":{mu}}}}}"#));
            assert!(fedprox(0.0) == fedavg, "{train} {optimizer}");
            assert!(fedprox(0.3) != fedavg, "{train} {optimizer}");
        }
    }
}

fn one_round(mu: f64, steps: u32) -> [Vec<f32>; 2] {
    let json = format!(
        r#"{{"fedprox":{{"local_steps":{steps},"batch_size":6,"optimizer":"sgd","learning_rate":{{"base":0.1}},"mu":{mu}}}}}"#
    );
    let mut server = alone(&json);
    let before = server.weights().values.clone();
    round(server.as_mut(), 0, &[0]);
    [before, server.weights().values.clone()]
}

/// `θ_1 = θ_t - η g(θ_t)`, `θ_2 = θ_1 - η (g(θ_1) + μ (θ_1 - θ_t))`.
#[test]
fn the_second_step_goes_back_towards_the_start_by_the_proximal_term() {
    const MU: f32 = 2.0;
    let [start, found] = one_round(f64::from(MU), 2);
    let server = alone(
        r#"{"fedavg":{"local_steps":1,"batch_size":6,"optimizer":"sgd","learning_rate":{"base":0.1}}}"#,
    );
    let step = |at: &[f32]| -> Vec<f32> {
        let slope = slope(server.as_ref(), at);
        let here = at.iter().zip(&start).zip(slope);
        here.map(|((&w, &origin), g)| w - 0.1 * (g + MU * (w - origin))).collect()
    };
    let expected = step(&step(&start));
    let (mut error, mut size) = (0.0_f64, 0.0_f64);
    for (i, (&x, &y)) in found.iter().zip(&expected).enumerate() {
        error += f64::from(x - y).powi(2);
        size += f64::from(y - start[i]).powi(2);
    }
    assert!(error.sqrt() < 1e-4 * size.sqrt(), "{error} {size}");
}

#[test]
fn the_heavier_the_term_the_shorter_the_way() {
    let distance = |mu| {
        let [before, after] = one_round(mu, 8);
        before.iter().zip(after).map(|(b, a)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    let distances = [0.0, 0.5, 2.0, 8.0].map(distance);
    assert!(distances.is_sorted_by(|a, b| a > b), "{distances:?}");
    assert!(distances[3] < 0.5 * distances[0], "{distances:?}");
}

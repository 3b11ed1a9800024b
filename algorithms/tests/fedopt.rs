//! FedAdam and FedYogi against their formulas, computed directly.

use fleetune_algorithms::protocol::{Exchange, Payload};
use fleetune_models::batch::Padding;

use crate::world::{algorithm, exchange, setup};

const COHORTS: [&[u32]; 4] = [&[0, 3, 1], &[4, 2], &[1], &[1, 0, 2, 4]];

fn json(kind: &str, tau: f64) -> String {
    format!(
        r#"{{"{kind}":{{"local_steps":2,"batch_size":4,"learning_rate":{{"base":0.05}},"server_learning_rate":0.03,"tau":{tau:e}}}}}"#
    )
}

/// The global models: at the start and after every round.
fn course(kind: &str, tau: f64) -> Vec<Vec<f32>> {
    let mut server = algorithm(&json(kind, tau)).server(setup(2, Padding::Longest, 9));
    let mut models = vec![server.weights().values.clone()];
    for (round, cohort) in (0..).zip(COHORTS) {
        exchange(server.as_mut(), Exchange::at(round, 0), cohort);
        models.push(server.weights().values.clone());
    }
    models
}

/// All clients have equally many examples behind their update.
#[test]
fn the_server_steps_as_published() {
    const TAU: f64 = 1e-3;
    for kind in ["fedadam", "fedyogi"] {
        let mut server = algorithm(&json(kind, TAU)).server(setup(2, Padding::Longest, 9));
        let mut at: Vec<f64> = server.weights().values.iter().map(|&w| f64::from(w)).collect();
        let (mut m, mut v) = (vec![0.0; at.len()], vec![TAU * TAU; at.len()]);
        let mut fell = 0;
        for (round, cohort) in (0..).zip(COHORTS) {
            let before = server.weights().values.clone();
            let (updates, _) = exchange(server.as_mut(), Exchange::at(round, 0), cohort);
            for i in 0..at.len() {
                let moved = updates.iter().map(|update| match &update.payload {
                    Payload::Dense(values) => f64::from(values[i]) - f64::from(before[i]),
                    other => panic!("expected parameters, found {}", other.kind()),
                });
                let delta = moved.sum::<f64>() / cohort.len() as f64;
                m[i] = 0.9 * m[i] + 0.1 * delta;
                let old = v[i];
                let sign = if old > delta * delta { 1.0 } else { -1.0 };
                v[i] = match kind {
                    "fedadam" => 0.99 * old + 0.01 * delta * delta,
                    _ => old - 0.01 * delta * delta * sign,
                };
                fell += usize::from(v[i] < old);
                at[i] += 0.03 * m[i] / (v[i].sqrt() + TAU);
                let found = f64::from(server.weights().values[i]);
                assert!((found - at[i]).abs() < 1e-6 * at[i].abs().max(1.0), "{kind} {round} {i}");
            }
        }
        assert!(fell > 100 && fell < 3 * at.len(), "both signs occur: {fell} of {}", at.len());
    }
}

/// Where τ, and with it the first v, is next to nothing, both begin with v = (1 - β2) Δ² and m = (1 - β1) Δ: a step of
/// η_s sign(Δ), as (1 - β1)² = 1 - β2. Then they part.
#[test]
fn both_begin_with_the_same_step() {
    let [adam, yogi] = ["fedadam", "fedyogi"].map(|kind| course(kind, 1e-12));
    let apart = |round: usize| {
        let pairs = adam[round].iter().zip(&yogi[round]);
        pairs.map(|(a, y)| (a - y).abs()).fold(0.0, f32::max)
    };
    assert_eq!(apart(0), 0.0);
    assert!(apart(1) < 1e-6, "{}", apart(1));
    assert!(apart(2) > 1e-4, "{}", apart(2));
    let steps = adam[0].iter().zip(&adam[1]).map(|(before, after)| (after - before).abs());
    let (full, none): (Vec<f32>, Vec<f32>) = steps.partition(|&step| step > 0.015);
    assert!(full.iter().all(|step| (step - 0.03).abs() < 1e-5), "the rate's length");
    assert!(full.len() > 10 * none.len(), "{} {}", full.len(), none.len());
}

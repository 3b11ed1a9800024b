use super::*;
use crate::{
    fedavg::FedAvg,
    first_order::quadratic::{Quadratic, run, sgd},
};

/// Curvatures 1 and 4; the joint optimum lies at (a_1 + 4 a_2) / 5.
fn two() -> [Quadratic; 2] {
    [
        Quadratic { curvature: 1.0, optimum: vec![0.0, 5.0] },
        Quadratic { curvature: 4.0, optimum: vec![10.0, -5.0] },
    ]
}

const JOINT: [f32; 2] = [8.0, -3.0];
const STEPS: usize = 10;
/// A rate for each element.
const RATES: [f64; 2] = [0.1, 0.02];

fn after(rounds: usize, method: &mut dyn Method) -> Vec<f32> {
    let mut global = vec![1.0, 1.0];
    for _ in 0..rounds {
        run(method, &mut global, &mut two(), &sgd(STEPS, RATES), &[0, 1]);
    }
    global
}

fn close(found: &[f32], expected: &[f32]) -> bool {
    found.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-3)
}

/// K steps take a client from x to `a + r (x - a)`, r = (1 - η h)^K: FedAvg rests where
/// `sum_i (1 - r_i) (x - a_i) = 0`.
#[test]
fn where_fedavg_stalls_scaffold_reaches_the_joint_optimum() {
    let stalled: [f32; 2] = std::array::from_fn(|k| {
        let share = |h: f32| 1.0 - (1.0 - RATES[k] as f32 * h).powi(STEPS as i32);
        let pulls = two().map(|c| (share(c.curvature), c.optimum[k]));
        pulls.iter().map(|(s, a)| s * a).sum::<f32>() / pulls.iter().map(|(s, _)| s).sum::<f32>()
    });
    let fedavg = after(300, &mut FedAvg);
    assert!(close(&fedavg, &stalled), "{fedavg:?}, not {stalled:?}");
    let far = stalled.iter().zip(JOINT).all(|(x, y)| (x - y).abs() > 0.25);
    assert!(far, "{stalled:?} is too near {JOINT:?} to tell them apart");
    for rate in [1.0, 0.5] {
        let scaffold = after(300, &mut Scaffold::new(rate, 2, 2));
        assert!(close(&scaffold, &JOINT), "server rate {rate}: {scaffold:?}, not {JOINT:?}");
    }
}

/// At the joint optimum, at rest, c_i is the client's gradient there and c is their mean: nothing.
#[test]
fn control_variates_become_the_gradients_at_the_joint_optimum() {
    let mut scaffold = Scaffold::new(1.0, 2, 2);
    after(300, &mut scaffold);
    for (i, client) in two().iter().enumerate() {
        let gradient: [f32; 2] =
            std::array::from_fn(|k| client.curvature * (JOINT[k] - client.optimum[k]));
        let own = scaffold.control_of(i as ClientId);
        assert!(close(own, &gradient), "client {i}: {own:?}, not {gradient:?}");
    }
    assert!(close(&scaffold.control, &[0.0, 0.0]), "{:?}", scaffold.control);
}

/// Whoever takes part: `sum_i c_i = N c`.
#[test]
fn the_servers_control_variate_is_the_mean_of_all_clients() {
    let curvatures = [1.0, 4.0, 2.0, 0.5, 3.0];
    let client = |h: f32| Quadratic { curvature: h, optimum: vec![h * h, 3.0 - h] };
    let mut clients = curvatures.map(client);
    let mut scaffold = Scaffold::new(1.0, 2, clients.len());
    let mut global = vec![1.0, 1.0];
    let cohorts: [&[ClientId]; 6] =
        [&[0, 1, 2, 3, 4], &[3], &[4, 0], &[2, 1, 3], &[0, 1, 2, 3, 4], &[1]];
    for cohort in cohorts {
        run(&mut scaffold, &mut global, &mut clients, &sgd(5, RATES), cohort);
        for k in 0..2 {
            let own = |i| f64::from(scaffold.control_of(i)[k]);
            let sum: f64 = (0..5).map(own).sum();
            let size: f64 = (0..5).map(|i| own(i).abs()).sum();
            let all = 5.0 * f64::from(scaffold.control[k]);
            assert!(size > 1.0, "there is something to sum");
            assert!((sum - all).abs() < 1e-6 * size, "{cohort:?}: {sum} {all}");
        }
    }
}

/// With one step c_i is the gradient at x, whatever c and c_i were, and whatever the rates.
#[test]
fn the_control_variate_of_one_step_is_the_gradient() {
    let mut scaffold = Scaffold::new(1.0, 2, 2);
    let mut global = vec![1.0, 1.0];
    for cohort in [&[0, 1][..], &[1], &[0, 1]] {
        let before = global.clone();
        run(&mut scaffold, &mut global, &mut two(), &sgd(1, RATES), cohort);
        for &i in cohort {
            let Quadratic { curvature, optimum } = &two()[i as usize];
            for k in 0..2 {
                let (gradient, own) =
                    (curvature * (before[k] - optimum[k]), scaffold.control_of(i)[k]);
                assert!(
                    (own - gradient).abs() < 1e-4 * (1.0 + gradient.abs()),
                    "{own}, not {gradient}"
                );
            }
        }
    }
}

/// c_i never differs from c, and its steps are those of SGD to the bit; the server adds Δy to x, which rounds.
#[test]
fn a_client_that_is_alone_takes_plain_steps() {
    let [mut plain, mut alone] = [vec![1.0_f32, 1.0], vec![1.0, 1.0]];
    let (mut scaffold, steps) = (Scaffold::new(1.0, 2, 1), sgd(7, RATES));
    for _ in 0..9 {
        run(&mut FedAvg, &mut plain, &mut two(), &steps, &[0]);
        run(&mut scaffold, &mut alone, &mut two(), &steps, &[0]);
        assert_eq!(scaffold.control_of(0), &scaffold.control);
        assert_ne!(scaffold.control[0], 0.0);
        for (a, b) in plain.iter().zip(&alone) {
            assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{a} {b}");
        }
    }
}

#[test]
fn what_is_lost_leaves_no_trace() {
    let mut scaffold = Scaffold::new(1.0, 2, 2);
    let mut global = vec![1.0, 1.0];
    let steps = sgd(5, RATES);
    run(&mut scaffold, &mut global, &mut two(), &steps, &[0, 1]);
    let held = [0, 1].map(|i| scaffold.control_of(i).clone());
    // Client 1 works, and its update never arrives.
    let lost = scaffold.rule(1);
    steps.run(&mut two()[1], lost.as_ref(), &global, &mut Default::default());
    run(&mut scaffold, &mut global, &mut two(), &steps, &[0]);
    assert_ne!(scaffold.control_of(0), &held[0]);
    assert_eq!(scaffold.control_of(1), &held[1]);
}

#[test]
fn a_rate_that_falls_to_nothing_is_refused() {
    let read = |fraction: &str| {
        let json = format!(
            r#"{{"local_steps":2,"batch_size":4,"learning_rate":{{"base":0.1,"schedule":{{"linear":{{"rounds":5,"final_fraction":{fraction}}}}}}}}}"#
        );
        serde_json::from_str::<ScaffoldConfig>(&json)
    };
    assert!(read("0.01").is_ok());
    let error = read("0.0").expect_err("it divides by the rate").to_string();
    assert!(error.contains("final_fraction above 0"), "{error}");
}

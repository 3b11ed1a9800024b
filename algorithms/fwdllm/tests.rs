use fleetune_models::batch::Padding;

use super::*;
use crate::{
    noise::fill_normal,
    world::{CLIENTS, Spare, setup},
};

fn server(json: &str) -> FwdLlmServer {
    let config: FwdLlmConfig = serde_json::from_str(json).expect("a valid configuration");
    let (workshop, start) = Workshop::open(
        setup(2, Padding::Longest, 3),
        config.train,
        config.batch_size.get() as usize,
    );
    FwdLlmServer {
        workshop,
        config: Arc::new(config),
        global: Arc::new(start),
        step: 0,
        place: Place::default(),
        reference: None,
        collected: Vec::new(),
    }
}

const PLAIN: &str = r#"{"batch_size":4,"batches_per_round":3,"learning_rate":{"base":0.01}}"#;

/// For n gradients of variance σ² halved into n1 and n2: σ²/2 (1/n1 + 1/n2), which is 2σ²/n for even n. To five
/// standard errors (6e-7 two-sided), which must be below 2 %.
#[test]
fn the_statistic_is_twice_the_variance_over_the_number_of_gradients() {
    const COORDINATES: usize = 40;
    const DRAWS: u64 = 3000;
    let sigma = 1.7_f32;
    for n in [2_usize, 3, 4, 8] {
        let (mut sum, mut squares) = (0.0, 0.0);
        for draw in 0..DRAWS {
            let gradients: Vec<Vec<f32>> = (0..n)
                .map(|i| {
                    let mut g = vec![0.0; COORDINATES];
                    fill_normal(draw, i as u64, &mut g);
                    g.iter().map(|v| 0.3 + sigma * v).collect()
                })
                .collect();
            let slices: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
            let value = half_variance(&slices).expect("two gradients or more");
            sum += value;
            squares += value * value;
        }
        let draws = DRAWS as f64;
        let mean = sum / draws;
        let error = ((squares / draws - mean * mean) / draws).sqrt();
        let (first, second) = ((n / 2) as f64, (n - n / 2) as f64);
        let expected = f64::from(sigma * sigma) / 2.0 * (1.0 / first + 1.0 / second);
        assert!(error < 0.02 * expected);
        assert!((mean - expected).abs() < 5.0 * error, "{n}: {mean}, expected {expected}");
    }
    assert_eq!(half_variance(&[]), None);
    assert_eq!(half_variance(&[&[1.0]]), None);
}

#[test]
fn a_retry_draws_a_new_direction_for_the_same_texts() {
    let mut server = server(PLAIN);
    let task = |server: &FwdLlmServer, index, client| {
        server.task(Exchange::at(2, index), client, server.reference.clone())
    };
    let first = task(&server, 0, 1);
    server.place = Place { batch: 0, attempt: 1 };
    let retry = task(&server, 1, 1);
    assert_eq!(first.texts(), retry.texts());
    assert_ne!(first.direction(), retry.direction());
    assert_ne!(first.direction(), task(&server, 0, 2).direction(), "every client its own");
    // The next mini-batch of the same cohort brings new texts.
    server.place = Place { batch: 1, attempt: 0 };
    let next = task(&server, 2, 1);
    assert_ne!(retry.texts(), next.texts());
    assert_ne!(retry.direction(), next.direction());
    // And all of them are drawn without repetition from the client's nine.
    server.place = Place { batch: 0, attempt: 0 };
    let mut seen = [first.texts(), next.texts()].concat();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8);
}

#[test]
fn guided_directions_lean_towards_the_reference_and_plain_ones_do_not() {
    let mut server = server(PLAIN);
    let d = server.global.layout.len();
    let mut reference = vec![0.0; d];
    fill_normal(99, 1, &mut reference);
    let cosines = |server: &FwdLlmServer| -> Vec<f64> {
        (0..40)
            .map(|i| {
                let exchange = Exchange::at(u64::from(i / CLIENTS), 0);
                let task = server.task(exchange, i % CLIENTS, server.reference.clone());
                cosine(&task.direction(), &reference)
            })
            .collect()
    };
    let t = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        mean / (variance / n).sqrt()
    };
    let plain = t(&cosines(&server));
    server.reference = Some(Arc::new(reference.clone()));
    let guided = cosines(&server);
    assert!(plain.abs() < 5.0, "{plain}");
    assert!(t(&guided) > 10.0, "{}", t(&guided));
    assert!(guided.iter().all(|&c| c > 0.0), "best of ten, over many tensors");
    // Tensor by tensor the best of the candidates, the plain one among them.
    let exchange = Exchange::at(0, 0);
    let [with, without] = [server.reference.clone(), None]
        .map(|reference| server.task(exchange, 0, reference).direction());
    for slot in server.global.layout.slots() {
        let lean = |v: &[f32]| cosine(&v[slot.range.clone()], &reference[slot.range.clone()]);
        assert!(lean(&with) >= lean(&without), "{}", slot.path);
    }
}

/// A round may end with everyone gone in the midst of retries: the next cohort holds nothing yet.
#[test]
fn a_new_cohort_gets_the_model_whatever_became_of_the_last() {
    let mut server = server(
        r#"{"batch_size":4,"batches_per_round":3,"variance_threshold":1e-30,"learning_rate":{"base":0.01}}"#,
    );
    let first = Exchange::at(0, 0);
    let updates = |server: &FwdLlmServer, exchange| {
        (0..2)
            .map(|client| (client, (server.assign(exchange, client, &Spare).job)()))
            .collect::<Vec<_>>()
    };
    let joined = updates(&server, first);
    assert_eq!(server.aggregate(first, joined).expect("finite"), Verdict::SameCohort);
    let header = Payload::size(0);
    let dense = Payload::size(server.global.layout.len());
    assert_eq!(server.assign(Exchange::at(0, 1), 0, &Spare).workload.download, header);
    let new = Exchange::at(1, 0);
    assert_eq!(server.assign(new, 3, &Spare).workload.download, dense);
    assert_eq!(server.task(new, 3, None).batch, 0);
    let joined = updates(&server, new);
    assert_eq!(server.aggregate(new, joined).expect("finite"), Verdict::SameCohort);
    assert_eq!(server.place.attempt, 1, "its own retries count, not those of the last");
}

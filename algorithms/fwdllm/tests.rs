use std::sync::Arc;

use fleetune_devices::streams::SeedTree;
use fleetune_models::{batch::Padding, parameters::Layout};

use super::{
    client::{Guide, Task},
    pacing::{Place, watched},
    sampling::cosine,
    *,
};
use crate::{
    noise::{fill_normal, normal, tensor_key},
    protocol::{ClientId, Exchange, Payload, Update, Verdict},
    wire::Choices,
    world::{CLIENTS, Spare, setup},
};

const SEED: u64 = 3;
const PLAIN: &str = r#"{"batch_size":4,"batches_per_round":3,"learning_rate":{"base":0.01}}"#;
const DEPLOYABLE: &str =
    r#"{"batch_size":4,"form":{"deployable":{}},"learning_rate":{"base":0.01}}"#;

fn server(json: &str) -> FwdLlmServer {
    let config: FwdLlmConfig = serde_json::from_str(json).expect("a valid configuration");
    let world = setup(2, Padding::Longest, SEED);
    let (workshop, start) = Workshop::open(world, config.train, config.batch_size.get() as usize);
    FwdLlmServer::new(workshop, config, start)
}

/// A server that is guided by a random reference.
fn guided(json: &str) -> FwdLlmServer {
    let mut server = server(json);
    let mut reference = vec![0.0; server.global.layout.len()];
    fill_normal(99, 1, &mut reference);
    server.reference = Some(Arc::new(reference));
    server
}

fn streams() -> SeedTree {
    SeedTree::new(SEED)
}

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

/// As published for BERT and RoBERTa: number 12 of their tensors in order (five of the embeddings, then the first
/// layer's query, key, value and attention output, weight before bias).
#[test]
fn the_watched_tensor_is_the_published_one_where_it_trains() {
    let path = |train: &str| {
        let server = server(&format!(r#"{{"train":{train},"learning_rate":{{"base":0.01}}}}"#));
        let layout: &Layout = &server.global.layout;
        let range = watched(layout);
        layout.slots().iter().find(|s| s.range == range).expect("a whole tensor").path.clone()
    };
    assert_eq!(path(r#""bitfit""#), "encoder.blocks.0.output.bias");
    assert_eq!(path(r#"{"lora":{"rank":2,"alpha":2.0}}"#), "encoder.blocks.0.query.lora.a");
    assert_eq!(path(r#""head""#), "head.weight");
}

#[test]
fn a_retry_draws_a_new_direction_for_the_same_texts() {
    for mut server in [server(PLAIN), guided(PLAIN), guided(DEPLOYABLE)] {
        let task = |server: &mut FwdLlmServer, index, client| {
            let now = Exchange::at(2, index);
            server.convene(now, &[4, 1, 2]);
            server.task(now, client)
        };
        let first = task(&mut server, 0, 1);
        server.place = Place { batch: 0, attempt: 1 };
        let retry = task(&mut server, 1, 1);
        assert_eq!(first.texts(), retry.texts());
        assert!(retry.retry && !first.retry);
        assert_ne!(first.direction(), retry.direction());
        let other = task(&mut server, 0, 2).direction();
        assert_ne!(first.direction(), other, "every client its own");
        // The next mini-batch of the same cohort brings new texts.
        server.place = Place { batch: 1, attempt: 0 };
        let next = task(&mut server, 2, 1);
        assert_ne!(retry.texts(), next.texts());
        assert_ne!(retry.direction(), next.direction());
        // And all of them are drawn without repetition from the client's nine.
        server.place = Place { batch: 0, attempt: 0 };
        let mut seen = [first.texts(), next.texts()].concat();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 8);
    }
}

/// The ranked candidates of a seed, best first, tensor by tensor, one element after the other: to judge `rank` by.
fn ranked(layout: &Layout, seed: u64, reference: &[f32], drawn: u64) -> Vec<Vec<Vec<f32>>> {
    let one_tensor = |slot: &fleetune_models::parameters::Slot| {
        let reference = &reference[slot.range.clone()];
        let mut left: Vec<Vec<f32>> = (0..drawn)
            .map(|number| {
                let own = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number));
                let key = tensor_key(&slot.path);
                (0..reference.len() as u64).map(|i| normal(own, key, i)).collect()
            })
            .collect();
        let lean = |v: &[f32]| {
            let (mut inner, mut length, mut other) = (0.0_f64, 0.0_f64, 0.0_f64);
            for (&a, &b) in v.iter().zip(reference) {
                inner += f64::from(a) * f64::from(b);
                length = libm::hypot(length, a.into());
                other = libm::hypot(other, b.into());
            }
            inner / length / other
        };
        let mut best_first = Vec::new();
        while !left.is_empty() {
            let mut best = 0;
            for (i, candidate) in left.iter().enumerate() {
                if lean(candidate) > lean(&left[best]) {
                    best = i;
                }
            }
            best_first.push(left.remove(best));
        }
        best_first
    };
    layout.slots().iter().map(one_tensor).collect()
}

/// As published: a pool of ten candidates for each of the cohort, ranked tensor by tensor by signed cosine; the c-th
/// client's direction has the c-th best of each tensor.
#[test]
fn client_c_evaluates_the_c_th_ranked_of_the_cohorts_pool() {
    let cohort = [3, 0, 4];
    let mut server = guided(PLAIN);
    let reference = Arc::clone(server.reference.as_ref().expect("guided"));
    let layout = Arc::clone(&server.global.layout);
    for now in [Exchange::at(5, 0), Exchange::at(5, 2)] {
        server.convene(now, &cohort);
        let seed = streams()
            .subtree("candidate pool", 0)
            .subtree("round", 5)
            .seed("exchange", now.index.into());
        let pool = ranked(&layout, seed, &reference, 30);
        for (c, &client) in cohort.iter().enumerate() {
            let direction = server.task(now, client).direction();
            for (slot, best_first) in layout.slots().iter().zip(&pool) {
                assert_eq!(direction[slot.range.clone()], best_first[c], "{} of {c}", slot.path);
            }
            // What it uploads lies along it.
            let Payload::Dense(sent) = (server.assign(now, client, &Spare).job)().payload else {
                panic!("gradients are dense")
            };
            let derivative = sent[0] / direction[0];
            for (g, v) in sent.iter().zip(&direction) {
                assert!((g - derivative * v).abs() <= 1e-5 * (derivative * v).abs().max(1e-6));
            }
        }
        // A client that nobody convened is asked alone: the best of a pool of its own size.
        let alone = ranked(&layout, seed, &reference, 10);
        let direction = server.task(now, 1).direction();
        let best: Vec<f32> = alone.iter().flat_map(|best_first| best_first[0].clone()).collect();
        assert_eq!(direction, best);
    }
}

#[test]
fn a_device_evaluates_the_best_of_its_own_candidates() {
    let server = guided(DEPLOYABLE);
    let reference = Arc::clone(server.reference.as_ref().expect("guided"));
    let now = Exchange::at(1, 0);
    for client in 0..CLIENTS {
        let seed = streams()
            .subtree("forward gradients", client.into())
            .subtree("round", 1)
            .seed("exchange", 0);
        let own = ranked(&server.global.layout, seed, &reference, 10);
        let best: Vec<f32> = own.iter().flat_map(|best_first| best_first[0].clone()).collect();
        assert_eq!(server.task(now, client).direction(), best);
    }
}

/// To five standard errors (6e-7) unguided directions do not lean at all; guided ones do by more than ten.
#[test]
fn guided_directions_lean_towards_the_reference_and_plain_ones_do_not() {
    let t = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        mean / (variance / n).sqrt()
    };
    for json in [PLAIN, DEPLOYABLE] {
        let mut server = guided(json);
        let reference = Arc::clone(server.reference.as_ref().expect("guided"));
        let cosines = |server: &mut FwdLlmServer| -> Vec<f64> {
            (0..8)
                .flat_map(|round| {
                    let now = Exchange::at(round, 0);
                    let cohort: Vec<ClientId> = (0..CLIENTS).collect();
                    server.convene(now, &cohort);
                    let lean = |&c: &ClientId| cosine(&server.task(now, c).direction(), &reference);
                    cohort.iter().map(lean).collect::<Vec<_>>()
                })
                .collect()
        };
        let with = cosines(&mut server);
        assert!(t(&with) > 10.0, "{}", t(&with));
        assert!(with.iter().all(|&c| c > 0.0), "the best of ten, over many tensors");
        server.reference = None;
        let plain = t(&cosines(&mut server));
        assert!(plain.abs() < 5.0, "{plain}");
    }
}

fn updates(
    server: &mut FwdLlmServer,
    now: Exchange,
    cohort: &[ClientId],
) -> Vec<(ClientId, Update)> {
    server.convene(now, cohort);
    cohort.iter().map(|&client| (client, (server.assign(now, client, &Spare).job)())).collect()
}

/// A round may end with everyone gone in the midst of retries: the next cohort holds nothing yet.
#[test]
fn a_new_cohort_gets_the_model_whatever_became_of_the_last() {
    let mut server = server(
        r#"{"batch_size":4,"batches_per_round":3,"variance_threshold":1e-30,"learning_rate":{"base":0.01}}"#,
    );
    let first = Exchange::at(0, 0);
    let joined = updates(&mut server, first, &[0, 1]);
    assert_eq!(server.aggregate(first, joined).expect("finite"), Verdict::SameCohort);
    let header = Payload::size(0);
    let dense = Payload::size(server.global.layout.len());
    assert_eq!(server.assign(Exchange::at(0, 1), 0, &Spare).workload.download, header);
    let new = Exchange::at(1, 0);
    assert_eq!(server.assign(new, 3, &Spare).workload.download, dense);
    assert_eq!(server.task(new, 3).batch, 0);
    let joined = updates(&mut server, new, &[0, 1]);
    assert_eq!(server.aggregate(new, joined).expect("finite"), Verdict::SameCohort);
    assert_eq!(server.place.attempt, 1, "its own retries count, not those of the last");
    assert_eq!(server.collected.len(), 4, "all were taken at the model that is still there");
}

/// As published: the sum of all that was collected for the step, retries included.
#[test]
fn the_reference_is_the_sum_of_the_gradients_of_the_last_step() {
    let settings = r#""variance_threshold":1e-30,"learning_rate":{"base":0.01}"#;
    for form in ["as_published", "deployable"] {
        let mut server = server(&format!(
            r#"{{"batch_size":4,"form":{{"{form}":{{"retry_cap":1}}}},{settings}}}"#
        ));
        let mut sum = vec![0.0_f64; server.global.layout.len()];
        for index in 0..2 {
            assert!(server.reference.is_none(), "nothing was accepted yet");
            let now = Exchange::at(0, index);
            let joined = updates(&mut server, now, &[2, 0, 4]);
            for (client, update) in &joined {
                let sent = update.dense(*client, sum.len()).expect("gradients are dense");
                sum.iter_mut().zip(sent).for_each(|(sum, &g)| *sum += f64::from(g));
            }
            server.aggregate(now, joined).expect("finite");
        }
        let reference = server.reference.expect("the first step guides the second");
        for (found, expected) in reference.iter().zip(sum) {
            assert!((f64::from(*found) - expected).abs() <= 1e-6 * expected.abs(), "{form}");
        }
    }
}

/// What the server sends is what a client generates its direction from, and what it is charged for.
#[test]
fn the_choices_on_the_wire_are_what_the_client_needs() {
    let mut server = guided(PLAIN);
    let now = Exchange::at(5, 0);
    server.convene(now, &[3, 0, 4]);
    let task = server.task(now, 4);
    let Guide::Server { chosen: Some(chosen), .. } = task.guide.clone() else {
        panic!("the server guides whom it convened")
    };
    let message = Choices(chosen).encode(now.round);
    let dense = Payload::Dense(server.global.values.clone()).encode(now.round);
    let charged = server.assign(now, 4, &Spare).workload.download.get();
    assert_eq!(charged, (message.len() + dense.len()) as u64);
    let (_, received) = Choices::decode(&message).expect("undamaged");
    let regenerated = Task {
        guide: Guide::Server { reference: Arc::default(), chosen: Some(received.0) },
        ..server.task(now, 4)
    };
    assert_eq!(task.direction(), regenerated.direction());
}

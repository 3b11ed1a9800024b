mod accounting;
mod encodings;
mod entries;
mod privacy;

use std::num::NonZeroU32;

use fleetune_models::batch::Padding;

use super::{Algorithm, Content};
use crate::{
    protocol::{ClientId, Exchange, Payload, Server, Update, Verdict},
    setup::Setup,
    world::{self, Spare},
};

/// Updates that rounds plan to join.
const COHORT: u32 = 4;

const COMMON: &str = r#""batch_size":5,"local_steps":2,"learning_rate":{"base":0.01}"#;
const GRADIENTS: &str = r#""batch_size":5,"learning_rate":{"base":0.01}"#;

/// One algorithm of every content, and the variants that upload differently.
fn kinds() -> Vec<String> {
    vec![
        format!(r#""fedavg":{{{COMMON}}}"#),
        format!(r#""fedprox":{{{COMMON},"mu":0.1,"train":"bitfit"}}"#),
        format!(r#""fedadam":{{{COMMON},"server_learning_rate":0.01,"train":"head"}}"#),
        format!(r#""mezo":{{{COMMON},"upload":"delta"}}"#),
        format!(r#""fwdllm":{{{GRADIENTS},"batches_per_round":2}}"#),
        format!(r#""scaffold":{{{COMMON}}}"#),
        format!(r#""mezo":{{{COMMON},"perturbations":3,"catch_up":"scalars"}}"#),
        format!(
            r#""fedspzo":{{{COMMON},"split":1,"perturbations":{{"lower":2,"upper":3}},"catch_up":"dense"}}"#
        ),
        format!(r#""fedkseed":{{{COMMON},"seeds":5}}"#),
        format!(r#""decomfl":{{{COMMON},"perturbations":2}}"#),
        format!(
            r#""zowarmup":{{{COMMON},"warm_up":{{"rounds":1,"learning_rate":{{"base":0.01}}}}}}"#
        ),
    ]
}

/// Encodings whose outcome does not depend on a seed, then those whose does.
const ENCODINGS: [&str; 7] = [
    r#""encoding":{"values":"f16"}"#,
    r#""encoding":{"values":{"q8":{"rounding":"nearest"}}}"#,
    r#""encoding":{"top_k":0.1}"#,
    r#""encoding":{"top_k":0.3,"values":{"sign":{}}}"#,
    r#""encoding":{"values":{"sign":{"scale":"vector"}}}"#,
    r#""encoding":{"top_k":0.05,"values":{"q8":{}},"error_feedback":true}"#,
    r#""encoding":{"values":{"q8":{}}}"#,
];

const SERVER_NOISE: &str =
    r#""privacy":{"clip":0.05,"noise_multiplier":0.7,"noise":"server","delta":0.001}"#;
const CLIENT_NOISE: &str =
    r#""privacy":{"clip":0.05,"noise_multiplier":0.7,"noise":"clients","delta":0.001}"#;

/// Every kind with everything beside it that is not refused.
fn compositions() -> Vec<String> {
    let mut beside: Vec<String> = ENCODINGS.map(str::to_owned).into();
    beside.extend([SERVER_NOISE, CLIENT_NOISE].map(str::to_owned));
    beside.extend(ENCODINGS.map(|encoding| format!("{encoding},{SERVER_NOISE}")));
    let all = kinds().into_iter().flat_map(|kind| {
        beside.iter().map(|beside| format!("{{{kind},{beside}}}")).collect::<Vec<_>>()
    });
    let sensible: Vec<String> = all.filter(|json| algorithm(json).conflicts().is_empty()).collect();
    // 6 dense kinds with 16 ways, of which SCAFFOLD has but the 7 encodings; 4 kinds of scalars with 3 encodings (f16 and
    // q8 twice), ZOWarmUp the same; DeComFL also with privacy alone in two ways and with 3 encodings.
    assert_eq!(sensible.len(), 5 * 16 + 7 + 5 * 3 + 5);
    sensible
}

fn algorithm(json: &str) -> Algorithm {
    serde_json::from_str(json).expect("a valid entry")
}

fn setup() -> Setup {
    world::setup(2, Padding::Fixed, 4)
}

fn cohort() -> NonZeroU32 {
    NonZeroU32::new(COHORT).expect("not zero")
}

fn server(json: &str) -> Box<dyn Server> {
    algorithm(json).server(setup(), cohort())
}

/// The algorithm alone, in the same world.
fn bare(json: &str) -> Box<dyn Server> {
    algorithm(json).kind.server(setup())
}

fn work(server: &dyn Server, exchange: Exchange, client: ClientId) -> Update {
    (server.assign(exchange, client, &Spare).job)()
}

fn values(payload: &Payload) -> &[f32] {
    match payload {
        Payload::Dense(values) | Payload::Scalars(values) => values,
        Payload::Signs(_) | Payload::Encoded { .. } | Payload::Reported { .. } => {
            panic!("no values")
        }
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

/// What a client's plain update moves: what is clipped and encoded.
fn movement(algorithm: &Algorithm, round: u64, start: &[f32], plain: &Update) -> Vec<f32> {
    let uploads = algorithm.kind.uploads();
    let (_, content) = *uploads.iter().rev().find(|(first, _)| *first <= round).expect("from 0 on");
    match content {
        Content::Weights => {
            values(&plain.payload).iter().zip(start).map(|(v, start)| v - start).collect()
        }
        _ => values(&plain.payload).to_vec(),
    }
}

/// The plain update that means this movement.
fn moved(start: &[f32], plain: Update, movement: Vec<f32>, is_weights: bool) -> Update {
    let payload = match (&plain.payload, is_weights) {
        (Payload::Dense(_), true) => {
            Payload::Dense(start.iter().zip(movement).map(|(start, v)| start + v).collect())
        }
        (Payload::Dense(_), false) => Payload::Dense(movement),
        _ => Payload::Scalars(movement),
    };
    Update { payload, ..plain }
}

/// Runs `rounds` rounds of these clients, `each` being told of every exchange before it.
fn run(
    server: &mut dyn Server,
    rounds: u64,
    clients: &[ClientId],
    mut each: impl FnMut(&dyn Server, Exchange),
) {
    for round in 0..rounds {
        for index in 0.. {
            let exchange = Exchange::at(round, index);
            each(server, exchange);
            let (_, verdict) = world::exchange(server, exchange, clients);
            if verdict == Verdict::RoundOver {
                break;
            }
        }
    }
}

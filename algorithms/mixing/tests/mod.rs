mod arithmetic;
mod edges;
mod laws;
mod refusals;
mod tickets;

use std::num::NonZeroU32;

use fleetune_models::batch::Padding;

use super::{Discount, FedAsync, FedBuff, Mixer, Rule, Staleness, Ticket};
use crate::{
    protocol::{ClientId, Exchange, Job, Progress, Server, Update},
    settings::{NonNegative, Positive, Share},
    uplink::Algorithm,
    world::{self, Spare},
};

const COMMON: &str = r#""batch_size":4,"local_steps":2,"learning_rate":{"base":0.01}"#;
const PLAIN: &str = r#""batch_size":4,"learning_rate":{"base":0.01}"#;
const WARM: &str = r#""warm_up":{"rounds":2,"learning_rate":{"base":0.01}}"#;

fn fedspzo(more: &str) -> String {
    format!(r#"{{"fedspzo":{{{COMMON},"split":1,"perturbations":{{"lower":1,"upper":2}}{more}}}}}"#)
}

/// Algorithms whose server adds what clients made, and keeps nothing else.
fn adding() -> Vec<String> {
    vec![
        format!(r#"{{"fedavg":{{{COMMON}}}}}"#),
        format!(r#"{{"fedprox":{{{COMMON},"mu":0.1,"train":"bitfit"}}}}"#),
        format!(r#"{{"mezo":{{{COMMON},"perturbations":2}}}}"#),
        format!(r#"{{"mezo":{{{COMMON},"weight_decay":0.5,"catch_up":"dense"}}}}"#),
        format!(r#"{{"mezo":{{{COMMON},"upload":"delta","train":"full"}}}}"#),
        format!(r#"{{"mezo":{{{COMMON},"directions":"sphere","catch_up":"fewest_bytes"}}}}"#),
        fedspzo(""),
        format!(r#"{{"decomfl":{{{COMMON},"catch_up":"dense"}}}}"#),
        format!(r#"{{"fedkseed":{{{COMMON},"seeds":5,"catch_up":"fastest"}}}}"#),
        format!(r#"{{"signspsa":{{{COMMON}}}}}"#),
        format!(r#"{{"zowarmup":{{{COMMON},{WARM}}}}}"#),
        format!(r#"{{"fedavg":{{{COMMON}}},"encoding":{{"top_k":0.3}}}}"#),
        format!(r#"{{"mezo":{{{COMMON}}},"encoding":{{"values":{{"q8":{{}}}}}}}}"#),
    ]
}

/// Those whose server makes more of a movement.
fn stepping() -> Vec<String> {
    vec![
        format!(r#"{{"fedadam":{{{COMMON},"server_learning_rate":0.01}}}}"#),
        format!(r#"{{"fedyogi":{{{COMMON},"server_learning_rate":0.01,"train":"bitfit"}}}}"#),
        format!(r#"{{"mezo":{{{COMMON},"server_momentum":0.5}}}}"#),
        format!(r#"{{"mezo":{{{COMMON},"server_momentum":0.5,"upload":"delta"}}}}"#),
    ]
}

/// Those that can be joined one by one.
fn displaced() -> Vec<String> {
    adding().into_iter().chain(stepping()).collect()
}

fn algorithm(json: &str) -> Algorithm {
    serde_json::from_str(json).expect("a valid entry")
}

fn server(json: &str) -> Box<dyn Server> {
    let cohort = NonZeroU32::new(3).expect("not zero");
    algorithm(json).server(world::setup(2, Padding::Longest, 4), cohort)
}

fn fedasync(mixing: f64, staleness: Staleness) -> Rule {
    Rule::FedAsync(FedAsync { mixing: Share::new(mixing).expect("a share"), staleness })
}

fn fedbuff(rate: f64, staleness: Staleness) -> Rule {
    let server_learning_rate = Positive::new(rate).expect("positive");
    Rule::FedBuff(FedBuff { server_learning_rate, staleness })
}

fn polynomial(exponent: f64) -> Discount {
    Discount::Polynomial { exponent: NonNegative::new(exponent).expect("not negative") }
}

/// Nothing is discounted or too stale.
fn patient() -> Staleness {
    Staleness::default()
}

/// Nothing is discounted, and what is staler than this is discarded.
fn bounded(bound: u64) -> Staleness {
    Staleness { bound: Some(bound), ..patient() }
}

fn ask(mixer: &mut Mixer<'_>, client: ClientId) -> (Ticket, Job) {
    let (ticket, assignment) = mixer.dispatch(client, Progress::START, &Spare);
    (ticket, assignment.job)
}

/// Asks a client that answers at once.
fn answered(mixer: &mut Mixer<'_>, client: ClientId) -> (Ticket, Update) {
    let (ticket, job) = ask(mixer, client);
    (ticket, job())
}

fn join(mixer: &mut Mixer<'_>, updates: Vec<(Ticket, Update)>) -> super::Joined {
    mixer.join(Progress::START, updates).expect("finite and well formed")
}

/// The model after a synchronous round of these clients.
fn round(server: &mut dyn Server, round: u64, cohort: &[ClientId]) -> Vec<f32> {
    world::exchange(server, Exchange::at(round, 0), cohort);
    server.weights().values.clone()
}

/// What a lone client of a synchronous round 0 moves the model by, and the model of before.
fn lone_move(json: &str, client: ClientId) -> (Vec<f32>, Vec<f64>) {
    let mut server = server(json);
    let start = server.weights().values.clone();
    let end = round(server.as_mut(), 0, &[client]);
    let moves = end.iter().zip(&start).map(|(&end, &start)| f64::from(end) - f64::from(start));
    (start.clone(), moves.collect())
}

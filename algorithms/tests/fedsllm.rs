//! FedsLLM against FedAvg: the same training, done in two places.

use fleetune_algorithms::protocol::{Counted, Exchange, Payload, Server, Update, Verdict};
use fleetune_devices::Workload;
use fleetune_models::{
    batch::Padding,
    cost::CostModel,
    parameters::{Trainable, read},
};
use fleetune_units::{Bytes, Flops};

use crate::{
    tiny::{CHOICES, architecture},
    world::{CLASSES, CLIENTS, HORIZON, LENGTH, Spare, algorithm, bits, round, setup},
};

const LAYERS: usize = 3;
const BATCH: usize = 5;

/// What may train in both parts, as JSON and as it is.
fn trains() -> impl Iterator<Item = (String, Trainable)> {
    let choices = CHOICES.into_iter().filter(|&train| train != Trainable::Head);
    choices.map(|train| (serde_json::to_string(&train).expect("plain data"), train))
}

/// Two learning rates that meet within a part, and a schedule.
const RATE: &str = r#"{"base":0.02,"upper":{"from_layer":3,"rate":0.05},"schedule":{"linear":{"rounds":4,"final_fraction":0.5}}}"#;

fn common(train: &str, steps: usize, optimizer: &str) -> String {
    format!(
        r#""train":{train},"local_steps":{steps},"batch_size":{BATCH},"optimizer":{optimizer},"learning_rate":{RATE}"#
    )
}

fn open(kind: &str, settings: &str, padding: Padding) -> Box<dyn Server> {
    algorithm(&format!(r#"{{"{kind}":{{{settings}}}}}"#)).server(setup(LAYERS, padding, 4))
}

fn split(settings: &str, split: usize, padding: Padding) -> Box<dyn Server> {
    open("fedsllm", &format!(r#"{settings},"split":{split}"#), padding)
}

const OPTIMIZERS: [&str; 2] = [r#""sgd""#, r#"{"adamw":{"weight_decay":0.1}}"#];

/// For every split, adaptation, optimiser and padding, over rounds of several clients and steps: equal to the bit,
/// since the gradients are, and steps and means go element by element.
#[test]
fn wherever_the_model_is_split_it_learns_what_fedavg_learns() {
    for (train, _) in trains() {
        for (optimizer, padding) in OPTIMIZERS.into_iter().zip([Padding::Longest, Padding::Fixed]) {
            let settings = common(&train, 3, optimizer);
            let mut fedavg = open("fedavg", &settings, padding);
            let before = fedavg.weights().values.clone();
            let cohorts = [&[0][..], &[1, 4, 2]];
            for (number, cohort) in (0..).zip(cohorts) {
                assert_eq!(round(fedavg.as_mut(), number, cohort), 1);
            }
            assert_ne!(bits(&fedavg.weights().values), bits(&before));
            for k in 1..=LAYERS {
                let mut server = split(&settings, k, padding);
                for (number, cohort) in (0..).zip(cohorts) {
                    assert_eq!(round(server.as_mut(), number, cohort), 4, "τ + 1 exchanges");
                }
                let [found, expected] = [&server, &fedavg].map(|s| bits(&s.weights().values));
                assert!(found == expected, "{train} {optimizer} {padding:?}, split {k}");
                // What is evaluated is what was trained.
                let weights = server.weights();
                assert_eq!(bits(&read(&server.model(), &weights.layout).values), found);
            }
        }
    }
}

/// The updates of `clients` in an exchange, each with the weight that `examples` gives it.
fn updates(
    server: &dyn Server,
    exchange: Exchange,
    clients: &[u32],
    examples: impl Fn(u32) -> u64,
) -> Vec<(u32, Update)> {
    let job = |client| (server.assign(exchange, client, &Spare).job)();
    let weighted = |client| Update { examples: examples(client), ..job(client) };
    clients.iter().map(|&client| (client, weighted(client))).collect()
}

/// Client 1 leaves after its first exchange, client 4 before its last: the round is FedAvg's of the others, each of
/// whose parts weighs as much as its examples.
#[test]
fn those_who_stay_make_the_round_by_their_examples() {
    let examples = |client| [7, 1, 2, 5, 3][client as usize];
    let settings = common(r#""layers""#, 2, OPTIMIZERS[1]);
    let mut server = split(&settings, 2, Padding::Longest);
    let stay: [&[u32]; 3] = [&[1, 0, 4, 3], &[4, 0, 3], &[3, 0]];
    for (index, clients) in (0..).zip(stay) {
        let exchange = Exchange::at(0, index);
        let updates = updates(server.as_ref(), exchange, clients, examples);
        let verdict = server.aggregate(exchange, updates).expect("well formed");
        let over = if index == 2 { Verdict::RoundOver } else { Verdict::SameCohort };
        assert_eq!(verdict, over);
    }
    let mut fedavg = open("fedavg", &settings, Padding::Longest);
    let only = Exchange::at(0, 0);
    let updates = updates(fedavg.as_ref(), only, &[3, 0], examples);
    fedavg.aggregate(only, updates).expect("well formed");
    assert_eq!(bits(&server.weights().values), bits(&fedavg.weights().values));
}

fn charged(workload: &Workload) -> Counted {
    Counted {
        flops: workload.flops(),
        traffic: workload.traffic(),
        upload: workload.upload,
        peak_memory: workload.peak_memory,
    }
}

/// In every exchange of two rounds, on device and server.
#[test]
fn everything_is_charged_as_it_is_counted_and_within_its_forecast() {
    for padding in [Padding::Fixed, Padding::Longest] {
        for ((train, _), k) in trains().flat_map(|t| (1..=LAYERS).map(move |k| (t.clone(), k))) {
            let mut server = split(&common(&train, 2, OPTIMIZERS[1]), k, padding);
            for (number, index) in (0..2).flat_map(|round| (0..3).map(move |i| (round, i))) {
                let now = Exchange::at(number, index);
                let mut updates = Vec::new();
                for client in 0..CLIENTS {
                    let forecast = server.forecast(client, &Spare, HORIZON);
                    let assignment = server.assign(now, client, &Spare);
                    let real = assignment.workload;
                    let within = |of: fn(&Workload) -> u128| {
                        let ends = || forecast.iter().map(of);
                        let (least, most) = (ends().min().unwrap(), ends().max().unwrap());
                        assert!((least..=most).contains(&of(&real)), "{train} {k} {now:?}");
                    };
                    within(|w| w.flops().get());
                    within(|w| w.traffic().get().into());
                    within(|w| w.peak_memory.get().into());
                    within(|w| w.download.get().into());
                    within(|w| w.upload.get().into());
                    if padding == Padding::Fixed {
                        assert!(forecast.contains(&real), "{train} {k} {now:?}");
                    }
                    let update = (assignment.job)();
                    assert_eq!(update.counted, charged(&real), "{train} {k} {now:?} {padding:?}");
                    let message = update.payload.encode(number);
                    assert_eq!(Bytes::new(message.len() as u64), real.upload);
                    assert_eq!(Payload::decode(&message), Some((number, update.payload.clone())));
                    updates.push((client, update));
                }
                let clients: Vec<u32> = (0..CLIENTS).collect();
                let (work, before) = (server.join_work(now, &clients), server.join_counted());
                assert_eq!(work.is_zero(), index == 2, "averaging is free, training is not");
                server.aggregate(now, updates).expect("well formed");
                assert_eq!(server.join_counted(), before + work, "{train} {k} {now:?}");
            }
        }
    }
}

/// One client's workloads in a round's exchanges, and what the server computes for it.
fn round_of(server: &mut dyn Server, client: u32) -> (Vec<Workload>, Flops) {
    let mut works = Vec::new();
    for index in 0.. {
        let exchange = Exchange::at(0, index);
        let assignment = server.assign(exchange, client, &Spare);
        works.push(assignment.workload);
        let updates = vec![(client, (assignment.job)())];
        if server.aggregate(exchange, updates).expect("well formed") == Verdict::RoundOver {
            break;
        }
    }
    (works, server.join_counted())
}

/// Splitting saves no arithmetic and adds none: device and server do together, each mini-batch once forward and once
/// backward, what the device alone does in FedAvg.
#[test]
fn device_and_server_do_together_what_fedavg_does_alone() {
    for padding in [Padding::Fixed, Padding::Longest] {
        for ((train, _), optimizer) in trains().flat_map(|t| OPTIMIZERS.map(|o| (t.clone(), o))) {
            let settings = common(&train, 3, optimizer);
            let (fedavg, nothing) = round_of(open("fedavg", &settings, padding).as_mut(), 3);
            assert_eq!((fedavg.len(), nothing), (1, Flops::ZERO));
            let mut last = Flops::ZERO;
            for k in 1..=LAYERS {
                let (works, above) = round_of(split(&settings, k, padding).as_mut(), 3);
                let below = works.iter().map(Workload::flops).sum::<Flops>();
                assert_eq!(below + above, fedavg[0].flops(), "{train}, split {k}");
                assert!(
                    below > last && !above.is_zero(),
                    "{train}: the more layers, the more work"
                );
                last = below;
            }
        }
    }
}

/// A device spares the upper part: its parameters, their gradients and moments, and what a backward through it keeps.
/// From the middle of a round on it needs what it needed at first, for it keeps its activations while it waits.
#[test]
fn the_device_holds_the_lower_part_alone_and_its_activations_while_it_waits() {
    for (train, choice) in trains() {
        let settings = common(&train, 2, OPTIMIZERS[1]);
        let (fedavg, _) = round_of(open("fedavg", &settings, Padding::Fixed).as_mut(), 2);
        let cost = CostModel::of(&architecture(LAYERS), CLASSES, choice);
        let kept = |stages| cost.pass(stages, [BATCH, LENGTH], true).kept;
        for k in 1..=LAYERS {
            let mut server = split(&settings, k, Padding::Fixed);
            let layout = server.weights().layout.clone();
            let trainable = layout.upper(k).len() as u64;
            let (works, _) = round_of(server.as_mut(), 2);
            let spared = cost.parameters_of(k + 1..LAYERS + 2)
                + 3 * trainable
                + (kept(0..LAYERS + 2) - kept(0..k + 1));
            for work in &works {
                let difference = fedavg[0].peak_memory.get() - work.peak_memory.get();
                assert_eq!(difference, 4 * spared, "{train}, split {k}");
            }
        }
    }
}

/// Rows of d floats, with two numbers a text, and a header each: whatever the adaptation's size.
#[test]
fn the_wire_carries_activations_and_the_lower_weights() {
    for (train, _) in trains() {
        let mut server = split(&common(&train, 2, OPTIMIZERS[0]), 1, Padding::Fixed);
        let lower = 24 + 4 * server.weights().layout.lower(1).len() as u64;
        let d = architecture(LAYERS).hidden_size;
        let gradient = 24 + 4 * (BATCH * LENGTH * d) as u64;
        let crossing = gradient + 4 * (2 * BATCH) as u64;
        let (works, _) = round_of(server.as_mut(), 1);
        let bytes: Vec<_> = works.iter().map(|w| [w.download.get(), w.upload.get()]).collect();
        assert_eq!(bytes, [[lower, crossing], [gradient, crossing], [gradient, lower]], "{train}");
    }
}

use std::{num::NonZeroU32, sync::Arc};

use fleetune_models::{
    backend::Backend,
    batch::{Batch, Padding},
    ledger::Ledger,
    parameters::{Trainable, Weights},
};
use fleetune_units::Flops;

use super::{parts::Crossing, *};
use crate::{
    protocol::{Exchange, Payload, ProtocolError, Update, Verdict},
    settings::Positive,
    tiny::{CHOICES, gradient, noise},
    world::{CLASSES, Spare, bits, setup},
};

fn config(train: Trainable, split: usize) -> FedsLlmConfig {
    FedsLlmConfig {
        train,
        split,
        local_steps: NonZeroU32::new(2).unwrap(),
        batch_size: NonZeroU32::new(5).unwrap(),
        optimizer: Optimizer::default(),
        learning_rate: LearningRate {
            base: Positive::new(0.01).unwrap(),
            upper: None,
            schedule: Default::default(),
        },
    }
}

fn parts(config: &FedsLlmConfig, padding: Padding) -> (Parts, Weights) {
    let (workshop, start) = Workshop::open(setup(3, padding, 4), config.train, 5);
    (Parts::new(workshop, config.recipe(), config.split), start)
}

fn server(config: &FedsLlmConfig) -> FedsLlmServer {
    let (parts, start) = parts(config, Padding::Longest);
    FedsLlmServer::new(Arc::new(parts), start)
}

fn work(server: &FedsLlmServer, exchange: Exchange, client: u32) -> Update {
    (server.assign(exchange, client, &Spare).job)()
}

/// Every tensor that trains, adapters' zeros included, at values that make its gradient tell.
fn shaken(mut start: Weights) -> Weights {
    let mut noise = noise(9);
    start.values.iter_mut().for_each(|value| *value += 0.1 * noise());
    start
}

/// The two parts' gradients, one after the other, are those of the whole model to the bit: the activations pass the
/// split as the floats they are, and the same operations follow in the same order.
#[test]
fn the_gradient_in_two_pieces_is_that_of_the_whole_model() {
    for train in CHOICES.into_iter().filter(|&train| train != Trainable::Head) {
        for (split, padding) in (1..=3).flat_map(|k| [(k, Padding::Fixed), (k, Padding::Longest)]) {
            let (parts, start) = parts(&config(train, split), padding);
            let start = shaken(start);
            let batch = parts.workshop.collate(&parts.workshop.batches(2, 0, 1)[0]);
            let (below, above) = start.values.split_at(parts.lower.len());
            let crossing = parts.forward(below, &batch, &mut Ledger::new());
            let [upper, received] = parts.train_above(above, &crossing, &mut Flops::default());
            let lower = parts.backward(below, &batch, &received, &mut Ledger::new());
            let model = parts.workshop.model_with(&start);
            let whole = gradient(&model, &start.layout, &batch, &Backend::Flex.device());
            assert!(lower.iter().any(|g| g.abs() > 1e-4), "{train}: something to learn below");
            assert!(upper.iter().any(|g| g.abs() > 1e-4), "{train}: something to learn above");
            assert_eq!(bits(&[lower, upper].concat()), bits(&whole), "{train}, split {split}");
        }
    }
}

#[test]
fn what_crosses_the_split_is_read_back_from_its_bytes() {
    let texts = [3, 1, 2];
    let crossing = Crossing {
        states: (0..3 * 4 * 2).map(|i| i as f32 / 7.0 - 1.0).collect(),
        lengths: texts.to_vec(),
        labels: vec![2, 0, 1],
    };
    let message = crossing.clone().payload().encode(3);
    assert_eq!(message.len(), 24 + 4 * (3 * 4 * 2 + 3 + 3));
    let Some((3, Payload::Dense(values))) = Payload::decode(&message) else {
        panic!("a dense vector of round 3")
    };
    assert_eq!(Crossing::read(&values, 3, 3), crossing);
}

/// Up go the activations of the batch with its labels and lengths, and down comes a gradient for every activation, in
/// as many bytes as both are charged.
#[test]
fn batches_go_up_and_their_gradients_come_down_in_the_bytes_charged() {
    let mut server = server(&config(Trainable::Layers, 1));
    let first = Exchange::at(2, 0);
    let update = work(&server, first, 3);
    let Payload::Dense(values) = &update.payload else { panic!("a dense vector") };
    let crossing = Crossing::read(values, 5, 5);
    let workshop = &server.parts.workshop;
    let batch: Batch = workshop.collate(&workshop.batches(3, 2, 2)[0]);
    assert_eq!((&crossing.lengths[..], &crossing.labels), (batch.lengths(), &batch.labels));
    assert!(crossing.labels.iter().all(|&label| label < CLASSES));
    server.aggregate(first, vec![(3, update)]).expect("well formed");
    let gradient = Arc::clone(&server.sessions[&3].gradient);
    assert_eq!(gradient.len(), crossing.states.len());
    let message = Payload::Dense(gradient.to_vec()).encode(2);
    let next = server.assign(Exchange::at(2, 1), 3, &Spare).workload;
    assert_eq!(next.download.get(), message.len() as u64);
}

/// Whoever sends nothing is forgotten at once; a round that nobody finishes leaves no trace in the next one.
#[test]
fn clients_lost_in_mid_round_are_forgotten() {
    let mut server = server(&config(Trainable::Layers, 2));
    let start = server.weights().values.clone();
    let exchange = |index| Exchange::at(0, index);
    let send = |server: &mut FedsLlmServer, exchange, clients: &[u32]| {
        let updates = clients.iter().map(|&client| (client, work(server, exchange, client)));
        let updates: Vec<_> = updates.collect();
        server.aggregate(exchange, updates).expect("well formed")
    };
    assert_eq!(send(&mut server, exchange(0), &[0, 1, 2]), Verdict::SameCohort);
    assert_eq!(server.sessions.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(send(&mut server, exchange(1), &[2, 0]), Verdict::SameCohort);
    assert_eq!(server.sessions.keys().copied().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(bits(&server.weights().values), bits(&start), "nothing is averaged before the end");
    // Now both leave. Client 1 is asked in the next round, alone, and starts from the global model.
    let next = |index| Exchange::at(1, index);
    for index in 0..3 {
        send(&mut server, next(index), &[1]);
        assert!(server.sessions.keys().all(|&client| client == 1));
    }
    assert!(server.sessions.is_empty(), "nothing is held between rounds");
    let mut other = self::server(&config(Trainable::Layers, 2));
    for index in 0..3 {
        send(&mut other, next(index), &[1]);
    }
    assert_eq!(bits(&server.weights().values), bits(&other.weights().values));
}

#[test]
fn a_message_of_another_length_is_refused() {
    let mut server = server(&config(Trainable::Layers, 2));
    let first = Exchange::at(0, 0);
    let update = work(&server, first, 1);
    let Payload::Dense(values) = &update.payload else { panic!("a dense vector") };
    let payload = Payload::Dense(values[1..].to_vec());
    let error = server.aggregate(first, vec![(1, Update { payload, ..update })]);
    assert!(matches!(error, Err(ProtocolError::WrongLength { client: 1, .. })), "{error:?}");
}

#[test]
fn what_leaves_one_side_nothing_to_do_is_refused() {
    let fields = |train, split| {
        config(train, split).conflicts().into_iter().map(|c| c.field).collect::<Vec<_>>()
    };
    for train in CHOICES {
        let still = (train == Trainable::Head).then_some("train");
        assert_eq!(fields(train, 1), still.into_iter().collect::<Vec<_>>());
        assert_eq!(fields(train, 0), ["split"].into_iter().chain(still).collect::<Vec<_>>());
        // Where nothing is refused, both sides have something to train.
        for split in (1..=3).filter(|_| still.is_none()) {
            let (parts, _) = parts(&config(train, split), Padding::Fixed);
            assert!(!parts.lower.is_empty() && !parts.upper.is_empty(), "{train}, {split}");
        }
    }
}

use fleetune_models::{batch::Padding, parameters::Trainable};

use super::*;
use crate::{
    settings::Positive,
    world::{bits, setup},
};

fn recipe(split: usize, lower: u32, upper: u32) -> Recipe {
    Recipe {
        plan: Plan { split, lower, upper },
        local_steps: 3,
        epsilon: 1e-3,
        learning_rate: LearningRate {
            base: Positive::new(1e-2).expect("positive"),
            upper: Some(crate::settings::UpperRate {
                from_layer: 2,
                rate: Positive::new(3e-2).expect("positive"),
            }),
            schedule: crate::settings::Schedule::default(),
        },
    }
}

#[test]
fn the_server_replays_what_the_client_computed_to_the_bit() {
    let choices = [
        Trainable::Full,
        Trainable::Layers,
        Trainable::Bitfit,
        Trainable::Lora { rank: 2, alpha: 4.0 },
    ];
    for train in choices {
        let (workshop, start) = Workshop::open(setup(2, Padding::Longest, 1), train, 4);
        for (split, lower, upper) in [(0, 1, 1), (0, 1, 3), (1, 1, 1), (1, 2, 2), (2, 1, 4)] {
            let recipe = Arc::new(recipe(split, lower, upper));
            for client in 0..2 {
                let task = Task {
                    workshop: Arc::clone(&workshop),
                    recipe: Arc::clone(&recipe),
                    round: 4,
                    client,
                };
                let (update, local) = task.train(&start);
                // What arrives is what was encoded.
                let message = update.payload.encode(4);
                let Some((4, Payload::Scalars(scalars))) = Payload::decode(&message) else {
                    panic!("scalars of round 4 were sent");
                };
                let replayed = task.replay(&start, &scalars);
                assert_eq!(bits(&replayed.values), bits(&local.values), "{train}, split {split}");
                assert_ne!(bits(&local.values), bits(&start.values), "the client moved");
            }
        }
    }
}

#[test]
fn a_payload_of_another_kind_or_length_is_refused() {
    let (workshop, start) = Workshop::open(setup(2, Padding::Fixed, 1), Trainable::Bitfit, 4);
    let mut server = ZerothOrderServer::new(workshop, start, recipe(1, 1, 2));
    let exchange = Exchange { round: 0, index: 0 };
    let good = (server.assign(exchange, 0).job)();
    let bad = |payload| Update { payload, ..good.clone() };
    for scalars in [0, 5, 7] {
        let updates = vec![(3, bad(Payload::Scalars(vec![0.0; scalars])))];
        let error = server.aggregate(exchange, updates).expect_err("six were due");
        assert!(
            error.to_string().contains("client 3") && error.to_string().contains('6'),
            "{error}"
        );
    }
    let error = server.aggregate(exchange, vec![(3, bad(Payload::Dense(vec![0.0; 6])))]);
    assert!(matches!(error, Err(ProtocolError::WrongPayload { client: 3, .. })));
    assert!(server.aggregate(exchange, vec![(3, good)]).is_ok());
}

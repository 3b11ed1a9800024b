//! Sign-SPSA: the signs of MeZO's projected gradients, a bit each, and a model that follows from them alone.

use fleetune_algorithms::{
    protocol::{ClientId, Exchange, Payload, ProtocolError, Server, Update},
    zeroth_order::{Plan, StepDirections, apply},
};
use fleetune_models::{batch::Padding, parameters::Weights};

use crate::world::{CLIENTS, Spare, algorithm, bits, exchange, setup};

const RATES: &str = r#"{"base":0.01,"upper":{"from_layer":2,"rate":0.02}}"#;
const SEED: u64 = 9;

fn server(kind: &str, steps: u32) -> Box<dyn Server> {
    let json =
        format!(r#"{{"{kind}":{{"local_steps":{steps},"batch_size":4,"learning_rate":{RATES}}}}}"#);
    algorithm(&json).server(setup(2, Padding::Longest, SEED))
}

fn update(server: &dyn Server, round: u64, client: ClientId) -> Update {
    (server.assign(Exchange::at(round, 0), client, &Spare).job)()
}

fn signs(update: &Update) -> &[bool] {
    match &update.payload {
        Payload::Signs(signs) => signs,
        other => panic!("expected signs, found {}", other.kind()),
    }
}

/// From the same model, on the same texts, along the same direction.
#[test]
fn a_bit_is_the_sign_of_mezos_scalar() {
    let (signed, mezo) = (server("signspsa", 1), server("mezo", 1));
    let mut negative = 0;
    for (round, client) in (0..10).flat_map(|round| (0..CLIENTS).map(move |c| (round, c))) {
        let Payload::Scalars(scalars) = update(mezo.as_ref(), round, client).payload else {
            panic!("scalars go up")
        };
        assert_eq!(signs(&update(signed.as_ref(), round, client)), [scalars[0] < 0.0]);
        negative += u32::from(scalars[0] < 0.0);
    }
    assert!((15..35).contains(&negative), "either sign is as likely: {negative} of 50");
}

/// `θ -= Σ share η s z` over clients and steps, from what their messages say.
#[test]
fn the_model_moves_by_the_rate_along_every_direction() {
    const STEPS: u32 = 3;
    let mut server = server("signspsa", STEPS);
    let streams = setup(2, Padding::Longest, SEED).streams;
    let plan = Plan::joint(0, 1, 1);
    for (round, cohort) in (0..).zip([&[3][..], &[4, 0, 2]]) {
        let mut expected = Weights::clone(server.weights());
        let before = bits(&expected.values);
        let (updates, _) = exchange(server.as_mut(), Exchange::at(round, 0), cohort);
        for (&client, update) in cohort.iter().zip(&updates) {
            let message = update.payload.encode(round);
            let Some((_, Payload::Signs(signs))) = Payload::decode(&message) else {
                panic!("undamaged")
            };
            let seeds = streams.subtree("directions", client.into()).subtree("round", round);
            for (step, negative) in (0..).zip(signs) {
                let layout = expected.layout.clone();
                let z = StepDirections::derive(&layout, plan, seeds.seed("step", step));
                let share = 1.0 / cohort.len() as f64;
                apply(&mut expected, plan, &z, &[if negative { -1.0 } else { 1.0 }], &|slot| {
                    share * if slot.stage >= 2 { 0.02 } else { 0.01 }
                });
            }
        }
        assert_eq!(bits(&server.weights().values), bits(&expected.values), "round {round}");
        assert_ne!(bits(&expected.values), before);
    }
}

#[test]
fn eight_steps_take_a_byte_of_a_message() {
    for (steps, bytes) in [(1, 25), (8, 25), (9, 26), (64, 32)] {
        let server = server("signspsa", steps);
        let work = server.assign(Exchange::at(0, 0), 0, &Spare).workload;
        assert_eq!(work.upload.get(), bytes, "a header of 24 bytes, and {steps} bits");
        assert_eq!(work.download, Payload::size(server.weights().layout.len()));
    }
}

#[test]
fn anything_but_the_signs_due_is_refused_and_nothing_moves() {
    let mut server = server("signspsa", 3);
    let now = Exchange::at(0, 0);
    let (before, good) = (bits(&server.weights().values), update(server.as_ref(), 0, 1));
    for payload in [Payload::Signs(vec![true; 2]), Payload::Scalars(vec![1.0; 3])] {
        let bad = Update { payload, ..good.clone() };
        let error = server.aggregate(now, vec![(0, good.clone()), (1, bad)]).expect_err("3 signs");
        let blamed = matches!(
            error,
            ProtocolError::WrongLength { client: 1, found: 2, expected: 3 }
                | ProtocolError::WrongPayload { client: 1, found: "scalars", expected: "signs" }
        );
        assert!(blamed, "{error}");
        assert_eq!(bits(&server.weights().values), before);
    }
    server.aggregate(now, Vec::new()).expect("nobody is fine");
    assert_eq!(bits(&server.weights().values), before);
}

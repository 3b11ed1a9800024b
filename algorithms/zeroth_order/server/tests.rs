use fleetune_models::{batch::Padding, parameters::Trainable};

use super::*;
use crate::{
    average::Average,
    protocol::{Payload, Progress},
    settings::{LearningRate, Positive, Schedule, UpperRate},
    world::{Spare, bits, setup},
    zeroth_order::{History, Plan, Pool, Variant},
};

fn positive(value: f64) -> Positive {
    Positive::new(value).expect("positive")
}

pub(super) fn recipe(plan: Plan) -> Recipe {
    Recipe {
        plan,
        local_steps: 3,
        epsilon: 1e-3,
        learning_rate: LearningRate {
            base: positive(1e-2),
            upper: Some(UpperRate { from_layer: 2, rate: positive(3e-2) }),
            schedule: Schedule::Linear {
                rounds: None,
                final_fraction: crate::settings::Fraction::new(0.1).expect("a fraction"),
            },
        },
        first_round: 0,
        weight_decay: 0.0,
        upload: Upload::Scalars,
        catch_up: CatchUp::Scalars,
        momentum: 0.0,
    }
}

pub(super) fn own() -> Memory {
    Memory::OwnDirections(History::default())
}

pub(super) fn shared() -> Memory {
    Memory::SharedDirections(History::default())
}

pub(super) fn server(train: Trainable, recipe: Recipe, memory: Memory) -> ZerothOrderServer {
    let (workshop, start) = Workshop::open(setup(2, Padding::Longest, 1), train, 4);
    ZerothOrderServer::new(workshop, start, recipe, memory)
}

/// The rate falls with the budget that is spent: a replay must know how much that was in its round.
pub(super) fn moment(round: u64) -> Moment {
    Moment { round, progress: Progress::of(0.15 * round as f64) }
}

pub(super) fn play(server: &mut ZerothOrderServer, round: u64, cohort: &[ClientId]) {
    let exchange = Exchange { progress: moment(round).progress, ..Exchange::at(round, 0) };
    let updates = cohort.iter().map(|&client| {
        let job = server.assign(exchange, client, &Spare).job;
        (client, job())
    });
    let updates: Vec<_> = updates.collect();
    assert_eq!(server.aggregate(exchange, updates).expect("finite"), Verdict::RoundOver);
}

pub(super) const COHORTS: [&[ClientId]; 4] = [&[0, 3, 1], &[4, 2], &[1, 0, 2, 4], &[3]];

#[test]
fn the_server_replays_what_a_lone_client_computed_to_the_bit() {
    let choices = [Trainable::Full, Trainable::Layers, Trainable::Bitfit, Trainable::lora(2, 4.0)];
    let joint = [(0, 1, 1), (0, 1, 3), (1, 1, 1), (1, 2, 2), (2, 1, 4)];
    let joint = joint.map(|(split, lower, upper)| Plan::joint(split, lower, upper));
    let separate = Plan { variant: Variant::Separate, ..joint[3] };
    for train in choices {
        for plan in joint.into_iter().chain([separate]) {
            for client in 0..2 {
                let mut server = server(train, recipe(plan), own());
                let task = server.task(Exchange::at(4, 0).moment(), client, Download::Dense);
                let (update, local) = task.trained(&server.global);
                // What arrives is what was encoded.
                let message = update.payload.encode(4);
                let (_, payload) = Payload::decode(&message).expect("undamaged");
                let updates = vec![(client, Update { payload, ..update })];
                let before = bits(&server.weights().values);
                server.aggregate(Exchange::at(4, 0), updates).expect("finite");
                assert_eq!(bits(&server.weights().values), bits(&local.values), "{train} {plan:?}");
                assert_ne!(bits(&local.values), before, "the client moved");
            }
        }
    }
}

/// The mean of the clients' models, up to the rounding of f32, whatever the directions are shared by: so DeComFL and
/// FedKSeed are federated MeZO but for the seeds. With weight decay, too.
#[test]
fn the_server_joins_to_the_weighted_mean_of_the_clients_models() {
    let pool = || Memory::Pool(Pool::new(5, false));
    let cases = [(own as fn() -> Memory, 0.0), (own, 0.5), (shared, 0.0), (pool, 0.0)];
    for (memory, decay) in cases {
        let recipe = Recipe { weight_decay: decay, ..recipe(Plan::joint(0, 1, 1)) };
        let mut server = server(Trainable::Layers, recipe, memory());
        let trained = [0, 3, 1].map(|client| {
            let task = server.task(START, client, Download::Dense);
            (client, task.trained(&server.global))
        });
        let examples = [4, 8, 20];
        let mut average = Average::new(server.global.values.len());
        for ((_, (_, model)), n) in trained.iter().zip(examples) {
            average.add(&model.values, n);
        }
        let expected = average.mean().expect("three clients");
        let updates = trained.into_iter().zip(examples);
        let updates =
            updates.map(|((id, (update, _)), examples)| (id, Update { examples, ..update }));
        server.aggregate(Exchange::at(0, 0), updates.collect()).expect("finite");
        for (found, expected) in server.weights().values.iter().zip(&expected) {
            let off = f64::from(*found) - expected;
            assert!(off.abs() < 1e-6, "decay {decay}: {found} {expected}");
        }
    }
}

/// Without weight decay a delta and the scalars it is made of are the same update, up to rounding. (Every round starts
/// from the same model: the finite differences of the next would magnify what rounding left by 1/ε.)
#[test]
fn uploading_deltas_and_scalars_gives_the_same_model() {
    // MeZO, FedSPZO, and DeComFL with either.
    let plans = [Plan::joint(0, 1, 2), Plan::joint(1, 1, 2)];
    let cases = plans.into_iter().flat_map(|plan| [(plan, own as fn() -> Memory), (plan, shared)]);
    for (plan, memory) in cases {
        let mut servers = [Upload::Scalars, Upload::Delta].map(|upload| {
            let recipe = Recipe { upload, ..recipe(plan) };
            server(Trainable::Layers, recipe, memory())
        });
        for (round, cohort) in COHORTS.iter().enumerate() {
            servers.iter_mut().for_each(|server| play(server, round as u64, cohort));
            let [a, b] = &mut servers;
            for (a, b) in a.global.values.iter().zip(&b.global.values) {
                assert!((a - b).abs() < 1e-6, "round {round}: {a} {b}");
            }
            b.global = Arc::clone(&a.global);
        }
    }
}

/// From what the message of a late client says, the model follows to the bit; each round at its own learning rate.
#[test]
fn a_late_client_replays_its_way_to_the_servers_model() {
    for memory in [own as fn() -> Memory, shared] {
        let mut server = server(Trainable::Layers, recipe(Plan::joint(1, 2, 2)), memory());
        let mut versions = vec![server.global.values.clone()];
        for (round, cohort) in COHORTS.iter().enumerate() {
            play(&mut server, round as u64, cohort);
            versions.push(server.global.values.clone());
        }
        let history = match &server.memory {
            Memory::OwnDirections(history) | Memory::SharedDirections(history) => history,
            Memory::Pool(_) => unreachable!("not made"),
        };
        for (held, start) in versions.iter().enumerate() {
            let message = history.encode(held, 4);
            let mut weights =
                Weights { layout: Arc::clone(&server.global.layout), values: start.clone() };
            for record in History::decode(&message).expect("undamaged") {
                for part in record.contributions() {
                    let task = server.task(record.when, part.client, Download::Dense);
                    task.replay(&mut weights, part.share, part.scalars);
                }
            }
            assert_eq!(bits(&weights.values), bits(&server.global.values), "from version {held}");
            // And that message is what such a client is charged for.
            server.held.insert(0, held);
            let work = server.assign(Exchange::at(4, 0), 0, &Spare).workload;
            assert_eq!(work.download.get(), message.len() as u64);
            server.held.remove(&0);
        }
    }
}

/// A client that joined in a round trained on the version before it, and its own steps were discarded: it replays that
/// round like any other.
#[test]
fn whoever_joined_last_replays_that_round_alone() {
    let mut server = server(Trainable::Bitfit, recipe(Plan::joint(0, 1, 1)), own());
    for (round, cohort) in COHORTS.iter().enumerate() {
        play(&mut server, round as u64, cohort);
    }
    let entries = |client| match server.download(Exchange::at(4, 0), client, &Spare) {
        Download::Replay(gap) => gap.entries,
        Download::Dense => panic!("it always replays"),
    };
    // Cohorts of 3, 2, 4 and 1: client 3 was in the last; 0, 1, 2 and 4 in the last but one.
    assert_eq!([3, 0, 1, 2, 4].map(entries), [1, 5, 5, 5, 5]);
    // Client 7 of a larger fleet would have missed them all.
    assert_eq!(server.memory.gap(0).entries, 10);
}

/// Replaying takes one pass over the parameters for every direction of every step that was missed, and the copy is read.
#[test]
fn replaying_is_charged_for_every_step_that_was_missed() {
    let plan = Plan::joint(1, 2, 3);
    let mut server = server(Trainable::Layers, recipe(plan), own());
    for (round, cohort) in COHORTS[..2].iter().enumerate() {
        play(&mut server, round as u64, cohort);
    }
    let layout = &server.workshop.layout;
    let work = |download| {
        let task = server.task(Exchange::at(2, 0).moment(), 1, download);
        task.workload(&server.workshop.meters.trained, &task.shapes())
    };
    let all = work(Download::Dense);
    let replayed = work(Download::Replay(Gap { bytes: 100, entries: 5 }));
    // 5 entries of 3 steps: 2 directions below, 6 above; 43 operations an element (41 to make it, 2 to add it).
    let elements = 2 * layout.lower(1).len() + 6 * layout.upper(1).len();
    assert_eq!(replayed.flops().get() - all.flops().get(), (5 * 3 * 43 * elements) as u128);
    // Every pass reads and writes the parameters, as does the copy: 8 bytes an element.
    let passes = 5 * 3 * elements + layout.len();
    assert_eq!(replayed.traffic().get() - all.traffic().get(), 8 * passes as u64);
}

/// Own directions differ from client to client, shared ones do not; both from round to round and step to step.
#[test]
fn directions_are_shared_where_they_should_be() {
    let seeds = |memory: &Memory, client, round| {
        let streams = setup(1, Padding::Fixed, 1).streams;
        memory.seeds().steps(&streams, (client, round), 2)
    };
    for (memory, same) in [(own(), false), (shared(), true)] {
        let [first, second] = [0, 1].map(|client| seeds(&memory, client, 0));
        assert_eq!(first == second, same);
        assert!(first[0] != first[1] && first != seeds(&memory, 0, 1));
    }
}

/// FedKSeed's model is its start and the coefficients of its seeds.
#[test]
fn a_pool_of_seeds_rebuilds_the_model_from_its_start() {
    for pro in [false, true] {
        let recipe = recipe(Plan::joint(0, 1, 1));
        let mut server = server(Trainable::Layers, recipe, Memory::Pool(Pool::new(5, pro)));
        let mut rebuilt = Weights::clone(&server.global);
        for (round, cohort) in COHORTS.iter().enumerate() {
            play(&mut server, round as u64, cohort);
        }
        let Memory::Pool(pool) = &server.memory else { unreachable!("it is one") };
        let streams = &server.workshop.streams;
        let rates = &server.recipe.learning_rate;
        for (index, &coefficient) in pool.coefficients().iter().enumerate() {
            let seed = crate::zeroth_order::seeds::Seeds::of_pool(streams, index);
            let layout = &server.workshop.layout;
            let z = crate::zeroth_order::StepDirections::derive(layout, server.recipe.plan, seed);
            crate::zeroth_order::apply(&mut rebuilt, server.recipe.plan, &z, &[1.0], &|slot| {
                rates.of(slot.stage, START) * coefficient
            });
        }
        assert!(pool.coefficients().iter().all(|&c| c != 0.0), "30 draws of 5 seeds");
        for (found, expected) in rebuilt.values.iter().zip(&server.global.values) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}

/// β = 0.5 and three rounds of the same move m: 1, 1.5 and 1.75 m.
#[test]
fn momentum_accumulates_geometrically() {
    let recipe = Recipe { momentum: 0.5, ..recipe(Plan::joint(0, 1, 1)) };
    let mut server = server(Trainable::Bitfit, recipe, own());
    let start = server.global.values.clone();
    for (sum, round) in [(1.0, 0), (2.5, 1), (4.25, 2)] {
        let joined: Vec<f32> = server.global.values.iter().map(|v| v + 0.25).collect();
        let values = server.with_momentum(&joined);
        let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        for (new, old) in values.iter().zip(&start) {
            assert!((new - old - 0.25 * sum).abs() < 1e-6, "round {round}");
        }
        server.global = Arc::new(Weights { layout: Arc::clone(&server.global.layout), values });
    }
}

#[test]
fn a_payload_of_another_kind_or_length_is_refused() {
    let mut server = server(Trainable::Bitfit, recipe(Plan::joint(1, 1, 2)), own());
    let exchange = Exchange::at(0, 0);
    let good = (server.assign(exchange, 0, &Spare).job)();
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
    let error = server.aggregate(exchange, vec![(3, bad(Payload::Scalars(vec![f32::NAN; 6])))]);
    assert!(matches!(error, Err(ProtocolError::Diverged { round: 0 })));
    assert!(server.aggregate(exchange, vec![(3, good)]).is_ok());
}

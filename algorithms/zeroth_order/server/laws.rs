//! Laws of the scalars: whoever knows them knows the model.

use rand::seq::SliceRandom;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use fleetune_models::parameters::Trainable;

use super::{
    tests::{COHORTS, moment, own, play, recipe, server, shared},
    *,
};
use crate::{
    protocol::Payload,
    world::{Spare, bits},
    zeroth_order::{History, Plan, Pool, StepDirections, apply, probe::Probe},
};

/// What a cohort's updates say, as they travelled.
fn sent(server: &ZerothOrderServer, round: u64, cohort: &[ClientId]) -> Vec<(ClientId, Update)> {
    let exchange = Exchange::at(round, 0);
    let deliver = |&client: &ClientId| {
        let update = (server.assign(exchange, client, &Spare).job)();
        let (_, payload) = Payload::decode(&update.payload.encode(round)).expect("undamaged");
        (client, Update { payload, ..update })
    };
    cohort.iter().map(deliver).collect()
}

/// L6: updates come in any order, and some never do. Whoever took part follows from its own message of what it missed
/// to the server's model, to the bit, whether its last update was lost or joined.
#[test]
fn reordered_and_lost_updates_leave_everybody_able_to_follow() {
    for memory in [own as fn() -> Memory, shared] {
        let mut server = server(Trainable::Layers, recipe(Plan::joint(1, 1, 2)), memory());
        let layout = Arc::clone(&server.global.layout);
        // What every client holds: the version on which it last trained, if that update was joined; else an older one.
        let mut holds = vec![server.global.values.clone(); 5];
        let mut orders = ChaCha8Rng::seed_from_u64(11);
        let (mut lost, mut reordered) = (0, 0);
        for (round, cohort) in (0..).zip([&[0, 1, 2][..], &[3, 1, 4, 2], &[0, 2, 4], &[2, 3, 1, 0]])
        {
            let trained_on = server.global.values.clone();
            let mut arrived = sent(&server, round, cohort);
            arrived.shuffle(&mut orders);
            let (gone, _) = arrived.pop().expect("three at least");
            lost += 1;
            let order: Vec<ClientId> = arrived.iter().map(|(client, _)| *client).collect();
            let asked = cohort.iter().filter(|&&client| client != gone);
            reordered += u32::from(!asked.eq(&order));
            server.aggregate(Exchange::at(round, 0), arrived).expect("finite");
            order.iter().for_each(|&c| holds[c as usize].clone_from(&trained_on));
            for client in 0..5 {
                let held = server.held.get(&client).copied().unwrap_or(0);
                let (Memory::OwnDirections(history) | Memory::SharedDirections(history)) =
                    &server.memory
                else {
                    unreachable!("not made")
                };
                let message = history.encode(held, round + 1);
                let values = holds[client as usize].clone();
                let mut weights = Weights { layout: Arc::clone(&layout), values };
                for record in History::decode(&message).expect("undamaged") {
                    for part in record.contributions() {
                        let task = server.task(record.when, part.client, Download::Dense);
                        task.replay(&mut weights, part.share, part.scalars);
                    }
                }
                let same = bits(&weights.values) == bits(&server.global.values);
                assert!(same, "client {client} after round {round}, {order:?} of {cohort:?}");
            }
        }
        assert!(lost == 4 && reordered > 1, "{lost} lost, {reordered} rounds reordered");
    }
}

/// A round of federated MeZO in its scalars form, written out: everyone trains from the global model along the
/// directions of these seeds, and the model moves along all of them, each weighed by its client's share.
fn plain_round(
    server: &ZerothOrderServer,
    start: &Weights,
    when: Moment,
    cohort: &[ClientId],
    seeds: &dyn Fn(ClientId) -> Vec<u64>,
) -> Weights {
    let (workshop, recipe) = (&server.workshop, &server.recipe);
    let (plan, rates) = (recipe.plan, recipe.rates(when));
    let mut next = start.clone();
    for &client in cohort {
        let mut local = start.clone();
        let batches = workshop.batches(client, when.round, recipe.local_steps);
        for (texts, seed) in batches.iter().zip(seeds(client)) {
            let batch = workshop.collate(texts);
            let on = (&batch.to_device(&workshop.device), &batch.labels[..]);
            let z = StepDirections::derive(&workshop.layout, plan, seed);
            let mut probe = Probe::new(workshop.model.clone());
            let tally = &mut Default::default();
            let scalars = probe.project(&local, plan, recipe.epsilon, &z, on, tally);
            for (model, share) in [(&mut local, 1.0), (&mut next, 1.0 / cohort.len() as f64)] {
                apply(model, plan, &z, &scalars, &|s| share * rates.rate(s));
            }
        }
    }
    next
}

/// FedKSeed whose every step draws a seed that was never drawn before is federated MeZO with those seeds, to the bit;
/// and federated MeZO is that with its own.
#[test]
fn fedkseed_with_fresh_seeds_is_federated_mezo() {
    for memory in [own(), Memory::Pool(Pool::new(1 << 20, false))] {
        let mut server = server(Trainable::Layers, recipe(Plan::joint(0, 1, 1)), memory);
        let mut plain = Weights::clone(&server.global);
        let mut drawn = Vec::new();
        for (round, cohort) in (0..).zip(COHORTS) {
            let streams = server.workshop.streams;
            let (of, steps) = (server.memory.seeds(), server.recipe.local_steps);
            let seeds = |client| of.steps(&streams, (client, round), steps);
            plain = plain_round(&server, &plain, moment(round), cohort, &seeds);
            drawn.extend(cohort.iter().flat_map(|&client| seeds(client)));
            play(&mut server, round, cohort);
            assert_eq!(bits(&server.global.values), bits(&plain.values), "round {round}");
        }
        let draws = drawn.len();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!((draws, drawn.len()), (30, 30), "fresh ones");
    }
}

//! Laws of what the host is spared: models, messages and charges are those of steps that are made on all parameters.

use std::collections::BTreeSet;

use fleetune_models::{batch::Batch, parameters::Trainable};

use super::{
    tests::{COHORTS, moment, own, play, recipe, server, shared},
    *,
};
use crate::{
    noise::Distribution,
    protocol::Payload,
    world::bits,
    zeroth_order::{
        Difference, Local, Plan, Pool, StepDirections, Variant, apply, probe::Probe, update::power,
    },
};

/// The seeds of a client's steps.
fn seeds(task: &Task) -> Vec<u64> {
    let of = (task.client, task.when.round);
    task.seeds.steps(&task.workshop.streams, of, task.recipe.local_steps)
}

/// A client's steps on all parameters: its scalars, and the model after them.
fn walk(task: &Task, start: &Weights) -> (Vec<f32>, Weights) {
    let (workshop, recipe) = (&task.workshop, &task.recipe);
    let (plan, rates) = (recipe.plan, recipe.rates(task.when));
    let (mut local, mut sent) = (start.clone(), Vec::new());
    let mut probe = Probe::new(workshop.model.clone());
    let batches = workshop.batches(task.client, task.when.round, recipe.local_steps);
    for (texts, seed) in batches.iter().zip(seeds(task)) {
        let batch = workshop.collate(texts);
        let on = (&batch.to_device(&workshop.device), &batch.labels[..]);
        let z = StepDirections::derive(&workshop.layout, plan, seed);
        let tally = &mut Default::default();
        let scalars = probe.project(&local, plan, recipe.epsilon, &z, on, tally);
        rates.decay(&mut local, 1);
        apply(&mut local, plan, &z, &scalars, &|slot| rates.rate(slot));
        sent.extend(scalars);
    }
    (sent, local)
}

/// The server's model after a round of these scalars, moved direction by direction.
fn joined(server: &ZerothOrderServer, when: Moment, sent: &[(ClientId, Vec<f32>)]) -> Weights {
    let recipe = &server.recipe;
    let (plan, rates, steps) = (recipe.plan, recipe.rates(when), recipe.local_steps as u32);
    let mut next = Weights::clone(&server.global);
    rates.decay(&mut next, steps);
    let entry = |(client, scalars): &(ClientId, Vec<f32>)| Entry {
        client: *client,
        examples: steps * server.workshop.batch_size(*client) as u32,
        scalars: scalars.clone(),
    };
    let record = server.memory.record(when, sent.iter().map(entry).collect());
    for part in record.contributions() {
        let task = server.task(when, part.client, Download::Dense);
        let scalars = part.scalars.chunks(plan.scalars());
        for ((scalars, seed), left) in scalars.zip(seeds(&task)).zip((0..steps).rev()) {
            let z = StepDirections::derive(&server.workshop.layout, plan, seed);
            apply(&mut next, plan, &z, scalars, &|slot| {
                part.share * rates.rate(slot) * power(rates.kept(slot), left)
            });
        }
    }
    next
}

/// MeZO, FedSPZO, DeComFL and FedKSeed, with everything that changes what a step does to the token table.
fn servers() -> Vec<ZerothOrderServer> {
    let joint = |split, lower, upper| Plan::joint(split, lower, upper);
    let separate = |plan| Plan { variant: Variant::Separate, ..plan };
    let one_sided = |plan| Plan { difference: Difference::OneSided, ..plan };
    let of = |distribution, plan| Plan { distribution, ..plan };
    let (signs, sphere) = (Distribution::Rademacher, Distribution::Sphere);
    let pool = || Memory::Pool(Pool::new(5, true));
    let cases = [
        (joint(0, 1, 1), own as fn() -> Memory, 0.0),
        (of(signs, one_sided(joint(0, 1, 3))), own, 0.5),
        (joint(1, 2, 2), own, 0.5),
        (of(signs, joint(2, 1, 2)), own, 0.0),
        (one_sided(joint(1, 1, 2)), own, 0.0),
        (separate(joint(1, 2, 3)), own, 0.5),
        (one_sided(separate(joint(2, 3, 1))), own, 0.0),
        (separate(joint(0, 1, 2)), own, 0.0),
        (of(sphere, joint(1, 2, 2)), own, 0.5),
        (joint(0, 1, 2), shared, 0.0),
        (joint(0, 1, 1), pool, 0.0),
    ];
    let recipes = cases.into_iter().flat_map(|(plan, memory, weight_decay)| {
        let dense = (weight_decay > 0.0).then_some(Upload::Delta);
        let uploads = [Some(Upload::Scalars), dense].into_iter().flatten();
        uploads.map(move |upload| (memory, Recipe { upload, weight_decay, ..recipe(plan) }))
    });
    recipes.map(|(memory, recipe)| server(Trainable::Full, recipe, memory())).collect()
}

#[test]
fn rows_that_owe_their_updates_change_no_bit_of_messages_and_models() {
    for mut server in servers() {
        let what = format!("{:?}", server.recipe);
        for (round, cohort) in (0..).zip(COHORTS) {
            let when = moment(round);
            let mut sent = Vec::new();
            for &client in cohort {
                let task = server.task(when, client, Download::Dense);
                let (update, local) = task.trained(&server.global);
                let (scalars, whole) = walk(&task, &server.global);
                assert_eq!(bits(&local.values), bits(&whole.values), "client {client}: {what}");
                let (found, expected) = match &update.payload {
                    Payload::Scalars(found) => (found, scalars.clone()),
                    Payload::Dense(found) => {
                        let moves = whole.values.iter().zip(&server.global.values);
                        (found, moves.map(|(new, old)| new - old).collect())
                    }
                    other => unreachable!("{} is not sent", other.kind()),
                };
                assert_eq!(bits(found), bits(&expected), "client {client}: {what}");
                sent.push((client, scalars));
            }
            let expected = joined(&server, when, &sent);
            play(&mut server, round, cohort);
            if server.recipe.upload == Upload::Scalars {
                assert_eq!(bits(&server.global.values), bits(&expected.values), "{what}");
            }
        }
    }
}

/// The device makes its passes over all parameters, whatever the host is spared: the closed form over the whole layout.
#[test]
fn what_the_host_is_spared_is_charged_to_the_device() {
    for server in servers() {
        let task = server.task(moment(0), 1, Download::Dense);
        let work = task.workload(&server.workshop.meters.trained, &task.shapes());
        let counted = task.train(&server.global).counted;
        assert_eq!(counted.flops, work.flops(), "{:?}", server.recipe);
        assert_eq!(counted.traffic, work.traffic(), "{:?}", server.recipe);
        assert_eq!(counted.peak_memory, work.peak_memory, "{:?}", server.recipe);
        // In every step each direction's passes, and the decay's, over every element that trains.
        let (plan, layout) = (server.recipe.plan, &server.workshop.layout);
        let [lower, upper] = plan.directions();
        let perturbed =
            lower * layout.lower(plan.split).len() + upper * layout.upper(plan.split).len();
        let passes = server.recipe.local_steps * perturbed * (plan.passes() as usize + 1);
        assert!(counted.traffic.get() > 8 * passes as u64, "{:?}", server.recipe);
    }
}

/// Of the token table a client's model has the rows of its round's batches, padding's among them, and no others.
#[test]
fn a_local_model_has_the_rows_that_its_batches_touch() {
    let server = server(Trainable::Full, recipe(Plan::joint(0, 1, 1)), own());
    let (workshop, start) = (&server.workshop, &server.global);
    let (mut padded, mut common, mut single) = (0, 0, 0);
    for client in 0..5 {
        let texts = workshop.batches(client, 0, 3);
        let tokens: Vec<BTreeSet<u32>> =
            texts.iter().map(|texts| workshop.collate(texts).tokens()).collect();
        let touched: BTreeSet<u32> = tokens.iter().flatten().copied().collect();
        padded += u32::from(touched.contains(&0));
        common += tokens[0].intersection(&tokens[1]).count();
        single += tokens[0].symmetric_difference(&tokens[1]).count();
        let plan = |distribution| Plan { distribution, ..Plan::joint(0, 1, 1) };
        let open = |law| Local::open(workshop, start, plan(law), &texts);
        for law in [Distribution::Gaussian, Distribution::Rademacher] {
            let (local, batches) = open(law);
            let table = &local.layout().slots()[0];
            let rows: Vec<u32> = touched.iter().copied().collect();
            assert_eq!(table.rows.as_deref(), Some(&rows[..]));
            let absent = 40 - rows.len();
            assert!(absent > 0, "the vocabulary has 40 tokens of width 16");
            assert_eq!(local.weights.values.len(), start.values.len() - 16 * absent);
            let whole: Vec<Batch> = texts.iter().map(|texts| workshop.collate(texts)).collect();
            for (batch, whole) in batches.iter().zip(&whole) {
                let named: BTreeSet<u32> =
                    batch.tokens().iter().map(|&index| rows[index as usize]).collect();
                assert_eq!(named, whole.tokens());
            }
        }
        assert_eq!(open(Distribution::Sphere).0.weights, **start, "its length takes them all");
    }
    assert!(padded > 0 && common > 0 && single > 0, "{padded} {common} {single}");
}

#[test]
fn a_table_at_rest_has_no_rows_to_leave_out() {
    let server = server(Trainable::Layers, recipe(Plan::joint(0, 1, 1)), own());
    let texts = server.workshop.batches(0, 0, 3);
    let (local, batches) =
        Local::open(&server.workshop, &server.global, Plan::joint(0, 1, 1), &texts);
    assert_eq!(local.weights, *server.global);
    assert_eq!(batches[0], server.workshop.collate(&texts[0]));
}

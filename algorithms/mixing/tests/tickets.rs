//! What a mixer keeps, for how long, and what it draws.

use std::sync::Arc;

use super::*;
use crate::{
    protocol::Payload,
    world::{alone, bits},
};

/// Guarantee 3.
#[test]
fn a_model_of_the_past_is_kept_as_long_as_a_ticket_is_out() {
    for json in [format!(r#"{{"fedavg":{{{COMMON}}}}}"#), format!(r#"{{"mezo":{{{COMMON}}}}}"#)] {
        let mut server = server(&json);
        let first = Arc::downgrade(&server.displaced().expect("it can be").base());
        let rule = fedbuff(1.0, bounded(1));
        let mut mixer = Mixer::new(server.as_mut(), rule).expect("it can be displaced");
        // Jobs have a model of their own until they are run or dropped.
        let [one, two, three] = [0, 1, 2].map(|client| ask(&mut mixer, client).0);
        assert_eq!((mixer.outstanding(), mixer.kept()), (3, 1), "tickets of a version share it");
        let update = answered(&mut mixer, 3);
        join(&mut mixer, vec![update]);
        let (late, job) = ask(&mut mixer, 4);
        drop(job);
        assert_eq!((mixer.outstanding(), mixer.kept()), (4, 2));
        for ticket in [one, two] {
            mixer.forget(ticket);
            assert!(first.upgrade().is_some(), "somebody is still at work on it");
        }
        mixer.discard(three);
        assert!(first.upgrade().is_none(), "nobody is");
        assert_eq!((mixer.outstanding(), mixer.kept(), mixer.discarded()), (1, 1, 1));
        mixer.forget(late);
        assert_eq!((mixer.outstanding(), mixer.kept(), mixer.discarded()), (0, 0, 1));
    }
}

/// Guarantee 4. One batch of all texts tells nothing of which texts are drawn: what differs is the directions. In
/// backpropagation there are no directions: what differs is the texts.
#[test]
fn a_client_that_is_asked_again_at_one_version_has_new_draws() {
    let one_batch = r#""batch_size":6,"local_steps":1,"learning_rate":{"base":0.01}"#;
    let mut mezo = alone(&format!(r#"{{"mezo":{{{one_batch}}}}}"#));
    let mut fedavg = server(&format!(r#"{{"fedavg":{{{COMMON}}}}}"#));
    let mut shared = server(&format!(r#"{{"decomfl":{{{COMMON},"catch_up":"dense"}}}}"#));
    let mut pool = server(&format!(r#"{{"fedkseed":{{{COMMON},"catch_up":"dense"}}}}"#));
    let mut signs = server(&format!(r#"{{"signspsa":{{{COMMON}}}}}"#));
    for server in [&mut mezo, &mut fedavg, &mut shared, &mut pool, &mut signs] {
        let mut mixer = Mixer::new(server.as_mut(), fedasync(0.5, patient())).expect("displaced");
        let asked: Vec<(Ticket, Update)> = (0..3).map(|_| answered(&mut mixer, 0)).collect();
        // Moves, because a sign says little.
        let moves = asked.into_iter().map(|(ticket, update)| {
            mixer.forget(ticket);
            update
        });
        let moves: Vec<Update> = moves.collect();
        let directions = |index| Exchange { index, ..Exchange::at(0, 0) };
        let base = server.displaced().expect("it can be").base();
        let made: Vec<Vec<f64>> = (0..)
            .zip(&moves)
            .map(|(index, update)| {
                let face = server.displaced().expect("it can be");
                face.displacement(directions(index), 0, update, &base).expect("well formed")
            })
            .collect();
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            let cosine = dot(&made[a], &made[b])
                / (dot(&made[a], &made[a]) * dot(&made[b], &made[b])).sqrt();
            assert!(cosine.abs() < 0.999, "asked {a} and {b} times before: {cosine}");
        }
    }
}

/// The first draws at a version are those of the round of its number.
#[test]
fn draws_are_numbered_apart() {
    let all = (0..50)
        .flat_map(|round| (0..50).map(move |index| Exchange { index, ..Exchange::at(round, 0) }));
    let mut numbers: Vec<u64> = all.map(Exchange::draws).collect();
    assert!((0..50).all(|round| Exchange::at(round, 0).draws() == round));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 2500);
}

/// Counted from every version anew, by client; the version is what schedules see, whoever is asked how often.
#[test]
fn draws_are_counted_by_version_and_client() {
    let json = r#"{"signspsa":{"batch_size":4,"local_steps":1,"learning_rate":{"base":0.5,
        "schedule":{"linear":{"rounds":3,"final_fraction":0.5}}}}}"#;
    let (mut mixed, mut rounds) = (server(json), server(json));
    let mut mixer = Mixer::new(mixed.as_mut(), fedbuff(1.0, patient())).expect("displaced");
    for version in 0..3 {
        let [_, again, other] = [0, 0, 1].map(|client| answered(&mut mixer, client));
        // Client 1 was never asked before at this version: its draws are the round's.
        let synchronous = (rounds.assign(Exchange::at(version, 0), 1, &Spare).job)();
        assert_eq!(other.1.payload, synchronous.payload, "version {version}");
        let before = mixer.server().weights().values.clone();
        join(&mut mixer, vec![again]);
        // A step along a standard normal direction is as long as the rate, as a root mean square.
        let after = &mixer.server().weights().values;
        let square = after.iter().zip(&before).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let length = (square / after.len() as f64).sqrt();
        let rate = 0.5 * (1.0 - 0.25 * version as f64);
        assert!((length / rate - 1.0).abs() < 0.05, "version {version}: {length}, not {rate}");
        let weights = mixer.server().weights().clone();
        rounds.movable().expect("it is").move_to(&weights);
    }
}

/// Guarantee 5, for an update that is found outdated on joining, alone and among others.
#[test]
fn what_is_discarded_moves_nothing() {
    for json in displaced() {
        for rule in [fedasync(0.5, bounded(1)), fedbuff(0.5, bounded(1))] {
            let (mut with, mut without) = (server(&json), server(&json));
            let mut mixers = [&mut with, &mut without]
                .map(|server| Mixer::new(server.as_mut(), rule).expect("it can be displaced"));
            let mut late = Vec::new();
            for mixer in &mut mixers {
                let [two, one] = [0, 1].map(|client| answered(mixer, client));
                late.push(vec![two, one]);
                for client in [2, 3] {
                    let update = answered(mixer, client);
                    assert!(!mixer.is_outdated(late.last().expect("just pushed")[0].0));
                    join(mixer, vec![update]);
                }
            }
            let [with, without] = &mut mixers;
            let before = bits(&with.server().weights().values);
            let gone = late.swap_remove(0);
            assert!(with.is_outdated(gone[0].0) && with.staleness(gone[0].0) == 2);
            let joined = join(with, gone);
            assert_eq!((joined.version, joined.discarded(), with.discarded()), (2, 2, 2));
            assert!(joined.contributions.iter().all(|one| one.weight.is_none()));
            assert!(bits(&with.server().weights().values) == before, "{json} {rule:?}");
            // K is how many count.
            let fresh = [&mut *with, &mut *without].map(|mixer| answered(mixer, 4));
            let [a, b] = fresh;
            join(with, vec![a]);
            let mut mixed = late.swap_remove(0);
            mixed.insert(1, b);
            assert_eq!(join(without, mixed).discarded(), 2);
            let [a, b] = [&*with, &*without].map(|mixer| bits(&mixer.server().weights().values));
            assert!(a == b && a != before, "{json} {rule:?}");
        }
    }
}

#[test]
fn a_payload_of_another_kind_is_refused() {
    let mut server = server(&format!(r#"{{"fedavg":{{{COMMON}}}}}"#));
    let mut mixer = Mixer::new(server.as_mut(), fedbuff(1.0, patient())).expect("displaced");
    let (ticket, update) = answered(&mut mixer, 3);
    let payload = Payload::Scalars(vec![0.0; 2]);
    let error = mixer.join(Progress::START, vec![(ticket, Update { payload, ..update })]);
    let text = error.expect_err("dense weights were due").to_string();
    assert!(text.contains("client 3 sent scalars"), "{text}");
}

#[test]
#[should_panic(expected = "neither joined nor forgotten")]
fn a_ticket_is_good_for_one_update() {
    let mut server = server(&format!(r#"{{"fedavg":{{{COMMON}}}}}"#));
    let mut mixer = Mixer::new(server.as_mut(), fedbuff(1.0, patient())).expect("displaced");
    let (ticket, update) = answered(&mut mixer, 3);
    join(&mut mixer, vec![(ticket, update.clone())]);
    mixer.join(Progress::START, vec![(ticket, update)]).ok();
}

//! What joins without rounds have in common with synchronous ones.

use std::sync::Arc;

use super::*;
use crate::{protocol::Payload, world::bits};

/// Guarantee 2, and so the draws of a client that is asked for the first time at a version, and the server's optimiser
/// and momentum. Of ZOWarmUp two versions of each phase.
#[test]
fn one_fresh_update_is_a_synchronous_cohort_of_one_to_the_bit() {
    for json in displaced() {
        for rule in [fedasync(1.0, patient()), fedbuff(1.0, patient())] {
            let (mut alone, mut synchronous) = (server(&json), server(&json));
            let mut mixer = Mixer::new(alone.as_mut(), rule).expect("it can be displaced");
            for (version, client) in (0..).zip([3, 0, 3, 1]) {
                let update = answered(&mut mixer, client);
                let joined = join(&mut mixer, vec![update]);
                assert_eq!((joined.version, mixer.version()), (version + 1, version + 1));
                let before = bits(&synchronous.weights().values);
                let expected = bits(&round(synchronous.as_mut(), version, &[client]));
                assert_ne!(before, expected, "{json}: the client moved");
                let found = &mixer.server().weights().values;
                assert!(bits(found) == expected, "{json} {rule:?}, version {version}");
            }
        }
    }
}

/// K fresh updates at η_g = 1: the synchronous join of as many clients, who count alike. A server that averages dense
/// vectors sums the same numbers less a common one, so that what is left is a rounding of 64 bits: the same f32, or its
/// neighbour. One that replays scalars moves its model direction by direction in 32 bits, and here client by client: a few
/// roundings of the largest parameters.
#[test]
fn a_buffer_of_fresh_updates_is_a_synchronous_cohort() {
    for json in displaced() {
        let (mut buffered, mut synchronous) = (server(&json), server(&json));
        let start = synchronous.weights().values.clone();
        let mut mixer = Mixer::new(buffered.as_mut(), fedbuff(1.0, patient())).expect("displaced");
        let cohort = [4, 0, 2];
        let updates: Vec<_> = cohort.iter().map(|&client| answered(&mut mixer, client)).collect();
        let dense = !matches!(updates[0].1.payload, Payload::Scalars(_) | Payload::Signs(_));
        let dense = dense && !json.contains("q8");
        join(&mut mixer, updates);
        let expected = round(synchronous.as_mut(), 0, &cohort);
        let found = &mixer.server().weights().values;
        let largest = start.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let mut farthest = 0.0_f32;
        for ((&found, &expected), start) in found.iter().zip(&expected).zip(&start) {
            let size = if dense { expected.abs() } else { 4.0 * largest };
            let off = (found - expected).abs();
            assert!(off <= f32::EPSILON * size, "{json}: {found} {expected}");
            farthest = farthest.max((expected - start).abs());
        }
        assert!(farthest > 100.0 * f32::EPSILON * largest, "{json}: {farthest}");
    }
}

/// What a client uploads says what it made of its start, in whichever form it is sent: to the bit what the synchronous
/// server moves by for it alone; also at a model that has moved on, and when the client is asked again.
#[test]
fn displacements_of_scalars_are_those_of_deltas_and_of_the_synchronous_join() {
    let mezo = |more: &str| format!(r#"{{"mezo":{{{COMMON},"perturbations":3{more}}}}}"#);
    for of in [mezo as fn(&str) -> String, fedspzo] {
        let forms = ["", r#","upload":"delta""#].map(of);
        for index in [0, 2] {
            let exchange = Exchange { index, ..Exchange::at(0, 0) };
            let found = forms.each_ref().map(|json| {
                let mut server = server(json);
                let update = (server.assign(exchange, 1, &Spare).job)();
                let base = server.displaced().expect("it can be").base();
                round(server.as_mut(), 0, &[2]);
                let face = server.displaced().expect("it can be");
                face.displacement(exchange, 1, &update, &base).expect("well formed")
            });
            let rounded = found.each_ref().map(|d| d.iter().map(|&d| d as f32).collect::<Vec<_>>());
            assert!(bits(&rounded[0]) == bits(&rounded[1]), "asked again {index} times");
            let (_, synchronous) = lone_move(&forms[0], 1);
            assert_eq!(
                found[0] == synchronous,
                index == 0,
                "draws of the round's own are the first"
            );
        }
    }
}

/// A client is asked at version 0, and joined at version 2: the model moves by what it would have moved by then, times
/// what the rule says; not by what it would make of the model that is there now.
#[test]
fn a_stale_update_moves_the_model_by_what_its_client_made() {
    let (weight, rate) = (1.0 / 3.0_f64.sqrt(), 0.5);
    let staleness = Staleness { discount: polynomial(0.5), bound: Some(2) };
    for json in adding() {
        let (_, made) = lone_move(&json, 1);
        for rule in [fedbuff(rate, staleness), fedasync(rate, staleness)] {
            let mut server = server(&json);
            let mut mixer = Mixer::new(server.as_mut(), rule).expect("it can be displaced");
            let base = mixer.server().weights().values.clone();
            let (late, job) = ask(&mut mixer, 1);
            for client in [0, 3] {
                let update = answered(&mut mixer, client);
                join(&mut mixer, vec![update]);
            }
            let before = mixer.server().weights().values.clone();
            let joined = join(&mut mixer, vec![(late, job())]);
            let [contribution] = joined.contributions[..] else { panic!("one") };
            assert_eq!((contribution.client, contribution.staleness), (1, 2));
            for (i, &after) in mixer.server().weights().values.iter().enumerate() {
                let (x, y) = (f64::from(before[i]), f64::from(base[i]) + made[i]);
                let expected = match rule {
                    Rule::FedBuff(_) => x + rate * weight * made[i],
                    Rule::FedAsync(_) => (1.0 - rate * weight) * x + rate * weight * y,
                };
                let off = (f64::from(after) - expected).abs();
                // `made` is of a synchronous server's model, which was rounded too.
                let size = expected.abs() + y.abs();
                let exact = off <= f64::from(f32::EPSILON) * size;
                assert!(exact, "{json} {rule:?}: {after} {expected}");
            }
        }
    }
}

/// x + η_g / K sum_i s(τ_i) Δ_i, of updates that are 2, 1 and 0 versions old, the stalest a client's that is asked twice.
#[test]
fn a_buffer_weighs_each_update_by_its_own_staleness() {
    let json = format!(r#"{{"fedavg":{{{COMMON}}}}}"#);
    let (mut server, mut shadow) = (server(&json), server(&json));
    let mut mixer = Mixer::new(server.as_mut(), fedbuff(0.75, FedBuff::default().staleness))
        .expect("FedAvg can be displaced");
    let (mut buffer, mut made) = (Vec::new(), Vec::new());
    // The same clients at the same versions, seen through a server of rounds.
    for (version, (client, joined)) in (0..).zip([(2, 0), (4, 1), (2, 3)]) {
        buffer.push(answered(&mut mixer, client));
        let update = (shadow.assign(Exchange::at(version, 0), client, &Spare).job)();
        let Payload::Dense(end) = update.payload else { panic!("weights") };
        let start = &shadow.weights().values;
        made.push(end.iter().zip(start).map(|(&y, &x)| f64::from(y - x)).collect::<Vec<_>>());
        if version < 2 {
            let update = answered(&mut mixer, joined);
            join(&mut mixer, vec![update]);
            let weights = mixer.server().weights().clone();
            shadow.movable().expect("FedAvg").move_to(&weights);
        }
    }
    let before = mixer.server().weights().values.clone();
    let joined = join(&mut mixer, buffer);
    let stale: Vec<u64> = joined.contributions.iter().map(|one| one.staleness).collect();
    assert_eq!((joined.version, stale), (3, vec![2, 1, 0]));
    let weights = [1.0 / 3.0_f64.sqrt(), 1.0 / 2.0_f64.sqrt(), 1.0];
    for (i, &after) in mixer.server().weights().values.iter().enumerate() {
        let sum: f64 = made.iter().zip(weights).map(|(d, s)| s * d[i]).sum();
        let expected = f64::from(before[i]) + 0.75 / 3.0 * sum;
        assert!((f64::from(after) - expected).abs() < 1e-7, "{i}: {after} {expected}");
    }
}

/// The download is the whole model at every version, and devices keep no copy to replay on.
#[test]
fn clients_download_the_model_whatever_could_be_replayed_in_rounds() {
    let of = |catch_up: &str| format!(r#"{{"mezo":{{{COMMON},"catch_up":"{catch_up}"}}}}"#);
    let mut works = Vec::new();
    for json in ["fastest", "fewest_bytes", "dense"].map(of) {
        let mut server = server(&json);
        let synchronous = server.assign(Exchange::at(0, 0), 1, &Spare).workload;
        let len = server.weights().values.len();
        assert_eq!(synchronous.download == Payload::size(len), json.contains("dense"), "{json}");
        let mut mixer = Mixer::new(server.as_mut(), fedbuff(1.0, patient())).expect("displaced");
        for _ in 0..3 {
            let work = mixer.preview(1, Progress::START, &Spare);
            assert_eq!(work.download, Payload::size(len), "{json}");
            let (ticket, assignment) = mixer.dispatch(1, Progress::START, &Spare);
            assert_eq!(assignment.workload, work, "a preview is what is asked");
            works.push(work);
            join(&mut mixer, vec![(ticket, (assignment.job)())]);
        }
    }
    assert_eq!(works[..3], works[3..6]);
    assert_eq!(works[..3], works[6..]);
}

/// A model that is not finite is refused, and the last one stays.
#[test]
fn a_movement_that_is_not_finite_is_refused() {
    let mut server = server(&format!(r#"{{"mezo":{{{COMMON}}}}}"#));
    let before = Arc::new(server.weights().clone());
    let mut mixer = Mixer::new(server.as_mut(), fedasync(0.5, patient())).expect("displaced");
    let (ticket, update) = answered(&mut mixer, 0);
    let payload = Payload::Scalars(vec![f32::NAN; 2]);
    let error = mixer.join(Progress::START, vec![(ticket, Update { payload, ..update })]);
    assert!(error.expect_err("not a number").to_string().contains("round 0"));
    assert_eq!((mixer.version(), mixer.server().weights()), (0, &*before));
}

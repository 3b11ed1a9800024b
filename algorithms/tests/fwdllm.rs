//! FwdLLM's pacing: retries, further mini-batches, caps, and what they download.

use fleetune_algorithms::protocol::{Exchange, Payload, ProtocolError, Server, Verdict};
use fleetune_models::batch::Padding;
use fleetune_units::Bytes;

use crate::world::{Spare, algorithm, bits, exchange, setup};

fn server(settings: &str) -> Box<dyn Server> {
    let json =
        format!(r#"{{"fwdllm":{{"batch_size":4,{settings}"learning_rate":{{"base":0.01}}}}}}"#);
    algorithm(&json).server(setup(2, Padding::Fixed, 6))
}

/// Per exchange of a round: what was downloaded, whether the model moved, the verdict.
fn course(server: &mut dyn Server, round: u64) -> Vec<(Bytes, bool, Verdict)> {
    let mut course = Vec::new();
    for index in 0..100 {
        let now = Exchange::at(round, index);
        let download = server.assign(now, 2, &Spare).workload.download;
        let before = bits(&server.weights().values);
        let (_, verdict) = exchange(server, now, &[2, 0, 4]);
        course.push((download, bits(&server.weights().values) != before, verdict));
        if verdict == Verdict::RoundOver {
            return course;
        }
    }
    panic!("a hundred exchanges are no round");
}

#[test]
fn capped_retries_and_further_batches_follow_each_other_as_configured() {
    let settings =
        r#""batches_per_round":2,"retry_cap":2,"variance_threshold":1e-30,"candidates":1,"#;
    let mut server = server(settings);
    let (dense, header) = (Payload::size(server.weights().layout.len()), Payload::size(0));
    let batch = |last| {
        [
            (dense, false, Verdict::SameCohort),
            (header, false, Verdict::SameCohort),
            (header, true, last),
        ]
    };
    for round in 0..2 {
        let expected = [batch(Verdict::SameCohort), batch(Verdict::RoundOver)].concat();
        assert_eq!(course(server.as_mut(), round), expected, "round {round}");
    }
}

#[test]
fn every_other_step_is_guided_and_downloads_its_reference() {
    let mut server = server("");
    let dense = Payload::size(server.weights().layout.len());
    for round in 0..4 {
        let download = if round % 2 == 0 { dense } else { dense + dense };
        assert_eq!(course(server.as_mut(), round), [(download, true, Verdict::RoundOver)]);
    }
}

#[test]
fn a_guided_retry_downloads_no_more_than_a_plain_one() {
    let mut server = server(r#""retry_cap":1,"variance_threshold":1e-30,"#);
    course(server.as_mut(), 0);
    let guided = course(server.as_mut(), 1);
    let dense = Payload::size(server.weights().layout.len());
    assert_eq!(guided[0], (dense + dense, false, Verdict::SameCohort));
    assert_eq!(guided[1], (Payload::size(0), true, Verdict::RoundOver));
}

#[test]
fn a_generous_threshold_never_waits() {
    let mut server = server(r#""variance_threshold":1e30,"#);
    assert_eq!(course(server.as_mut(), 0).len(), 1);
    // But one gradient says nothing of its variance.
    let now = Exchange::at(1, 0);
    assert_eq!(exchange(server.as_mut(), now, &[1]).1, Verdict::SameCohort);
    let next = Exchange::at(1, 1);
    assert_eq!(exchange(server.as_mut(), next, &[1]).1, Verdict::RoundOver);
}

#[test]
fn retries_are_averaged_into_one_step() {
    let mut server = server(r#""retry_cap":1,"variance_threshold":1e-30,"candidates":1,"#);
    let start = server.weights().values.clone();
    let mut gradients = Vec::new();
    for index in 0..2 {
        let (updates, _) = exchange(server.as_mut(), Exchange::at(0, index), &[1, 3]);
        for update in updates {
            let Payload::Dense(values) = update.payload else { panic!("gradients are dense") };
            gradients.push(values);
        }
    }
    assert_eq!(gradients.len(), 4);
    for (i, (&new, &old)) in server.weights().values.iter().zip(&start).enumerate() {
        let mean = gradients.iter().map(|g| f64::from(g[i])).sum::<f64>() / 4.0;
        let expected = f64::from(old) - 0.01 * mean;
        assert!(
            (f64::from(new) - expected).abs() <= 1e-7 * expected.abs().max(1e-3),
            "element {i}"
        );
    }
}

#[test]
fn updates_of_another_length_or_none_leave_the_model_alone() {
    let mut server = server("");
    let now = Exchange::at(0, 0);
    let before = server.weights().clone();
    let mut update = (server.assign(now, 1, &Spare).job)();
    update.payload = Payload::Dense(vec![1.0; 3]);
    let error = server.aggregate(now, vec![(1, update)]).expect_err("three values");
    assert!(matches!(error, ProtocolError::WrongLength { client: 1, found: 3, .. }), "{error}");
    assert_eq!(server.aggregate(now, Vec::new()).expect("nobody"), Verdict::RoundOver);
    assert_eq!(server.weights(), &before);
}

//! FwdLLM's sampling and pacing, seen through what the federation sees.

use std::ops::Range;

use fleetune_algorithms::{
    fwdllm::half_variance,
    protocol::{Exchange, Payload, ProtocolError, Server, Update, Verdict},
    wire::Choices,
};
use fleetune_models::{batch::Padding, parameters::Layout};
use fleetune_units::Bytes;

use crate::world::{Spare, algorithm, alone, bits, exchange, setup, slope};

const PUBLISHED: &str = r#""form":{"as_published":{}},"#;
const DEPLOYABLE: &str = r#""form":{"deployable":{}},"#;
/// Each, capped at two retries.
const CAPPED: [&str; 2] = [
    r#""form":{"as_published":{"retry_cap":2}},"variance_threshold":1e-30,"#,
    r#""form":{"deployable":{"retry_cap":2}},"variance_threshold":1e-30,"#,
];

fn server(settings: &str) -> Box<dyn Server> {
    let json =
        format!(r#"{{"fwdllm":{{"batch_size":4,{settings}"learning_rate":{{"base":0.01}}}}}}"#);
    algorithm(&json).server(setup(2, Padding::Fixed, 6))
}

/// Bytes of the model and of a header; of the numbers of chosen candidates.
fn sizes(server: &dyn Server) -> [Bytes; 3] {
    let layout = &server.weights().layout;
    [Payload::size(layout.len()), Payload::size(0), Choices::size(layout.slots().len())]
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
    for capped in CAPPED {
        let mut server = server(&format!(r#"{capped}"batches_per_round":2,"candidates":1,"#));
        let [dense, header, _] = sizes(server.as_ref());
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
}

/// The default cap of the deployable form; the published form goes on and on.
#[test]
fn retries_end_after_three_or_never() {
    let exchanges = |form: &str| {
        let mut server = server(&format!(r#"{form}"variance_threshold":1e-30,"#));
        (0..20)
            .take_while(|&index| {
                let now = Exchange::at(0, index);
                exchange(server.as_mut(), now, &[1, 2]).1 == Verdict::SameCohort
            })
            .count()
    };
    assert_eq!(exchanges(DEPLOYABLE), 3);
    assert_eq!(exchanges(PUBLISHED), 20);
}

/// Which of the steps of rounds of `batches` mini-batches are guided: by what is downloaded, and by whether the
/// directions differ from those of a server that never guides.
fn guided(form: &str, batches: u32, rounds: u64) -> Vec<bool> {
    let mut server = server(&format!(r#"{form}"batches_per_round":{batches},"#));
    let [dense, ..] = sizes(server.as_ref());
    (0..rounds)
        .flat_map(|round| course(server.as_mut(), round))
        .map(|(download, moved, _)| {
            assert!(moved);
            download != dense
        })
        .collect()
}

/// The published code guides the step that follows the first, third, ... of a round, even if that is the next round's.
#[test]
fn guided_and_unguided_steps_alternate() {
    let (yes, no) = (true, false);
    assert_eq!(guided(PUBLISHED, 2, 3), [no, yes, no, yes, no, yes]);
    assert_eq!(guided(PUBLISHED, 3, 3), [no, yes, no, yes, yes, no, yes, yes, no]);
    assert_eq!(guided(PUBLISHED, 1, 4), [no, yes, yes, yes]);
    assert_eq!(guided(DEPLOYABLE, 2, 2), [no, yes, no, yes]);
    assert_eq!(guided(DEPLOYABLE, 3, 2), [no, yes, no, yes, no, yes]);
    assert_eq!(guided(DEPLOYABLE, 1, 4), [no, yes, no, yes]);
    for form in [PUBLISHED, DEPLOYABLE] {
        assert_eq!(guided(&format!(r#"{form}"candidates":1,"#), 2, 2), [no; 4]);
    }
}

/// One number a tensor comes down where the server ranks, the whole reference where the device does; once.
#[test]
fn what_guides_is_downloaded_with_the_model() {
    for (form, published) in CAPPED.into_iter().zip([true, false]) {
        let mut server = server(&format!(r#"{form}"batches_per_round":2,"#));
        let [dense, header, choices] = sizes(server.as_ref());
        let downloads: Vec<_> = course(server.as_mut(), 0).iter().map(|c| c.0).collect();
        let again = if published { choices } else { header };
        let guide = if published { choices } else { dense };
        assert_eq!(downloads, [dense, header, header, dense + guide, again, again]);
    }
}

#[test]
fn a_generous_threshold_never_waits() {
    for form in [PUBLISHED, DEPLOYABLE] {
        let mut server = server(&format!(r#"{form}"variance_threshold":1e30,"#));
        for round in 0..3 {
            assert_eq!(course(server.as_mut(), round).len(), 1);
        }
        // But one gradient says nothing of its variance.
        let now = Exchange::at(3, 0);
        assert_eq!(exchange(server.as_mut(), now, &[1]).1, Verdict::SameCohort);
        let next = Exchange::at(3, 1);
        assert_eq!(exchange(server.as_mut(), next, &[1]).1, Verdict::RoundOver);
    }
}

fn dense(update: &Update) -> &[f32] {
    let Payload::Dense(values) = &update.payload else { panic!("gradients are dense") };
    values
}

#[test]
fn retries_are_averaged_into_one_step() {
    let mut server = server(
        r#""form":{"deployable":{"retry_cap":1}},"variance_threshold":1e-30,"candidates":1,"#,
    );
    let start = server.weights().values.clone();
    let mut gradients = Vec::new();
    for index in 0..2 {
        let (updates, _) = exchange(server.as_mut(), Exchange::at(0, index), &[1, 3]);
        gradients.extend(updates.iter().map(|update| dense(update).to_vec()));
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

/// The global models after every exchange of six rounds, with what was charged and sent.
fn history(settings: &str) -> Vec<(Vec<u32>, Verdict)> {
    let mut server = server(settings);
    let mut history = Vec::new();
    for round in 0..6 {
        for index in 0.. {
            let now = Exchange::at(round, index);
            let cohort: &[u32] = if round % 2 == 0 { &[3, 1, 0, 4] } else { &[2, 4, 1] };
            let (_, verdict) = exchange(server.as_mut(), now, cohort);
            history.push((bits(&server.weights().values), verdict));
            if verdict == Verdict::RoundOver {
                break;
            }
        }
    }
    history
}

#[test]
fn one_scalar_makes_the_same_model_as_a_dense_gradient() {
    for more in ["", r#""batches_per_round":2,"variance_threshold":0.05,"#] {
        let [gradient, scalars] = ["gradient", "scalars"].map(|upload| {
            history(&format!(
                r#""form":{{"deployable":{{"retry_cap":2,"upload":"{upload}"}}}},{more}"#
            ))
        });
        assert!(gradient == scalars, "{more}");
        let retried = gradient.iter().filter(|(_, verdict)| *verdict == Verdict::SameCohort);
        assert_eq!(retried.count() > 0, !more.is_empty());
    }
    // A header of 24 bytes and one float.
    let server = server(r#""form":{"deployable":{"upload":"scalars"}},"#);
    let now = Exchange::at(0, 0);
    assert_eq!(server.assign(now, 0, &Spare).workload.upload, Bytes::new(28));
}

/// With one candidate there is nothing to choose: both forms sample as in the steps that nothing guides.
#[test]
fn one_candidate_is_plain_sampling() {
    let one = |form: &str| history(&format!(r#"{form}"candidates":1,"batches_per_round":2,"#));
    let (published, deployable) = (one(PUBLISHED), one(DEPLOYABLE));
    assert!(published == deployable);
    for form in [PUBLISHED, DEPLOYABLE] {
        let ten = history(&format!(r#"{form}"batches_per_round":2,"#));
        assert!(ten[0] == published[0], "the first step is not guided");
        assert!(ten[1] != published[1], "the second is");
    }
}

/// As published, the halves of the statistic are those of the cohort's order, whoever arrives first: a threshold between
/// what the two orders give tells them apart.
#[test]
fn the_halves_are_those_of_the_cohorts_order() {
    let (now, cohort, arrival) = (Exchange::at(0, 0), [3, 1, 0, 4], [1, 3, 0, 2]);
    let send = |server: &mut dyn Server| {
        server.convene(now, &cohort);
        cohort.map(|client| (client, (server.assign(now, client, &Spare).job)()))
    };
    let mut free = server("");
    let sent = send(free.as_mut());
    let watched = watched(&free.weights().layout);
    let statistic = |order: [usize; 4]| {
        let slices = order.map(|i| &dense(&sent[i].1)[watched.clone()]);
        half_variance(&slices).expect("two gradients or more")
    };
    let (expected, wrong) = (statistic([0, 1, 2, 3]), statistic(arrival));
    assert!((expected - wrong).abs() > 0.1 * expected, "{expected} {wrong}");
    let threshold = (expected + wrong) / 2.0;
    for form in [PUBLISHED, DEPLOYABLE] {
        let mut server = server(&format!(r#"{form}"variance_threshold":{threshold},"#));
        let sent = send(server.as_mut());
        let verdict = server.aggregate(now, arrival.map(|i| sent[i].clone()).into());
        let steps = verdict.expect("finite") == Verdict::RoundOver;
        assert_eq!(steps, expected <= threshold, "{form}");
    }
}

/// Real forward gradients at one model, on one batch, along ever new directions. For Gaussian v the covariance of
/// (v ∇) v is |∇|² I + ∇∇ᵀ, so the statistic of n of them on a tensor w of d elements has the expectation
/// 2/n (|∇|² + |∇_w|² / d); ∇ by backpropagation. To five standard errors (6e-7 two-sided), which are held below 10 %;
/// the finite difference adds less than 1 %.
#[test]
fn the_statistic_of_forward_gradients_is_what_their_variance_says() {
    let server =
        alone(r#"{"fwdllm":{"batch_size":6,"epsilon":0.003,"learning_rate":{"base":0.01}}}"#);
    let gradient = slope(server.as_ref(), &server.weights().values);
    let watched = watched(&server.weights().layout);
    let squares = |g: &[f32]| g.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
    let variance = squares(&gradient) + squares(&gradient[watched.clone()]) / watched.len() as f64;
    let draws: Vec<Vec<f32>> = (0..8192)
        .map(|index| {
            let update = (server.assign(Exchange::at(0, index), 0, &Spare).job)();
            dense(&update)[watched.clone()].to_vec()
        })
        .collect();
    for n in [2, 4, 8] {
        let values: Vec<f64> = draws
            .chunks_exact(n)
            .map(|group| {
                let group: Vec<&[f32]> = group.iter().map(Vec::as_slice).collect();
                half_variance(&group).expect("two gradients or more")
            })
            .collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let error = (spread / count).sqrt();
        let expected = 2.0 / n as f64 * variance;
        assert!(error < 0.02 * expected, "{n}: ± {error}");
        assert!(
            (mean - expected).abs() < 5.0 * error + 0.01 * expected,
            "{n}: {mean} ± {error}, expected {expected}"
        );
    }
}

/// The bias of the first layer's attention output.
fn watched(layout: &Layout) -> Range<usize> {
    layout.slot("encoder.blocks.0.output.bias").expect("biases train").range.clone()
}

#[test]
fn updates_of_another_length_or_none_leave_the_model_alone() {
    for (form, wrong, found) in [
        (PUBLISHED, Payload::Dense(vec![1.0; 3]), 3),
        (r#""form":{"deployable":{"upload":"scalars"}},"#, Payload::Scalars(vec![1.0; 2]), 2),
    ] {
        let mut server = server(form);
        let now = Exchange::at(0, 0);
        let before = server.weights().clone();
        let mut update = (server.assign(now, 1, &Spare).job)();
        update.payload = wrong;
        let error = server.aggregate(now, vec![(1, update)]).expect_err("of another length");
        let expected =
            matches!(error, ProtocolError::WrongLength { client: 1, found: f, .. } if f == found);
        assert!(expected, "{error}");
        assert_eq!(server.aggregate(now, Vec::new()).expect("nobody"), Verdict::RoundOver);
        assert_eq!(server.weights(), &before);
    }
}

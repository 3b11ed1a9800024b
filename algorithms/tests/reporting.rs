//! Reports of losses: what they say, what they cost, and that they change nothing else.

use fleetune_algorithms::{
    protocol::{Exchange, Losses, Payload, Server, Verdict},
    reporting::reporting,
    wire::Report,
};
use fleetune_models::{
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    evaluate::cross_entropies,
    ledger::Ledger,
};
use fleetune_units::Bytes;

use crate::{
    accounting::{charged, configurations},
    world::{CLIENTS, HORIZON, LENGTH, Spare, algorithm, bits, exchange, setup, texts},
};

/// Every algorithm whose clients can report, in a small world.
fn reporters() -> impl Iterator<Item = String> {
    configurations().into_iter().filter(|json| algorithm(json).silence().is_none())
}

#[test]
fn all_can_report_whose_clients_see_the_head() {
    let silent = |json: &String| algorithm(json).silence().is_some();
    assert!(configurations().iter().all(|json| silent(json) == json.contains("fedsllm")));
}

/// Four bytes more, in the plan, in the charge, in the count and on the wire.
#[test]
fn a_report_costs_its_four_bytes_and_nothing_else() {
    for json in reporters() {
        let plain = algorithm(&json).server(setup(3, Padding::Fixed, 4));
        let server = reporting(algorithm(&json).server(setup(3, Padding::Fixed, 4)));
        let first = Exchange::at(0, 0);
        for client in 0..CLIENTS {
            let [without, with] = [&plain, &server].map(|s| s.assign(first, client, &Spare));
            assert_eq!(with.workload.upload, without.workload.upload + Bytes::new(4), "{json}");
            let mut same = with.workload.clone();
            same.upload = without.workload.upload;
            assert_eq!(same, without.workload, "{json}");
            let [mut bare, planned] =
                [&plain, &server].map(|s| s.forecast(client, &Spare, HORIZON));
            bare.iter_mut().for_each(|work| work.upload += Report::SIZE);
            assert_eq!(bare, planned, "{json}");
            let assigned = charged(&with.workload);
            let [without, with] = [without, with].map(|assignment| (assignment.job)());
            assert_eq!(with.counted, assigned, "{json}");
            let message = with.payload.encode(first.round);
            assert_eq!(Bytes::new(message.len() as u64), assigned.upload, "{json}");
            let (update, report) = Report::split(&message).expect("a report");
            assert_eq!(Payload::decode(update), Some((0, without.payload)), "{json}");
            assert_eq!(report.utility(), without.losses.utility(), "{json}");
            assert!(report.utility() > 0.0, "{json}");
        }
    }
}

/// The server learns what it would have learnt, and hears of each client once.
#[test]
fn reports_change_nothing_that_is_learnt() {
    for json in reporters().step_by(3) {
        let mut plain = algorithm(&json).server(setup(3, Padding::Longest, 4));
        let mut server = reporting(algorithm(&json).server(setup(3, Padding::Longest, 4)));
        let mut now = Exchange::at(0, 0);
        for _ in 0..4 {
            let (updates, verdict) = exchange(plain.as_mut(), now, &[3, 1]);
            assert_eq!(exchange(server.as_mut(), now, &[3, 1]).1, verdict, "{json}");
            let told = [1, 0].map(|place| updates[place].losses.utility());
            assert_eq!(server.take_reports(), [(1, told[0]), (3, told[1])], "{json}");
            assert!(server.take_reports().is_empty() && plain.take_reports().is_empty());
            let [left, right] = [&plain, &server].map(|s| bits(&s.weights().values));
            assert!(left == right, "{json}");
            now = match verdict {
                Verdict::SameCohort => Exchange { index: now.index + 1, ..now },
                Verdict::RoundOver => Exchange::at(now.round + 1, 0),
            };
        }
        let bare = vec![(1, (plain.assign(now, 1, &Spare).job)())];
        let error = server.aggregate(now, bare).expect_err("nothing is reported");
        assert!(error.to_string().contains("an update with a report"), "{error}");
    }
}

/// Losses of a client's texts at the server's model, whatever is trained.
fn losses(server: &dyn Server, shard: std::ops::Range<usize>) -> Vec<f64> {
    let all = texts(60, 100);
    let batch: Vec<&Encoded> = all[shard].iter().collect();
    let batch = Batch::collate(&batch, LENGTH, Padding::Longest);
    let on_device = batch.to_device(&Backend::Flex.device());
    cross_entropies(server.model().forward(&on_device, &mut Ledger::new()), &batch.labels)
}

/// `|B| sqrt(1/|B| Σ loss²)` over the texts that were trained on. Client 1 has nine: with a batch of them it sees each
/// once in a step, and each twice in two steps, at a model that has hardly moved.
#[test]
fn what_is_reported_is_oorts_statistical_utility() {
    let common = r#""batch_size":9,"learning_rate":{"base":1e-9}"#;
    let kinds = [
        format!(r#"{{"fedavg":{{{common},"local_steps":1}}}}"#),
        format!(r#"{{"fedavg":{{{common},"local_steps":2}}}}"#),
        format!(r#"{{"scaffold":{{{common},"local_steps":1}}}}"#),
        format!(r#"{{"mezo":{{{common},"local_steps":2,"epsilon":1e-4}}}}"#),
        format!(
            r#"{{"mezo":{{{common},"local_steps":1,"epsilon":1e-4,"difference":"one_sided"}}}}"#
        ),
        format!(
            r#"{{"fedspzo":{{{common},"local_steps":1,"epsilon":1e-4,"split":1,"perturbations":{{"lower":2,"upper":3}}}}}}"#
        ),
        format!(r#"{{"signspsa":{{{common},"local_steps":1,"epsilon":1e-4}}}}"#),
        format!(r#"{{"fwdllm":{{{common},"train":"bitfit","epsilon":1e-4}}}}"#),
    ];
    for json in kinds {
        let server = algorithm(&json).server(setup(2, Padding::Longest, 4));
        let losses = losses(server.as_ref(), 6..15);
        assert_eq!(losses.len(), 9);
        let squares: f64 = losses.iter().map(|loss| loss * loss).sum();
        let expected = 9.0 * (squares / 9.0).sqrt();
        let found = (server.assign(Exchange::at(0, 0), 1, &Spare).job)().losses;
        assert_eq!(found.texts, 9, "{json}");
        let off = (f64::from(found.utility()) / expected - 1.0).abs();
        assert!(off < 1e-3, "{json}: {found:?}, expected {expected}");
    }
    // Of fewer texts than it has, those it trained on.
    let json = r#"{"fedavg":{"batch_size":2,"local_steps":3,"learning_rate":{"base":1e-9}}}"#;
    let server = algorithm(json).server(setup(2, Padding::Longest, 4));
    assert_eq!((server.assign(Exchange::at(0, 0), 4, &Spare).job)().losses.texts, 6);
    assert_eq!(Losses::default().utility(), 0.0);
}

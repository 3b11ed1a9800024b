//! What a client has that was stopped in the middle of its backward, and how layers are joined.

use fleetune_algorithms::{
    protocol::{Counted, Depth, Exchange, Payload, Server, Update},
    settings::{Aggregation, BatchSizes},
    setup::Setup,
};
use fleetune_models::{
    architecture::{Dtype, Larger, roberta_large},
    batch::Padding,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::world::{HORIZON, Spare, algorithm, bits, exchange, setup};

const TRAINS: [&str; 5] =
    [r#""full""#, r#""layers""#, r#""bitfit""#, r#"{"lora":{"rank":2,"alpha":4.0}}"#, r#""head""#];

fn fedavg(train: &str) -> String {
    format!(
        r#"{{"fedavg":{{"train":{train},"local_steps":1,"batch_size":4,"optimizer":"sgd","learning_rate":{{"base":0.5,"upper":{{"from_layer":2,"rate":0.25}}}}}}}}"#
    )
}

fn open(train: &str, padding: Padding) -> Box<dyn Server> {
    algorithm(&fedavg(train)).server(setup(3, padding, 4))
}

fn counted(work: &fleetune_devices::Workload) -> Counted {
    Counted {
        flops: work.flops(),
        traffic: work.traffic(),
        upload: work.upload,
        peak_memory: work.peak_memory,
    }
}

fn dense(update: &Update) -> &[f32] {
    match &update.payload {
        Payload::Dense(values) => values,
        other => panic!("expected a dense vector, found {}", other.kind()),
    }
}

/// For every depth, every choice of what trains and both paddings: the job counts what it was assigned, FLOP by FLOP, and
/// the ends of the layers lie between the forward and the end of the backward.
#[test]
fn what_a_stopped_client_is_charged_for_is_what_its_job_counts() {
    for train in TRAINS {
        for padding in [Padding::Fixed, Padding::Longest] {
            let mut server = open(train, padding);
            for client in 0..5 {
                let at = Exchange::at(3, 0);
                let whole = server.assign(at, client, &Spare).workload;
                let layered = server.layered().expect("one step of SGD");
                let ends = layered.milestones(at, client);
                assert_eq!(ends.len(), layered.layers());
                assert!(ends.windows(2).all(|pair| pair[0] < pair[1]), "{train}: {ends:?}");
                for (i, &end) in ends.iter().enumerate() {
                    let assignment = layered.stopped(at, client, i + 1);
                    let workload = assignment.workload.clone();
                    assert_eq!((assignment.job)().counted, counted(&workload), "{train} {i}");
                    assert_eq!(workload.flops(), end);
                    assert_eq!(workload.peak_memory, whole.peak_memory);
                    assert_eq!(workload.download, whole.download);
                    assert!(workload.upload <= whole.upload);
                }
                let sgd = 2 * server.weights().values.len() as u128;
                let last = ends.last().expect("there are layers").get();
                assert_eq!(last + sgd, whole.flops().get(), "{train}: all but the step");
            }
        }
    }
}

/// The backward that goes less far gives the same gradients, to the bit.
#[test]
fn the_gradients_of_the_last_layers_are_those_of_the_whole_backward() {
    for train in TRAINS {
        let mut server = open(train, Padding::Longest);
        let at = Exchange::at(0, 0);
        let layered = server.layered().expect("one step of SGD");
        let count = layered.layers();
        let all = (layered.stopped(at, 2, count).job)();
        for layers in 1..=count {
            let last = (layered.stopped(at, 2, layers).job)();
            let (last, all) = (dense(&last), dense(&all));
            assert_eq!(bits(last), bits(&all[all.len() - last.len()..]), "{train} {layers}");
            assert!(last.iter().any(|g| g.abs() > 1e-6), "{train} {layers}");
        }
    }
}

/// A cohort whose clients all got to the end, or all have all gradients, with no correction: FedAvg to the bit.
#[test]
fn a_cohort_of_whole_updates_is_joined_as_fedavg_joins_it() {
    for train in TRAINS {
        let (mut plain, mut whole, mut gradients) =
            (open(train, Padding::Fixed), open(train, Padding::Fixed), open(train, Padding::Fixed));
        for round in 0..3 {
            let at = Exchange::at(round, 0);
            let cohort = [3, 0, 4];
            exchange(plain.as_mut(), at, &cohort);
            let done = |client| (whole.assign(at, client, &Spare).job)();
            let updates = cohort.map(|client| (client, Depth::Whole, done(client))).to_vec();
            let layered = whole.layered().expect("one step of SGD");
            layered.join_layers(at, updates, &[0.0; 9]).expect("finite");
            let layered = gradients.layered().expect("one step of SGD");
            let count = layered.layers();
            let mut stopped = |client| (layered.stopped(at, client, count).job)();
            let updates =
                cohort.map(|client| (client, Depth::Last(count), stopped(client))).to_vec();
            layered.join_layers(at, updates, &[1e-30; 9]).expect("finite");
            assert_eq!(bits(&plain.weights().values), bits(&whole.weights().values), "{train}");
            assert_eq!(bits(&plain.weights().values), bits(&gradients.weights().values));
        }
    }
}

/// Elements of each layer, from the head down.
fn ranges(server: &dyn Server) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
    for slot in server.weights().layout.slots() {
        match ranges.last_mut() {
            Some((stage, range)) if *stage == slot.stage => range.end = slot.range.end,
            _ => ranges.push((slot.stage, slot.range.clone())),
        }
    }
    ranges.into_iter().rev().map(|(_, range)| range).collect()
}

/// Each layer is `(mean - p w) / (1 - p)` over those who reached it, computed here from the gradients; what nobody
/// reached does not move by a bit.
#[test]
fn layers_are_the_corrected_means_of_those_who_reached_them() {
    let mut server = open(r#""layers""#, Padding::Fixed);
    let (before, ranges) = (server.weights().clone(), ranges(server.as_ref()));
    assert_eq!(ranges.len(), 4);
    let at = Exchange::at(0, 0);
    let depths = [(1, 1), (4, 3), (0, 2)];
    let missed = [0.0, 0.1, 0.25, 0.4];
    let layered = server.layered().expect("one step of SGD");
    let all = depths.map(|(client, _)| dense(&(layered.stopped(at, client, 4).job)()).to_vec());
    let updates = depths.map(|(client, depth)| {
        (client, Depth::Last(depth), (layered.stopped(at, client, depth).job)())
    });
    layered.join_layers(at, updates.to_vec(), &missed).expect("finite");
    for (layer, range) in ranges.iter().enumerate() {
        let there: Vec<usize> = (0..3).filter(|&i| depths[i].1 > layer).collect();
        let rate = if layer < 3 { 0.25 } else { 0.5 };
        for i in range.clone() {
            let (old, new) = (before.values[i], server.weights().values[i]);
            if there.is_empty() {
                assert_eq!(old.to_bits(), new.to_bits());
                continue;
            }
            let mean =
                there.iter().map(|&k| f64::from(all[k][i])).sum::<f64>() / there.len() as f64;
            let due = f64::from(old) - rate * mean / (1.0 - missed[layer]);
            let allowed =
                4.0 * f64::from(f32::EPSILON) * (f64::from(old).abs() + rate * mean.abs());
            assert!((f64::from(new) - due).abs() <= allowed, "layer {layer}, {i}: {new} {due}");
        }
    }
    assert!(ranges[3].clone().all(|i| before.values[i] == server.weights().values[i]));
    assert!(ranges[2].clone().any(|i| before.values[i] != server.weights().values[i]));
}

/// The expectation over who gets how far, where all are alike, is the mean over all (SALF's first lemma; ADEL-FL claims
/// it too). 4000 draws of depths; the mean move of each layer, along the move of all, is within 4.5 standard errors of
/// 1: 5 layers, each with a false alarm of 7e-6. Without the correction the first layers are off by 10 of them.
#[test]
fn the_corrected_average_is_unbiased() {
    const DRAWS: usize = 4000;
    let mut server = open(r#""full""#, Padding::Fixed);
    let ranges = ranges(server.as_ref());
    let start = server.weights().values.clone();
    let at = Exchange::at(0, 0);
    let cohort = [0, 1, 2];
    let layered = server.layered().expect("one step of SGD");
    let count = layered.layers();
    assert_eq!(count, 5);
    let work: Vec<Vec<Update>> = cohort
        .iter()
        .map(|&client| (1..=count).map(|n| (layered.stopped(at, client, n).job)()).collect())
        .collect();
    let due = |i: usize| {
        let sum: f64 = work.iter().map(|mine| f64::from(dense(&mine[count - 1])[i])).sum();
        sum / cohort.len() as f64
    };
    // Every depth from none to all alike: a layer is reached by a client with probability 1 - (l + 1) / 6.
    let missed: Vec<f64> =
        (0..count).map(|layer| ((layer + 1) as f64 / (count + 1) as f64).powi(3)).collect();
    let mut stream = ChaCha8Rng::seed_from_u64(11);
    let mut moves = vec![Vec::new(); count];
    for _ in 0..DRAWS {
        let drawn = cohort.iter().zip(&work).filter_map(|(&client, mine)| {
            let depth = (stream.next_u64() % (count as u64 + 1)) as usize;
            Some((client, Depth::Last(depth), mine[depth.checked_sub(1)?].clone()))
        });
        let mut server = open_at(&start);
        server.layered().expect("layered").join_layers(at, drawn.collect(), &missed).unwrap();
        for (layer, range) in ranges.iter().enumerate() {
            let rate = if layer < 3 { 0.25 } else { 0.5 };
            let (mut along, mut square) = (0.0, 0.0);
            for i in range.clone() {
                let all = -rate * due(i);
                along += all * (f64::from(server.weights().values[i]) - f64::from(start[i]));
                square += all * all;
            }
            moves[layer].push(along / square);
        }
    }
    for (layer, moves) in moves.iter().enumerate() {
        let mean = moves.iter().sum::<f64>() / DRAWS as f64;
        let variance = moves.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
        let error = (variance / DRAWS as f64).sqrt();
        assert!((mean - 1.0).abs() <= 4.5 * error + 1e-4, "layer {layer}: {mean} +- {error}");
        assert!(error < 0.03, "layer {layer}: the check proves little, +- {error}");
    }
}

/// A server whose model is at `start`, which is where it is opened.
fn open_at(start: &[f32]) -> Box<dyn Server> {
    let server = open(r#""full""#, Padding::Fixed);
    assert_eq!(bits(&server.weights().values), bits(start));
    server
}

/// Charged as a larger model: the layers' ends are that model's, and the job's count is held to its own.
#[test]
fn stopped_clients_are_charged_as_the_larger_model() {
    let (name, architecture) = ("RoBERTa-large".to_owned(), roberta_large());
    let larger = Larger { name, architecture, dtype: Dtype::F16 };
    let setup = Setup { charged: Some(larger), ..setup(3, Padding::Fixed, 4) };
    let mut server = algorithm(&fedavg(r#""layers""#)).server(setup);
    let at = Exchange::at(1, 0);
    let whole = server.assign(at, 1, &Spare).workload;
    let layered = server.layered().expect("one step of SGD");
    for (i, end) in layered.milestones(at, 1).into_iter().enumerate() {
        let assignment = layered.stopped(at, 1, i + 1);
        let workload = assignment.workload.clone();
        assert_eq!((assignment.job)().counted, counted(&workload));
        assert_eq!((workload.flops(), workload.peak_memory), (end, whole.peak_memory));
        assert!(end < whole.flops());
    }
}

/// Who can be stopped, and who cannot, says why; its server agrees.
#[test]
fn what_is_of_no_use_layer_by_layer_is_refused() {
    let common = r#""batch_size":4,"learning_rate":{"base":0.1}"#;
    let cases = [
        (format!(r#"{{"fedavg":{{{common},"local_steps":1,"optimizer":"sgd"}}}}"#), None),
        (
            format!(r#"{{"fedavg":{{{common},"local_steps":2,"optimizer":"sgd"}}}}"#),
            Some("local_steps"),
        ),
        (format!(r#"{{"fedavg":{{{common},"local_steps":1}}}}"#), Some("optimizer")),
        (
            format!(r#"{{"fedprox":{{{common},"local_steps":1,"mu":0.1,"optimizer":"sgd"}}}}"#),
            Some(""),
        ),
        (format!(r#"{{"scaffold":{{{common},"local_steps":1}}}}"#), Some("")),
        (format!(r#"{{"mezo":{{{common},"local_steps":1}}}}"#), Some("")),
        (format!(r#"{{"mezo":{{{common},"local_steps":1,"upload":"delta"}}}}"#), Some("")),
        (format!(r#"{{"signspsa":{{{common},"local_steps":1}}}}"#), Some("")),
        (format!(r#"{{"fwdllm":{{{common},"train":"head"}}}}"#), Some("")),
        (format!(r#"{{"fedsllm":{{{common},"local_steps":1,"split":1}}}}"#), Some("")),
    ];
    for (json, field) in cases {
        let config = algorithm(&json);
        let refusal = config.refusal(Aggregation::Layered);
        assert_eq!(refusal.as_ref().map(|conflict| conflict.field), field, "{json}");
        if json.contains("mezo") && !json.contains("delta") || json.contains("signspsa") {
            let message = refusal.expect("refused").message;
            assert!(message.contains("whole forwards"), "{message}");
        }
        let mut server = config.server(setup(2, Padding::Fixed, 1));
        assert_eq!(server.layered().is_some(), field.is_none(), "{json}");
    }
}

/// Batches of its own size for each client, for every kind of algorithm: plan and count agree, a batch of another size
/// costs another amount, and who has the configured size is as without.
#[test]
fn batches_may_have_a_size_of_their_own_on_every_client() {
    let common = r#""batch_size":4,"learning_rate":{"base":0.01}"#;
    let kinds = [
        format!(r#"{{"fedavg":{{{common},"local_steps":2}}}}"#),
        format!(r#"{{"scaffold":{{{common},"local_steps":2}}}}"#),
        format!(r#"{{"mezo":{{{common},"local_steps":2}}}}"#),
        format!(
            r#"{{"fedspzo":{{{common},"local_steps":2,"split":1,"perturbations":{{"lower":1,"upper":2}}}}}}"#
        ),
        format!(r#"{{"decomfl":{{{common},"local_steps":2}}}}"#),
        format!(r#"{{"fedkseed":{{{common},"local_steps":2,"seeds":20}}}}"#),
        format!(r#"{{"signspsa":{{{common},"local_steps":2}}}}"#),
        format!(r#"{{"fwdllm":{{{common},"train":"head"}}}}"#),
        format!(r#"{{"fedsllm":{{{common},"local_steps":2,"split":1}}}}"#),
    ];
    let sizes = [7, 4, 1, 9, 2].map(|size| std::num::NonZeroU32::new(size).expect("not zero"));
    for json in kinds {
        let each = BatchSizes::Each(sizes.to_vec().into());
        let open =
            |batches| algorithm(&json).server(Setup { batches, ..setup(2, Padding::Fixed, 6) });
        let (mut own, plain) = (open(each), open(BatchSizes::Configured));
        let at = Exchange::at(0, 0);
        for client in 0..5 {
            let (mine, theirs) =
                (own.assign(at, client, &Spare), plain.assign(at, client, &Spare).workload);
            let work = mine.workload.clone();
            let update = (mine.job)();
            assert_eq!(update.counted, counted(&work), "{json} {client}");
            let size = sizes[client as usize].get();
            let steps = if json.contains("fwdllm") { 1 } else { 2 };
            assert_eq!(update.examples, u64::from(size) * steps, "{json} {client}");
            assert_eq!(work.flops().cmp(&theirs.flops()), size.cmp(&4), "{json} {client}");
            let most = own.forecast(client, &Spare, HORIZON);
            let most = most.iter().map(fleetune_devices::Workload::flops).max();
            assert!(most >= Some(work.flops()), "{json} {client}");
        }
        for round in 0..2 {
            crate::world::round(own.as_mut(), round, &[0, 3, 2]);
        }
    }
}

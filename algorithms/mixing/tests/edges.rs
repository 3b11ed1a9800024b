//! Servers at edges, and the cloud that joins their models.

use super::*;
use crate::{
    mixing::mean_model,
    protocol::{Payload, Verdict},
    world::bits,
};

/// Those that run at edges: what their servers keep besides the model is nothing, or goes on.
fn movable() -> Vec<String> {
    let more = [
        format!(r#"{{"mezo":{{{COMMON},"catch_up":"scalars"}}}}"#),
        format!(r#"{{"decomfl":{{{COMMON}}}}}"#),
        format!(r#"{{"fedkseed":{{{COMMON},"seeds":5,"pro":true,"catch_up":"dense"}}}}"#),
        format!(r#"{{"fedavg":{{{COMMON}}},"encoding":{{"top_k":0.3,"error_feedback":true}}}}"#),
        format!(r#"{{"fwdllm":{{{PLAIN},"train":"bitfit","candidates":1}}}}"#),
    ];
    displaced().into_iter().chain(more).collect()
}

/// Edges whose clients all report to the cloud in every round are one server: two of one client each and the mean by
/// examples, against a cohort of both.
#[test]
fn edges_that_report_every_round_are_one_server() {
    for json in adding() {
        // Whoever replays scalars or reads an encoding moves its model in 32 bits.
        if !json.contains("fedavg") && !json.contains("fedprox") && !json.contains("delta") {
            continue;
        }
        let mut servers = [server(&json), server(&json), server(&json)];
        for number in 0..3 {
            let [one, other, both] = &mut servers;
            round(one.as_mut(), number, &[1]);
            round(other.as_mut(), number, &[3]);
            let expected = round(both.as_mut(), number, &[1, 3]);
            let cloud = mean_model(&[(one.weights(), 8), (other.weights(), 8)]).expect("two edges");
            for (i, &expected) in expected.iter().enumerate() {
                // Edges' models have been rounded already.
                let edges = [&one, &other].map(|edge| edge.weights().values[i].abs());
                let size = edges[0].max(edges[1]).max(expected.abs());
                let off = (cloud.values[i] - expected).abs();
                assert!(off <= f32::EPSILON * size, "{json} {i}: {off}, {expected}");
            }
            // All three go on from one model, that differences of rounding do not add up.
            for server in &mut servers {
                server.movable().expect("it is").move_to(&cloud);
            }
        }
    }
}

/// Two edges that come from different rounds go on alike from the model that both are moved to.
#[test]
fn an_edge_goes_on_from_the_clouds_model() {
    for json in movable() {
        let mut edges = [server(&json), server(&json)];
        for (edge, cohort) in edges.iter_mut().zip([[0, 1], [2, 3]]) {
            round(edge.as_mut(), 0, &cohort);
        }
        let [a, b] = &edges;
        let before = [a, b].map(|edge| bits(&edge.weights().values));
        let cloud = mean_model(&[(a.weights(), 1), (b.weights(), 3)]).expect("two edges");
        let next = edges.each_mut().map(|edge| {
            edge.movable().expect("it is").move_to(&cloud);
            assert_eq!(edge.weights(), &cloud, "{json}");
            let update = (edge.assign(Exchange::at(1, 0), 4, &Spare).job)();
            let read = fleetune_models::parameters::read(&edge.model(), &cloud.layout);
            assert_eq!(read, cloud, "{json}: what is evaluated is what was moved to");
            update.payload
        });
        assert!(before[0] != before[1], "{json}: there was something to move");
        let learns_to_draw = json.contains("pro\":true");
        assert_eq!(next[0] == next[1], !learns_to_draw, "{json}");
        let stateless = adding().contains(&json);
        let after = edges.each_mut().map(|edge| bits(&round(edge.as_mut(), 1, &[4])));
        assert!(after[0] != bits(&cloud.values), "{json}");
        assert!(!stateless || after[0] == after[1], "{json}");
    }
}

/// A cohort that was asked again and is gone has left its gradients; they are of a model that is gone too.
#[test]
fn fwdllm_forgets_the_gradients_of_the_model_of_before() {
    let form = r#""form":{"as_published":{"retry_cap":1}},"variance_threshold":1e-20"#;
    let json = format!(r#"{{"fwdllm":{{{PLAIN},"train":"bitfit","candidates":1,{form}}}}}"#);
    let mut edges = [server(&json), server(&json)];
    let (_, verdict) = world::exchange(edges[0].as_mut(), Exchange::at(0, 0), &[0, 1]);
    assert_eq!(verdict, Verdict::SameCohort, "it waits for more gradients");
    let cloud = edges[1].weights().clone();
    let after = edges.each_mut().map(|edge| {
        edge.movable().expect("it is").move_to(&cloud);
        assert_eq!(world::round(edge.as_mut(), 1, &[2, 3]), 2, "a step and its retry");
        bits(&edge.weights().values)
    });
    assert!(after[0] == after[1] && after[0] != bits(&cloud.values));
}

/// Nobody holds a model of before the move that scalars could bring up to date; from the move on they can.
#[test]
fn after_a_move_clients_download_the_model_once() {
    // A pool that is small, so that its coefficients are fewer bytes than the model.
    let replaying = [
        ("mezo", r#""catch_up":"scalars""#),
        ("decomfl", r#""catch_up":"scalars""#),
        ("fedkseed", r#""catch_up":"fewest_bytes","seeds":5"#),
    ];
    for (name, how) in replaying {
        let from_the_start = name == "fedkseed";
        let mut edge = server(&format!(r#"{{"{name}":{{{COMMON},{how}}}}}"#));
        let len = edge.weights().values.len();
        let download = |edge: &dyn Server, number, client| {
            edge.assign(Exchange::at(number, 0), client, &Spare).workload.download
        };
        round(edge.as_mut(), 0, &[0, 1]);
        assert!(download(edge.as_ref(), 1, 0) < Payload::size(len), "{name}: it replays");
        let cloud = edge.weights().clone();
        edge.movable().expect("it is").move_to(&cloud);
        for client in 0..3 {
            assert_eq!(download(edge.as_ref(), 1, client), Payload::size(len), "{name}");
        }
        round(edge.as_mut(), 1, &[0]);
        let replays = download(edge.as_ref(), 2, 0) < Payload::size(len);
        assert_eq!(replays, !from_the_start, "{name}: the pool's start is gone for good");
        assert_eq!(download(edge.as_ref(), 2, 1), Payload::size(len), "{name}");
    }
}

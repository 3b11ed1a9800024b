//! L1 where groups have rounds of their own: the simulator decides when, and nothing of what is learnt.

use std::collections::BTreeMap;

use fleetune::federation::{Fate, Federation, FederationConfig, Policy, RoundOutcome, TierWeights};
use fleetune_algorithms::{
    mixing::mean_model,
    protocol::{ClientId, Exchange, Server, Update},
};
use fleetune_devices::{Fleet, network::config::TopologyConfig, streams::SeedTree};
use fleetune_models::parameters::Weights;

use super::{
    diary::Diary,
    learning::{KINDS, Noted, fleets, open},
    world::config,
};
use crate::learners::{Spare, bits};

/// The kinds that have a server for every group.
fn kinds() -> Vec<&'static str> {
    let grouped = |kind: &&str| open(kind).movable().is_some();
    let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).filter(grouped).collect();
    assert!(kinds.len() >= 11, "{kinds:?}");
    kinds
}

fn simulate(
    config: &FederationConfig,
    fleet: &Fleet,
    kind: &str,
) -> (Weights, Vec<Noted>, Vec<RoundOutcome>) {
    let (mut global, mut diary) = (open(kind), Diary::default());
    let mut parts: Vec<Noted> = (0..config.groups()).map(|_| Noted::new(open(kind))).collect();
    let seeds = SeedTree::new(3);
    let federation = Federation::new(config, fleet, seeds, global.as_mut(), &mut diary).unwrap();
    let servers = parts.iter_mut().map(|part| -> &mut dyn Server { part });
    let servers = if config.has_parts() { servers.collect() } else { Vec::new() };
    let federation = if servers.is_empty() { federation } else { federation.with_parts(servers) };
    federation.run().unwrap();
    (global.weights().clone(), parts, diary.rounds)
}

fn two_edges() -> TopologyConfig {
    let edge = |name: &str, devices: &str| {
        format!("{{ name: {name}, uplink: 1 MB/s, downlink: 1 MB/s, devices: [{devices}] }}")
    };
    let edges = [edge("one", "0-2"), edge("other", "3-4")].join(", ");
    serde_yaml::from_str(&format!("two_tier: {{ aggregators: [{edges}] }}")).unwrap()
}

fn one_edge() -> TopologyConfig {
    let text = "two_tier: { aggregators: [{ name: all, uplink: 1 MB/s, downlink: 1 MB/s }] }";
    serde_yaml::from_str(text).unwrap()
}

fn tiers(count: u32, weights: TierWeights) -> Policy {
    Policy::Tiers { count, weights }
}

/// One tier, and one edge however often it reports, learn to the bit what one server learns in as many rounds.
#[test]
fn one_group_learns_what_one_server_learns() {
    let [_, fleet, _] = fleets();
    for kind in kinds() {
        let mut rules = config(3);
        rules.stop.rounds = 6;
        let learnt = |policy, topology, rounds| {
            let mut rules = FederationConfig { policy, topology, ..rules.clone() };
            rules.stop.rounds = rounds;
            bits(&simulate(&rules, &fleet, kind).0.values)
        };
        let expected = learnt(Policy::Synchronous, TopologyConfig::Star, 6);
        assert_ne!(expected, bits(&open(kind).weights().values), "{kind}: something is learnt");
        let tier = learnt(tiers(1, TierWeights::FedAt), TopologyConfig::Star, 6);
        assert!(tier == expected, "{kind}: one tier");
        for (edge_rounds, versions) in [(1, 6), (3, 2)] {
            let edge = learnt(Policy::Hierarchical { edge_rounds }, one_edge(), versions);
            assert!(edge == expected, "{kind}: one edge of {edge_rounds} rounds");
        }
    }
}

/// Plays a round of a part again, outside of the simulator: whom it joined, in that order.
fn replay(
    server: &mut dyn Server,
    exchange: Exchange,
    order: &[ClientId],
) -> BTreeMap<ClientId, u64> {
    server.convene(exchange, order);
    let job = |&client: &ClientId| (client, (server.assign(exchange, client, &Spare).job)());
    let updates: Vec<(ClientId, Update)> = order.iter().map(job).collect();
    let examples = updates.iter().map(|(client, update)| (*client, update.examples)).collect();
    server.aggregate(exchange, updates).unwrap();
    examples
}

fn move_to(server: &mut dyn Server, weights: &Weights) {
    if server.weights() != weights {
        server.movable().unwrap().move_to(weights);
    }
}

/// Those of one exchange a round, and whose draws do not depend on who else was asked.
fn plain(kinds: Vec<&'static str>) -> impl Iterator<Item = &'static str> {
    kinds.into_iter().filter(|kind| !kind.contains("fwdllm"))
}

/// Edges that join their own, and a cloud that takes their mean: as a plain loop does it, to the bit.
#[test]
fn a_hierarchy_is_a_plain_loop_to_the_bit() {
    let [_, fleet, _] = fleets();
    for kind in plain(kinds()) {
        let policy = Policy::Hierarchical { edge_rounds: 2 };
        let mut rules = FederationConfig { policy, topology: two_edges(), ..config(2) };
        rules.stop.rounds = 3;
        let (simulated, parts, _) = simulate(&rules, &fleet, kind);
        let mut global = open(kind);
        let mut edges = [open(kind), open(kind)];
        for version in 0..3 {
            let mut weighed = Vec::new();
            for (edge, part) in edges.iter_mut().zip(&parts) {
                move_to(edge.as_mut(), global.weights());
                let mut examples = BTreeMap::new();
                for (exchange, order) in &part.joined[2 * version..][..2] {
                    examples.extend(replay(edge.as_mut(), *exchange, order));
                }
                weighed.push((edge.weights().clone(), examples.values().sum()));
            }
            let models: Vec<_> = weighed.iter().map(|(model, by)| (model, *by)).collect();
            move_to(global.as_mut(), &mean_model(&models).unwrap());
        }
        assert!(bits(&simulated.values) == bits(&global.weights().values), "{kind}");
    }
}

/// FedAT as a plain loop does it, to the bit: of each report its staleness says which version it started from.
#[test]
fn tiers_are_a_plain_loop_to_the_bit() {
    let [_, fleet, _] = fleets();
    let cases = plain(kinds())
        .flat_map(|kind| [TierWeights::FedAt, TierWeights::Even].map(|weights| (kind, weights)));
    for (kind, weights) in cases {
        let mut rules = FederationConfig { policy: tiers(3, weights), ..config(1) };
        rules.stop.rounds = 40;
        let (simulated, parts, rounds) = simulate(&rules, &fleet, kind);
        let mut tiers = [open(kind), open(kind), open(kind)];
        let start = open(kind).weights().clone();
        let (mut latest, mut reports) = (vec![start.clone(); 3], [0_u64; 3]);
        let mut versions = vec![start];
        let mut most = 0;
        for round in rounds.iter().filter(|round| !round.is_void()) {
            let tier = round.group as usize;
            let joined = round.clients.iter().find(|client| client.fate == Fate::Aggregated);
            let staleness = joined.and_then(|client| client.staleness).unwrap() as usize;
            most = most.max(staleness);
            move_to(tiers[tier].as_mut(), &versions[versions.len() - 1 - staleness]);
            let (exchange, order) = &parts[tier].joined[reports[tier] as usize];
            replay(tiers[tier].as_mut(), *exchange, order);
            latest[tier] = tiers[tier].weights().clone();
            reports[tier] += 1;
            let weight = |tier: usize| match weights {
                TierWeights::FedAt => reports[2 - tier],
                TierWeights::Even => u64::from(reports[tier] > 0),
            };
            let models: Vec<_> = latest.iter().zip((0..3).map(weight)).collect();
            versions.push(mean_model(&models).unwrap());
        }
        assert!(
            reports.iter().all(|&count| count > 0) && most > 1,
            "{kind}, {weights:?}: {reports:?}"
        );
        let last = &versions[versions.len() - 1];
        assert!(bits(&simulated.values) == bits(&last.values), "{kind}, {weights:?}");
    }
}

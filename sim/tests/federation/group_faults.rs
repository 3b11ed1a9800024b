//! Every device of tiers and edges leaves at and between all dates of a small scenario, for a while and for good.

use std::collections::BTreeSet;

use fleetune::federation::{End, FederationConfig, Policy, TierWeights};
use fleetune_algorithms::protocol::Exchange;
use fleetune_devices::{Workload, network::config::TopologyConfig};
use fleetune_units::{BytesPerSecond, Seconds};

use super::{
    parts::{Told, run_parts},
    world::{SPEC, Spec, always, config, fleet, work},
};

fn assigned(exchange: Exchange, client: u32) -> Workload {
    let n = u64::from(client) + exchange.round;
    work(u128::from(n % 3 + 1) * 200_000_000, 100_000 * (n % 3), 300_000 + 50_000 * (n % 2))
}

/// Work by which speed alone says who is in which tier.
fn alike(_: Exchange, _: u32) -> Workload {
    work(400_000_000, 100_000, 300_000)
}

fn scenarios() -> [FederationConfig; 3] {
    let rounds = FederationConfig {
        over_commitment: 1.5,
        deadline: Some(Seconds::from_raw(2.0)),
        ..config(2)
    };
    let edges = "two_tier: { aggregators: [
        { name: a, uplink: 2 MB/s, downlink: 2 MB/s, devices: [0, 2] },
        { name: b, uplink: 1 MB/s, downlink: 1 MB/s } ] }";
    let tiers = |weights| Policy::Tiers { count: 2, weights };
    let all = [
        FederationConfig { policy: tiers(TierWeights::FedAt), ..rounds.clone() },
        FederationConfig { policy: tiers(TierWeights::Even), deadline: None, ..rounds.clone() },
        FederationConfig {
            policy: Policy::Hierarchical { edge_rounds: 2 },
            topology: serde_yaml::from_str::<TopologyConfig>(edges).unwrap(),
            ..rounds
        },
    ];
    all.map(|mut config| {
        config.server.downlink = BytesPerSecond::from_raw(1_000_000.0);
        config.stop.rounds = 4;
        config
    })
}

/// All instants at which something happened, those beside them, and those between.
fn instants(told: &Told) -> BTreeSet<u64> {
    let mut dates = BTreeSet::from([0]);
    for round in &told.diary.rounds {
        dates.extend([round.opened.as_nanos(), round.closed.as_nanos()]);
        for client in &round.clients {
            let times = client.times;
            let mut at = round.opened.as_nanos();
            for part in [times.download, times.compute, times.upload, times.wait] {
                at += part.as_nanos();
                dates.insert(at);
            }
        }
    }
    let dates: Vec<u64> = dates.into_iter().collect();
    let between = dates.windows(2).map(|pair| pair[0] + (pair[1] - pair[0]) / 2);
    let beside = dates.iter().flat_map(|&at| [at.saturating_sub(1), at, at + 1]);
    beside.chain(between).collect()
}

#[test]
fn a_device_of_a_group_may_leave_at_any_instant() {
    let specs: Vec<_> = (0..4)
        .map(|i| Spec { gflops: 1.0 + f64::from(i % 3), latency: 0.01 * f64::from(i), ..SPEC })
        .collect();
    let fleet = fleet(&specs);
    let undisturbed = vec![always(); specs.len()];
    for config in scenarios() {
        let calm = run_parts(&config, &fleet, Some(&undisturbed), assigned);
        calm.check();
        assert_eq!(calm.outcome.end, End::Rounds);
        let instants = instants(&calm);
        assert!(instants.len() > 60, "{} instants are too few to prove anything", instants.len());
        for device in 0..specs.len() {
            for &instant in &instants {
                let leaves = instant as f64 / 1e9;
                for back in [0.0, 0.4, f64::INFINITY] {
                    let mut traces = undisturbed.clone();
                    traces[device] = vec![(true, leaves), (false, back), (true, f64::INFINITY)];
                    let told = run_parts(&config, &fleet, Some(&traces), assigned);
                    told.check();
                    let for_good = back.is_infinite();
                    let ends = told.outcome.end == End::Rounds
                        || for_good && told.outcome.end == End::NobodyComes;
                    assert!(ends, "device {device} at {leaves} s: {:?}", told.outcome.end);
                }
            }
        }
    }
}

/// All devices of a group leave at once, at and between all dates, for a while and for good: the other group goes on.
#[test]
fn a_whole_group_may_leave_at_any_instant() {
    let specs: Vec<_> = [2.0, 1.0, 1.9, 0.9].map(|gflops| Spec { gflops, ..SPEC }).into();
    let fleet = fleet(&specs);
    let undisturbed = vec![always(); specs.len()];
    for config in scenarios() {
        let calm = run_parts(&config, &fleet, Some(&undisturbed), alike);
        for instant in instants(&calm) {
            let leaves = instant as f64 / 1e9;
            for (first, back) in [0, 1].into_iter().flat_map(|f| [(f, 0.7), (f, f64::INFINITY)]) {
                let mut traces = undisturbed.clone();
                for device in [first, first + 2] {
                    traces[device] = vec![(true, leaves), (false, back), (true, f64::INFINITY)];
                }
                let told = run_parts(&config, &fleet, Some(&traces), alike);
                told.check();
                assert_eq!(told.outcome.end, End::Rounds, "{first} at {leaves} s");
            }
        }
    }
}

//! Every link goes down at and between all dates of a small scenario, for a while and for good, under every
//! policy and topology: in the manner of SimGrid's monkey, which does so to hosts and links.

use std::collections::BTreeSet;

use fleetune::{
    federation::{
        Conditions, End, Fate, Federation, FederationConfig, Outage, Policy, RunOutcome,
        TierWeights,
    },
    kernel::Counts,
};
use fleetune_algorithms::protocol::Exchange;
use fleetune_devices::{
    Fleet, Workload,
    network::{config::TopologyConfig, topology::LinkId},
    streams::SeedTree,
};
use fleetune_units::{Bytes, BytesPerSecond, Flops, Seconds};

use super::{
    adaptive, asynchronous, conservation,
    diary::Diary,
    parts::run_parts_under,
    world::{SPEC, Script, Spec, config, fleet, work},
};

const DEVICES: u32 = 4;
const ROUNDS: u64 = 3;

fn assigned(exchange: Exchange, client: u32) -> Workload {
    let n = u64::from(client) + exchange.round + u64::from(exchange.index);
    work(
        u128::from(n % 3 + 1) * 200_000_000,
        150_000 + 50_000 * (n % 2),
        250_000 + 50_000 * (n % 3),
    )
}

fn devices() -> Fleet {
    let spec =
        |i: u32| Spec { gflops: 1.0 + f64::from(i % 3), latency: 0.01 * f64::from(i), ..SPEC };
    fleet(&(0..DEVICES).map(spec).collect::<Vec<_>>())
}

/// What is between the server and the devices.
const TOPOLOGIES: [(&str, &str); 4] = [
    ("star", "star"),
    (
        "two tiers",
        "two_tier: { aggregators: [
            { name: a, uplink: 2 MB/s, downlink: 2 MB/s, latency: 2 ms, devices: [0, 2] },
            { name: b, uplink: 1 MB/s, downlink: 1 MB/s, latency: 4 ms } ] }",
    ),
    (
        "wifi",
        "wifi: { cells: [
            { name: a, uplink: 2 MB/s, downlink: 2 MB/s, latency: 2 ms, devices: [0, 2] },
            { name: b, uplink: 1 MB/s, downlink: 1 MB/s, latency: 4 ms } ] }",
    ),
    (
        "graph",
        "graph:
            nodes: [core, far]
            links:
              - { name: in, from: server, to: core, capacity: 2 MB/s, latency: 1 ms }
              - { name: out, from: core, to: far, capacity: 1 MB/s, latency: 3 ms, sharing: shared }
            devices: [{ at: core, devices: [0] }, { at: far, access: wifi }]",
    ),
];

/// Every policy: a name and what it changes. A new one is a line here.
fn policies() -> Vec<(&'static str, FederationConfig)> {
    let deadline = Some(Seconds::from_raw(3.0));
    let rounds = FederationConfig { deadline, ..config(2) };
    let weights = TierWeights::Even;
    vec![
        ("rounds", FederationConfig { over_commitment: 1.5, ..rounds.clone() }),
        ("rounds that wait", config(DEVICES)),
        ("no rounds", FederationConfig { deadline, ..asynchronous::buffered(3, 2, Some(2)) }),
        (
            "tiers",
            FederationConfig { policy: Policy::Tiers { count: 2, weights }, ..rounds.clone() },
        ),
        (
            "hierarchy",
            FederationConfig { policy: Policy::Hierarchical { edge_rounds: 2 }, ..rounds },
        ),
    ]
}

/// A policy on a topology, if the two go together.
fn scenario(policy: &FederationConfig, topology: &str) -> Option<FederationConfig> {
    let topology: TopologyConfig = serde_yaml::from_str(topology).unwrap();
    let of_edges = matches!(policy.policy, Policy::Hierarchical { .. });
    if of_edges && !matches!(topology, TopologyConfig::TwoTier(_)) {
        return None;
    }
    let mut config = FederationConfig { topology, ..policy.clone() };
    config.server.uplink = BytesPerSecond::from_raw(1_500_000.0);
    config.server.downlink = BytesPerSecond::from_raw(1_000_000.0);
    config.stop.rounds = ROUNDS;
    Some(config)
}

/// Runs with these outages, and holds what comes to what must hold.
fn run(config: &FederationConfig, fleet: &Fleet, outages: Vec<Outage>) -> (RunOutcome, Diary) {
    let conditions = Conditions { outages, ..Conditions::default() };
    let (outcome, diary, counts) = if config.has_parts() {
        let (told, counts) = run_parts_under(&conditions, config, fleet, None, assigned);
        told.check();
        (told.outcome, told.diary, counts)
    } else {
        let (mut script, mut diary) = (Script::new(assigned), Diary::default());
        let seeds = SeedTree::new(5);
        let federation = Federation::new(config, fleet, seeds, &mut script, &mut diary).unwrap();
        let (outcome, counts) = federation.under(&conditions).run_audited().unwrap();
        match config.policy {
            Policy::Asynchronous { .. } => {
                asynchronous::check(&outcome, &diary, &script, assigned);
            }
            _ => conservation::check(&outcome, &diary, &script, assigned),
        }
        (outcome, diary, counts)
    };
    let Counts { scheduled, fired, cancelled, pending } = counts;
    assert_eq!(scheduled, fired + cancelled + pending, "an event is lost");
    for pair in diary.standings.windows(2) {
        assert!(pair[0].time <= pair[1].time, "the clock goes back");
        assert!(pair[0].rounds < pair[1].rounds || config.has_parts());
    }
    for client in diary.rounds.iter().flat_map(|round| &round.clients) {
        let (asked, spent) = (client.exchanges, client.spent.total());
        if asked == 0 && client.fate != Fate::Aggregated {
            // At most one exchange's worth, which a link that went down cut off somewhere.
            assert!(spent.uplink <= Bytes::new(350_000) && spent.downlink <= Bytes::new(200_000));
            assert!(spent.device_flops <= Flops::new(600_000_000));
        }
    }
    (outcome, diary)
}

/// All dates at which a client turned from one thing to another, and the rounds' own; and between them.
fn instants(diary: &Diary) -> BTreeSet<u64> {
    let mut dates = BTreeSet::from([0]);
    for round in &diary.rounds {
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
    dates.iter().copied().chain(between).collect()
}

#[test]
fn a_link_may_go_down_at_any_instant() {
    let fleet = devices();
    let mut runs = 0;
    for (policy_name, policy) in policies() {
        for (topology_name, topology) in TOPOLOGIES {
            let Some(config) = scenario(&policy, topology) else { continue };
            let (calm, diary) = run(&config, &fleet, Vec::new());
            assert_eq!(calm.end, End::Rounds);
            let links = config.wiring(&fleet.devices).unwrap().link_count();
            let instants = instants(&diary);
            assert!(instants.len() > 15, "{} instants prove nothing", instants.len());
            for link in (0..links).map(LinkId) {
                for &instant in &instants {
                    for lasts in [Some(0.0), Some(0.4), None] {
                        let from = Seconds::from_raw(instant as f64 / 1e9);
                        let lasts = lasts.map(Seconds::from_raw);
                        let (outcome, _) = run(&config, &fleet, vec![Outage { link, from, lasts }]);
                        let at = || {
                            format!(
                                "{policy_name}, {topology_name}: {link:?} from {from:?} for {lasts:?}"
                            )
                        };
                        let in_the_end = [End::Rounds, End::NobodyComes, End::Stalled];
                        assert!(in_the_end.contains(&outcome.end), "{}: {:?}", at(), outcome.end);
                        if lasts.is_some() {
                            assert_eq!(outcome.end, End::Rounds, "{}", at());
                        }
                        runs += 1;
                    }
                }
            }
        }
    }
    assert!(runs > 5_000, "{runs} runs");
}

/// As above, in rounds that stop slow devices at a deadline and join the layers that they have.
#[test]
fn a_link_may_go_down_while_devices_are_stopped() {
    let fleet = devices();
    let (_, policy) = policies().swap_remove(0);
    let (mut runs, mut stopped) = (0, 0);
    let mut run = |config: &FederationConfig, outages: Vec<Outage>| {
        let conditions = Conditions { outages, ..Conditions::default() };
        let mut script = Script::new(assigned).layered(adaptive::LAYERS);
        let mut diary = Diary::default();
        let seeds = SeedTree::new(5);
        let federation = Federation::new(config, &fleet, seeds, &mut script, &mut diary).unwrap();
        let federation = federation.under(&conditions).paced(adaptive::every(0.9)).unwrap();
        let (outcome, Counts { scheduled, fired, cancelled, pending }) =
            federation.run_audited().unwrap();
        assert_eq!(scheduled, fired + cancelled + pending, "an event is lost");
        let done = adaptive::done(script.depths.clone(), assigned);
        conservation::check(&outcome, &diary, &script, done);
        stopped += script.depths.len();
        (outcome, diary)
    };
    for (name, topology) in TOPOLOGIES {
        let config = scenario(&policy, topology).unwrap();
        let (calm, diary) = run(&config, Vec::new());
        assert_eq!(calm.end, End::Rounds, "{name}");
        let links = config.wiring(&fleet.devices).unwrap().link_count();
        let instants = instants(&diary);
        for (link, &instant) in
            (0..links).flat_map(|i| instants.iter().map(move |at| (LinkId(i), at)))
        {
            for lasts in [Some(0.0), Some(0.4), None] {
                let from = Seconds::from_raw(instant as f64 / 1e9);
                let lasts = lasts.map(Seconds::from_raw);
                let (outcome, _) = run(&config, vec![Outage { link, from, lasts }]);
                let ends = [End::Rounds, End::NobodyComes, End::Stalled];
                assert!(ends.contains(&outcome.end), "{name}: {link:?} from {from:?}");
                assert!(
                    lasts.is_none() || outcome.end == End::Rounds,
                    "{name}: {link:?} from {from:?}"
                );
                runs += 1;
            }
        }
    }
    assert!(runs > 1_000 && stopped > runs, "{runs} runs, {stopped} stopped");
}

/// Two outages of a link that overlap are one, and two links on one way are both needed.
#[test]
fn outages_may_overlap() {
    let fleet = devices();
    let (_, policy) = policies().swap_remove(1);
    let config = scenario(&policy, TOPOLOGIES[1].1).unwrap();
    let wiring = config.wiring(&fleet.devices).unwrap();
    let backhaul = wiring.links("b")[0];
    let seconds = Seconds::from_raw;
    let outage =
        |link, from, lasts| Outage { link, from: seconds(from), lasts: Some(seconds(lasts)) };
    let together = run(&config, &fleet, vec![outage(backhaul, 0.3, 2.0)]);
    let parts =
        [outage(backhaul, 0.3, 1.2), outage(backhaul, 1.0, 1.3), outage(backhaul, 0.8, 0.1)];
    let apart = run(&config, &fleet, parts.to_vec());
    // It takes other events to say the same.
    let told = |(RunOutcome { end, standing, .. }, diary): &(RunOutcome, Diary)| {
        serde_json::to_string(&(end, standing, &diary.rounds)).unwrap()
    };
    assert_eq!(told(&together), told(&apart));
    // Of those behind it none is asked before 2.3 s, and they alone are lost at 0.3 s.
    let (_, diary) = together;
    for round in &diary.rounds {
        for client in &round.clients {
            let behind = wiring.crosses(fleet.devices[client.client as usize].id, backhaul);
            assert_eq!(behind, client.client % 2 == 1);
            let lost = client.fate == Fate::Left;
            assert_eq!(lost, behind && round.opened.as_seconds() < 0.3, "{client:?}");
            let opened = round.opened.as_seconds();
            assert!(!behind || !(0.3..2.3).contains(&opened), "{client:?} at {opened} s");
        }
    }
}

/// A client that a link cuts off half way through its upload has uploaded half of it, as waste.
#[test]
fn what_was_moved_over_a_link_that_went_down_is_waste() {
    let fleet = fleet(&[SPEC]);
    let mut config = config(1);
    config.stop.rounds = 2;
    config.server.downlink = BytesPerSecond::from_raw(500_000.0);
    let job = |_, _| work(1_000_000_000, 0, 1_000_000);
    let outage = Outage {
        link: LinkId(1),
        from: Seconds::from_raw(2.0),
        lasts: Some(Seconds::from_raw(3.0)),
    };
    let conditions = Conditions { outages: vec![outage], ..Conditions::default() };
    let (mut script, mut diary) = (Script::new(job), Diary::default());
    let federation =
        Federation::new(&config, &fleet, SeedTree::new(1), &mut script, &mut diary).unwrap();
    let outcome = federation.under(&conditions).run().unwrap();
    // 1 s of computing and 1 s of uploading; the second round waits until 5 s, and takes 3 s.
    let cut = &diary.rounds[0].clients[0];
    assert_eq!((cut.fate, cut.spent.wasted.uplink), (Fate::Left, Bytes::new(500_000)));
    assert_eq!(cut.spent.wasted.device_flops, Flops::new(1_000_000_000));
    assert_eq!(diary.rounds[1].waited.as_seconds(), 3.0);
    assert_eq!((outcome.end, outcome.standing.time.as_seconds()), (End::Rounds, 8.0));
}

//! Every device leaves at and between all dates of a small scenario, for a while and for good.

use std::collections::BTreeSet;

use fleetune::federation::{End, FederationConfig};
use fleetune_algorithms::protocol::{Exchange, Verdict};
use fleetune_devices::Workload;
use fleetune_scenarios::schema::SelectionConfig;
use fleetune_units::{BytesPerSecond, Seconds};

use super::{
    conservation::check,
    selection::all_selections,
    world::{SPEC, Script, Spec, always, config, fleet, run_traced, work},
};

fn assigned(exchange: Exchange, client: u32) -> Workload {
    let download = if exchange.index == 0 { 400_000 } else { 0 };
    work(u128::from(client + 1) * 200_000_000, download, 300_000 + u64::from(client) * 50_000)
}

fn script() -> Script {
    Script::new(assigned).saying(|exchange| {
        if exchange.index == 0 { Verdict::SameCohort } else { Verdict::RoundOver }
    })
}

fn scenario(selection: SelectionConfig) -> FederationConfig {
    let mut config = FederationConfig {
        selection,
        over_commitment: 1.3,
        deadline: Some(Seconds::from_raw(3.0)),
        ..config(3)
    };
    config.server.uplink = BytesPerSecond::from_raw(1_500_000.0);
    config.server.downlink = BytesPerSecond::from_raw(1_000_000.0);
    config.stop.rounds = 4;
    config
}

/// A battery that lasts, for the policy that looks at it.
const BATTERY: &str = "battery: { capacity: 1 MJ, charge_power: 5 W }\ncharging: never";

#[test]
fn a_device_may_leave_at_any_instant() {
    whoever_leaves_and_whenever(SelectionConfig::Random, "");
}

#[test]
fn a_device_may_leave_at_any_instant_whoever_is_asked() {
    for selection in all_selections() {
        whoever_leaves_and_whenever(selection, BATTERY);
    }
}

fn whoever_leaves_and_whenever(selection: SelectionConfig, extra: &'static str) {
    let script = || {
        let mut script = script();
        script.utility = Some(|client| 1.0 + client as f32);
        script
    };
    let scenario = || scenario(selection);
    let specs: Vec<_> = (0..5)
        .map(|i| Spec {
            extra,
            gflops: 1.0 + f64::from(i % 3),
            latency: 0.01 * f64::from(i),
            ..SPEC
        })
        .collect();
    let fleet = fleet(&specs);
    let undisturbed = vec![always(); specs.len()];
    let mut calm = script();
    let (outcome, diary) = run_traced(&scenario(), &fleet, &undisturbed, &mut calm).unwrap();
    check(&outcome, &diary, &calm, assigned);

    // All dates at which a client turned from one thing to another, and the rounds' own.
    let mut dates = BTreeSet::new();
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
    let beside = dates.iter().flat_map(|&at| [at.saturating_sub(1), at, at + 1]);
    let instants: BTreeSet<u64> = beside.chain(between).collect();
    assert!(instants.len() > 100, "{} instants are too few to prove anything", instants.len());

    for device in 0..specs.len() {
        for &instant in &instants {
            let leaves = instant as f64 / 1e9;
            for back in [0.0, 0.7, f64::INFINITY] {
                let mut traces = undisturbed.clone();
                traces[device] = vec![(true, leaves), (false, back), (true, f64::INFINITY)];
                let mut script = script();
                let (outcome, diary) = run_traced(&scenario(), &fleet, &traces, &mut script)
                    .unwrap_or_else(|error| {
                        panic!("{selection:?}: device {device} at {leaves} s: {error}")
                    });
                check(&outcome, &diary, &script, assigned);
                assert_eq!(
                    outcome.end,
                    End::Rounds,
                    "{selection:?}: device {device} at {leaves} s"
                );
                assert_eq!(outcome.standing.void_rounds, 0);
            }
        }
    }
}

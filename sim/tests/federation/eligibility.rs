//! Who may be asked: recorded times, charging, Wi-Fi; and what a device loses that no longer may.

use std::sync::Arc;

use fleetune::federation::{Conditions, Fate, FederationConfig};
use fleetune_algorithms::protocol::Exchange;
use fleetune_devices::{Eligibility, Workload, availability::trace::Traces};
use fleetune_units::{Flops, Seconds};

use super::{
    conservation::check,
    world::{SPEC, Script, Spec, config, fleet, run, run_under, same, work},
};

fn recorded(rows: &str) -> Option<Arc<Traces>> {
    Some(Arc::new(Traces::read(rows.as_bytes(), "test.csv", None, 100).unwrap()))
}

fn second(_: Exchange, _: u32) -> Workload {
    work(1_000_000_000, 0, 0)
}

/// Device 0 is there all the time and charges from 4.25 s to 9.5 s: rounds of one second open at
/// 4.25 s, and the sixth is lost after a quarter of its work.
#[test]
fn rounds_keep_to_the_times_recorded() {
    let traces = recorded("device,start,end,state\n0,0,100,online\n0,4.25,9.5,charging\n");
    let charging = Eligibility { charging: true, ..Eligibility::default() };
    let conditions = Conditions { eligibility: charging, traces, ..Conditions::default() };
    let (outcome, diary) =
        run_under(&conditions, &config(1), &same(1), 0, &mut Script::new(second));
    let opened: Vec<u64> = diary.rounds.iter().map(|round| round.opened.as_nanos()).collect();
    let expected: Vec<u64> = (0..6).map(|n| 4_250_000_000 + n * 1_000_000_000).collect();
    assert_eq!(opened, expected);
    assert_eq!(diary.rounds[0].waited.as_nanos(), 4_250_000_000);
    let lost = &diary.rounds[5];
    assert_eq!(lost.clients[0].fate, Fate::Left);
    assert_eq!(lost.closed.as_nanos(), 9_500_000_000);
    assert_eq!(lost.spent().wasted.device_flops, Flops::new(250_000_000));
    assert_eq!(outcome.standing.rounds, 6);
    // Nothing asked of it but to be there: it is, for all ten rounds.
    let conditions = Conditions { eligibility: Eligibility::default(), ..conditions };
    let (outcome, _) = run_under(&conditions, &config(1), &same(1), 0, &mut Script::new(second));
    assert_eq!(outcome.standing.time.as_nanos(), 10_000_000_000);
}

#[test]
fn each_condition_keeps_away_whom_it_does_not_admit() {
    let extra = ["", "charging: never", "wifi: never", "charging: never\nwifi: never"];
    let specs = extra.map(|extra| Spec { extra, ..SPEC });
    let fleet = fleet(&specs);
    for (charging, wifi, admitted) in [
        (false, false, vec![0, 1, 2, 3]),
        (true, false, vec![0, 2]),
        (false, true, vec![0, 1]),
        (true, true, vec![0]),
    ] {
        let eligibility = Eligibility { charging, wifi, battery_above: None };
        let conditions = Conditions { eligibility, ..Conditions::default() };
        let rules = FederationConfig { deadline: Seconds::new(5.0).ok(), ..config(4) };
        let (_, diary) = run_under(&conditions, &rules, &fleet, 0, &mut Script::new(second));
        let mut asked: Vec<_> = diary.rounds[0].clients.iter().map(|c| c.client).collect();
        asked.sort_unstable();
        assert_eq!(asked, admitted, "charging: {charging}, wifi: {wifi}");
    }
}

/// Under random charging and Wi-Fi the books balance, and devices that are always both are asked
/// and lose exactly what they would without any condition.
#[test]
fn conditions_that_always_hold_change_nothing() {
    let spec = |extra| Spec { means: Some((4.0, 2.0)), extra, ..SPEC };
    let plain = vec![spec(""); 12];
    let always = vec![spec("charging: always\nwifi: always"); 12];
    let strict = Eligibility { charging: true, wifi: true, battery_above: None };
    let strict = Conditions { eligibility: strict, ..Conditions::default() };
    let rules = FederationConfig { deadline: Seconds::new(5.0).ok(), ..config(4) };
    let (mut script, mut other) = (Script::new(second), Script::new(second));
    let (_, free) = run(&rules, &fleet(&plain), 3, &mut script);
    let (_, held) = run_under(&strict, &rules, &fleet(&always), 3, &mut other);
    assert_eq!(free.rounds, held.rounds);
    assert!(free.rounds.iter().any(|round| round.count(Fate::Left) > 0));

    let extra = "charging: { exponential: { mean_on: 3 s, mean_off: 2 s } }
wifi: { exponential: { mean_on: 6 s, mean_off: 1 s } }";
    let sometimes = vec![spec(extra); 12];
    for seed in 0..20 {
        let mut script = Script::new(second);
        let (outcome, diary) = run_under(&strict, &rules, &fleet(&sometimes), seed, &mut script);
        check(&outcome, &diary, &script, second);
        assert!(diary.rounds != free.rounds);
    }
}

//! E4: what devices draw comes out of their batteries, to the joule; they die, leave and come back
//! at the nanosecond at which a level is crossed.

use std::sync::Arc;

use fleetune::federation::{Conditions, End, Fate, FederationConfig, RoundOutcome};
use fleetune_algorithms::protocol::Exchange;
use fleetune_devices::{Eligibility, Level, Workload, availability::trace::Traces};
use fleetune_units::{Flops, Seconds};

use super::{
    conservation::check,
    world::{
        SPEC, Script, Spec, always, config, fleet, run, run_traced, run_traced_under, run_under,
        work,
    },
};

/// 10 J, of which nothing is lost, and never plugged in.
const TEN_JOULES: Spec =
    Spec { extra: "battery: { capacity: 10 J, charge_power: 5 W }\ncharging: never", ..SPEC };

fn lasting(seconds: f64) -> Script {
    Script::new(move |_, _| work((seconds * 1e9) as u128, 0, 0))
}

fn above(level: f64) -> Conditions {
    let battery_above = Some(Level::new(level).unwrap());
    let eligibility = Eligibility { battery_above, ..Eligibility::default() };
    Conditions { eligibility, ..Conditions::default() }
}

fn recorded(conditions: Conditions, rows: &str) -> Conditions {
    let rows = format!("device,start,end,state\n{rows}");
    let traces = Traces::read(rows.as_bytes(), "test.csv", None, 100).unwrap();
    Conditions { traces: Some(Arc::new(traces)), ..conditions }
}

/// It dies at t* = E eta / P, in the middle of its work: 5 W from 10 J last 2 s, with a fifth lost
/// on the way 1.6 s.
#[test]
fn a_device_dies_at_the_moment_its_battery_is_empty() {
    let lossy = "battery: { capacity: 10 J, charge_power: 5 W, discharge_efficiency: 0.8 }\ncharging: never";
    for (extra, nanos) in [(TEN_JOULES.extra, 2_000_000_000), (lossy, 1_600_000_000)] {
        let world = fleet(&[Spec { extra, ..SPEC }]);
        let (outcome, diary) = run(&config(1), &world, 0, &mut lasting(3.0));
        assert_eq!((outcome.end, diary.rounds.len()), (End::NobodyComes, 1));
        let round = &diary.rounds[0];
        assert_eq!(round.closed.as_nanos(), nanos);
        let wasted = round.spent().wasted;
        assert_eq!((round.clients[0].fate, round.count(Fate::Left)), (Fate::Left, 1));
        assert_eq!(wasted.device_flops, Flops::new(u128::from(nanos)));
        assert!((wasted.energy.get() - nanos as f64 * 5e-9).abs() < 1e-9);
        let (battery, at) = &diary.batteries[&0];
        assert_eq!(battery.stored(*at).get(), 0.0);
    }
    // Half a nanosecond of energy more and it lives to its arrival, which then counts.
    let enough = Spec {
        extra: "battery: { capacity: 15.0000000025 J, charge_power: 5 W }\ncharging: never",
        ..SPEC
    };
    let (_, diary) = run(&config(1), &fleet(&[enough]), 0, &mut lasting(3.0));
    assert_eq!(diary.rounds[0].clients[0].fate, Fate::Aggregated);
    let exactly =
        Spec { extra: "battery: { capacity: 15 J, charge_power: 5 W }\ncharging: never", ..SPEC };
    let (_, diary) = run(&config(1), &fleet(&[exactly]), 0, &mut lasting(3.0));
    assert_eq!(diary.rounds[0].clients[0].fate, Fate::Left);
}

/// A battery that is not to fall to the half: rounds of 0.8 s take 4 J; the second is broken off at
/// 5 J, after 0.2 s. Idle at 1 W until it is plugged in at 4 s, it has 2 J, and at 5 W the half
/// again at 4.6 s; from the nanosecond after that on it holds more. Plugged in, it stays.
#[test]
fn it_leaves_and_comes_back_as_it_crosses_a_level() {
    let conditions = recorded(above(0.5), "0,4,1000,charging\n");
    let (outcome, diary) =
        run_under(&conditions, &config(1), &fleet(&[TEN_JOULES]), 0, &mut lasting(0.8));
    let fates: Vec<Fate> = diary.rounds.iter().map(|round| round.clients[0].fate).collect();
    assert_eq!(fates[..3], [Fate::Aggregated, Fate::Left, Fate::Aggregated]);
    assert_eq!(diary.rounds[1].closed.as_nanos(), 1_000_000_000);
    assert_eq!(diary.rounds[1].spent().wasted.device_flops, Flops::new(200_000_000));
    assert_eq!(diary.rounds[2].opened.as_nanos(), 4_600_000_001);
    assert_eq!((outcome.end, outcome.standing.dropped), (End::Rounds, 1));
    // Charged while it works: the mains feed the device besides.
    let (battery, at) = &diary.batteries[&0];
    assert!((battery.delivered(*at).get() - 8.0).abs() < 1e-9);
    assert_eq!(battery.stored(*at).get(), 10.0);
}

/// Idling at 1 W it dies after 10 s without ever being asked; dead, it draws nothing, and is back
/// when it is plugged in.
#[test]
fn a_device_dies_of_idling_and_comes_back_with_the_mains() {
    let mains = Spec { extra: "", ..SPEC };
    let world = fleet(&[mains, TEN_JOULES]);
    let rows = "0,15,1000,online\n1,0,1000,online\n1,20,1000,charging\n";
    let conditions = recorded(Conditions::default(), rows);
    let (_, diary) = run_under(&conditions, &config(2), &world, 0, &mut lasting(1.0));
    assert_eq!(diary.rounds[0].opened.as_nanos(), 20_000_000_000);
    let (battery, at) = &diary.batteries[&1];
    assert_eq!(battery.delivered(*at).get(), 10.0);
    // Plugged in before it is empty, it is there when the other comes.
    let rows = "0,15,1000,online\n1,0,1000,online\n1,9,1000,charging\n";
    let conditions = recorded(Conditions::default(), rows);
    let (_, diary) = run_under(&conditions, &config(2), &world, 0, &mut lasting(1.0));
    assert_eq!(diary.rounds[0].opened.as_nanos(), 15_000_000_000);
}

/// Death at one instant with a crossing of another kind, or with the end of a session: one leaving.
#[test]
fn changes_of_one_instant_are_one_change() {
    // It leaves by itself at 2 s, when its battery is empty, too; and would be back at 3 s.
    let traces = [always(), vec![(true, 2.0), (false, 1.0), (true, f64::INFINITY)]];
    let world = fleet(&[SPEC, TEN_JOULES]);
    let (outcome, diary) = run_traced(&config(2), &world, &traces, &mut lasting(3.0)).unwrap();
    assert_eq!(diary.rounds[0].count(Fate::Left), 1);
    assert_eq!((outcome.end, outcome.standing.rounds), (End::NobodyComes, 1));
    // Plugged in at the instant at which it would die, it does not.
    let conditions = recorded(Conditions::default(), "0,0,1000,charging\n1,2,1000,charging\n");
    let traces = [always(), always()];
    let mut script = lasting(3.0);
    let (_, diary) =
        run_traced_under(&conditions, &config(2), &world, &traces, &mut script).unwrap();
    assert!(diary.rounds.iter().all(|round| round.count(Fate::Left) == 0));
}

/// A device's radio goes silent when it dies, in the tail of a transfer, too.
#[test]
fn the_dead_draw_nothing() {
    // 1 s of upload at 3 W, then 7 J last 1.75 s of the tail at 4 W.
    let extra = "battery: { capacity: 10 J, charge_power: 5 W }\ncharging: never\nradio_tail: { power: 4 W, length: 5 s }";
    let specs = [Spec { gflops: 0.1, ..SPEC }, Spec { extra, ..SPEC }];
    let mut script =
        Script::new(
            |_, client| {
                if client == 1 { work(0, 0, 1_000_000) } else { work(1_000_000_000, 0, 0) }
            },
        );
    let (_, diary) = run(&config(2), &fleet(&specs), 0, &mut script);
    let dead = diary.rounds[0].clients.iter().find(|c| c.client == 1).unwrap();
    assert_eq!((dead.fate, dead.times.wait.as_nanos()), (Fate::Aggregated, 1_750_000_000));
    assert!((dead.spent.useful.energy.get() - 10.0).abs() < 1e-8);
    assert_eq!(diary.batteries[&1].0.delivered(diary.batteries[&1].1).get(), 10.0);
}

/// The tail of a radio comes out of the battery, and ends there when it ends.
#[test]
fn a_tail_comes_out_of_the_battery() {
    let extra = "battery: { capacity: 1 kJ, charge_power: 5 W }\ncharging: never\nradio_tail: { power: 4 W, length: 5 s }";
    let specs = [Spec { gflops: 0.1, ..SPEC }, Spec { extra, ..SPEC }];
    let mut script =
        Script::new(
            |_, client| {
                if client == 1 { work(0, 0, 1_000_000) } else { work(1_000_000_000, 0, 0) }
            },
        );
    let mut rules = config(2);
    rules.stop.rounds = 1;
    let (_, diary) = run(&rules, &fleet(&specs), 0, &mut script);
    let (battery, at) = &diary.batteries[&1];
    assert_eq!(battery.delivered(*at).get(), 3.0 + 5.0 * 4.0 + 4.0 * 1.0);
}

fn assigned(exchange: Exchange, client: u32) -> Workload {
    let n = u64::from(client) + exchange.round;
    work(u128::from(n % 5) * 300_000_001, (n % 3) * 200_003, (n % 4) * 100_007)
}

/// Energy on a client's account, and for how long it was there.
fn of(rounds: &[RoundOutcome], client: u32) -> (f64, f64) {
    let parts = rounds.iter().flat_map(|r| &r.clients).filter(|c| c.client == client);
    parts.fold((0.0, 0.0), |(energy, time), c| {
        (energy + c.spent.total().energy.get(), time + c.times.engaged().as_seconds())
    })
}

/// E4: what a battery delivered is what its device drew on the rounds' accounts, and its idle power
/// in all other time; what it lost is that over the efficiency. Random worlds, nobody dies.
#[test]
fn batteries_deliver_what_the_books_say() {
    let extra = "battery: { capacity: 1 kJ, charge_power: 5 W, discharge_efficiency: 0.8 }
charging: never
throttle: { after: 0.5 s, factor: 0.5, recovery: 1 s }";
    let specs: Vec<_> = (1..9)
        .map(|n| Spec { gflops: f64::from(n) / 4.0, means: Some((3.0, 1.0)), extra, ..SPEC })
        .collect();
    let rules =
        FederationConfig { over_commitment: 1.5, deadline: Seconds::new(1.1).ok(), ..config(4) };
    for seed in 0..30 {
        let mut script = Script::new(assigned);
        let (outcome, diary) = run(&rules, &fleet(&specs), seed, &mut script);
        check(&outcome, &diary, &script, assigned);
        assert_eq!(diary.batteries.len(), specs.len());
        for (&client, (battery, at)) in &diary.batteries {
            let (energy, engaged) = of(&diary.rounds, client);
            let time = at.0 as f64 / 1e9;
            let expected = energy + 1.0 * (time - engaged);
            let delivered = battery.delivered(*at).get();
            assert!((delivered - expected).abs() < 1e-9 * expected, "{delivered} {expected}");
            let lost = 1_000.0 - battery.stored(*at).get();
            assert!((lost - delivered / 0.8).abs() < 1e-9 * lost);
        }
    }
}

/// Whenever it dies, at and between all dates of a round, the books balance and the work is lost
/// or counted as rule 6 has it.
#[test]
fn a_device_may_die_at_any_instant() {
    let world = |capacity: u64| {
        let extra = format!(
            "battery: {{ capacity: {capacity} mJ, charge_power: 2 W, initial: 0.999 }}
charging: {{ exponential: {{ mean_on: 2 s, mean_off: 4 s }} }}
radio_tail: {{ power: 2.5 W, length: 0.3 s }}"
        );
        let spec = Spec { extra: Box::leak(extra.into_boxed_str()), ..SPEC };
        fleet(&[SPEC, SPEC, spec.clone(), spec])
    };
    let rules =
        FederationConfig { over_commitment: 1.3, deadline: Seconds::new(4.0).ok(), ..config(3) };
    let mut deaths = 0;
    for capacity in 1..400 {
        let mut script = Script::new(assigned);
        let (outcome, diary) = run(&rules, &world(capacity * 50), capacity, &mut script);
        assert_eq!(outcome.end, End::Rounds);
        deaths += outcome.standing.dropped;
        let total = outcome.standing.ledger.total().energy.get();
        let told: f64 = diary.rounds.iter().map(|r| r.spent().total().energy.get()).sum();
        assert!(told <= total * (1.0 + 1e-12));
        for (battery, at) in diary.batteries.values() {
            assert!(battery.stored(*at).get() >= 0.0);
        }
    }
    assert!(deaths > 100, "{deaths}");
}

//! E1 (time line), E2, E3, additivity over accounts, monotonicity.

use fleetune_devices::{
    PowerStates,
    energy::{Meter, Moment, Outcome, Purpose},
    power::{LoadCurve, Share},
};
use fleetune_units::{Joules, Seconds, Watts};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000; // [ns]

fn watts(w: f64) -> Watts {
    Watts::new(w).unwrap()
}

/// SimGrid's `energy-exec` host: four cores, three states of `Idle:Epsilon:AllCores`.
fn host(state: usize) -> LoadCurve {
    let (idle, epsilon, all) =
        [(100.0, 280.0 / 3.0, 200.0), (93.0, 90.0, 170.0), (90.0, 90.0, 150.0)][state];
    LoadCurve { idle: watts(idle), epsilon: watts(epsilon), all: watts(all) }
}

#[test]
fn e1_the_documented_energy_of_simgrids_host() {
    // (length [s], state, busy cores of four, total after it [J]); one core computes 1e8 flop at
    // 100 Mflop/s in 1 s, and at 20 Mflop/s in 5 s.
    let stretches = [
        (10, 0, 0, 1000.0),
        (1, 0, 1, 1120.0),
        (5, 2, 1, 1645.0),
        (4, 2, 0, 2005.0),
        (10, 2, 0, 2905.0),
    ];
    let mut meter = Meter::new(Moment(0), Watts::ZERO);
    let mut now = 0;
    for (length, state, cores, total) in stretches {
        let power = host(state).at(Share::new(f64::from(cores) / 4.0).unwrap());
        meter.set(Moment(now), power, Purpose::Background).unwrap();
        now += length * SECOND;
        let sum = meter.read(Moment(now)).unwrap().total().get();
        assert!((sum - total).abs() <= 1e-12 * total, "{sum} J, not {total} J");
    }
}

#[test]
fn e1_power_against_load() {
    let share = |s| Share::new(s).unwrap();
    assert_eq!(host(1).at(share(0.0)), watts(93.0));
    assert_eq!(host(1).at(share(0.25)), watts(110.0));
    assert_eq!(host(1).at(share(1.0)), watts(170.0));
    let states = PowerStates {
        idle: watts(1.0),
        compute: watts(5.0),
        transmit: watts(2.0),
        receive: watts(2.0),
    };
    let curve = LoadCurve::through(&states);
    for (load, power) in [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (1.0, 5.0)] {
        assert_eq!(curve.at(share(load)), watts(power), "{load}");
    }
}

#[test]
fn e6_work_becomes_useful_or_wasted_when_its_fate_is_known() {
    let mut meter = Meter::new(Moment(0), watts(1.0));
    meter.set(Moment(10 * SECOND), watts(5.0), Purpose::Round).unwrap();
    meter.set(Moment(12 * SECOND), watts(3.0), Purpose::Round).unwrap();
    meter.settle(Moment(13 * SECOND), Outcome::Useful).unwrap();
    let accounts = meter.read(Moment(15 * SECOND)).unwrap();
    let joules = |j| Joules::new(j).unwrap();
    assert_eq!(accounts.background, joules(10.0));
    assert_eq!(accounts.useful, joules(13.0));
    assert_eq!(accounts.open, joules(6.0));
    meter.settle(Moment(15 * SECOND), Outcome::Wasted).unwrap();
    let accounts = meter.read(Moment(15 * SECOND)).unwrap();
    assert_eq!((accounts.wasted, accounts.open), (joules(6.0), Joules::ZERO));
    assert_eq!(accounts.rounds(), joules(19.0));
}

#[test]
fn not_a_nanosecond_is_lost() {
    // A gigawatt for a nanosecond is a joule; odd steps, so that halving them would show.
    let mut meter = Meter::new(Moment(0), watts(1e9));
    for now in [1, 2, 5, 12, 101] {
        meter.set(Moment(now), watts(1e9), Purpose::Background).unwrap();
        let total = meter.read(Moment(now)).unwrap().total().get();
        assert!((total - now as f64).abs() < 1e-12 * now as f64, "{total} J after {now} ns");
    }
}

#[test]
fn the_past_is_refused_and_nothing_changes() {
    let mut meter = Meter::new(Moment(5), watts(1.0));
    let before = meter.clone();
    assert!(meter.set(Moment(4), watts(2.0), Purpose::Round).is_err());
    assert!(meter.settle(Moment(4), Outcome::Useful).is_err());
    assert!(meter.read(Moment(4)).is_err());
    assert_eq!(meter, before);
}

#[test]
fn a_meter_can_be_put_away_and_taken_up() {
    let mut meter = Meter::new(Moment(3), watts(1.5));
    meter.set(Moment(SECOND / 3), watts(0.1), Purpose::Round).unwrap();
    let text = serde_json::to_string(&meter).unwrap();
    let mut back: Meter = serde_json::from_str(&text).unwrap();
    assert_eq!(back, meter);
    for meter in [&mut meter, &mut back] {
        meter.settle(Moment(SECOND), Outcome::Useful).unwrap();
    }
    assert_eq!(back, meter);
}

#[test]
fn battery_crossings_are_solved_for() {
    let meter = Meter::new(Moment(0), watts(2.5));
    assert_eq!(meter.time_to_draw(Joules::new(10.0).unwrap()), Some(Seconds::new(4.0).unwrap()));
    let off = Meter::new(Moment(0), Watts::ZERO);
    assert_eq!(off.time_to_draw(Joules::new(10.0).unwrap()), None);
}

/// (length in ns, power in W, in a round?, settle as useful or wasted?)
type Step = (u64, f64, bool, Option<bool>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        (0..10 * SECOND, 0.0..50.0_f64, any::<bool>(), prop::option::of(any::<bool>())),
        1..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn e2_two_states_cost_idle_time_plus_the_difference_while_busy(
        idle in 0.0..10.0_f64, extra in 0.0..30.0_f64, spans in prop::collection::vec(0..SECOND, 2..50),
    ) {
        let mut meter = Meter::new(Moment(0), watts(idle));
        let (mut now, mut busy_time) = (0, 0);
        for (index, span) in spans.iter().enumerate() {
            let busy = index % 2 == 1;
            let (power, purpose) = if busy { (idle + extra, Purpose::Round) } else { (idle, Purpose::Background) };
            meter.set(Moment(now), watts(power), purpose).unwrap();
            now += span;
            busy_time += if busy { *span } else { 0 };
        }
        let closed_form = (idle * now as f64 + extra * busy_time as f64) / 1e9;
        let total = meter.read(Moment(now)).unwrap().total().get();
        prop_assert!((total - closed_form).abs() <= 1e-12 * closed_form.max(1e-300) + 1e-18);
    }

    #[test]
    fn e3_splitting_intervals_changes_nothing(steps in steps(), cuts in 1_u64..5) {
        let (mut whole, mut split) = (Meter::new(Moment(0), watts(1.0)), Meter::new(Moment(0), watts(1.0)));
        let mut now = 0;
        for (length, power, round, _) in &steps {
            let purpose = if *round { Purpose::Round } else { Purpose::Background };
            whole.set(Moment(now), watts(*power), purpose).unwrap();
            for cut in 0..=cuts {
                split.set(Moment(now + length * cut / cuts), watts(*power), purpose).unwrap();
            }
            now += length;
        }
        let (whole, split) = (whole.read(Moment(now)).unwrap(), split.read(Moment(now)).unwrap());
        for (a, b) in [(whole.background, split.background), (whole.open, split.open)] {
            prop_assert!((a.get() - b.get()).abs() <= 1e-12 * a.get());
        }
    }

    #[test]
    fn e6_accounts_never_decrease_and_always_add_up(steps in steps()) {
        let mut meter = Meter::new(Moment(0), watts(0.0));
        let (mut now, mut integral, mut before) = (0, 0.0, meter.read(Moment(0)).unwrap());
        for (length, power, round, settle) in steps {
            let purpose = if round { Purpose::Round } else { Purpose::Background };
            meter.set(Moment(now), watts(power), purpose).unwrap();
            now += length;
            integral += power * length as f64 / 1e9;
            if let Some(useful) = settle {
                let outcome = if useful { Outcome::Useful } else { Outcome::Wasted };
                meter.settle(Moment(now), outcome).unwrap();
            }
            let after = meter.read(Moment(now)).unwrap();
            prop_assert!(after.total().get() >= before.total().get() * (1.0 - 1e-15));
            prop_assert!(after.useful >= before.useful && after.wasted >= before.wasted);
            prop_assert!(after.background >= before.background);
            before = after;
        }
        prop_assert!((before.total().get() - integral).abs() <= 1e-12 * integral);
    }
}

//! E4: what leaves a battery is what the device drew, crossings are exact, nobody draws from an
//! empty one.

use fleetune_devices::{
    Battery, BatteryConfig, Level, Load, Processor,
    energy::{Meter, Moment, Outcome, Purpose},
    streams::SeedTree,
};
use fleetune_units::{Joules, Seconds, Watts};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000; // [ns]

fn watts(w: f64) -> Watts {
    Watts::new(w).unwrap()
}

fn level(l: f64) -> Level {
    Level::new(l).unwrap()
}

/// 1 kJ at 80 %, charged at 50 W.
fn config() -> BatteryConfig {
    serde_yaml::from_str("{ capacity: 1 kJ, discharge_efficiency: 0.8, charge_power: 50 W }")
        .unwrap()
}

fn full() -> Battery {
    Battery::new(config(), Moment(0))
}

#[test]
fn e4_death_comes_at_exactly_the_energy_over_the_power() {
    // t* = E η / P = 1000 x 0.8 / 10.
    let mut battery = full();
    battery.set(Moment(5), watts(10.0), false).unwrap();
    let death = battery.crossing(Level::EMPTY, Moment(5)).unwrap();
    assert_eq!(death, Moment(80 * SECOND + 5));
    assert!(battery.is_alive(Moment(death.0 - 1)));
    assert!(!battery.is_alive(death));
    assert_eq!(battery.stored(death), Joules::ZERO);
    assert_eq!(battery.delivered(death), Joules::new(800.0).unwrap());
    // Never below zero, and nothing is delivered that is not there.
    let later = Moment(1_000 * SECOND);
    assert_eq!(battery.stored(later), Joules::ZERO);
    assert_eq!(battery.delivered(later), Joules::new(800.0).unwrap());
    assert_eq!(battery.crossing(Level::EMPTY, later), None);
}

#[test]
fn e4_levels_are_crossed_downwards_and_upwards_at_their_moment() {
    let mut battery = full();
    battery.set(Moment(0), watts(10.0), false).unwrap();
    // 800 J of 1000 J to the level of 20 %: 800 x 0.8 / 10.
    let low = battery.crossing(level(0.2), Moment(0)).unwrap();
    assert_eq!(low, Moment(64 * SECOND));
    assert!(battery.is_above(level(0.2), Moment(low.0 - 1)));
    assert!(!battery.is_above(level(0.2), low));
    // Asking later, or twice, moves nothing.
    assert_eq!(battery.crossing(level(0.2), Moment(63 * SECOND)), Some(low));
    assert_eq!(battery.crossing(level(0.2), low), None);
    battery.set(low, watts(3.0), true).unwrap();
    let half = battery.crossing(level(0.5), low).unwrap();
    // 300 J at 50 W; just above is just after.
    assert_eq!(half, Moment(70 * SECOND + 1));
    assert!(
        battery.is_above(level(0.5), half) && !battery.is_above(level(0.5), Moment(half.0 - 1))
    );
    assert_eq!(battery.crossing(Level::FULL, low), None, "full is not above full");
    let full = Moment(80 * SECOND);
    assert_eq!(battery.level(full), Level::FULL);
    assert_eq!(battery.charged(Moment(1_000 * SECOND)), Joules::new(800.0).unwrap());
}

#[test]
fn e4_a_plugged_device_lives_off_the_mains() {
    let mut battery = full();
    battery.set(Moment(0), watts(100.0), true).unwrap();
    let later = Moment(1_000 * SECOND);
    assert_eq!(battery.stored(later), config().capacity);
    assert_eq!(battery.delivered(later), Joules::ZERO);
    assert_eq!(battery.charged(later), Joules::ZERO);
    assert_eq!(battery.crossing(Level::EMPTY, Moment(0)), None);
    // A dead one lives as soon as it is plugged in.
    let mut dead = full();
    dead.set(Moment(0), watts(10.0), false).unwrap();
    dead.set(Moment(100 * SECOND), Watts::ZERO, true).unwrap();
    assert!(dead.is_alive(Moment(100 * SECOND)));
}

#[test]
fn e4_work_in_progress_at_death_is_lost_and_counted() {
    let (mut battery, start) = (full(), Moment(0));
    let mut meter = Meter::new(start, watts(1.0));
    let mut processor = Processor::new(start, None, None, &SeedTree::new(1), 0);
    battery.set(start, watts(1.0), false).unwrap();
    let begin = Moment(50 * SECOND);
    let power = watts(5.0);
    battery.set(begin, power, false).unwrap();
    meter.set(begin, power, Purpose::Round).unwrap();
    processor.set(begin, Load::Busy(power)).unwrap();
    let finish = processor.finish(Seconds::new(200.0).unwrap()).unwrap();
    // 800 J to draw, less 50 W s of idling, at 5 W: dead after 150 s of 200.
    let death = battery.crossing(Level::EMPTY, begin).unwrap();
    assert_eq!(death, Moment(200 * SECOND));
    assert!(death < finish);
    processor.set(death, Load::Idle).unwrap();
    battery.set(death, Watts::ZERO, false).unwrap();
    meter.settle(death, Outcome::Wasted).unwrap();
    meter.set(death, Watts::ZERO, Purpose::Background).unwrap();
    let accounts = meter.read(Moment(999 * SECOND)).unwrap();
    assert_eq!(processor.done(), Seconds::new(150.0).unwrap());
    assert_eq!(accounts.wasted, Joules::new(750.0).unwrap());
    assert_eq!(accounts.useful, Joules::ZERO);
    assert_eq!(accounts.total(), battery.delivered(Moment(999 * SECOND)));
}

#[test]
fn the_past_is_refused_and_nothing_changes() {
    let mut battery = full();
    battery.set(Moment(5), watts(1.0), false).unwrap();
    let before = battery.clone();
    assert!(battery.set(Moment(4), watts(2.0), true).is_err());
    assert_eq!(battery, before);
    let back: Battery = serde_json::from_str(&serde_json::to_string(&battery).unwrap()).unwrap();
    assert_eq!(back, battery);
}

#[test]
fn mistakes_are_explained() {
    for (text, hint) in [
        ("{ capacity: 0 Wh, charge_power: 10 W }", "more than zero"),
        ("{ capacity: 10 Wh, charge_power: 10 W, initial: 80 }", "from 0 to 1"),
        ("{ capacity: 10 Wh, charge_power: 10 W, discharge_efficiency: 0 }", "above 0"),
    ] {
        let error = serde_yaml::from_str::<BatteryConfig>(text).unwrap_err().to_string();
        assert!(error.contains(hint), "{text}: {error}");
    }
}

/// (length in ns, draw in W, plugged?)
fn schedules() -> impl Strategy<Value = Vec<(u64, f64, bool)>> {
    prop::collection::vec((1..40 * SECOND, 0.0..30.0_f64, any::<bool>()), 1..40)
}

fn near(a: Joules, b: f64) -> bool {
    (a.get() - b).abs() <= 1e-12 * config().capacity.get().max(b)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn e4_the_charge_is_conserved_and_stays_within_bounds(schedule in schedules()) {
        let mut battery = full();
        let capacity = config().capacity.get();
        // Stored, delivered, charged: the definition, a stretch at a time.
        let (mut now, mut stored, mut delivered, mut charged) = (0, capacity, 0.0, 0.0);
        for (length, draw, plugged) in schedule {
            battery.set(Moment(now), watts(draw), plugged).unwrap();
            let s = length as f64 / 1e9;
            now += length;
            if plugged {
                let flown = (50.0 * s).min(capacity - stored);
                (stored, charged) = (stored + flown, charged + flown);
            } else {
                let given = (draw * s).min(stored * 0.8);
                (stored, delivered) = ((stored - given / 0.8).max(0.0), delivered + given);
            }
            let at = Moment(now);
            prop_assert!(battery.stored(at) <= config().capacity);
            prop_assert!(near(battery.stored(at), stored));
            prop_assert!(near(battery.delivered(at), delivered));
            prop_assert!(near(battery.charged(at), charged));
            let balance = capacity + battery.charged(at).get() - battery.delivered(at).get() / 0.8;
            prop_assert!(near(battery.stored(at), balance));
        }
    }

    #[test]
    fn splitting_at_arbitrary_instants_changes_nothing(schedule in schedules(), cuts in 1_u64..7) {
        let (mut whole, mut split) = (full(), full());
        let mut now = 0;
        for (length, draw, plugged) in schedule {
            whole.set(Moment(now), watts(draw), plugged).unwrap();
            for cut in 0..=cuts {
                split.set(Moment(now + length * cut / cuts), watts(draw), plugged).unwrap();
            }
            now += length;
        }
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn a_crossing_is_the_first_nanosecond_of_another_answer(
        schedule in schedules(), threshold in 0.0..1.0_f64, wait in 0..10 * SECOND,
    ) {
        let mut battery = full();
        let mut now = 0;
        for (length, draw, plugged) in schedule {
            battery.set(Moment(now), watts(draw), plugged).unwrap();
            let from = Moment(now + wait.min(length - 1));
            let above = battery.is_above(level(threshold), from);
            match battery.crossing(level(threshold), from) {
                Some(at) => {
                    prop_assert!(at > from);
                    prop_assert_eq!(battery.is_above(level(threshold), at), !above);
                    prop_assert_eq!(battery.is_above(level(threshold), Moment(at.0 - 1)), above);
                }
                None => {
                    let ever = Moment(now + 1_000_000 * SECOND);
                    prop_assert_eq!(battery.is_above(level(threshold), ever), above);
                }
            }
            now += length;
        }
    }

    #[test]
    fn e6_battery_and_meter_tell_the_same_story(
        schedule in prop::collection::vec((1..40 * SECOND, 0.0..30.0_f64, prop::option::of(any::<bool>())), 1..40),
    ) {
        // A device off the mains until it dies; useful + wasted + background = what it got.
        let (mut battery, mut meter) = (full(), Meter::new(Moment(0), Watts::ZERO));
        let mut now = Moment(0);
        for (length, draw, fate) in schedule {
            battery.set(now, watts(draw), false).unwrap();
            let purpose = if fate.is_some() { Purpose::Round } else { Purpose::Background };
            meter.set(now, watts(draw), purpose).unwrap();
            let end = Moment(now.0 + length);
            let death = battery.crossing(Level::EMPTY, now).filter(|death| *death <= end);
            now = death.unwrap_or(end);
            let useful = fate == Some(true) && death.is_none();
            meter.settle(now, if useful { Outcome::Useful } else { Outcome::Wasted }).unwrap();
            let accounts = meter.read(now).unwrap();
            let sum = accounts.background + accounts.useful + accounts.wasted;
            prop_assert_eq!(accounts.open, Joules::ZERO);
            // A nanosecond of rounding at death, at most 30 W.
            let apart = (sum.get() - battery.delivered(now).get()).abs();
            prop_assert!(apart <= 1e-12 * sum.get() + 30e-9 * f64::from(u8::from(death.is_some())));
            if death.is_some() {
                prop_assert!(!battery.is_alive(now));
                break;
            }
        }
    }
}

//! Work over a speed that changes: throttling, background load, and the conservation of work.

use fleetune_devices::{
    BackgroundLoad, Load, Processor, Throttle, energy::Moment, streams::SeedTree,
};
use fleetune_units::{Seconds, Watts};
use proptest::prelude::*;

use fleetune_validation::acceptance::accept;

const SECOND: u64 = 1_000_000_000; // [ns]

fn seconds(s: f64) -> Seconds {
    Seconds::new(s).unwrap()
}

fn busy() -> Load {
    Load::Busy(Watts::new(5.0).unwrap())
}

fn throttle(yaml: &str) -> Option<Throttle> {
    Some(serde_yaml::from_str(yaml).unwrap())
}

/// Throttles to half speed after 10 s of load, recovers in 4 s.
const HALF: &str = "{ after: 10 s, factor: 0.5, recovery: 4 s }";

fn background() -> Option<BackgroundLoad> {
    let text = "{ share: 0.25, running: { exponential: { mean_on: 3 s, mean_off: 6 s } } }";
    Some(serde_yaml::from_str(text).unwrap())
}

fn processor(throttle: Option<Throttle>, background: Option<BackgroundLoad>) -> Processor {
    Processor::new(Moment(0), throttle, background, &SeedTree::new(6), 3)
}

#[test]
fn c3_undisturbed_work_takes_what_the_cost_mode_says() {
    let mut plain = processor(None, None);
    assert_eq!(plain.finish(seconds(1.0)), None, "an idle processor finishes nothing");
    plain.set(Moment(5), busy()).unwrap();
    assert_eq!(plain.finish(seconds(0.1)), Some(Moment(100_000_005)));
    assert_eq!(plain.finish(seconds(1e-10)), Some(Moment(6)), "work never ends early");
    assert_eq!(plain.finish(Seconds::ZERO), Some(Moment(5)));
    assert_eq!(plain.compute_time(seconds(3.5)), Some(seconds(3.5)));
}

#[test]
fn a_throttled_device_does_the_rest_at_its_factor() {
    let mut phone = processor(throttle(HALF), None);
    phone.set(Moment(0), busy()).unwrap();
    // 10 s at full speed, then 5 s of work at half.
    assert_eq!(phone.finish(seconds(10.0)), Some(Moment(10 * SECOND)));
    assert_eq!(phone.finish(seconds(15.0)), Some(Moment(20 * SECOND)));
    assert_eq!(phone.next_change(), Some(Moment(10 * SECOND)));
    phone.advance(Moment(10 * SECOND - 1)).unwrap();
    assert!(!phone.is_throttled());
    phone.advance(Moment(10 * SECOND)).unwrap();
    assert!(phone.is_throttled());
    assert_eq!(phone.speed(), 0.5);
    assert_eq!(phone.advance(Moment(20 * SECOND)).unwrap(), seconds(15.0));
}

#[test]
fn a_hot_device_recovers_after_idling_and_not_before() {
    let mut phone = processor(throttle(HALF), None);
    phone.set(Moment(0), busy()).unwrap();
    phone.set(Moment(12 * SECOND), Load::Idle).unwrap();
    assert_eq!(phone.next_change(), Some(Moment(16 * SECOND)));
    // Work that comes a second early finds it hot still; heat was 1/4, and idling takes that off.
    let mut early = phone.clone();
    early.set(Moment(15 * SECOND), busy()).unwrap();
    assert_eq!(early.speed(), 0.5);
    early.set(Moment(16 * SECOND), Load::Idle).unwrap();
    // 1/4 + 1/10 of heat at 4 s a unit.
    assert_eq!(early.next_change(), Some(Moment(16 * SECOND + 1_400_000_000)));
    phone.set(Moment(16 * SECOND), busy()).unwrap();
    assert_eq!((phone.speed(), phone.is_throttled()), (1.0, false));
    assert_eq!(phone.next_change(), Some(Moment(26 * SECOND)));
}

#[test]
fn pauses_count_for_what_they_are() {
    // 6 s of load, a pause of 1 s that takes 1/4 off the heat of 0.6: the device bears 6.5 s more.
    let mut phone = processor(throttle(HALF), None);
    phone.set(Moment(0), busy()).unwrap();
    phone.set(Moment(6 * SECOND), Load::Idle).unwrap();
    assert_eq!(phone.next_change(), None, "a cool device that idles stays cool");
    phone.set(Moment(7 * SECOND), busy()).unwrap();
    assert_eq!(phone.next_change(), Some(Moment(13 * SECOND + SECOND / 2)));
    // A long pause cools no further than cool.
    phone.set(Moment(8 * SECOND), Load::Idle).unwrap();
    phone.set(Moment(80 * SECOND), busy()).unwrap();
    assert_eq!(phone.next_change(), Some(Moment(90 * SECOND)));
}

#[test]
fn so_many_joules_throttle_sooner_at_more_power() {
    let kilojoule = throttle("{ energy: 1 kJ, factor: 0.5, recovery: 4 s }");
    for (power, after) in [(5.0, 200), (10.0, 100)] {
        let mut phone = processor(kilojoule, None);
        phone.set(Moment(0), Load::Busy(Watts::new(power).unwrap())).unwrap();
        assert_eq!(phone.next_change(), Some(Moment(after * SECOND)));
    }
    // Half of it at 5 W, the rest at 20 W.
    let mut phone = processor(kilojoule, None);
    phone.set(Moment(0), busy()).unwrap();
    phone.set(Moment(100 * SECOND), Load::Busy(Watts::new(20.0).unwrap())).unwrap();
    assert_eq!(phone.next_change(), Some(Moment(125 * SECOND)));
    // What draws nothing heats nothing.
    phone.set(Moment(110 * SECOND), Load::Busy(Watts::ZERO)).unwrap();
    assert_eq!(phone.next_change(), None);
}

#[test]
fn background_load_takes_its_share_on_average() {
    // It runs a third of the time and takes a quarter: the mean speed is 11/12.
    let speeds: Vec<f64> = (0..40)
        .map(|seed| {
            let mut device = Processor::new(Moment(0), None, background(), &SeedTree::new(seed), 0);
            device.set(Moment(0), busy()).unwrap();
            device.advance(Moment(2_000 * SECOND)).unwrap() / seconds(2_000.0)
        })
        .collect();
    accept("mean speed", &speeds, 11.0 / 12.0);
}

#[test]
fn a_processor_can_be_put_away_and_taken_up() {
    let mut phone = processor(throttle(HALF), background());
    phone.set(Moment(0), busy()).unwrap();
    phone.advance(Moment(7 * SECOND)).unwrap();
    let mut back: Processor =
        serde_json::from_str(&serde_json::to_string(&phone).unwrap()).unwrap();
    assert_eq!(back.finish(seconds(40.0)), phone.finish(seconds(40.0)));
    let end = Moment(100 * SECOND);
    assert_eq!(back.advance(end).unwrap(), phone.advance(end).unwrap());
    assert!(back.advance(Moment(0)).is_err());
    assert!(back.set(Moment(0), Load::Idle).is_err());
    assert_eq!(back, phone, "the past is refused and nothing changes");
}

#[test]
fn mistakes_are_explained() {
    for (text, hint) in [
        ("{ factor: 0.5, recovery: 4 s }", "either `after`"),
        ("{ after: 1 s, energy: 1 J, factor: 0.5, recovery: 4 s }", "either `after`"),
        ("{ after: 1 s, factor: 0, recovery: 4 s }", "above 0 and at most 1"),
        ("{ after: 0 s, factor: 0.5, recovery: 4 s }", "more than zero"),
    ] {
        let error = serde_yaml::from_str::<Throttle>(text).unwrap_err().to_string();
        assert!(error.contains(hint), "{text}: {error}");
    }
    let full = "{ share: 1, running: always }";
    let error = serde_yaml::from_str::<BackgroundLoad>(full).unwrap_err().to_string();
    assert!(error.contains("below 1"), "{error}");
    for text in [HALF, "{ energy: 1 kJ, factor: 0.5, recovery: 4 s }"] {
        let throttle = throttle(text).unwrap();
        let yaml = serde_yaml::to_string(&throttle).unwrap();
        assert_eq!(serde_yaml::from_str::<Throttle>(&yaml).unwrap(), throttle, "{yaml}");
    }
}

/// (length in ns, power if busy)
fn schedules() -> impl Strategy<Value = Vec<(u64, Option<f64>)>> {
    prop::collection::vec((1..20 * SECOND, prop::option::of(0.1..10.0_f64)), 1..30)
}

fn load(power: Option<f64>) -> Load {
    power.map_or(Load::Idle, |power| Load::Busy(Watts::new(power).unwrap()))
}

/// The heat model again, in small steps: an oracle that solves nothing.
fn stepped(schedule: &[(u64, Option<f64>)], step: u64) -> f64 {
    let (mut heat, mut hot, mut work) = (0.0_f64, false, 0.0);
    for (length, power) in schedule {
        let mut left = *length;
        while left > 0 {
            let dt = left.min(step);
            let s = dt as f64 / 1e9;
            match power {
                Some(power) => {
                    work += s * if hot { 0.5 } else { 1.0 };
                    heat = (heat + power * s / 30.0).min(1.0);
                }
                None => heat = (heat - s / 4.0).max(0.0),
            }
            hot = heat >= 1.0 || (hot && heat > 0.0);
            left -= dt;
        }
    }
    work
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn work_done_is_the_integral_of_the_speed(schedule in schedules()) {
        let mut device = processor(throttle("{ energy: 30 J, factor: 0.5, recovery: 4 s }"), background());
        let (mut now, mut integral) = (Moment(0), 0.0);
        for (length, power) in schedule {
            device.set(now, load(power)).unwrap();
            let end = Moment(now.0 + length);
            while now < end {
                let change = device.next_change().map_or(end, |change| change.min(end));
                integral += device.speed() * (change.0 - now.0) as f64 / 1e9;
                device.advance(change).unwrap();
                now = change;
            }
        }
        prop_assert!((device.done().get() - integral).abs() <= 1e-12 * integral);
    }

    #[test]
    fn splitting_at_arbitrary_instants_changes_nothing(schedule in schedules(), cuts in 1_u64..7) {
        let make = || processor(throttle("{ energy: 30 J, factor: 0.5, recovery: 4 s }"), background());
        let (mut whole, mut split) = (make(), make());
        let mut now = 0;
        for (length, power) in schedule {
            whole.set(Moment(now), load(power)).unwrap();
            for cut in 0..=cuts {
                split.set(Moment(now + length * cut / cuts), load(power)).unwrap();
                split.advance(Moment(now + length * cut / cuts)).unwrap();
            }
            now += length;
            whole.advance(Moment(now)).unwrap();
            prop_assert_eq!(whole.next_change(), split.next_change());
            prop_assert_eq!(whole.is_throttled(), split.is_throttled());
        }
        let (whole, split) = (whole.done().get(), split.done().get());
        prop_assert!((whole - split).abs() <= 1e-12 * whole);
    }

    #[test]
    fn the_finish_is_the_first_nanosecond_at_which_the_work_is_done(
        schedule in schedules(), work in 1e-6..100.0_f64,
    ) {
        let mut device = processor(throttle("{ energy: 30 J, factor: 0.5, recovery: 4 s }"), background());
        let mut now = 0;
        for (length, power) in schedule {
            device.set(Moment(now), load(power)).unwrap();
            now += length;
        }
        device.set(Moment(now), busy()).unwrap();
        let before = device.done();
        let finish = device.finish(seconds(work)).unwrap();
        let done = |at| device.clone().advance(at).unwrap().get() - before.get();
        let rounding = 1e-12 * device.done().get().max(work);
        prop_assert!(done(finish) >= work - rounding);
        prop_assert!(done(Moment(finish.0 - 1)) <= work + rounding);
        prop_assert_eq!(device.compute_time(seconds(work)), Some(finish.since(Moment(now))));
    }

    #[test]
    fn solving_agrees_with_stepping(schedule in prop::collection::vec((1..10 * SECOND, prop::option::of(1.0..10.0_f64)), 1..8)) {
        let mut device = processor(throttle("{ energy: 30 J, factor: 0.5, recovery: 4 s }"), None);
        let mut now = 0;
        for (length, power) in &schedule {
            device.set(Moment(now), load(*power)).unwrap();
            now += length;
        }
        let done = device.advance(Moment(now)).unwrap().get();
        // A step of 1 ms for each change of state, at half the speed.
        let apart = (done - stepped(&schedule, SECOND / 1000)).abs();
        prop_assert!(apart <= 1e-3 * schedule.len() as f64, "{apart}");
    }
}

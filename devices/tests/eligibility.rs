//! Eligibility: the states of a device, their exact moments, thresholds of its battery.

use fleetune_devices::{
    Battery, BatteryConfig, Device, Eligibility, Fleet, FleetConfig, Level, Profile, Profiles,
    States,
    availability::{Process, Session},
    eligibility::{EligiblePosition, StateChange},
    energy::Moment,
    streams::SeedTree,
};
use fleetune_units::{Seconds, Watts};
use proptest::prelude::*;

use fleetune_validation::acceptance::accept;

const SECOND: u64 = 1_000_000_000; // [ns]

/// There 3/8, charging 2/5, on Wi-Fi 1/2 of the time.
fn device(key: u64) -> Device {
    let (_, text) = Profiles::shipped_texts()[0];
    let mut profile: Profile = serde_yaml::from_str(text).unwrap();
    let law = |text| serde_yaml::from_str(text).unwrap();
    profile.availability = law("exponential: { mean_on: 3 s, mean_off: 5 s }");
    profile.charging = Some(law("lognormal: { mean_on: 4 s, mean_off: 6 s, sigma: 0.5 }"));
    profile.wifi = Some(law("weibull: { mean_on: 2 s, mean_off: 2 s, shape: 0.8 }"));
    let name = profile.name.to_string();
    let mut profiles = Profiles::empty();
    profiles.insert(profile);
    let yaml = format!("groups: [{{ profile: {name}, count: {} }}]", key + 1);
    let config: FleetConfig = serde_yaml::from_str(&yaml).unwrap();
    Fleet::draw(&config, &profiles, &SeedTree::new(1)).unwrap().devices.remove(key as usize)
}

fn policy(charging: bool, wifi: bool) -> Eligibility {
    Eligibility { charging, wifi, battery_above: None }
}

/// What takes 96 bytes gives the sessions that take 600, to the bit.
#[test]
fn a_position_gives_the_sessions_of_the_policy() {
    assert_eq!(size_of::<EligiblePosition>(), 96);
    for (key, seed) in (0..4).flat_map(|key| (0..4).map(move |seed| (key, seed))) {
        let (device, seeds) = (device(key), SeedTree::new(seed));
        for policy in [policy(true, false), policy(false, true), policy(true, true)] {
            let mut position = EligiblePosition::new(&device, &policy, &seeds);
            let found = std::iter::from_fn(|| position.next(&device, &policy, &seeds));
            let expected = device.eligible_sessions(policy, &seeds, None);
            assert!(found.take(300).eq(expected.take(300)), "{key} {seed} {policy:?}");
        }
    }
}

/// A device that is always there and never charges has one stretch, without end.
#[test]
fn a_position_ends_where_nothing_changes_any_more() {
    let always = |charging: &str| {
        let (_, text) = Profiles::shipped_texts()[0];
        let mut profile: Profile = serde_yaml::from_str(text).unwrap();
        profile.availability = serde_yaml::from_str("always").unwrap();
        profile.charging = Some(serde_yaml::from_str(charging).unwrap());
        let name = profile.name.to_string();
        let mut profiles = Profiles::empty();
        profiles.insert(profile);
        let config = serde_yaml::from_str(&format!("groups: [{{ profile: {name}, count: 1 }}]"));
        Fleet::draw(&config.unwrap(), &profiles, &SeedTree::new(1)).unwrap().devices.remove(0)
    };
    for (charging, online) in [("always", true), ("never", false)] {
        let (device, seeds, policy) = (always(charging), SeedTree::new(3), policy(true, true));
        let mut position = EligiblePosition::new(&device, &policy, &seeds);
        let first = position.next(&device, &policy, &seeds).unwrap();
        assert_eq!((first.online, first.ends_after()), (online, None));
        assert_eq!(position.next(&device, &policy, &seeds), None);
    }
}

#[test]
fn independent_conditions_multiply() {
    let device = device(0);
    for (charging, wifi, theory) in [
        (false, false, 3.0 / 8.0),
        (true, false, 3.0 / 8.0 * 0.4),
        (false, true, 3.0 / 8.0 * 0.5),
        (true, true, 3.0 / 8.0 * 0.2),
    ] {
        let horizon = 60_000.0;
        let share = |seed| {
            let seeds = SeedTree::new(seed);
            let (mut now, mut on) = (0.0, 0.0);
            for session in device.eligible_sessions(policy(charging, wifi), &seeds, None) {
                let length = session.length.get().min(horizon - now);
                on += if session.online { length } else { 0.0 };
                now += length;
                if now >= horizon {
                    break;
                }
            }
            on / horizon
        };
        let shares: Vec<f64> = (0..40).map(share).collect();
        accept(&format!("charging {charging}, wifi {wifi}"), &shares, theory);
    }
}

#[test]
fn without_conditions_eligible_sessions_are_the_sessions_to_the_bit() {
    let (device, seeds) = (device(3), SeedTree::new(9));
    let plain: Vec<Session> = device.sessions(&seeds).take(100).collect();
    let eligible = device.eligible_sessions(Eligibility::default(), &seeds, None);
    assert!(eligible.take(100).eq(plain));
    // Of a profile that says nothing, every condition is met.
    let (_, text) = Profiles::shipped_texts()[0];
    let config: FleetConfig = serde_yaml::from_str(&format!(
        "groups: [{{ profile: {}, count: 1 }}]",
        serde_yaml::from_str::<Profile>(text).unwrap().name
    ))
    .unwrap();
    let fleet = Fleet::draw(&config, &Profiles::shipped().unwrap(), &seeds).unwrap();
    let device = &fleet.devices[0];
    let moments = |sessions: &mut dyn Iterator<Item = Session>| {
        let mut now = Moment(0);
        let edge = |s: Session| {
            now = now.after(s.length)?;
            Some((s.online, now))
        };
        sessions.map_while(edge).take(50).collect::<Vec<_>>()
    };
    let all = moments(&mut device.sessions(&seeds));
    assert_eq!(moments(&mut device.eligible_sessions(policy(true, true), &seeds, None)), all);
    assert!(device.battery(Moment(0)).is_none() && device.processor(Moment(0), &seeds).is_none());
}

#[test]
fn changes_are_the_edges_of_the_three_processes_and_no_others() {
    let (device, seeds) = (device(1), SeedTree::new(4));
    let end = Moment(2_000 * SECOND);
    let mut edges = vec![Moment(0)];
    for process in [Process::Availability, Process::Charging, Process::Wifi] {
        let mut now = Moment(0);
        for session in device.periods(process, &seeds, None) {
            now = now.after(session.length).unwrap();
            if now > end {
                break;
            }
            edges.push(now);
        }
    }
    edges.sort();
    edges.dedup();
    let changes: Vec<StateChange> =
        device.state_changes(&seeds, None).take_while(|change| change.at <= end).collect();
    assert!(changes.iter().map(|change| change.at).eq(edges));
    assert!(changes.windows(2).all(|pair| pair[0].states != pair[1].states));
}

#[test]
fn a_device_without_changes_has_one() {
    let config: FleetConfig =
        serde_yaml::from_str("{ groups: [{ profile: laptop, count: 1 }], availability: always }")
            .unwrap();
    let seeds = SeedTree::new(1);
    let fleet = Fleet::draw(&config, &Profiles::shipped().unwrap(), &seeds).unwrap();
    let changes: Vec<_> = fleet.devices[0].state_changes(&seeds, None).collect();
    let states = States { online: true, charging: true, wifi: true };
    assert_eq!(changes, [StateChange { at: Moment(0), states }]);
}

fn battery(yaml: &str) -> Battery {
    let config: BatteryConfig = serde_yaml::from_str(yaml).unwrap();
    Battery::new(config, Moment(0))
}

#[test]
fn battery_conditions_change_at_their_thresholds() {
    let policy: Eligibility = serde_yaml::from_str("{ battery_above: 0.2 }").unwrap();
    let there = States { online: true, charging: false, wifi: false };
    let mut phone = battery("{ capacity: 100 J, charge_power: 10 W }");
    phone.set(Moment(0), Watts::new(2.0).unwrap(), false).unwrap();
    // 80 J at 2 W to the threshold, 20 J more to death.
    let low = policy.crossing(&phone, Moment(0)).unwrap();
    assert_eq!(low, Moment(40 * SECOND));
    assert!(policy.holds(there, Some(&phone), Moment(low.0 - 1)));
    assert!(!policy.holds(there, Some(&phone), low));
    let death = policy.crossing(&phone, low).unwrap();
    assert_eq!(death, Moment(50 * SECOND));
    let careless = Eligibility::default();
    assert!(careless.holds(there, Some(&phone), Moment(death.0 - 1)));
    assert!(!careless.holds(there, Some(&phone), death), "a dead device takes no part");
    assert_eq!(policy.crossing(&phone, death), None);
    // Charging, it is let in again, just above 20 J of 100 J.
    phone.set(death, Watts::ZERO, true).unwrap();
    let back = Moment(52 * SECOND + 1);
    let crossings: Vec<Moment> =
        std::iter::successors(policy.crossing(&phone, death), |at| policy.crossing(&phone, *at))
            .collect();
    assert_eq!(crossings, [Moment(death.0 + 1), back], "no longer empty, then above 20 %");
    assert!(policy.holds(there, Some(&phone), back));
    assert!(!policy.holds(there, Some(&phone), Moment(back.0 - 1)));
    assert!(policy.holds(there, None, death), "no battery, no condition");
    assert!(!policy.holds(States::default(), None, death), "who is not there takes no part");
}

#[test]
fn conditions_are_those_asked_for() {
    for bits in 0..32_u8 {
        let bit = |n: u8| bits >> n & 1 == 1;
        let policy = policy(bit(0), bit(1));
        let states = States { online: bit(2), charging: bit(3), wifi: bit(4) };
        let expected = bit(2) && (!bit(0) || bit(3)) && (!bit(1) || bit(4));
        assert_eq!(policy.admits(states), expected, "{policy:?} {states:?}");
    }
    assert_eq!(Eligibility::default(), serde_yaml::from_str("{}").unwrap());
    let all: Eligibility =
        serde_yaml::from_str("{ charging: true, wifi: true, battery_above: 0.5 }").unwrap();
    let level = Level::new(0.5).unwrap();
    assert_eq!(all, Eligibility { charging: true, wifi: true, battery_above: Some(level) });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn eligible_sessions_are_the_changes_seen_through_the_policy(
        seed in 0_u64..10_000, charging in any::<bool>(), wifi in any::<bool>(),
    ) {
        let (device, seeds) = (device(2), SeedTree::new(seed));
        let policy = policy(charging, wifi);
        let changes: Vec<StateChange> = device.state_changes(&seeds, None).take(400).collect();
        let last = changes.last().unwrap().at;
        let mut now = Moment(0);
        for Session { online, length } in device.eligible_sessions(policy, &seeds, None) {
            let end = now.after(length).unwrap();
            if end > last {
                break;
            }
            prop_assert!(length > Seconds::ZERO);
            for change in changes.iter().filter(|change| now <= change.at && change.at < end) {
                prop_assert_eq!(policy.admits(change.states), online);
            }
            now = end;
        }
    }
}

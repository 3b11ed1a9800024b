//! The shipped profiles: complete, cited, plausible; and what a broken one says.

use fleetune_devices::{Basis, Profile, Profiles};
use fleetune_units::Bytes;

/// Every number of a profile; each must be covered by a source.
const FIELDS: [&str; 14] = [
    "compute.peak",
    "compute.efficiency",
    "compute.overhead",
    "memory.total",
    "memory.budget",
    "memory.bandwidth",
    "memory.efficiency",
    "link.uplink",
    "link.downlink",
    "link.latency",
    "power.idle",
    "power.compute",
    "power.transmit",
    "power.receive",
];

fn shipped() -> Profiles {
    Profiles::shipped().unwrap()
}

#[test]
fn there_are_enough_of_them_and_all_files_are_listed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/profiles");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut listed: Vec<String> = shipped().names().map(|name| format!("{name}.yaml")).collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed, "devices/shipped.in lists exactly the files there are");
    assert!(listed.len() >= 10);
}

#[test]
fn every_number_has_a_source() {
    for profile in shipped().iter() {
        for field in FIELDS.iter().chain(&["availability"]) {
            let covered = |of: &String| field == of || field.starts_with(&format!("{of}."));
            let sources: Vec<_> =
                profile.sources.iter().filter(|s| s.of.iter().any(covered)).collect();
            assert!(!sources.is_empty(), "{}: nobody vouches for {field}", profile.name);
        }
        for source in &profile.sources {
            let section = |of: &str| FIELDS.iter().any(|f| f.split('.').next() == Some(of));
            for of in &source.of {
                let known = FIELDS.contains(&of.as_str()) || section(of) || of == "availability";
                assert!(known, "{}: a source for {of}, which is no field", profile.name);
            }
            let needs_url = matches!(source.basis, Basis::Published | Basis::Measured);
            assert!(
                !needs_url || source.url.is_some(),
                "{} lacks a url: {}",
                profile.name,
                source.text
            );
            assert!(source.text.len() > 20, "{} says too little: {}", profile.name, source.text);
        }
    }
}

#[test]
fn numbers_are_physically_plausible() {
    for profile in shipped().iter() {
        let name = &profile.name;
        let (peak, power) = (&profile.compute.peak, &profile.power);
        for narrower in [peak.f16, peak.bf16, peak.i8].into_iter().flatten() {
            assert!(narrower >= peak.f32, "{name}: narrower formats are not slower");
        }
        assert!(power.idle < power.compute, "{name}");
        assert!(power.idle <= power.transmit && power.idle <= power.receive, "{name}");
        let per_watt = peak.f32.get() * profile.compute.efficiency.get() / power.compute.get();
        // From a microcontroller-class core to the best accelerator of the day.
        assert!((1e8..1e12).contains(&per_watt), "{name}: {per_watt} FLOP/J");
    }
}

#[test]
fn some_classes_can_hold_inference_but_not_backpropagation_of_a_small_encoder() {
    // A 1.6 M parameter encoder: about 10 to 25 MB forward only, 50 to 80 MB backwards.
    let small = shipped()
        .iter()
        .filter(|p| (Bytes::new(25_000_000)..Bytes::new(50_000_000)).contains(&p.memory.budget))
        .count();
    assert!(small >= 1);
}

#[test]
fn profiles_round_trip() {
    for profile in shipped().iter() {
        let yaml = serde_yaml::to_string(profile.as_ref()).unwrap();
        assert_eq!(&serde_yaml::from_str::<Profile>(&yaml).unwrap(), profile.as_ref(), "{yaml}");
    }
}

#[test]
fn a_broken_profile_says_where_and_what() {
    let (_, good) = Profiles::shipped_texts()[0];
    assert!(serde_yaml::from_str::<Profile>(good).is_ok());
    for (from, to, hint) in [
        ("name: ", "name: Big ", "lower-case letters"),
        ("efficiency: 0", "efficiency: 1", "above 0 and at most 1"),
        ("f32: ", "f32: 0 FLOP/s #", "missing"),
        ("sources:", "colour: red\nsources:", "unknown field `colour`"),
        ("idle: ", "idle: -", "cannot be negative"),
        ("budget: ", "budget: 9", "above the total"),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "{from}");
        let error = serde_yaml::from_str::<Profile>(&broken).unwrap_err();
        let located = error.location().is_some();
        assert!(located, "{to}: {error}");
        let message = error.to_string();
        let expected = message.contains(hint) || hint == "missing";
        assert!(expected, "{to}: {message}");
    }
}

#[test]
fn inline_profiles_replace_shipped_ones_in_place() {
    let mut profiles = shipped();
    let before: Vec<String> = profiles.names().map(str::to_owned).collect();
    let mut own: Profile = profiles.get(&before[1]).unwrap().as_ref().clone();
    own.description = "mine".to_owned();
    profiles.insert(own);
    assert!(profiles.names().eq(before.iter().map(String::as_str)));
    assert_eq!(profiles.get(&before[1]).unwrap().description, "mine");
    assert!(profiles.get("no-such").is_none());
}

//! Fleets: sizes, streams, laws of the factors, refusals.

use fleetune_devices::{
    Availability, Device, Fleet, FleetConfig, FleetError, MAX_DEVICES, Profiles, streams::SeedTree,
};
use fleetune_validation::acceptance::accept;

fn draw(yaml: &str, seed: u64) -> Result<Fleet, FleetError> {
    let config: FleetConfig = serde_yaml::from_str(yaml).unwrap();
    Fleet::draw(&config, &Profiles::shipped().unwrap(), &SeedTree::new(seed))
}

/// What a device is, apart from its place.
fn nature(device: &Device) -> (String, u64, u64, u64) {
    let name = device.profile().name.to_string();
    (name, device.compute_factor().to_bits(), device.link_factor().to_bits(), device.stream_key())
}

#[test]
fn adding_devices_and_groups_changes_no_other_device() {
    let spread = "heterogeneity: { compute_sigma: 0.5, link_sigma: 0.5 }";
    let small = draw(
        &format!("{{ groups: [{{ profile: raspberry-pi-4, count: 3 }}, {{ profile: raspberry-pi-5, count: 2 }}, {{ profile: raspberry-pi-4, count: 2 }}], {spread} }}"),
        9,
    )
    .unwrap();
    let large = draw(
        &format!("{{ groups: [{{ profile: laptop, count: 4 }}, {{ profile: raspberry-pi-4, count: 30 }}, {{ profile: raspberry-pi-5, count: 20 }}, {{ profile: raspberry-pi-4, count: 5 }}], {spread} }}"),
        9,
    )
    .unwrap();
    let natures: Vec<_> = large.devices.iter().map(nature).collect();
    for device in &small.devices {
        assert!(natures.contains(&nature(device)), "{:?}", nature(device));
    }
    let mut unique = natures.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), natures.len(), "no two devices share a stream");
    for (place, device) in large.devices.iter().enumerate() {
        assert_eq!(device.id.index(), place);
    }
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let yaml = "{ groups: [{ profile: raspberry-pi-5, count: 5 }], heterogeneity: { compute_sigma: 0.5 } }";
    let natures = |seed| draw(yaml, seed).unwrap().devices.iter().map(nature).collect::<Vec<_>>();
    assert_eq!(natures(1), natures(1));
    assert_ne!(natures(1), natures(2));
}

#[test]
fn draws_couple_across_sigmas() {
    // By inversion: a device that is fast at one sigma is as far out at another.
    let at = |sigma: f64| {
        let yaml = format!(
            "{{ groups: [{{ profile: raspberry-pi-5, count: 50 }}], heterogeneity: {{ compute_sigma: {sigma} }} }}"
        );
        let z = move |d: &Device| (libm::log(d.compute_factor()) + 0.5 * sigma * sigma) / sigma;
        draw(&yaml, 3).unwrap().devices.iter().map(z).collect::<Vec<f64>>()
    };
    for (a, b) in at(0.2).iter().zip(at(0.9)) {
        assert!((a - b).abs() < 1e-9);
    }
}

#[test]
fn factors_have_mean_one_and_the_stated_spread() {
    let yaml = "{ groups: [{ profile: raspberry-pi-5, count: 20000 }], heterogeneity: { compute_sigma: 0.25, link_sigma: 0.6 } }";
    let fleets: Vec<Fleet> = (0..30).map(|seed| draw(yaml, seed).unwrap()).collect();
    let means = |f: &dyn Fn(&Device) -> f64| -> Vec<f64> {
        let mean = |fleet: &Fleet| fleet.devices.iter().map(f).sum::<f64>() / fleet.len() as f64;
        fleets.iter().map(mean).collect()
    };
    accept("compute factor", &means(&|d| d.compute_factor()), 1.0);
    accept("link factor", &means(&|d| d.link_factor()), 1.0);
    // E[X²] = exp(sigma²).
    accept("compute square", &means(&|d| d.compute_factor().powi(2)), libm::exp(0.0625));
    accept("link square", &means(&|d| d.link_factor().powi(2)), libm::exp(0.36));
    // Compute and link are independent.
    accept("product", &means(&|d| d.compute_factor() * d.link_factor()), 1.0);
}

#[test]
fn availability_can_be_switched_off() {
    let of = |mode: &str| {
        let yaml =
            format!("{{ groups: [{{ profile: phone-high, count: 1 }}], availability: {mode} }}");
        draw(&yaml, 1).unwrap().devices[0].availability()
    };
    assert_ne!(of("profile"), Availability::Always);
    assert_eq!(of("always"), Availability::Always);
}

#[test]
fn impossible_fleets_are_refused_while_reading() {
    for (yaml, hint) in [
        ("groups: []", "no groups"),
        ("groups: [{ profile: a, count: 0 }]", "from 1 to"),
        ("groups: [{ profile: a, count: 1000000000000000000 }]", "from 1 to"),
        ("groups: [{ profile: a, count: -1 }]", "expected u64"),
        ("groups: [{ profile: a, number: 1 }]", "unknown field `number`"),
        (
            "{ groups: [{ profile: a, count: 1 }], heterogeneity: { compute_sigma: -1 } }",
            "from 0 to 3",
        ),
        (
            "{ groups: [{ profile: a, count: 1 }], heterogeneity: { compute_sigma: .nan } }",
            "from 0 to 3",
        ),
        ("{ groups: [{ profile: a, count: 1 }], availability: never }", "unknown variant `never`"),
    ] {
        let error = serde_yaml::from_str::<FleetConfig>(yaml).unwrap_err().to_string();
        assert!(error.contains(hint), "{yaml}: {error}");
    }
}

#[test]
fn impossible_fleets_are_refused_before_they_take_memory() {
    let unknown = draw("groups: [{ profile: rasberry-pi-5, count: 1 }]", 1).unwrap_err();
    assert!(
        matches!(&unknown, FleetError::UnknownProfile { known, .. } if known.iter().any(|n| n == "raspberry-pi-5"))
    );
    let yaml = format!(
        "groups: [{{ profile: laptop, count: {MAX_DEVICES} }}, {{ profile: laptop, count: 1 }}]"
    );
    assert!(matches!(draw(&yaml, 1), Err(FleetError::TooManyDevices { .. })));
}

#[test]
fn a_device_is_compact() {
    assert!(size_of::<Device>() <= 48);
}

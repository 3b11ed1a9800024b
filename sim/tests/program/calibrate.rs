//! `calibrate`: what it writes is a profile that a scenario can use, and a page; what it measures is this host's.

use fleetune::calibrate::{
    Calibration, Method, ModelTimes, Size, Spread, StepTimes, markdown, profile_of,
};
use fleetune_devices::{Basis, Profile, Profiles};
use fleetune_scenarios::{Overrides, check_text};
use fleetune_units::{Bytes, BytesPerSecond, FlopsPerSecond, Seconds};

use super::harness::{ALGORITHMS, Desk, scenario};

/// A host on which every step takes twice as long as the quartile below says.
fn measured() -> Calibration {
    let spread = |median: f64| Spread { low: 0.9 * median, median, high: 1.25 * median };
    let steps = |times: [f64; 2]| {
        Method::ALL.into_iter().zip(times).map(|(method, time)| StepTimes {
            method,
            measured: spread(time).map(Seconds::from_raw),
        })
    };
    let models =
        Size::ALL.into_iter().zip([(4e10, [0.01, 0.02]), (1e11, [0.1, 0.2]), (8e10, [0.5, 1.0])]);
    Calibration {
        processor: "Imaginary 9000: a processor".to_owned(),
        repetitions: 31,
        models: models
            .map(|(size, (speed, times))| ModelTimes {
                size,
                products: spread(speed).map(FlopsPerSecond::from_raw),
                steps: steps(times).collect(),
            })
            .collect(),
        bandwidth: spread(1.2e10).map(BytesPerSecond::from_raw),
    }
}

fn profile() -> Profile {
    let shipped = Profiles::shipped().unwrap();
    let like = shipped.get("phone-mid").unwrap();
    profile_of(&measured(), "this-host", Bytes::new(16 << 30), like).unwrap()
}

#[test]
fn the_profile_states_what_was_measured_and_copies_the_rest() {
    let profile = profile();
    // The median over the models, of which the second is the fastest.
    assert_eq!(profile.compute.peak.f32, FlopsPerSecond::from_raw(8e10));
    assert_eq!(profile.memory.bandwidth, BytesPerSecond::from_raw(1.2e10));
    assert_eq!((profile.compute.efficiency.get(), profile.memory.efficiency.get()), (1.0, 1.0));
    assert_eq!(profile.memory.budget, Bytes::new(8 << 30));
    let shipped = Profiles::shipped().unwrap();
    let like = shipped.get("phone-mid").unwrap();
    assert_eq!((&profile.link, &profile.power), (&like.link, &like.power));
    assert_eq!(profile.availability, like.availability);
    // Batteries and radios of the other are not this host's.
    assert!(profile.battery.is_none() && profile.radio_tail.is_none());
    let of = |basis| -> Vec<String> {
        let sources = profile.sources.iter().filter(|source| source.basis == basis);
        sources.flat_map(|source| source.of.clone()).collect()
    };
    let timed = ["compute.peak", "compute.efficiency", "memory.bandwidth", "memory.efficiency"];
    assert_eq!(of(Basis::Measured), timed);
    for copied in ["link", "power", "availability", "memory.total"] {
        assert!(of(Basis::Assumed).contains(&copied.to_owned()), "{copied}");
    }
}

#[test]
fn the_profile_survives_its_file_and_a_scenario_takes_it() {
    let text = serde_yaml::to_string(&profile()).unwrap();
    assert_eq!(serde_yaml::from_str::<Profile>(&text).unwrap(), profile());
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    let scenario = scenario(ALGORITHMS)
        .replace("profile: phone-high", "profile: this-host")
        .replace("federation:\n", &format!("profiles:\n  this-host:\n{indented}federation:\n"));
    let checked = check_text("own.yaml", scenario.as_bytes(), "".as_ref(), &Overrides::none());
    let checked = checked.unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(checked.profiles["this-host"], profile());
}

/// The middle model's first-order step, by hand: its phases at 80 GFLOP/s and 12 GB/s.
#[test]
fn the_page_predicts_by_the_profile_and_names_the_error() {
    let (calibration, profile) = (measured(), profile());
    let page = markdown(&calibration, &profile).unwrap();
    assert_eq!(page, markdown(&calibration, &profile).unwrap());
    assert!(page.contains("Imaginary 9000") && page.contains("31 repetitions"));
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.contains("wide |") && line.matches('|').count() == 7)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 6);
    let mut ratios = Vec::new();
    for row in &rows {
        let [predicted, measured] = [row[3], row[4]].map(|t| t.parse::<Seconds>().unwrap().get());
        let ratio: f64 = row[6].parse().unwrap();
        assert!((ratio / (predicted / measured) - 1.0).abs() < 0.02, "{row:?}");
        ratios.push(ratio);
    }
    // A first-order step takes more FLOPs than two forwards; a larger model takes longer.
    let predicted: Vec<f64> =
        rows.iter().map(|row| row[3].parse::<Seconds>().unwrap().get()).collect();
    assert!(predicted[4] > predicted[2] && predicted[2] > predicted[0]);
    // At 80 GFLOP/s the products alone of 8 layers, 384 wide, take 6 * 2 * 512 * 8 * 12 * 384^2 / 80e9 s or more.
    let products = 6.0 * 512.0 * 8.0 * 12.0 * 384.0 * 384.0 / 8e10;
    assert!(predicted[5] > products && predicted[5] < 2.0 * products, "{}", predicted[5]);
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(page.contains(&format!("Predictions are {least:.2} to ")));
}

#[test]
fn the_program_measures_and_writes_both_files() {
    let desk = Desk::new();
    let end = desk.succeeds(&[
        "calibrate",
        "--repetitions",
        "1",
        "--out",
        "host.yaml",
        "--page",
        "page.md",
        "--name",
        "bench-1",
    ]);
    assert_eq!(end.stdout, "host.yaml\npage.md\n");
    let profile: Profile = serde_yaml::from_str(&desk.read("host.yaml")).unwrap();
    assert_eq!(profile.name.as_str(), "bench-1");
    // A processor that runs this at all is between these.
    let speed = profile.compute.peak.f32.get();
    assert!((1e8..1e13).contains(&speed), "{speed}");
    assert!((1e8..1e13).contains(&profile.memory.bandwidth.get()));
    assert!(desk.read("page.md").contains("| 8 layers, 384 wide | first order, SGD |"));
}

#[test]
fn wrong_names_are_refused_before_anything_is_measured() {
    let desk = Desk::new();
    desk.fails(&["calibrate", "--name", "This Host"], 2, &["--name", "lower-case letters"]);
    desk.fails(&["calibrate", "--like", "phone"], 2, &["--like", "phone-mid"]);
    desk.fails(&["calibrate", "--repetitions", "0"], 2, &["1..=1000"]);
}

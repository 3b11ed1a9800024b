//! The README's examples are what the program accepts.

use std::{path::Path, process::Command};

use fleetune_scenarios::{Overrides, check_text};

const README: &str = include_str!("../../README.md");

/// The README's YAML blocks: a scenario, and a device profile.
fn examples() -> [String; 2] {
    let blocks = README.split("```yaml\n").skip(1);
    let text = |block: &str| block.split_once("```").unwrap().0.to_owned();
    blocks.map(text).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn the_annotated_scenario_is_valid() {
    let [scenario, _] = examples();
    let checked =
        check_text("README.md", scenario.as_bytes(), Path::new(""), &Overrides::default());
    let checked = checked.unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert_eq!(checked.algorithms.len(), 4);
    assert_eq!(checked.device_count(), 30);
}

#[test]
fn the_example_of_a_profile_can_be_put_into_a_scenario() {
    let [scenario, profile] = examples();
    let profile = profile.trim_end().replace('\n', "\n    ");
    let text = format!("{scenario}\nprofiles:\n  my-board:\n    {profile}\n")
        .replace("{ profile: phone-mid, count: 20 }", "{ profile: my-board, count: 20 }");
    let checked = check_text("README.md", text.as_bytes(), Path::new(""), &Overrides::default());
    let checked = checked.unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert!(checked.device_profiles().get("my-board").is_some());
}

#[test]
fn every_command_is_in_the_readme_and_every_file_it_names_exists() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetune")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let commands: Vec<_> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|&command| command != "help")
        .collect();
    assert_eq!(commands.len(), 8, "{help}");
    for command in commands {
        assert!(README.contains(&format!("\n| `{command}")), "{command}");
    }

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named = README.split('`').skip(1).step_by(2);
    let in_the_repository = |name: &&str| {
        let folder = name.split('/').next().unwrap_or_default();
        let rooms = ["units", "devices", "models", "algorithms", "scenarios", "reports", "sim"];
        name.contains('/') && rooms.contains(&folder) && !name.contains(['<', ' '])
    };
    let names: Vec<_> = named.filter(in_the_repository).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(root.join(name).exists(), "{name}");
    }
}

use std::path::Path;

use fleetune_scenarios::{Overrides, check, check_text, explain};

fn shipped() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder)
        .expect("a shipped scenario is as the test has it")
        .map(|file| file.expect("a shipped scenario is as the test has it").path());
    let mut paths: Vec<_> = files
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".yaml") && !name.ends_with(".sweep.yaml")
        })
        .collect();
    paths.sort();
    assert!(paths.len() > 5);
    paths
}

/// Comments change nothing: what is explained is the resolved scenario.
#[test]
fn an_explained_scenario_is_the_resolved_one() {
    for path in shipped() {
        let Ok(scenario) = check(&path, &Overrides::none()) else { continue };
        let text =
            explain(&path, &Overrides::none()).expect("a shipped scenario is as the test has it");
        let folder = path.parent().expect("a shipped scenario is as the test has it");
        let again = check_text("explained", text.as_bytes(), folder, &Overrides::none())
            .expect("a shipped scenario is as the test has it");
        assert_eq!(again.hash(), scenario.hash(), "{}", path.display());
        let plain: Vec<String> = text
            .lines()
            .map(|line| {
                line.split("  # ")
                    .next()
                    .expect("a shipped scenario is as the test has it")
                    .trim_end()
                    .to_owned()
            })
            .collect();
        let resolved = scenario.resolved_yaml();
        assert!(
            resolved.lines().map(str::trim_end).eq(plain.iter().map(String::as_str)),
            "{}",
            path.display()
        );
    }
}

/// A line of the file that is named has the field's key on it, or its list's entry.
#[test]
fn lines_of_the_file_are_those_of_the_fields() {
    for path in shipped() {
        let Ok(explained) = explain(&path, &Overrides::none()) else { continue };
        let source =
            std::fs::read_to_string(&path).expect("a shipped scenario is as the test has it");
        let lines: Vec<&str> = source.lines().collect();
        let name = path
            .file_name()
            .expect("a shipped scenario is as the test has it")
            .to_str()
            .expect("a shipped scenario is as the test has it");
        let mut named = 0;
        for line in explained.lines() {
            let Some((field, comment)) = line.split_once("  # ") else { continue };
            let Some(number) = comment.strip_prefix(name) else { continue };
            let number: usize = number
                .strip_prefix(':')
                .expect("a shipped scenario is as the test has it")
                .parse()
                .expect("a shipped scenario is as the test has it");
            let key = field
                .trim_start_matches([' ', '-'])
                .split(':')
                .next()
                .expect("a shipped scenario is as the test has it")
                .trim();
            // A choice without settings is written as a plain text; a folded text begins a line later.
            let there = lines[number.saturating_sub(2)..number].iter().any(|l| l.contains(key))
                || field.trim_start().starts_with("- ");
            assert!(there, "{name}:{number} has no {key}: {}", lines[number - 1]);
            named += 1;
        }
        assert!(named > 10, "{name}");
    }
}

#[test]
fn overrides_defaults_and_profiles_are_told() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart.yaml");
    let sets = [
        "federation.cohort=9",
        "network.server={ uplink: 1 Gbit/s, downlink: 1 Gbit/s, latency: 1 ms }",
    ];
    let explained =
        explain(&path, &Overrides::parse(sets).expect("a shipped scenario is as the test has it"))
            .expect("a shipped scenario is as the test has it");
    let comment = |field: &str| {
        let line = explained
            .lines()
            .find(|line| line.trim_start().starts_with(field))
            .expect("a shipped scenario is as the test has it");
        line.split_once("  # ").expect("a shipped scenario is as the test has it").1.to_owned()
    };
    assert_eq!(comment("cohort: 9"), "--set federation.cohort=9");
    assert!(comment("latency: 1 ms").starts_with("--set network.server={"));
    assert_eq!(comment("evaluate_on: test"), "default");
    assert_eq!(comment("topology: star"), "default");
    assert_eq!(comment("watch:"), "the library's: fleetune devices watch");
}

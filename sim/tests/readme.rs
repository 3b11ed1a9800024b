//! The examples of README and CONTRIBUTING are what the program accepts.

use std::{path::Path, process::Command};

use fleetune_scenarios::{Overrides, check_text, sweep::check_sweep};

const README: &str = include_str!("../../README.md");

const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");

/// The YAML block that begins with this line.
fn example(first: &str) -> String {
    let mut blocks =
        [README, CONTRIBUTING].into_iter().flat_map(|page| page.split("```yaml\n").skip(1));
    let block = blocks.find(|block| block.lines().next() == Some(first)).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_annotated_scenario_is_valid() {
    let scenario = example("name: my-fleet");
    let checked =
        check_text("README.md", scenario.as_bytes(), Path::new(""), &Overrides::default());
    let checked = checked.unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert_eq!(checked.algorithms.len(), 4);
    assert_eq!(checked.device_count(), 30);
}

#[test]
fn the_example_of_a_profile_can_be_put_into_a_scenario() {
    let (scenario, profile) = (example("name: my-fleet"), example("name: my-board"));
    let profile = profile.trim_end().replace('\n', "\n    ");
    let text = format!("{scenario}\nprofiles:\n  my-board:\n    {profile}\n")
        .replace("{ profile: phone-mid, count: 20 }", "{ profile: my-board, count: 20 }");
    let checked = check_text("README.md", text.as_bytes(), Path::new(""), &Overrides::default());
    let checked = checked.unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert!(checked.device_profiles().get("my-board").is_some());
}

/// The page's examples of models whose costs are charged, each in the annotated scenario.
#[test]
fn the_examples_of_costs_are_what_the_program_accepts() {
    const PAGE: &str = include_str!("../../docs/costs-of.md");
    // BitFit, FwdLLM's default, has nothing to train in models without biases.
    let scenario = example("name: my-fleet").replace("fwdllm: {", "fwdllm: { train: head,");
    let blocks = PAGE.split("```yaml\n").skip(1).map(|b| b.split_once("```").unwrap().0);
    let custom = blocks.clone().find(|block| block.starts_with("costs_of:")).unwrap();
    let inline = PAGE.lines().find(|line| line.starts_with("    costs_of:")).unwrap().trim();
    let named = blocks.clone().find(|block| block.starts_with("model:")).unwrap();
    let named = named.lines().last().unwrap().trim();
    for (example, name) in [
        (custom, "Qwen-like in bf16"),
        (inline, "LLaMA-3.2-3B in f16"),
        (named, "RoBERTa-large in f32"),
    ] {
        let example = example.trim_end().replace('\n', "\n  ");
        let text = scenario.replace("model:\n", &format!("model:\n  {example}\n"));
        let checked = check_text("page", text.as_bytes(), Path::new(""), &Overrides::default());
        let checked = checked.unwrap_or_else(|errors| panic!("{}", errors[0]));
        assert_eq!(checked.model.costs_of.as_ref().unwrap().title(), name);
    }
    assert!(README.contains("(docs/costs-of.md)"));
}

/// The page's example of a scenario that replays a trace, with the page's trace.
#[test]
fn the_example_of_a_trace_is_what_the_program_accepts() {
    const PAGE: &str = include_str!("../../docs/traces.md");
    let block = |language: &str| {
        let blocks = PAGE.split(&format!("```{language}\n")).nth(1).unwrap();
        blocks.split_once("```").unwrap().0.to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("devices.csv"), block("csv")).unwrap();
    let yaml = block("yaml");
    let trace = yaml.lines().find(|line| line.starts_with("  trace:")).unwrap();
    let text = example("name: my-fleet").replace("fleet:\n", &format!("fleet:\n{trace}\n"));
    let checked = check_text("page", text.as_bytes(), folder.path(), &Overrides::default());
    let checked = checked.unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert!(checked.traces().is_some());
    let section: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(section["fleet"]["trace"]["repeat"], "7 d");
}

#[test]
fn the_example_of_a_sweep_is_one_of_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.yaml"), example("name: my-fleet")).unwrap();
    let path = folder.path().join("my.sweep.yaml");
    std::fs::write(&path, example("name: my-search")).unwrap();
    let sweep = check_sweep(&path).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let search = sweep.spec().studies.keys().next().unwrap();
    assert_eq!(sweep.trials(search, &|_| Default::default()).len(), 24);
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
    assert_eq!(commands.len(), 16, "{help}");
    for command in commands {
        assert!(README.contains(&format!("\n| `{command}")), "{command}");
    }

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named = README.split('`').skip(1).step_by(2);
    let in_the_repository = |name: &&str| {
        let folder = name.split('/').next().unwrap_or_default();
        let rooms =
            "units devices kernel validation models algorithms scenarios reports sim benches";
        let is_room = rooms.split(' ').any(|room| room == folder);
        name.contains('/') && is_room && !name.contains(['<', ' '])
    };
    let names: Vec<_> = named.filter(in_the_repository).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(root.join(name).exists(), "{name}");
    }
}

/// The page of laws names files by their path, and after each its tests.
#[test]
fn every_test_that_the_laws_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut source, mut count) = (String::new(), 0);
    for name in include_str!("../../docs/laws.md").split('`').skip(1).step_by(2) {
        if name.ends_with(".rs") {
            source = std::fs::read_to_string(root.join(name)).unwrap();
        } else if !name.contains('.') {
            assert!(source.contains(&format!("fn {name}(")), "{name}");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
    assert!(README.contains("(docs/laws.md)"));
}

/// What is committed was written by the program of today, as far as can be told without its minutes.
#[test]
fn the_page_of_closed_forms_has_every_experiment_and_its_pictures() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
    let page = std::fs::read_to_string(docs.join("validation.md")).unwrap();
    for experiment in fleetune::validate::experiments() {
        let heading = format!("\n## {}: {}\n", experiment.id, experiment.title);
        assert!(page.contains(&heading), "{heading}");
    }
    assert!(!page.contains("REJECTED") && !page.contains("PROVES NOTHING"));
    let pictures: Vec<_> = page.split("](validation/").skip(1).collect();
    assert!(pictures.len() >= 10, "{}", pictures.len());
    for picture in pictures {
        let name = picture.split_once(')').unwrap().0;
        assert!(docs.join("validation").join(name).exists(), "{name}");
    }
    assert!(README.contains("(docs/validation.md)"));
}

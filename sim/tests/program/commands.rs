//! Every command does what its help says.

use std::process::Stdio;

use super::harness::{Desk, scenario};

const QUICK: [&str; 5] = ["--seeds", "1", "--set", "federation.stop.rounds=1", "--quiet"];

#[test]
fn runs_are_kept_under_names_of_their_own() {
    let desk = Desk::new();
    for _ in 0..2 {
        desk.succeeds(&[&["run", "tiny.yaml"], &QUICK[..]].concat());
    }
    let entries = std::fs::read_dir(desk.path("runs")).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 2);
    let hash = names[0].strip_prefix("tiny-").unwrap();
    assert!(hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
    assert_eq!(names[1], format!("{}-2", names[0]));
}

#[test]
fn results_go_to_stdout_and_progress_to_stderr() {
    let desk = Desk::new();
    let table = desk.succeeds(&[&["run", "tiny.yaml", "--out", "a"], &QUICK[..]].concat());
    assert!(table.stdout.contains("FedSPZO") && table.stdout.contains("a/report.html"));
    assert_eq!(table.stderr, "", "--quiet");
    let json = desk.succeeds(&[&["run", "tiny.yaml", "--out", "b", "--json"], &QUICK[..]].concat());
    assert_eq!(json.stdout, desk.read("b/summary.json"));
    let loud =
        desk.succeeds(&[&["run", "tiny.yaml", "--out", "c", "--json"], &QUICK[..4]].concat());
    assert_eq!(loud.stdout, json.stdout);
    assert!(loud.stderr.contains("rounds"), "{}", loud.stderr);
    assert_eq!(desk.read("a/rounds.csv").lines().count(), 1 + 4 * 2, "rounds 0 and 1 of 4 cells");
}

#[test]
fn an_empty_directory_may_be_named() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("x")).unwrap();
    desk.succeeds(&[&["run", "tiny.yaml", "--out", "x"], &QUICK[..]].concat());
    assert!(desk.path("x/report.html").exists());
}

#[test]
fn both_backends_run() {
    let desk = Desk::new();
    let run = |backend: &str| {
        let arguments = ["run", "tiny.yaml", "--out", backend, "--backend", backend];
        desk.succeeds(&[&arguments, &QUICK[..]].concat());
        let table = desk.read(&format!("{backend}/rounds.csv"));
        let costs = |row: &str| {
            let columns: Vec<_> = row.split(',').map(str::to_owned).collect();
            (columns[..4].to_vec(), columns[6..].to_vec())
        };
        table.lines().map(costs).collect::<Vec<_>>()
    };
    // What is charged does not depend on who computes.
    assert_eq!(run("flex"), run("ndarray"));
}

#[test]
fn check_tells_the_good_from_the_bad() {
    let desk = Desk::new();
    desk.put("good.yaml", &desk.read("tiny.yaml"));
    let end = desk.succeeds(&["check", "tiny.yaml", "good.yaml"]);
    assert!(end.stdout.contains("tiny.yaml: fine") && end.stdout.contains("good.yaml: fine"));
    desk.put("bad.yaml", &scenario([]));
    desk.put("worse.yaml", "name: [");
    let end = desk.ends(&["check", "bad.yaml", "tiny.yaml", "worse.yaml"]);
    assert_eq!(end.code, Some(2));
    assert_eq!(end.stdout.lines().count(), 1);
    assert!(end.stdout.contains("tiny.yaml: fine"));
    assert!(end.stderr.contains("bad.yaml:") && end.stderr.contains("worse.yaml:1:"));
}

#[test]
fn plan_speaks_of_every_algorithm_and_profile() {
    let desk = Desk::new();
    let end = desk.succeeds(&["plan", "tiny.yaml"]);
    for word in ["FedSPZO", "MeZO", "FwdLLM", "FedAvg", "phone-high", "raspberry-pi-4"] {
        assert!(end.stdout.contains(word), "{word}");
    }
    assert!(!desk.path("runs").exists());
}

/// Forecasts for what is perturbed, reasons for the rest, and the same bytes from any number of threads.
#[test]
fn probe_forecasts_what_it_covers() {
    let desk = Desk::new();
    let rest = "train: bitfit, local_steps: 2, batch_size: 4, learning_rate: { base: 1e-3 }";
    desk.put(
        "probed.yaml",
        &scenario([
            format!(
                "  Split: {{ fedspzo: {{ {rest}, perturbations: {{ lower: 1, upper: 2 }} }} }}\n"
            )
            .as_str(),
            format!("  Whole: {{ mezo: {{ {rest} }} }}\n").as_str(),
            format!("  Back: {{ fedavg: {{ {rest} }} }}\n").as_str(),
        ]),
    );
    let with = |more: &[&str]| {
        let arguments = ["probe", "probed.yaml", "--samples", "100"];
        desk.succeeds(&[&arguments, more].concat()).stdout
    };
    let json = with(&["--json", "--threads", "1"]);
    assert_eq!(json, with(&["--json", "--threads", "3"]));
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let probe = &found["probe"];
    assert_eq!(probe["landscapes"].as_array().unwrap().len(), 1, "both train the same");
    assert_eq!(probe["uncovered"][0]["label"], "Back");
    for (algorithm, label) in [(0, "Split"), (1, "Whole")] {
        let of = &probe["algorithms"][algorithm];
        assert_eq!(of["label"], label);
        let step = &of["configured"]["step"];
        let rate = step["common"]["rates"][0]["value"].as_f64().unwrap();
        let change = |rates: &str| step[rates]["change"]["value"].as_f64().unwrap();
        assert!(rate > 0.0 && change("by_block") <= change("common") && change("common") < 0.0);
        let run = &of["configured"]["run"];
        assert!(run["common"]["rates"][0]["value"].as_f64().unwrap() <= rate);
        assert_eq!(run["rounds"], 2);
        // The costs are those of `plan`: of three clients, on the profiles of the fleet.
        let costs = &of["configured"]["costs"];
        assert_eq!(costs["seconds"].as_array().unwrap().len(), 2);
        assert!(costs["flops"].as_f64().unwrap() % 3.0 == 0.0);
    }
    let text = with(&[]);
    for word in ["layer 4", "head", "Split, k 3", "Whole, P 1", "phone-high", "Back: no forecast"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    desk.fails(&["probe", "probed.yaml", "--precision", "0"], 2, &["--precision"]);
}

#[test]
fn devices_can_be_listed_and_looked_at() {
    let desk = Desk::new();
    let list = desk.succeeds(&["devices"]).stdout;
    for name in ["phone-high", "phone-old", "raspberry-pi-4", "jetson-nano", "laptop", "watch"] {
        assert!(list.contains(name), "{name}");
        let one = desk.succeeds(&["devices", name]).stdout;
        let value: serde_yaml::Value = serde_yaml::from_str(&one).unwrap();
        assert_eq!(value["name"].as_str(), Some(name));
        assert!(value.get("sources").is_some(), "{name} cites its sources");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let desk = Desk::new();
    desk.succeeds(&["man", "pages"]);
    let help = desk.succeeds(&["--help"]).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = listed.take_while(|line| !line.is_empty()).filter_map(|line| {
        line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next()
    });
    let commands: Vec<&str> = commands.filter(|name| *name != "help").collect();
    assert!(commands.len() > 10, "{help}");
    for command in commands {
        let page = desk.read(&format!("pages/fleetune-{command}.1"));
        assert!(page.contains(".SH OPTIONS"), "{page}");
    }
    assert!(desk.read("pages/fleetune.1").contains("Exit codes"));
}

#[test]
fn a_run_of_nothing_says_what_to_do() {
    let desk = Desk::new();
    let end = desk.ends(&["run"]);
    assert_eq!(end.code, Some(2));
    let said = end.stdout + &end.stderr;
    assert!(said.contains("fleetune run scenarios/quickstart.yaml"), "{said}");
}

#[test]
fn what_is_explained_can_be_run() {
    let desk = Desk::new();
    let text = desk.succeeds(&["explain", "tiny.yaml", "--set", "root_seed=77"]).stdout;
    assert!(text.contains("# --set root_seed=77") && text.contains("# tiny.yaml:"), "{text}");
    desk.put("explained.yaml", &text);
    desk.succeeds(&["check", "explained.yaml"]);
    desk.fails(&["explain", "missing.yaml"], 2, &["cannot read the scenario"]);
}

#[test]
fn shells_get_completions() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.succeeds(&["completions", shell]).stdout;
        assert!(script.contains("fleetune") && script.contains("plan"), "{shell}");
    }
}

#[test]
fn a_reader_who_has_left_is_no_error() {
    let desk = Desk::new();
    for arguments in [&["devices"][..], &["completions", "bash"], &["plan", "tiny.yaml"]] {
        let mut command = desk.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), stderr), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn help_is_no_mistake() {
    let desk = Desk::new();
    assert!(desk.succeeds(&["--help"]).stdout.contains("Usage"));
    assert!(desk.succeeds(&["run", "--help"]).stdout.contains("--threads"));
    assert!(desk.succeeds(&["--version"]).stdout.starts_with("fleetune "));
}

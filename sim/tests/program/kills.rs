//! Scenarios of every policy, killed at random instants.

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use rand::Rng;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::harness::{Desk, contents};

/// A small scenario: its federation, what else it says, and its algorithms.
pub(super) struct Small {
    pub(super) name: &'static str,
    federation: &'static str,
    more: &'static str,
    algorithms: &'static [&'static str],
}

const ROUNDS: &str = "{ cohort: 3, over_commitment: 1.3, deadline: 10 min, stop: { rounds: 8 }";
const FLOW: &str = "{ cohort: 3, over_commitment: 1.0, deadline: 10 min, stop: { rounds: 10 }";

/// What a step is in all of them.
const STEP: &str = "local_steps: 1, batch_size: 4, learning_rate: { base: 1e-4 }";

const TWO_EDGES: &str = "\
network:
  topology:
    two_tier:
      aggregators:
        - { name: north, uplink: 50 Mbit/s, downlink: 100 Mbit/s, latency: 15 ms }
        - { name: west, uplink: 5 Mbit/s, downlink: 20 Mbit/s, latency: 40 ms }
";

const AVG: &str = "{ fedavg: { STEP } }";
const ADAM: &str = "{ fedadam: { train: bitfit, server_learning_rate: 1e-3, STEP } }";
const MEZO: &str = "{ mezo: { catch_up: fewest_bytes, STEP } }";
const SPZO: &str = "{ fedspzo: { perturbations: { lower: 1, upper: 2 }, STEP } }";
const FWD: &str = "{ fwdllm: { train: bitfit, batch_size: 4, batches_per_round: 2, learning_rate: { base: 1e-3 } } }";
const TOP: &str = "{ fedavg: { train: bitfit, STEP }, encoding: { top_k: 0.1, values: q8, error_feedback: true } }";
const Q8: &str = "{ fedavg: { train: bitfit, STEP }, encoding: { values: q8 } }";
const PRIVATE: &str = "{ fedavg: { train: bitfit, STEP }, privacy: { clip: 0.5, noise_multiplier: 1.0, noise: server, delta: 1e-3 } }";
const WARM_UP: &str =
    "{ zowarmup: { STEP, warm_up: { rounds: 3, learning_rate: { base: 1e-4 } } } }";
const SIGN: &str = "{ signspsa: { train: bitfit, STEP } }";

/// Every policy, every selection, and among them every algorithm, encodings, feedback and privacy.
pub(super) const SCENARIOS: [Small; 10] = [
    Small {
        name: "synchronous",
        federation: "ROUNDS }",
        more: "",
        algorithms: &[
            SPZO,
            FWD,
            AVG,
            ADAM,
            TOP,
            PRIVATE,
            WARM_UP,
            "{ scaffold: { train: bitfit, STEP } }",
            "{ fedkseed: { seeds: 16, pro: true, STEP } }",
            "{ decomfl: { STEP } }",
            "{ fedsllm: { train: bitfit, split: 3, STEP } }",
            "{ fedprox: { mu: 0.1, STEP } }",
        ],
    },
    Small {
        name: "oort",
        federation: "ROUNDS, selection: { oort: {} } }",
        more: "",
        algorithms: &[AVG, MEZO, TOP],
    },
    Small {
        name: "availability",
        federation: "ROUNDS, selection: { availability: {} } }",
        more: "",
        algorithms: &[SPZO, AVG],
    },
    Small {
        name: "resources",
        federation: "ROUNDS, selection: { resources: {} } }",
        more: "",
        algorithms: &[MEZO, "{ fedyogi: { server_learning_rate: 1e-3, STEP } }"],
    },
    Small {
        name: "energy",
        federation: "ROUNDS, selection: { energy: {} } }",
        more: "",
        algorithms: &[AVG, FWD],
    },
    Small {
        name: "fedasync",
        federation: "FLOW, policy: { asynchronous: { concurrency: 5, rule: { fedasync: { mixing: 0.6 } } } } }",
        more: "",
        algorithms: &[AVG, MEZO_DENSE, SIGN, ADAM, Q8],
    },
    Small {
        name: "fedbuff",
        federation: "FLOW, policy: { asynchronous: { concurrency: 5, rule: { fedbuff: {} } } } }",
        more: "",
        algorithms: &[AVG, SPZO, ADAM, WARM_UP],
    },
    Small {
        name: "tiers",
        federation: "ROUNDS, policy: { tiers: { count: 2 } } }",
        more: "",
        algorithms: &[AVG, MEZO, FWD, TOP, ADAM],
    },
    Small {
        name: "hierarchical",
        federation: "{ cohort: 3, over_commitment: 1.3, deadline: 10 min, stop: { rounds: 4 }, policy: { hierarchical: { edge_rounds: 2 } } }",
        more: TWO_EDGES,
        algorithms: &[AVG, MEZO, FWD, TOP, WARM_UP],
    },
    Small {
        name: "adaptive",
        federation: "{ cohort: 3, over_commitment: 1.0, stop: { rounds: 10 }, policy: { adaptive: { budget: 20 s } } }",
        more: "",
        algorithms: &[
            "{ fedavg: { local_steps: 1, batch_size: 16, optimizer: sgd, learning_rate: { base: 0.1 } } }",
        ],
    },
];

const MEZO_DENSE: &str = "{ mezo: { catch_up: dense, STEP } }";

impl Small {
    fn yaml(&self) -> String {
        let availability = if self.name == "availability" { "profile" } else { "always" };
        let federation = self.federation.replace("ROUNDS", ROUNDS).replace("FLOW", FLOW);
        let mut text = format!(
            "\
name: {}
root_seed: 7
seeds: 2
target: {{ accuracy: 0.2 }}
model: {{ checkpoint: embedded, max_length: 16 }}
task: {{ dataset: {{ builtin: source }}, partition: {{ dirichlet: {{ alpha: 1.0 }} }}, test_examples: 30 }}
fleet:
  groups:
    - {{ profile: phone-high, count: 6 }}
    - {{ profile: raspberry-pi-4, count: 4 }}
  heterogeneity: {{ compute_sigma: 0.3, link_sigma: 0.3 }}
  availability: {availability}
federation: {federation}
{}algorithms:
",
            self.name, self.more
        );
        for (number, algorithm) in self.algorithms.iter().enumerate() {
            text.push_str(&format!("  A{number}: {}\n", algorithm.replace("STEP", STEP)));
        }
        text
    }
}

/// All files of a run but for what its manifest and its report say of the host's time.
pub(super) fn outcome(desk: &Desk, run: &str) -> Vec<(String, Vec<u8>)> {
    let path = format!("{run}/manifest.json");
    let wall = |line: &&str| !line.contains("host_wall_time_s");
    let manifest: Vec<String> =
        desk.read(&path)
            .lines()
            .map(|line| {
                if wall(&line) { line.to_owned() } else { "  \"host_wall_time_s\": 1.0".to_owned() }
            })
            .collect();
    desk.put(&path, &(manifest.join("\n") + "\n"));
    desk.succeeds(&["report", run]);
    contents(&desk.path(run))
}

/// Runs a scenario, kills it up to so many times at random instants, resumes it each time, and holds what comes of it to
/// what comes of a run that is let be. Gives how often it was killed.
pub(super) fn survives_kills(scenario: &Small, seed: u64, most: u32) -> u32 {
    let desk = Desk::new();
    desk.put("small.yaml", &scenario.yaml());
    let with = ["--threads", "2", "--quiet"];
    #[expect(clippy::disallowed_methods, reason = "when to kill")]
    let started = Instant::now();
    desk.succeeds(&[&["run", "small.yaml", "--out", "whole"], &with[..]].concat());
    let span = started.elapsed();
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    let mut kills = 0;
    let begin = [&["run", "small.yaml", "--out", "killed"], &with[..]].concat();
    let resume = [&["run", "--resume", "killed"], &with[..]].concat();
    loop {
        // Nothing is lost of a run that was killed before it was begun.
        let begun = ["killed", "killed.partial/scenario.resolved.yaml"];
        let begun = begun.iter().any(|name| desk.path(name).exists());
        if !begun && desk.path("killed.partial").exists() {
            fs::remove_dir_all(desk.path("killed.partial")).unwrap();
        }
        let arguments = if begun { &resume } else { &begin };
        if kills == most {
            desk.succeeds(arguments);
            break;
        }
        let mut command = desk.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let share = f64::from(stream.next_u32()) / f64::from(u32::MAX);
        thread::sleep(Duration::from_secs_f64(0.8 * share * span.as_secs_f64()));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if let Some(code) = output.status.code() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!((code, said.as_str()), (0, ""), "{}", scenario.name);
            break;
        }
        kills += 1;
    }
    let (whole, killed) = (outcome(&desk, "whole"), outcome(&desk, "killed"));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&whole), names(&killed), "{}", scenario.name);
    for ((name, one), (_, other)) in whole.iter().zip(&killed) {
        assert!(one == other, "{}: {name} differs after {kills} kills, seed {seed}", scenario.name);
    }
    kills
}

//! A resolved scenario says everything, and says the same when it is read again.

use fleetune_scenarios::{Overrides, Scenario, ScenarioError, check_text, sweep::check_sweep};
use proptest::prelude::*;

use crate::{checked, files, printed, small};

/// Reads a resolved scenario as if it lay somewhere else.
fn again(scenario: &Scenario) -> Scenario {
    let (text, elsewhere) = (scenario.resolved_yaml(), std::env::temp_dir());
    check_text("resolved.yaml", text.as_bytes(), &elsewhere, &Overrides::none())
        .unwrap_or_else(|errors| panic!("{}\n{text}", printed(&errors)))
}

#[test]
fn a_resolved_scenario_reads_back_as_itself() {
    let scenario = checked(&small(), &[]).expect("the scenario is right");
    let read = again(&scenario);
    assert_eq!(read, scenario);
    assert_eq!(read.resolved_yaml(), scenario.resolved_yaml());
}

#[test]
fn every_default_and_every_used_profile_is_written_out() {
    let scenario = checked(&small(), &[]).expect("the scenario is right");
    let text = scenario.resolved_yaml();
    for written in [
        "cargo run --release -- run",
        "root_seed: 0\n",
        "padding: fixed\n",
        "link_sigma: 0.0\n",
        "availability: profile\n",
        "split: 3\n",
        "epsilon: 0.001\n",
        "train: layers\n",
        "weight_decay: 0.0\n",
        "device_flops: null\n",
        "selection: random\n",
        "compute: 10 TFLOP/s\n",
        "  raspberry-pi-5:\n    name: raspberry-pi-5\n",
    ] {
        assert!(text.contains(written), "{written:?} is not in\n{text}");
    }
    assert!(!text.contains("phone-high"), "a profile that no group uses is in\n{text}");
}

#[test]
fn every_default_of_a_selection_is_written_out() {
    for (short, long) in [
        ("availability", "availability:\n      smoothing: 0.25\n      rest: 5\n"),
        (
            "{ oort: { cutoff: 0.5 } }",
            "oort:\n      exploration: 0.9\n      exploration_decay: 0.98\n      exploration_min: 0.3\n      \
             duration_quantile: 0.3\n      penalty: 2.0\n      pacer_rounds: 20\n      pacer_step: 0.05\n      \
             clip_quantile: 0.9\n      cutoff: 0.5\n      blacklist_after: null\n",
        ),
        ("{ resources: {} }", "resources:\n      candidates: 3\n      memory_headroom: 0.0\n"),
        ("{ energy: {} }", "energy:\n      by: joules\n"),
    ] {
        let set = format!("federation.selection={short}");
        let scenario = checked(&small(), &[&set]).unwrap_or_else(|e| panic!("{}", printed(&e)));
        let text = scenario.resolved_yaml();
        assert!(text.contains(&format!("  selection:\n    {long}")), "{long:?} is not in\n{text}");
        assert_eq!(again(&scenario), scenario);
    }
}

#[test]
fn files_keep_their_meaning_when_the_scenario_moves() {
    let set = ["task.dataset={ file: { path: ../data/letters.csv } }", "task.test_examples=5"];
    let scenario = checked(&small(), &set).expect("the scenario is right");
    let read = again(&scenario);
    assert_eq!(read.hash(), scenario.hash());
    assert_eq!(read.dataset(), scenario.dataset());
}

#[test]
fn the_hash_is_that_of_what_results_depend_on() {
    let hash = |text: &str, set: &[&str]| {
        let checked = checked(text, set);
        checked.unwrap_or_else(|errors| panic!("{}", printed(&errors))).hash().to_owned()
    };
    let base = hash(&small(), &[]);
    assert_eq!(base.len(), 64);
    for same in ["name=other", "description=Another text.", "root_seed=0", "model.padding=fixed"] {
        assert_eq!(hash(&small(), &[same]), base, "{same}");
    }
    for other in [
        "root_seed=1",
        "seeds=3",
        "model.max_length=31",
        "task.dataset.builtin=tweet",
        "fleet.heterogeneity.link_sigma=0.1",
        "federation.deadline=601 s",
        "federation.selection={ energy: {} }",
        "network.server.compute=5 TFLOP/s",
        "algorithms.FedSPZO.fedspzo.epsilon=0.002",
    ] {
        assert_ne!(hash(&small(), &[other]), base, "{other}");
    }
    let text = small();
    let (head, algorithms) = text.split_once("  FedSPZO:").expect("it is there");
    let (fedspzo, fedavg) = algorithms.split_once("  FedAvg:").expect("it is there");
    let swapped = format!("{head}  FedAvg:{fedavg}  FedSPZO:{fedspzo}");
    assert_eq!(hash(&swapped, &[]), base);
}

/// The same trace elsewhere, or with a row that no device of the fleet replays, is the same trace.
#[test]
fn a_trace_is_known_by_what_is_replayed() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let with = |rows: &str| {
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, format!("device,start,end\n{rows}")).expect("it can be written");
        let trace = format!("fleet.trace={{ file: {} }}", path.display());
        let scenario = checked(&small(), &[&trace]);
        let scenario = scenario.unwrap_or_else(|errors| panic!("{}", printed(&errors)));
        assert_eq!(again(&scenario), scenario);
        assert!(scenario.traces().is_some());
        scenario.hash().to_owned()
    };
    let twelve: String = (0..12).map(|device| format!("{device},{device},100\n")).collect();
    let hash = with(&twelve);
    assert_eq!(with(&format!("{twelve}12,5,7\n")), hash);
    assert_ne!(with(&twelve.replace("11,11,100", "11,11,101")), hash);
    assert_ne!(with(&twelve.replace("0,0,100\n", "0,0,50\n0,60,100\n")), hash);
    assert_ne!(hash, checked(&small(), &[]).expect("it is right").hash());
}

/// What a scenario may say of its devices is taken and comes back, all of it.
#[test]
fn devices_may_have_all_that_the_models_know() {
    let set = [
        "fleet.eligibility={ charging: true, wifi: true, battery_above: 0.3 }",
        "fleet.cost={ fwdllm: { step: 308 ms } }",
        "fleet.heterogeneity.compute_sigma=0",
    ];
    let mut profile = fleetune_devices::Profiles::shipped()
        .expect("they are right")
        .get("phone-mid")
        .map(|profile| serde_yaml::to_string(&**profile).expect("it can be written"))
        .expect("it is there")
        .replace("\n", "\n    ");
    profile = profile.replacen("phone-mid", "phone-own", 1);
    let more = "battery: { capacity: 40 kJ, charge_power: 10 W, initial: 0.8 }
    charging: { diurnal: { mean_on: 8 h, mean_off: 16 h, swing: 0.8, peak: 2 h } }
    wifi: { exponential: { mean_on: 8 h, mean_off: 4 h } }
    throttle: { after: 10 min, factor: 0.6, recovery: 5 min }
    background_load: { share: 0.3, running: { exponential: { mean_on: 5 min, mean_off: 30 min } } }
    radio_tail: { power: 1.2 W, length: 5 s }
";
    let profiles = format!("profiles:\n  phone-own:\n    {profile}{more}");
    let text = small().replace("raspberry-pi-5", "phone-own") + &profiles;
    let scenario = checked(&text, &set);
    let scenario = scenario.unwrap_or_else(|errors| panic!("{}", printed(&errors)));
    assert_eq!(again(&scenario), scenario);
}

/// A cost mode is told of batches as the algorithm has them: all of its local steps in an exchange,
/// or one where each exchange is a step.
/// Every policy and topology, read again from what is written, is what it was; and each gives a world of its own.
#[test]
fn policies_read_back_as_themselves() {
    let edges = "network.topology={ two_tier: { aggregators: [{ name: north, uplink: 1 MB/s, downlink: 2 MB/s }] } }";
    let policies = [
        "federation.policy=synchronous",
        "federation.policy={ tiers: { count: 3 } }",
        "federation.policy={ hierarchical: { edge_rounds: 4 } }",
        "federation.batch={ smallest: 2, largest: 32, noise_scale: 100 }",
        "federation.policy={ asynchronous: { concurrency: 4, rule: { fedbuff: {} } } }",
        "federation.policy={ asynchronous: { concurrency: 4, rule: { fedasync: { mixing: 0.5 } } } }",
    ];
    let mut hashes = Vec::new();
    for policy in policies {
        let scenario = checked(&small(), &[policy, edges]);
        let scenario = scenario.unwrap_or_else(|errors| panic!("{policy}: {}", printed(&errors)));
        assert_eq!(again(&scenario), scenario, "{policy}");
        hashes.push(scenario.hash().to_owned());
    }
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// As [`policies_read_back_as_themselves`], of the policy that takes clients apart: every default is written out.
#[test]
fn adaptive_rounds_read_back_as_themselves() {
    let algorithm = "algorithms={ A: { fedavg: { local_steps: 1, batch_size: 8, optimizer: sgd, learning_rate: { base: 0.1 } } } }";
    for policy in [
        "federation.policy={ adaptive: { budget: 2 h } }",
        "federation.policy={ adaptive: { budget: 2 h, shortest: 10 s, correct: false, batch: { smallest: 2, largest: 64 }, bound: { gradient: 3 } } }",
    ] {
        let scenario = checked(&small(), &[policy, algorithm]);
        let scenario = scenario.unwrap_or_else(|errors| panic!("{policy}: {}", printed(&errors)));
        assert_eq!(again(&scenario), scenario, "{policy}");
        let text = scenario.resolved_yaml();
        for default in ["convexity: 0.3", "deviation: 5", "correct: ", "budget: 2 h"] {
            assert!(text.contains(default), "{default} is not in {text}");
        }
    }
}

#[test]
fn clocks_are_told_how_an_algorithm_works() {
    const COMMON: &str = "local_steps: 5, batch_size: 7, learning_rate: { base: 1e-3 }";
    let more = format!(
        "
  A: {{ mezo: {{ {COMMON} }} }}
  B: {{ fedsllm: {{ {COMMON}, split: 2 }} }}
  C: {{ fwdllm: {{ batch_size: 9, learning_rate: {{ base: 1e-3 }} }} }}
"
    );
    let scenario = checked(&(small() + &more), &[]).expect("the scenario is right");
    let paces = scenario.algorithms.values().map(fleetune_scenarios::pace);
    let paces: Vec<_> = paces.map(|pace| (pace.kind, pace.batch_size, pace.steps)).collect();
    let of = |kind: &str, batch, steps| (kind.to_owned(), batch, steps);
    let expected = [
        of("fedspzo", 16, 4),
        of("fedavg", 16, 4),
        of("mezo", 7, 5),
        of("fedsllm", 7, 1),
        of("fwdllm", 9, 1),
    ];
    assert_eq!(paces, expected);
}

#[test]
fn first_order_algorithms_need_no_more_than_their_papers_leave_open() {
    const COMMON: &str = "local_steps: 4, batch_size: 16, learning_rate: { base: 1e-3 }";
    let more = format!(
        "
  FedProx: {{ fedprox: {{ {COMMON}, mu: 0.01 }} }}
  FedAdam: {{ fedadam: {{ {COMMON}, server_learning_rate: 1e-2 }} }}
  FedYogi: {{ fedyogi: {{ {COMMON}, server_learning_rate: 1e-2 }} }}
  SCAFFOLD: {{ scaffold: {{ {COMMON} }} }}
"
    );
    let scenario = checked(&(small() + &more), &[]).expect("the scenario is right");
    let described: Vec<_> = scenario.algorithms.values().map(|a| a.describe()).collect();
    for (name, by, label) in [
        ("FedAvg", "AdamW", 1),
        ("FedProx", "AdamW", 2),
        ("FedAdam", "SGD", 3),
        ("FedYogi", "SGD", 4),
        ("SCAFFOLD", "SGD", 5),
    ] {
        let found = &described[label];
        assert!(found.starts_with(name) && found.contains(&format!(" of {by} on")), "{found}");
    }
    assert_eq!(again(&scenario), scenario);
}

#[test]
fn fwdllm_is_as_published_unless_told_otherwise() {
    let with = |form: &str| {
        let more =
            format!("\n  FwdLLM: {{ fwdllm: {{ {form}learning_rate: {{ base: 1e-2 }} }} }}\n");
        let scenario = checked(&(small() + &more), &[]).expect("the scenario is right");
        assert_eq!(again(&scenario), scenario);
        (
            scenario.resolved_yaml(),
            scenario.algorithms.values().last().expect("it is there").describe(),
        )
    };
    let (text, described) = with("");
    assert!(text.contains("as_published:") && text.contains("retry_cap: null"), "{text}");
    assert!(described.contains("as published") && described.contains("dense gradient up"));
    assert_eq!(with("form: as_published, ").0, text);
    let (text, described) = with("form: deployable, ");
    assert!(text.contains("retry_cap: 3\n") && text.contains("upload: gradient\n"), "{text}");
    assert!(described.contains("deployable"), "{described}");
    let (_, described) = with("form: { deployable: { upload: scalars } }, ");
    assert!(described.contains("one scalar up"), "{described}");
}

#[test]
fn fedsllm_needs_its_split_and_trains_adapters_unless_told_otherwise() {
    const COMMON: &str = "local_steps: 4, batch_size: 16, learning_rate: { base: 1e-3 }";
    let with = |more: &str| {
        checked(&format!("{}\n  FedsLLM: {{ fedsllm: {{ {COMMON}{more} }} }}\n", small()), &[])
    };
    // Up to the last layer, which leaves the server the head.
    for split in 1..=4 {
        let scenario = with(&format!(", split: {split}")).expect("the scenario is right");
        let found = scenario.algorithms[2].describe();
        assert!(found.starts_with("FedsLLM on LoRA of rank 8 and the head"), "{found}");
        assert!(found.contains(&format!("layers up to {split} on the device")), "{found}");
        assert_eq!(again(&scenario), scenario);
    }
    let errors = printed(&with("").expect_err("there is no usual split"));
    assert!(errors.contains("missing key `split`"), "{errors}");
}

#[test]
fn a_profile_of_the_scenario_prevails_over_the_librarys() {
    let own = "
profiles:
  raspberry-pi-5:
    description: A board of our own.
    compute: { peak: { f32: 10 GFLOP/s }, efficiency: 0.4 }
    memory: { total: 1 GiB, budget: 256 MiB, bandwidth: 3 GB/s, efficiency: 0.6 }
    link: { uplink: 20 Mbit/s, downlink: 40 Mbit/s, latency: 5 ms }
    power: { idle: 1 W, compute: 3 W, transmit: 2 W, receive: 2 W }
    sources: [{ of: [compute], basis: assumed, text: An example. }]
";
    let scenario = checked(&(small() + own), &[]).expect("the scenario is right");
    let names: Vec<_> = scenario.profiles.keys().map(String::as_str).collect();
    assert_eq!(names, ["raspberry-pi-5"]);
    assert_eq!(scenario.profiles["raspberry-pi-5"].description, "A board of our own.");
    assert_eq!(again(&scenario), scenario);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_numbers_read_back_bit_for_bit(
        alpha in 1e-300..1e300f64,
        latency in 0.0..1e9f64,
        rate in 1e-12..1.0f64,
        accuracy in 0.001..=1.0f64,
        over_commitment in 1.0..=100.0f64,
        root_seed: u64,
        rounds in 1..=1_000_000_000u64,
    ) {
        let set = [
            format!("task.partition.dirichlet.alpha={alpha:?}"),
            format!("network.server.latency={latency:?} s"),
            format!("algorithms.FedAvg.fedavg.learning_rate.base={rate:?}"),
            format!("target.accuracy={accuracy:?}"),
            format!("federation.over_commitment={over_commitment:?}"),
            format!("root_seed={root_seed}"),
            format!("federation.stop.rounds={rounds}"),
        ];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let scenario = checked(&small(), &set).expect("the overrides are right");
        prop_assert_eq!(scenario.network.server.latency.get().to_bits(), latency.to_bits());
        let target = scenario.target_accuracy().expect("it trains");
        prop_assert_eq!(target.to_bits(), accuracy.to_bits());
        prop_assert_eq!(&again(&scenario), &scenario);
    }
}

/// Without training a task may be missing, and then all that is left of it is a number of classes.
#[test]
fn a_scenario_without_training_reads_back_as_itself() {
    let alone = ["training=none", "target=null"];
    let scenario = checked(&small(), &alone).expect("it is right");
    assert_eq!((scenario.classes(), scenario.target_accuracy()), (4, None));
    assert_eq!(again(&scenario), scenario);
    let untold = checked(&small(), &["training=none", "target=null", "task=null"]);
    let untold = untold.unwrap_or_else(|errors| panic!("{}", printed(&errors)));
    assert_eq!((untold.classes(), untold.dataset()), (2, None));
    assert_eq!(again(&untold), untold);
    let text = untold.resolved_yaml();
    assert!(text.contains("\ntraining: none\n") && text.contains("  classes: 2\n"), "{text}");
    assert!(!text.contains("\ntarget:") && !text.contains("\ntask:"), "{text}");
    let real = checked(&small(), &["training=real"]).expect("it is the default");
    assert_eq!(real.hash(), checked(&small(), &[]).expect("it is right").hash());
    assert_ne!(scenario.hash(), real.hash());
}

#[test]
fn every_shipped_scenario_and_sweep_is_right() {
    let folder = files().join("..");
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let is_sweep =
            || std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\nstudies:"));
        let found = if name.ends_with(".yaml") && is_sweep() {
            check_sweep(&path).map(drop)
        } else if name.ends_with(".yaml") {
            fleetune_scenarios::check(&path, &Overrides::none()).map(drop)
        } else {
            continue;
        };
        if name.starts_with("minilm.") {
            lacks_its_model_at_most(found);
            continue;
        }
        found.unwrap_or_else(|errors| panic!("{}", printed(&errors)));
    }
}

/// The model is not in the repository: where it is not installed, that is all there is to say.
fn lacks_its_model_at_most(found: Result<(), Vec<ScenarioError>>) {
    let Err(errors) = found else { return };
    for error in &errors {
        assert!(error.message().contains("is not installed"), "{}", printed(&errors));
    }
}

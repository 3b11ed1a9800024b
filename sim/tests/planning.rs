//! What is planned is what is charged.

use std::{path::Path, sync::atomic::AtomicBool};

use fleetune::{
    campaign::run_campaign,
    cell::CellResult,
    plan::{AlgorithmPlan, Spread, plan},
    prepare::Prepared,
};
use fleetune_models::backend::Backend;
use fleetune_reports::records::RoundRecord;
use fleetune_scenarios::{Overrides, check_text};

use crate::program::harness::{ALGORITHMS, scenario};

/// Updates per round.
const COHORT: u128 = 3;

fn prepared<'a>(algorithms: impl IntoIterator<Item = &'a str>, set: &[&str]) -> Prepared {
    prepared_in(Path::new(""), algorithms, set)
}

fn prepared_in<'a>(
    folder: &Path,
    algorithms: impl IntoIterator<Item = &'a str>,
    set: &[&str],
) -> Prepared {
    let overrides = Overrides::parse(set.iter().copied()).unwrap();
    let text = scenario(algorithms);
    let scenario = check_text("tiny.yaml", text.as_bytes(), folder, &overrides).unwrap();
    Prepared::new(scenario, Backend::default()).unwrap()
}

fn run(prepared: &Prepared) -> Vec<CellResult> {
    run_campaign(prepared, 1, &AtomicBool::new(false), &|_| ()).unwrap()
}

/// FLOPs, bytes down, bytes up.
type Charge = [u128; 3];

/// What each round cost the fleet: evaluated after every round, so by differences.
fn charges(rounds: &[RoundRecord]) -> Vec<Charge> {
    let spent =
        |r: &RoundRecord| [r.device_flops.get(), r.downlink.get().into(), r.uplink.get().into()];
    let difference = |pair: &[RoundRecord]| {
        let [before, after] = [spent(&pair[0]), spent(&pair[1])];
        std::array::from_fn(|i| after[i] - before[i])
    };
    assert!(rounds.iter().skip(1).all(|r| u128::from(r.participants) == COHORT));
    rounds.windows(2).map(difference).collect()
}

/// The least and the most that a plan says of one client's exchange.
fn planned(plan: &AlgorithmPlan) -> [Charge; 2] {
    let ends = |flops: u128, down: u64, up: u64| [flops, down.into(), up.into()];
    let (f, d, u) = (plan.flops, plan.download, plan.upload);
    [
        ends(f.least.get(), d.least.get(), u.least.get()),
        ends(f.most.get(), d.most.get(), u.most.get()),
    ]
}

fn by_cell(prepared: &Prepared, judge: impl Fn(&AlgorithmPlan, &CellResult, &[Charge])) {
    let plans = plan(prepared).unwrap();
    let cells = run(prepared);
    assert_eq!(cells.len(), plans.len() * prepared.scenario.seeds as usize);
    for cell in &cells {
        let plan = plans.iter().find(|plan| plan.label == cell.label).unwrap();
        judge(plan, cell, &charges(&cell.rounds));
    }
}

#[track_caller]
fn assert_between(charges: &[Charge], [least, most]: [Charge; 2], exchanges: u128, what: &str) {
    for charge in charges {
        for i in 0..3 {
            let (low, high) = (COHORT * least[i], COHORT * exchanges * most[i]);
            assert!((low..=high).contains(&charge[i]), "{what}: {charge:?}, {least:?}, {most:?}");
        }
    }
}

#[test]
fn batches_of_fixed_length_cost_exactly_what_was_planned() {
    let [fedspzo, mezo, _, fedavg] = ALGORITHMS;
    by_cell(&prepared([fedspzo, mezo, fedavg], &[]), |plan, cell, charges| {
        assert!(plan.flops.is_exact() && plan.download.is_exact() && plan.upload.is_exact());
        let [one, _] = planned(plan);
        assert_eq!(charges.len(), 2);
        for charge in charges {
            assert_eq!(*charge, one.map(|x| COHORT * x), "{}, seed {}", cell.label, cell.seed);
        }
        assert!(cell.standing.ledger.wasted.device_flops.is_zero());
    });
}

/// A report of losses is four bytes of every upload, planned and charged.
#[test]
fn reports_cost_exactly_what_was_planned() {
    let [fedspzo, mezo, _, fedavg] = ALGORITHMS;
    let [silent, reporting] = ["random", "oort"].map(|selection| {
        let set = format!("federation.selection={selection}");
        prepared([fedspzo, mezo, fedavg], &[&set])
    });
    let uploads = plan(&silent).unwrap().into_iter().map(|plan| plan.upload.least.get());
    let uploads: Vec<u64> = uploads.collect();
    let with: Vec<u64> =
        plan(&reporting).unwrap().iter().map(|plan| plan.upload.least.get() - 4).collect();
    assert_eq!(uploads, with);
    by_cell(&reporting, |plan, cell, charges| {
        let [one, _] = planned(plan);
        for charge in charges {
            assert_eq!(*charge, one.map(|x| COHORT * x), "{}, seed {}", cell.label, cell.seed);
        }
    });
}

/// Whatever the values are that are encoded: the size of a message follows from their number alone.
#[test]
fn encoded_and_private_updates_cost_exactly_what_was_planned() {
    const STEPS: &str = "local_steps: 2, batch_size: 4, learning_rate: { base: 1e-4 }";
    let private = |noise| {
        format!("privacy: {{ clip: 0.1, noise_multiplier: 1.0, noise: {noise}, delta: 0.01 }}")
    };
    let sparse = "{ top_k: 0.05, values: q8, error_feedback: true }";
    let entries = [
        format!("  Bare: {{ fedavg: {{ {STEPS} }} }}\n"),
        format!("  Sparse: {{ fedavg: {{ {STEPS} }}, encoding: {sparse} }}\n"),
        format!(
            "  Both: {{ fedavg: {{ {STEPS} }}, encoding: {{ values: f16 }}, {} }}\n",
            private("server")
        ),
        format!(
            "  Scalars: {{ mezo: {{ catch_up: dense, {STEPS} }}, encoding: {{ values: f16 }} }}\n"
        ),
        format!(
            "  Shares: {{ decomfl: {{ catch_up: dense, {STEPS} }}, {} }}\n",
            private("clients")
        ),
    ];
    let prepared = prepared(entries.iter().map(String::as_str), &["federation.stop.rounds=3"]);
    let plans = plan(&prepared).unwrap();
    let upload = |label: &str| {
        plans.iter().find(|plan| plan.label == label).map(|plan| plan.upload.least.get()).unwrap()
    };
    let parameters = (upload("Bare") - 24) / 4;
    assert_eq!(upload("Both"), 24 + 2 * parameters);
    // A twentieth of the values in a byte each and a scale for 256; log2 20 and at most 3 bits more for each position.
    let kept = parameters.div_ceil(20) as f64;
    let bytes = upload("Sparse") as f64 - 24.0;
    assert!((1.5..1.95).contains(&(bytes / kept)), "{}", bytes / kept);
    assert_eq!(upload("Scalars"), 24 + 2 * 2);
    assert_eq!(upload("Shares"), 24 + 2 * 4);
    by_cell(&prepared, |plan, cell, charges| {
        assert!(plan.flops.is_exact() && plan.download.is_exact() && plan.upload.is_exact());
        let [one, _] = planned(plan);
        assert_eq!(charges.len(), 3);
        for charge in charges {
            assert_eq!(*charge, one.map(|x| COHORT * x), "{}, seed {}", cell.label, cell.seed);
        }
    });
}

/// Of a larger model's costs too: what is planned is charged, and the small model learns what it would have learnt.
#[test]
fn a_larger_models_costs_are_charged_as_planned_and_change_nothing_that_is_learnt() {
    let [fedspzo, mezo, _, fedavg] = ALGORITHMS;
    let slow = ["fleet.heterogeneity={ compute_sigma: 0, link_sigma: 0 }", "federation.cohort=3"];
    let own = |set: &[&str]| {
        let profiles = "fleet.groups=[{ profile: laptop, count: 3 }]";
        let memory = "profiles={ laptop: { name: laptop, description: d, compute: { peak: { f32: 1 TFLOP/s }, efficiency: 1 }, \
                      memory: { total: 64 GiB, budget: 64 GiB, bandwidth: 50 GB/s, efficiency: 1 }, \
                      link: { uplink: 100 MB/s, downlink: 100 MB/s, latency: 1 ms }, \
                      power: { idle: 1 W, compute: 9 W, transmit: 2 W, receive: 2 W }, \
                      sources: [{ of: [compute], basis: assumed, text: t }] } }";
        prepared([fedspzo, mezo, fedavg], &[&slow[..], &[profiles, memory], set].concat())
    };
    let (plain, larger) = (own(&[]), own(&["model.costs_of=roberta-large"]));
    by_cell(&larger, |plan, cell, charges| {
        assert!(plan.flops.is_exact() && plan.download.is_exact() && plan.upload.is_exact());
        let [one, _] = planned(plan);
        for charge in charges {
            assert_eq!(*charge, one.map(|x| COHORT * x), "{}, seed {}", cell.label, cell.seed);
        }
        // At most 16 layers' worth of the trained model's width would come to a thousandth of this.
        assert!(plan.flops.least.get() > 2 * 12_596_224 * 24 * 4 * 16);
    });
    for (plain, larger) in run(&plain).iter().zip(&run(&larger)) {
        let learnt = |cell: &CellResult| -> Vec<(u64, u64)> {
            cell.rounds.iter().map(|r| (r.accuracy.to_bits(), r.loss.to_bits())).collect()
        };
        assert_eq!(learnt(plain), learnt(larger), "{}", plain.label);
        assert!(plain.rounds[1].sim_time < larger.rounds[1].sim_time);
    }
}

/// The first step is not guided and the second is: the plan's spread is exactly these two. Whoever ranks, more comes
/// down; where the devices do, they also compute more.
#[test]
fn a_step_of_fwdllm_costs_the_least_or_the_most_of_its_plan() {
    let deployable = "  Deployable: { fwdllm: { form: deployable, batch_size: 4, \
                      learning_rate: { base: 1e-3 } } }\n";
    by_cell(&prepared([ALGORITHMS[2], deployable], &[]), |plan, _, charges| {
        let [least, most] = planned(plan);
        assert!(least[1] < most[1] && plan.upload.is_exact());
        assert_eq!(least[0] < most[0], plan.label == "Deployable");
        assert_eq!(charges, [least.map(|x| COHORT * x), most.map(|x| COHORT * x)]);
    });
}

#[test]
fn the_retries_of_fwdllm_stay_within_their_plan() {
    let noisy = [
        ("Published", "as_published: { retry_cap: 2 }"),
        ("Deployable", "deployable: { retry_cap: 2, upload: scalars }"),
    ]
    .map(|(label, form)| {
        format!(
            "  {label}: {{ fwdllm: {{ batch_size: 4, variance_threshold: 1e-12, form: {{ {form} }}, \
             learning_rate: {{ base: 1e-3 }} }} }}\n"
        )
    });
    by_cell(&prepared(noisy.iter().map(String::as_str), &[]), |plan, cell, charges| {
        assert_between(charges, planned(plan), 3, "retries");
        let [least, _] = planned(plan);
        // Every step was retried as often as allowed: three uploads each.
        assert!(charges.iter().all(|c| c[2] == 3 * COHORT * least[2]), "{}", cell.label);
    });
}

/// Three exchanges: the first sends activations, the second learns and sends, the last learns. The plan's least and most
/// are of these; what the server does is in the run's count alone, the same in every round.
#[test]
fn a_round_of_fedsllm_is_exchanges_within_its_plan() {
    let fedsllm = "  FedsLLM: { fedsllm: { split: 2, local_steps: 2, batch_size: 6, \
                   learning_rate: { base: 1e-4 } } }\n";
    let fedavg = "  FedAvg: { fedavg: { train: { lora: { rank: 8, alpha: 8 } }, local_steps: 2, batch_size: 6, \
                  learning_rate: { base: 1e-4 } } }\n";
    let fedavg = plan(&prepared([fedavg], &[])).unwrap();
    by_cell(&prepared([fedsllm], &[]), |plan, cell, charges| {
        let [least, most] = planned(plan);
        assert!((0..3).all(|i| least[i] < most[i]), "{least:?} {most:?}");
        assert_between(charges, [least, most], 3, "FedsLLM");
        // Activations of 6 texts of 16 tokens, 128 wide, up twice with two numbers a text, and down twice.
        let boundary = 4 * (6 * 16 * 128);
        let weights = 4 * (2 * 2 * 2 * 128 * 8);
        let up = 2 * (24 + boundary + 4 * 12) + 24 + weights;
        let down = 24 + weights + 2 * (24 + boundary);
        assert_eq!(charges, [[charges[0][0], COHORT * down, COHORT * up]; 2]);
        // Devices and server together do what FedAvg's devices do.
        let server = cell.standing.server_flops.get();
        assert_eq!(2 * charges[0][0] + server, 2 * COHORT * fedavg[0].flops.most.get());
        assert!(plan.memory.most < fedavg[0].memory.least);
    });
}

/// Shards of a few texts of very different lengths: batches straddle permutations and repeat texts.
#[test]
fn padding_to_the_longest_text_stays_within_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let row =
        |i: usize| format!("{},{}\n", "one more word ".repeat(1 + i * i % 7), ["a", "b"][i % 2]);
    let rows: String = (0..60).map(row).collect();
    std::fs::write(folder.path().join("few.csv"), format!("text,label\n{rows}")).unwrap();
    let set = [
        "task.dataset={ file: { path: few.csv } }",
        "task.partition=iid",
        "model.max_length=32",
        "federation.stop.rounds=12",
        "model.padding=longest",
    ];
    let fixed = plan(&prepared_in(folder.path(), ALGORITHMS, &set[..4])).unwrap();
    by_cell(&prepared_in(folder.path(), ALGORITHMS, &set), |plan, cell, charges| {
        assert_eq!(charges.len(), 12);
        assert_between(charges, planned(plan), 1, &cell.label);
        let full = fixed.iter().find(|plan| plan.label == cell.label).unwrap();
        let Spread { least, most } = plan.flops;
        assert!(least < most && most < full.flops.most, "{}", cell.label);
        assert!(plan.memory.most < full.memory.most, "{}", cell.label);
        // The rounds differ: there is something to bound.
        assert!(charges.iter().any(|charge| charge[0] != charges[0][0]), "{}", cell.label);
    });
}

/// With twice as many asked as wanted, the useful work is the participants' and the rest is waste.
#[test]
fn useful_and_wasted_work_are_told_apart() {
    let [fedspzo, mezo, _, fedavg] = ALGORITHMS;
    let set = ["federation.over_commitment=2", "federation.stop.rounds=3"];
    by_cell(&prepared([fedspzo, mezo, fedavg], &set), |plan, cell, charges| {
        let ledger = &cell.standing.ledger;
        let [one, _] = planned(plan);
        let useful = &ledger.useful;
        let found =
            [useful.device_flops.get(), useful.downlink.get().into(), useful.uplink.get().into()];
        assert_eq!(found, one.map(|x| 3 * COHORT * x), "{}", cell.label);
        assert!(!ledger.wasted.downlink.is_zero());
        let all = ledger.total();
        assert_eq!(all.device_flops, ledger.useful.device_flops + ledger.wasted.device_flops);
        let total: u128 = charges.iter().map(|charge| charge[0]).sum();
        assert_eq!(total, all.device_flops.get(), "{}: the table has it all", cell.label);
        // Nobody can have done more than all that was asked of all.
        assert!(charges.iter().all(|c| (0..3).all(|i| c[i] <= 2 * COHORT * one[i])));
    });
}

/// By another clock plan and run agree as well, and neither looks at profiles.
#[test]
fn a_plan_keeps_to_the_scenarios_clock() {
    let [_, mezo, fwdllm, _] = ALGORITHMS;
    let set = ["fleet.cost={ fwdllm: { step: 308 ms } }", "fleet.heterogeneity={}"];
    by_cell(&prepared([mezo, fwdllm], &set), |plan, cell, _| {
        let steps = if plan.label == "MeZO" { 2.0 } else { 1.0 };
        let times = cell.tallies.anatomy().unwrap();
        assert_eq!(plan.profiles.len(), 2);
        for profile in &plan.profiles {
            assert_eq!(
                (profile.compute.least.get(), profile.compute.most.get()),
                (0.308 * steps, 0.308 * steps)
            );
            assert!((times.compute.get() - 0.308 * steps).abs() < 1e-8);
            let transfer = times.download + times.upload;
            assert!((transfer.get() - profile.transfer.least.get()).abs() < 1e-8);
        }
    });
}

/// Batches that the federation fits to the devices (C²): what is planned is what is charged, for every kind of algorithm,
/// and threads change nothing.
#[test]
fn fitted_batches_cost_what_was_planned() {
    let set = ["federation.batch={ smallest: 1, largest: 200, noise_scale: 60 }"];
    let prepared = prepared(ALGORITHMS, &set);
    by_cell(&prepared, |plan, cell, charges| {
        let exchanges = if cell.label == "FwdLLM" { 64 } else { 1 };
        assert_between(charges, planned(plan), exchanges, &cell.label);
        assert!(plan.profiles.iter().all(|profile| profile.fits), "{}", cell.label);
        assert!(!plan.flops.is_exact(), "{}: devices differ, and so do their batches", cell.label);
    });
    let again = run_campaign(&prepared, 2, &AtomicBool::new(false), &|_| ()).unwrap();
    let text = |cells: &[CellResult]| serde_json::to_string(cells).unwrap();
    assert_eq!(text(&run(&prepared)), text(&again));
}

/// A phone, a board and a watch, without spread within a profile.
const UNLIKE: [&str; 2] = [
    "fleet.heterogeneity={ compute_sigma: 0, link_sigma: 0 }",
    "fleet.groups=[{ profile: phone-high, count: 3 }, { profile: raspberry-pi-4, count: 3 }, { profile: watch, count: 2 }]",
];

fn fitted_plan(algorithm: &str, [smallest, largest]: [u32; 2], noise: u32) -> AlgorithmPlan {
    let batch = format!(
        "federation.batch={{ smallest: {smallest}, largest: {largest}, noise_scale: {noise} }}"
    );
    let prepared = prepared([algorithm], &[UNLIKE[0], UNLIKE[1], &batch]);
    plan(&prepared).unwrap().swap_remove(0)
}

/// With fitted batches the slowest profile takes as long as the fastest to within one text; without, fifteen times as long.
#[test]
fn fitted_batches_make_devices_take_as_long() {
    const MEZO: &str = "  MeZO: { mezo: { catch_up: dense, local_steps: 20, train: bitfit, batch_size: 4, learning_rate: { base: 1e-4 } } }\n";
    let times = |bounds, noise| -> Vec<f64> {
        let plan = fitted_plan(MEZO, bounds, noise);
        plan.profiles.iter().map(|p| p.compute.most.get() + p.transfer.most.get()).collect()
    };
    let (four, five) = (times([4, 4], 400), times([5, 5], 400));
    let extremes = |times: &[f64]| {
        [times.iter().copied().fold(f64::MAX, f64::min), times.iter().copied().fold(0.0, f64::max)]
    };
    let [fastest, slowest] = extremes(&four);
    assert!(slowest > 15.0 * fastest, "{four:?}");
    for noise in [400, 40_000] {
        let fitted = times([1, 2_000], noise);
        let [_, round] = extremes(&fitted);
        for ((time, four), five) in fitted.iter().zip(&four).zip(&five) {
            assert!(time + (five - four) * 1.001 >= round, "{fitted:?}: more than a text apart");
        }
    }
}

/// Whoever has the memory for the smallest batch still has it for the one that was fitted, though not for the largest.
#[test]
fn fitted_batches_keep_to_the_memory() {
    const FEDAVG: &str = "  FedAvg: { fedavg: { local_steps: 2, train: full, batch_size: 4, learning_rate: { base: 1e-4 } } }\n";
    let fits = |plan: &AlgorithmPlan| plan.profiles.iter().map(|p| p.fits).collect::<Vec<_>>();
    let [one, fitted, many] =
        [[1, 1], [1, 2_000], [2_000, 2_000]].map(|bounds| fitted_plan(FEDAVG, bounds, 40_000));
    assert_eq!(fits(&one), [true; 3]);
    assert_eq!(fits(&fitted), [true; 3]);
    assert!(fits(&many).contains(&false), "2000 texts would not fit everywhere");
    let budget = fitted.profiles.iter().map(|p| p.budget).min().unwrap();
    assert!(fitted.memory.most > budget, "whoever has more memory uses it");
}

/// Adaptive rounds: a client that is stopped is charged no more than its plan, and the budget is kept to.
#[test]
fn adaptive_rounds_cost_no_more_than_planned() {
    let fedavg = "  FedAvg: { fedavg: { local_steps: 1, batch_size: 4, optimizer: sgd, learning_rate: { base: 1e-2 } } }\n";
    for batch in ["", ", batch: { smallest: 2, largest: 16 }"] {
        let policy = format!("federation.policy={{ adaptive: {{ budget: 12 s{batch} }} }}");
        let prepared = prepared([fedavg], &[&policy[..], "federation.stop.rounds=8"]);
        let plans = plan(&prepared).unwrap();
        let cells = run(&prepared);
        for cell in &cells {
            let [_, most] = planned(&plans[0]);
            let ledger = cell.standing.ledger.total();
            assert!(ledger.device_flops.get() <= 8 * COHORT * most[0], "{batch}");
            assert!(u128::from(ledger.uplink.get()) <= 8 * COHORT * most[2], "{batch}");
            assert!(cell.standing.time.as_seconds() <= 12.0 * 1.05, "{:?}", cell.standing.time);
            assert!(!cell.standing.ledger.useful.device_flops.is_zero());
        }
        let again = run_campaign(&prepared, 2, &AtomicBool::new(false), &|_| ()).unwrap();
        let text = |cells: &[CellResult]| serde_json::to_string(cells).unwrap();
        assert_eq!(text(&cells), text(&again));
    }
}

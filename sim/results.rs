//! From cells to the records that reports are made of.

use std::collections::BTreeMap;

use fleetune_devices::{AvailabilityMode, Profile};
use fleetune_reports::records::{
    AlgorithmDetails, CellTotals, Details, Manifest, RunResults, ScenarioInfo, Start, Statement,
    Treatment,
};
use fleetune_scenarios::{
    Scenario,
    schema::{
        Asynchronous, CostsOf, FederationConfig, Hierarchical, PolicyConfig, TierWeights, Tiers,
    },
};
use fleetune_units::{Flops, Seconds};
use sha2::{Digest, Sha256};

use crate::{
    cell::{CellResult, Ending},
    clocks::{computing, transferring},
    federation::End,
    prepare::Prepared,
};

/// The circumstances that the program knows of and the results do not depend on.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub(crate) backend: String,
    pub(crate) threads: usize,
    pub(crate) wall_time: Seconds,
}

/// Everything a finished run has to say.
pub(crate) fn collect(
    prepared: &Prepared,
    cells: &[CellResult],
    circumstances: &Circumstances,
) -> RunResults {
    let scenario = &prepared.scenario;
    RunResults {
        target_accuracy: scenario.target.accuracy,
        costs_of: scenario.model.costs_of.as_ref().map(CostsOf::title),
        rounds: cells.iter().flat_map(|cell| cell.rounds.iter().cloned()).collect(),
        totals: cells.iter().map(totals).collect(),
        details: Details {
            scenario: describe(prepared),
            starts: starts(cells),
            algorithms: scenario
                .algorithms
                .iter()
                .map(|(label, config)| details(label.as_str(), &config.describe(), cells))
                .collect(),
            reality: reality(scenario),
            notices: notices(prepared, cells),
        },
        manifest: manifest(prepared, circumstances),
        scenario_yaml: scenario.resolved_yaml(),
    }
}

pub(crate) fn totals(cell: &CellResult) -> CellTotals {
    let ledger = &cell.standing.ledger;
    CellTotals {
        algorithm: cell.label.clone(),
        seed: cell.seed,
        excluded_devices: cell.standing.excluded.into(),
        device_flops: ledger.total().device_flops,
        wasted_flops: ledger.wasted.device_flops,
        server_flops: cell.standing.server_flops,
    }
}

fn starts(cells: &[CellResult]) -> Vec<Start> {
    let by_seed: BTreeMap<u64, &CellResult> = cells.iter().rev().map(|c| (c.seed, c)).collect();
    by_seed
        .into_values()
        .map(|cell| Start { seed: cell.seed, accuracy: cell.start.accuracy, loss: cell.start.loss })
        .collect()
}

fn details(label: &str, description: &str, cells: &[CellResult]) -> AlgorithmDetails {
    let mut mine = cells.iter().filter(|cell| cell.label == label).map(|cell| &cell.tallies);
    let mut merged = mine.next().cloned();
    if let Some(merged) = &mut merged {
        mine.for_each(|more| merged.merge(more));
    }
    let privacy = cells.iter().filter(|cell| cell.label == label).filter_map(|cell| cell.privacy);
    AlgorithmDetails {
        label: label.to_owned(),
        description: description.to_owned(),
        fit: merged.as_ref().map(|t| t.fit()).unwrap_or_default(),
        anatomy: merged.as_ref().and_then(|t| t.anatomy()),
        participation: merged.as_ref().map(|t| t.participation()).unwrap_or_default(),
        privacy: privacy.collect(),
    }
}

fn describe(prepared: &Prepared) -> ScenarioInfo {
    let scenario = &prepared.scenario;
    let task = scenario.dataset();
    let fleet = scenario
        .fleet
        .groups
        .iter()
        .map(|group| format!("{} x {}", group.count.get(), group.profile))
        .collect::<Vec<_>>()
        .join(", ");
    let federation = &scenario.federation;
    let fact = |label: &str, text: String| (label.to_owned(), text);
    ScenarioInfo {
        name: scenario.name.to_string(),
        description: scenario.description.clone(),
        facts: vec![
            fact("fleet", format!("{} devices: {fleet}", scenario.device_count())),
            fact(
                "task",
                format!(
                    "{}, {} classes, {} training texts on the devices, {} test texts on the server",
                    task.name,
                    task.classes.len(),
                    task.train.len(),
                    prepared.test.len()
                ),
            ),
            fact("rounds", asking(federation)),
            fact("seeds", scenario.seeds.to_string()),
        ]
        .into_iter()
        .chain(scenario.model.costs_of.iter().map(|larger| fact("costs of", larger_facts(larger))))
        .collect(),
    }
}

/// How clients are asked and joined, in one line.
pub(crate) fn asking(federation: &FederationConfig) -> String {
    let FederationConfig { cohort, over_commitment, stop, evaluate_every, .. } = federation;
    let rounds = stop.rounds;
    match federation.policy {
        PolicyConfig::Synchronous => format!(
            "cohort of {cohort}, {over_commitment}x over-commitment, at most {rounds} rounds, evaluated every \
             {evaluate_every}"
        ),
        PolicyConfig::Asynchronous(Asynchronous { concurrency, rule }) => format!(
            "none: {concurrency} clients at work at any time, the model moves by every {cohort} updates ({}), at most \
             {rounds} versions of it, evaluated every {evaluate_every}",
            rule.describe()
        ),
        PolicyConfig::Tiers(Tiers { count, weights }) => format!(
            "of {count} tiers, each its own ({}): cohort of {cohort}, {over_commitment}x over-commitment, at most \
             {rounds} in all, evaluated every {evaluate_every}",
            match weights {
                TierWeights::FedAt => "joined as in FedAT",
                TierWeights::Even => "which weigh alike",
            }
        ),
        PolicyConfig::Hierarchical(Hierarchical { edge_rounds }) => format!(
            "of each edge, {edge_rounds} between two of the cloud (HierFAVG): cohort of {cohort}, {over_commitment}x \
             over-commitment, at most {rounds} of the cloud, evaluated every {evaluate_every}"
        ),
    }
}

fn larger_facts(costs_of: &CostsOf) -> String {
    let architecture = costs_of.larger().architecture;
    format!(
        "{}: {} layers, {} wide, in place of the trained model's",
        costs_of.title(),
        architecture.num_hidden_layers,
        architecture.hidden_size
    )
}

/// What devices draw.
fn drawing(scenario: &Scenario) -> String {
    let mut text =
        "the profile's power of each activity, integrated over simulated time while a device is engaged"
            .to_owned();
    let any = |has: fn(&Profile) -> bool| scenario.profiles.values().any(has);
    if any(|profile| profile.radio_tail.is_some()) {
        text.push_str(", and its radio's tail after a transfer");
    }
    if any(|profile| profile.battery.is_some()) {
        text.push_str("; batteries are drawn on at all times, and who runs empty leaves");
    }
    text
}

/// When devices are there.
fn coming(scenario: &Scenario) -> String {
    let fleet = &scenario.fleet;
    let mut text = match (&fleet.trace, fleet.availability) {
        (_, AvailabilityMode::Always) => "devices are always there".to_owned(),
        (Some(_), AvailabilityMode::Profile) => {
            "devices come and go as recorded in the scenario's trace".to_owned()
        }
        (None, AvailabilityMode::Profile) => {
            "devices come and go by the law of their profile".to_owned()
        }
    };
    if !fleet.eligibility.is_trivial() {
        text.push_str(" and are asked only while the scenario's conditions hold");
    }
    text + "; who leaves in mid-round loses its work"
}

fn reality(scenario: &Scenario) -> Vec<Statement> {
    let clock = &scenario.fleet.cost;
    let real = |subject: &str, how: &str| Statement {
        subject: subject.to_owned(),
        treatment: Treatment::Real,
        how: how.to_owned(),
    };
    let simulated = |subject: &str, how: &str| Statement {
        subject: subject.to_owned(),
        treatment: Treatment::Simulated,
        how: how.to_owned(),
    };
    vec![
        real(
            "local training",
            "every aggregated update was computed by really running the model on that client's texts",
        ),
        real(
            "accuracy and loss",
            "every evaluated round ran the global model on the server's whole test set",
        ),
        match scenario.model.costs_of.as_ref() {
            None => real(
                "FLOPs and bytes",
                "counted where the computation and the serialisation happen, operation by operation",
            ),
            Some(larger) => simulated(
                "FLOPs and bytes",
                &format!(
                    "those of {}, from its shapes, operation by operation; that the trained model's job did its own part \
                     of them was counted where it happened",
                    larger.title()
                ),
            ),
        },
        simulated("computing time", computing(clock)),
        simulated("network time", &transferring(clock, &scenario.network)),
        simulated("energy", &drawing(scenario)),
        simulated("availability", &coming(scenario)),
        simulated(
            "evaluation and aggregation",
            "the server's own work: it takes no simulated time and no device pays for it",
        ),
        simulated(
            "memory",
            "a device whose budget is below the counted peak takes no part; no device is slowed down by it",
        ),
    ]
}

fn notices(prepared: &Prepared, cells: &[CellResult]) -> Vec<String> {
    let target = prepared.scenario.target.accuracy;
    let mut notices = Vec::new();
    if cells.iter().any(|c| c.ending == Ending::Ran(End::Asked)) {
        notices.push(
            "Stopped early: interrupted. The rounds evaluated until then are valid.".to_owned(),
        );
    }
    if starts(cells).iter().any(|start| start.accuracy >= target) {
        notices.push(
            "The untrained model has the target accuracy already, so that costs to the target say \
             nothing: raise the target."
                .to_owned(),
        );
    }
    notices.extend(server_work(prepared, cells));
    for cell in cells {
        let (label, seed) = (&cell.label, cell.seed);
        match &cell.ending {
            Ending::Diverged(why) => notices.push(format!("{label}, seed {seed}: {why}.")),
            Ending::Ran(End::ExcludedByMemory) => notices.push(format!(
                "{label}, seed {seed}: excluded by memory on all devices; no round was run."
            )),
            Ending::Ran(End::NobodyComes) => notices.push(format!(
                "{label}, seed {seed}: ended because no capable device will ever be online again."
            )),
            Ending::Ran(End::Stalled) => notices.push(format!(
                "{label}, seed {seed}: ended because transfers that the server waited for would never have ended; a \
                 `federation.deadline` lets it go on without them."
            )),
            Ending::Ran(_) => {}
        }
    }
    notices
}

/// What servers did of the training, which no figure of the devices holds.
fn server_work(prepared: &Prepared, cells: &[CellResult]) -> Vec<String> {
    let speed = prepared.scenario.network.server.compute;
    let costs_of = prepared.scenario.model.costs_of.as_ref();
    let of = costs_of.map_or_else(String::new, |of| format!(" as {} would", of.title()));
    let labels = prepared.scenario.algorithms.keys();
    let work = labels.filter_map(|label| {
        let mine = cells.iter().filter(|cell| cell.label == label.as_str());
        let all: Flops = mine.clone().map(|cell| cell.standing.server_flops).sum();
        let each = Flops::new(all.get() / (mine.count() as u128).max(1));
        (!each.is_zero()).then(|| {
            format!(
                "{label}: the server did a part of the training{of}, {} in a whole run (mean over seeds) at {}. It is in \
                 the simulated time, and in none of the figures of compute and energy, which are the devices'.",
                each.human(),
                speed.human()
            )
        })
    });
    work.collect()
}

fn manifest(prepared: &Prepared, circumstances: &Circumstances) -> Manifest {
    let scenario = &prepared.scenario;
    let mut weights = Sha256::new();
    scenario.checkpoint().bytes().for_each(|part| weights.update(part));
    let hex = |digest: &[u8]| digest.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let scenario_sha256 = hex(&Sha256::digest(scenario.resolved_yaml().as_bytes()));
    Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: option_env!("FLEETUNE_GIT_COMMIT").map(str::to_owned),
        rustc: env!("FLEETUNE_RUSTC").to_owned(),
        target: env!("FLEETUNE_TARGET").to_owned(),
        cpu: cpu_name(),
        threads: circumstances.threads as u64,
        backend: circumstances.backend.clone(),
        scenario_sha256,
        data_sha256: BTreeMap::from([
            ("dataset".to_owned(), scenario.dataset().data_hash()),
            ("checkpoint".to_owned(), hex(&weights.finalize())),
        ]),
        root_seed: scenario.root_seed,
        host_wall_time: circumstances.wall_time,
    }
}

/// The processor's model name where the system tells it.
pub(crate) fn cpu_name() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

//! From cells to the records that reports are made of.

use std::collections::BTreeMap;

use fleetune_reports::records::{
    AlgorithmDetails, Backhaul, CellTotals, Details, Manifest, PrivacySpent, RunResults,
    ScenarioInfo, Start,
};
use fleetune_scenarios::schema::{
    Asynchronous, BatchBounds, CostsOf, FederationConfig, Hierarchical, PolicyConfig, TierWeights,
    Tiers, Training,
};
use fleetune_units::{Flops, Seconds};
use sha2::{Digest, Sha256};

use crate::{
    cell::{CellResult, Ending},
    federation::{End, Standing},
    prepare::Prepared,
    reality::{reality, untrained_task},
    tallies::Tallies,
};

/// The circumstances that the program knows of and the results do not depend on.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub(crate) backend: String,
    pub(crate) threads: usize,
    pub(crate) wall_time: Seconds,
}

/// Says why there is a target.
const TRAINS: &str = "a run with results of learning is one of a scenario that trains";

/// Everything a finished run has to say.
pub(crate) fn collect(
    prepared: &Prepared,
    cells: &[CellResult],
    circumstances: &Circumstances,
) -> RunResults {
    let scenario = &prepared.scenario;
    let courses: Vec<Course<'_>> = cells.iter().map(CellResult::course).collect();
    RunResults {
        target_accuracy: scenario.target_accuracy().expect(TRAINS),
        costs_of: scenario.model.costs_of.as_ref().map(CostsOf::title),
        rounds: cells.iter().flat_map(|cell| cell.rounds.iter().cloned()).collect(),
        totals: cells.iter().map(totals).collect(),
        details: Details {
            scenario: describe(prepared),
            starts: starts(cells),
            algorithms: scenario
                .algorithms
                .iter()
                .map(|(label, config)| {
                    let mine = cells.iter().filter(|cell| cell.label == label.as_str());
                    let privacy = mine.filter_map(|cell| cell.privacy).collect();
                    details((label.as_str(), &config.describe()), &courses, privacy)
                })
                .collect(),
            reality: reality(scenario),
            notices: notices(prepared, cells, &courses),
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
        staleness: cell.tallies.staleness(),
        backhaul: Backhaul {
            uplink: cell.standing.backhaul.uplink,
            downlink: cell.standing.backhaul.downlink,
        },
    }
}

fn starts(cells: &[CellResult]) -> Vec<Start> {
    let by_seed: BTreeMap<u64, &CellResult> = cells.iter().rev().map(|c| (c.seed, c)).collect();
    by_seed
        .into_values()
        .map(|cell| Start { seed: cell.seed, accuracy: cell.start.accuracy, loss: cell.start.loss })
        .collect()
}

/// What of a cell has to do with learning or not alike.
#[derive(Clone, Copy)]
pub(crate) struct Course<'a> {
    pub(crate) label: &'a str,
    pub(crate) seed: u64,
    pub(crate) standing: &'a Standing,
    pub(crate) ending: &'a Ending,
    pub(crate) tallies: &'a Tallies,
}

impl CellResult {
    fn course(&self) -> Course<'_> {
        let Self { label, seed, standing, ending, tallies, .. } = self;
        Course { label, seed: *seed, standing, ending, tallies }
    }
}

pub(crate) fn details(
    (label, description): (&str, &str),
    courses: &[Course<'_>],
    privacy: Vec<PrivacySpent>,
) -> AlgorithmDetails {
    let mut mine = courses.iter().filter(|cell| cell.label == label).map(|cell| cell.tallies);
    let mut merged = mine.next().cloned();
    if let Some(merged) = &mut merged {
        mine.for_each(|more| merged.merge(more));
    }
    AlgorithmDetails {
        label: label.to_owned(),
        description: description.to_owned(),
        fit: merged.as_ref().map(|t| t.fit()).unwrap_or_default(),
        anatomy: merged.as_ref().and_then(|t| t.anatomy()),
        participation: merged.as_ref().map(|t| t.participation()).unwrap_or_default(),
        privacy,
        groups: merged.as_ref().map(|t| t.groups()).unwrap_or_default(),
    }
}

pub(crate) fn describe(prepared: &Prepared) -> ScenarioInfo {
    let scenario = &prepared.scenario;
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
            fact("task", learning(prepared)),
            fact("rounds", asking(federation, scenario.training)),
            fact("seeds", scenario.seeds.to_string()),
        ]
        .into_iter()
        .chain(scenario.model.costs_of.iter().map(|larger| fact("costs of", larger_facts(larger))))
        .collect(),
    }
}

/// What is learnt, from how much.
fn learning(prepared: &Prepared) -> String {
    let scenario = &prepared.scenario;
    match scenario.dataset() {
        Some(task) if scenario.training.is_real() => format!(
            "{}, {} classes, {} training texts on the devices, {} test texts on the server",
            task.name,
            task.classes.len(),
            task.train.len(),
            prepared.test.len()
        ),
        _ => untrained_task(scenario),
    }
}

/// How clients are asked and joined, in one line.
pub(crate) fn asking(federation: &FederationConfig, training: Training) -> String {
    let FederationConfig { cohort, over_commitment, selection, stop, evaluate_every, .. } =
        federation;
    let (rounds, whom) = (stop.rounds, selection.describe());
    let told = if training.is_real() { "evaluated" } else { "told" };
    let batches = federation.batch.map_or_else(String::new, |batch| {
        format!(
            ", batches of {} to {} texts by device, so that all take about as long (noise scale {})",
            batch.smallest, batch.largest, batch.noise_scale.get()
        )
    });
    match federation.policy {
        PolicyConfig::Synchronous => format!(
            "cohort of {cohort}, {whom}, {over_commitment}x over-commitment, at most {rounds} rounds, {told} every \
             {evaluate_every}{batches}"
        ),
        PolicyConfig::Adaptive(adaptive) => format!(
            "cohort of {cohort}, {over_commitment}x over-commitment, {rounds} rounds with a deadline each, {} in all, at \
             which who still computes sends the layers that it has; {}; {told} every {evaluate_every}",
            adaptive.budget.human(),
            match adaptive.batch {
                Some(BatchBounds { smallest, largest }) => {
                    format!("batches of {smallest} to {largest} texts by device")
                }
                None => "the same batch size for all".to_owned(),
            }
        ),
        PolicyConfig::Asynchronous(Asynchronous { concurrency, rule }) => format!(
            "none: {concurrency} clients at work at any time, the model moves by every {cohort} updates ({}), at most \
             {rounds} versions of it, {told} every {evaluate_every}",
            rule.describe()
        ),
        PolicyConfig::Tiers(Tiers { count, weights }) => format!(
            "of {count} tiers, each its own ({}): cohort of {cohort}, {whom}, {over_commitment}x over-commitment, \
             at most {rounds} in all, evaluated every {evaluate_every}",
            match weights {
                TierWeights::FedAt => "joined as in FedAT",
                TierWeights::Even => "which weigh alike",
            }
        ),
        PolicyConfig::Hierarchical(Hierarchical { edge_rounds }) => format!(
            "of each edge, {edge_rounds} between two of the cloud (HierFAVG): cohort of {cohort}, {whom}, {over_commitment}x \
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

fn notices(prepared: &Prepared, cells: &[CellResult], courses: &[Course<'_>]) -> Vec<String> {
    let target = prepared.scenario.target_accuracy().expect(TRAINS);
    let mut notices = Vec::new();
    if starts(cells).iter().any(|start| start.accuracy >= target) {
        notices.push(
            "The untrained model has the target accuracy already, so that costs to the target say \
             nothing: raise the target."
                .to_owned(),
        );
    }
    notices.extend(server_work(prepared, courses));
    notices.extend(endings(courses));
    notices
}

/// What is to be said of cells that ended otherwise than they were meant to.
pub(crate) fn endings(courses: &[Course<'_>]) -> Vec<String> {
    let mut notices = Vec::new();
    for Course { label, seed, ending, .. } in courses {
        match ending {
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
pub(crate) fn server_work(prepared: &Prepared, cells: &[Course<'_>]) -> Vec<String> {
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

pub(crate) fn manifest(prepared: &Prepared, circumstances: &Circumstances) -> Manifest {
    let scenario = &prepared.scenario;
    let mut weights = Sha256::new();
    scenario.checkpoint().bytes().for_each(|part| weights.update(part));
    let hex = |digest: &[u8]| digest.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let scenario_sha256 = hex(&Sha256::digest(scenario.resolved_yaml().as_bytes()));
    Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: Some(env!("FLEETUNE_ENGINE").to_owned()),
        git_commit: option_env!("FLEETUNE_GIT_COMMIT").map(str::to_owned),
        rustc: env!("FLEETUNE_RUSTC").to_owned(),
        target: env!("FLEETUNE_TARGET").to_owned(),
        cpu: cpu_name(),
        threads: circumstances.threads as u64,
        training: None,
        backend: circumstances.backend.clone(),
        scenario_sha256,
        data_sha256: [("checkpoint".to_owned(), hex(&weights.finalize()))]
            .into_iter()
            .chain(scenario.dataset().map(|task| ("dataset".to_owned(), task.data_hash())))
            .collect(),
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

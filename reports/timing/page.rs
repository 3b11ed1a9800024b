//! The report of a run without training: one HTML file.

use serde::Serialize;

use super::{TimedCell, TimedRun, note};
use crate::{
    answer::cannot_run,
    charts,
    error::ReportError,
    format::{Quantity, percent},
    html::{Figure, Pair, Styled, figures, fill_timed, manifest, participation, tables},
    statistics::{Estimate, LEVEL, Resource},
    text::shown,
};

/// What an algorithm took, over its seeds.
pub(crate) struct Taking {
    pub(crate) algorithm: String,
    /// Rounds, or their range over seeds.
    pub(crate) rounds: String,
    /// In the order of [`Resource::ALL`].
    pub(crate) resources: [Amount; 5],
    /// Simulated time of a round.
    pub(crate) per_round: Amount,
    /// The smallest and largest number of excluded devices over the seeds.
    pub(crate) excluded: (u64, u64),
    pub(crate) wasted: String,
}

/// A mean over seeds, with its interval if there is one.
#[derive(Clone, Default)]
pub(crate) struct Amount {
    pub(crate) mean: String,
    pub(crate) range: String,
    pub(crate) value: f64,
}

impl Amount {
    fn of(quantity: Quantity, values: &[f64]) -> Self {
        let Some(estimate) = Estimate::new(values, LEVEL) else { return Self::default() };
        let (mean, range) = match estimate.interval() {
            Some(interval) => quantity.human_interval(estimate.mean, interval),
            None => (quantity.human(estimate.mean), Some(String::new())),
        };
        Self { mean, range: range.unwrap_or("each seed".to_owned()), value: estimate.mean }
    }
}

/// What a cell took of a resource.
fn taken(cell: &TimedCell, resource: Resource) -> f64 {
    match resource {
        Resource::Time => cell.sim_time.get(),
        Resource::Flops => cell.device_flops.get() as f64,
        Resource::Uplink => cell.uplink.get() as f64,
        Resource::Downlink => cell.downlink.get() as f64,
        Resource::Energy => cell.energy.get(),
    }
}

/// One entry per algorithm, in the scenario's order.
pub(crate) fn takings(run: &TimedRun) -> Vec<Taking> {
    let of = |label: &str| {
        let mine = || run.summary.cells.iter().filter(|cell| cell.algorithm == label);
        let range = |of: fn(&TimedCell) -> u64| {
            (mine().map(of).min().unwrap_or(0), mine().map(of).max().unwrap_or(0))
        };
        let wasted: Vec<f64> = mine().map(|cell| cell.wasted_flops_fraction).collect();
        let (fewest, most) = range(|cell| cell.rounds);
        Taking {
            algorithm: label.to_owned(),
            rounds: if fewest == most { most.to_string() } else { format!("{fewest}–{most}") },
            resources: Resource::ALL.map(|resource| {
                let values: Vec<f64> = mine().map(|cell| taken(cell, resource)).collect();
                Amount::of(resource.quantity(), &values)
            }),
            per_round: {
                let of = |cell: &TimedCell| cell.sim_time.get() / cell.rounds.max(1) as f64;
                Amount::of(Quantity::Time, &mine().map(of).collect::<Vec<f64>>())
            },
            excluded: range(|cell| cell.excluded_devices),
            wasted: percent(Estimate::new(&wasted, LEVEL).map_or(0.0, |e| e.mean)),
        }
    };
    run.details.algorithms.iter().map(|algorithm| of(&algorithm.label)).collect()
}

#[derive(Serialize)]
struct Cell {
    heading: &'static str,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    description: String,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Page {
    style: Styled,
    name: String,
    description: String,
    facts: Vec<Pair>,
    note: String,
    points: Vec<String>,
    notices: Vec<String>,
    several_seeds: bool,
    rows: Vec<Row>,
    figures: Vec<Figure>,
    participation: Option<participation::Table>,
    groups: Option<participation::Table>,
    reality: Vec<tables::RealityRow>,
    backend: String,
    manifest: Vec<Pair>,
}

/// The report as HTML. All texts of the scenario are escaped.
///
/// # Errors
/// A chart or the template is at fault.
pub fn page(run: &TimedRun) -> Result<String, ReportError> {
    let scenario = &run.details.scenario;
    let pair = |(key, value): &(String, String)| Pair { key: shown(key), value: shown(value) };
    let takings = takings(run);
    let page = Page {
        style: Styled::new(),
        name: shown(&scenario.name),
        description: shown(&scenario.description),
        facts: scenario.facts.iter().map(pair).collect(),
        note: note(&run.summary),
        points: points(run, &takings),
        notices: run.details.notices.iter().map(|n| shown(n)).collect(),
        several_seeds: run.summary.cells.iter().any(|cell| cell.seed > 0),
        rows: rows(run, takings),
        figures: figures(charts::timed(run, charts::WIDE), charts::timed(run, charts::NARROW))?,
        participation: participation::by_class(&run.details.algorithms),
        groups: participation::by_group(&run.details.algorithms),
        reality: tables::reality(&run.details.reality),
        backend: shown(&run.manifest.backend),
        manifest: manifest(&run.manifest),
    };
    fill_timed(&page).map_err(|e| ReportError::Template(format!("{e:#}")))
}

fn points(run: &TimedRun, takings: &[Taking]) -> Vec<String> {
    let sentence = |taking: &Taking| {
        let [time, compute, uplink, downlink, energy] = &taking.resources;
        format!(
            "{}: {} rounds in {} of simulated time, with {} of arithmetic on devices, {} sent by and {} sent to them, \
             and {} of their energy.",
            shown(&taking.algorithm),
            taking.rounds,
            time.mean,
            compute.mean,
            uplink.mean,
            downlink.mean,
            energy.mean
        )
    };
    takings.iter().map(sentence).chain(cannot_run(&run.details.algorithms)).collect()
}

fn rows(run: &TimedRun, takings: Vec<Taking>) -> Vec<Row> {
    let headings = ["Time", "Compute", "Uplink", "Downlink", "Energy"];
    let each = run.details.algorithms.iter().zip(takings);
    each.map(|(details, taking)| {
        let devices: u64 = details.fit.iter().map(|fit| fit.devices).sum();
        let (fewest, most) = taking.excluded;
        let excluded = if fewest == most { most.to_string() } else { format!("{fewest}–{most}") };
        let cell = |heading, value, note: &str| Cell { heading, value, note: note.to_owned() };
        let mut cells = vec![cell("Rounds", taking.rounds, "")];
        cells.extend(
            headings.into_iter().zip(taking.resources).map(|(h, a)| cell(h, a.mean, &a.range)),
        );
        cells.push(cell("Excluded", excluded, &format!("of {devices}")));
        cells.push(cell("Wasted", taking.wasted, "of compute"));
        Row { name: shown(&details.label), description: shown(&details.description), cells }
    })
    .collect()
}

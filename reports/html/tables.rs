//! The report's tables, as texts.

use serde::Serialize;

use crate::{
    format::percent,
    reader::Run,
    records::{Statement, Treatment},
    statistics::{Comparison, Estimate, Outcome, Resource},
    text::shown,
    words,
};

/// A figure and what qualifies it.
#[derive(Serialize)]
pub(super) struct Cell {
    heading: &'static str,
    value: String,
    note: String,
    best: bool,
    missing: bool,
}

#[derive(Serialize)]
pub(super) struct SummaryRow {
    name: String,
    description: String,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
pub(crate) struct RealityRow {
    subject: String,
    treatment: &'static str,
    how: String,
}

pub(super) fn summary(run: &Run, comparison: &Comparison) -> Vec<SummaryRow> {
    let details = &run.details.algorithms;
    let rows = comparison.outcomes.iter().zip(details);
    rows.map(|(outcome, details)| SummaryRow {
        name: shown(&outcome.algorithm),
        description: shown(&details.description),
        cells: cells(outcome, comparison, details.fit.iter().map(|f| f.devices).sum()),
    })
    .collect()
}

fn cells(outcome: &Outcome, comparison: &Comparison, devices: u64) -> Vec<Cell> {
    let plain = |heading, value: String, note: String| Cell {
        heading,
        value,
        note,
        best: false,
        missing: false,
    };
    let mut cells = vec![plain(
        "Reached",
        format!("{} of {}", outcome.reached, outcome.seeds),
        if outcome.seeds == 1 { "seed" } else { "seeds" }.into(),
    )];
    cells.extend(Resource::ALL.map(|resource| cost(outcome, comparison, resource)));
    let (last, note) = match outcome.final_accuracy {
        Some(e) => (percent(e.mean), points(&e)),
        None => ("none".to_owned(), String::new()),
    };
    cells.push(plain("Final accuracy", last, note));
    let (gain, note) = match outcome.gain {
        Some(e) => (format!("{:+.1} points", 100.0 * e.mean), points(&e)),
        None => ("unknown".to_owned(), String::new()),
    };
    cells.push(plain("Gain", gain, note));
    let (fewest, most) = outcome.excluded;
    let excluded = if fewest == most { most.to_string() } else { format!("{fewest}–{most}") };
    cells.push(plain("Excluded", excluded, format!("of {devices}")));
    cells.push(plain("Wasted", percent(outcome.wasted), "of compute".into()));
    cells
}

/// Half the width of an interval around a fraction, in percentage points.
fn points(estimate: &Estimate) -> String {
    estimate.half_width.map_or(String::new(), |w| format!("± {:.1}", 100.0 * w))
}

fn cost(outcome: &Outcome, comparison: &Comparison, resource: Resource) -> Cell {
    let heading = match resource {
        Resource::Time => "Time",
        Resource::Flops => "Compute",
        Resource::Uplink => "Uplink",
        Resource::Downlink => "Downlink",
        Resource::Energy => "Energy",
    };
    let cell =
        |value: String, note: String| Cell { heading, value, note, best: false, missing: false };
    let Some(cost) = outcome.seen(resource) else {
        return Cell { missing: true, ..cell("no seed".to_owned(), String::new()) };
    };
    if outcome.is_censored() {
        let value = words::seen(outcome, resource).unwrap_or_default();
        let missing = outcome.reached == 0;
        let note = if missing { "not reached".to_owned() } else { String::new() };
        let best = comparison.ranking(resource).first() == Some(&outcome);
        return Cell { best, missing, ..cell(value, note) };
    }
    let (value, note) = match cost.interval() {
        Some(interval) => {
            let (value, range) = resource.quantity().human_interval(cost.mean, interval);
            (value, range.unwrap_or("each seed".to_owned()))
        }
        None => (resource.quantity().human(cost.mean), String::new()),
    };
    Cell { best: comparison.ranking(resource).first() == Some(&outcome), ..cell(value, note) }
}

pub(crate) fn reality(statements: &[Statement]) -> Vec<RealityRow> {
    let row = |s: &Statement| RealityRow {
        subject: shown(&s.subject),
        treatment: match s.treatment {
            Treatment::Real => "real",
            Treatment::Simulated => "simulated",
            Treatment::Absent => "absent",
        },
        how: shown(&s.how),
    };
    statements.iter().map(row).collect()
}

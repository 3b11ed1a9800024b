//! A study's trials as a table.

use fleetune_reports::records::{CellSummary, CellTotals, Summary};

use super::run::StudyOutcome;
use crate::{cell::CellResult, results::totals};

/// The cells of a study, one line each: algorithm, trial, seed, the point on the axes, then what came of it. CSV with a
/// header; fields are quoted where they have to be.
///
/// # Errors
/// None that results of a run could cause.
pub fn trials_csv(study: &StudyOutcome, target: f64) -> Result<String, csv::Error> {
    let mut axes: Vec<&str> = Vec::new();
    for trial in &study.trials {
        for field in trial.trial.point.keys() {
            if !axes.contains(&field.as_str()) {
                axes.push(field);
            }
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["algorithm", "trial", "seed"].into_iter().chain(axes.iter().copied());
    writer.write_record(head.chain(RESULTS))?;
    for trial in &study.trials {
        for cell in &trial.cells {
            let point =
                axes.iter().map(|&axis| trial.trial.point.get(axis).map_or("", |v| v.as_str()));
            let number = trial.trial.number.to_string();
            let seed = cell.seed.to_string();
            let results = results(cell, target);
            let head = [trial.trial.algorithm.as_str(), &number, &seed].into_iter();
            writer.write_record(head.chain(point).chain(results.iter().map(String::as_str)))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const RESULTS: [&str; 9] = [
    "rounds",
    "sim_time_s",
    "device_flops",
    "uplink_bytes",
    "start_loss",
    "final_loss",
    "start_accuracy",
    "final_accuracy",
    "flops_to_target",
];

fn results(cell: &CellResult, target: f64) -> [String; 9] {
    let spent = cell.standing.ledger.total();
    let last = cell.rounds.last();
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    let reached = summary(cell, target).and_then(|cell| cell.flops_to_target);
    [
        cell.standing.rounds.to_string(),
        cell.standing.time.as_seconds().to_string(),
        spent.device_flops.get().to_string(),
        spent.uplink.get().to_string(),
        cell.start.loss.to_string(),
        number(last.map(|r| r.loss)),
        cell.start.accuracy.to_string(),
        number(last.map(|r| r.accuracy)),
        reached.map_or_else(String::new, |flops| flops.get().to_string()),
    ]
}

/// What the cell cost up to the target.
pub(crate) fn summary(cell: &CellResult, target: f64) -> Option<CellSummary> {
    let totals: CellTotals = totals(cell);
    Summary::new(target, &cell.rounds, &[totals]).cells.pop()
}

//! From a sweep's results to the page about them.

use std::{fs, path::Path};

use fleetune_reports::{
    ReportError, Run,
    study::{Ablation, AblationCell, Claim, Effort, Forecast, StudyPage, Thresholds},
};
use fleetune_scenarios::sweep::{AblationPage, PageSpec, Settings, Sweep};

use super::{
    run::{StudyOutcome, TrialOutcome},
    write::PROBE,
};
use crate::{
    cell::CellResult,
    probe::{AlgorithmForecast, Configuration, ProbeReport, RunForecast},
};

/// The page that `spec` asks for, about results in `folder`. `charts` is where its pictures are, seen from the page.
///
/// # Errors
/// The comparison's run directory cannot be read.
pub(crate) fn study_page(
    sweep: &Sweep,
    spec: &PageSpec,
    outcomes: &[StudyOutcome],
    folder: &Path,
    (charts, commands): (String, Vec<String>),
) -> Result<StudyPage, ReportError> {
    let compared = folder.join(spec.compare.as_str());
    let run = Run::load(&compared)?;
    let forecast = read_forecast(&compared.join(PROBE))?;
    let claim = |c: &fleetune_scenarios::sweep::Claim| Claim {
        source: c.source.clone(),
        low: c.low,
        high: c.high,
    };
    let ablation = spec.ablation.as_ref().and_then(|ablation| {
        let outcome = outcomes.iter().find(|o| o.name == ablation.study)?;
        Some(taken_apart(spec, ablation, outcome, &forecast))
    });
    let search = sweep.spec().studies.get(&spec.compare).and_then(|s| s.chosen_in.clone());
    let search = outcomes.iter().find(|o| Some(&o.name) == search.as_ref());
    Ok(StudyPage {
        title: spec.title.clone(),
        introduction: spec.introduction.clone(),
        commands,
        run,
        charts,
        reference: spec.reference.to_string(),
        thresholds: Thresholds {
            accuracies: spec.thresholds.accuracy.clone(),
            losses: spec.thresholds.loss.clone(),
        },
        controls: spec.controls.iter().map(ToString::to_string).collect(),
        claims: spec.claims.iter().map(claim).collect(),
        efforts: search.map(efforts).unwrap_or_default(),
        forecasts: forecast.algorithms.iter().map(forecast_of).collect(),
        unforeseen: forecast.uncovered.into_iter().map(|u| (u.label, u.reason)).collect(),
        ablation,
        discussion: spec.discussion.clone(),
    })
}

fn efforts(search: &StudyOutcome) -> Vec<Effort> {
    let mut efforts: Vec<Effort> = Vec::new();
    for outcome in &search.trials {
        let label = outcome.trial.algorithm.as_str();
        if efforts.last().is_none_or(|effort| effort.algorithm != label) {
            let chosen = search.chosen.as_ref().and_then(|chosen| chosen.get(label));
            let number = chosen.map(|chosen| chosen.trial);
            let mine = |t: &&TrialOutcome| {
                t.trial.algorithm.as_str() == label && Some(t.trial.number) == number
            };
            let point = search.trials.iter().find(mine).map(|t| t.trial.point.clone());
            efforts.push(Effort {
                algorithm: label.to_owned(),
                losses: Vec::new(),
                seeds: outcome.cells.len(),
                chosen: point.unwrap_or_default().into_iter().collect(),
            });
        }
        efforts.iter_mut().for_each(|effort| {
            if effort.algorithm == label {
                effort.losses.push(outcome.loss());
            }
        });
    }
    efforts
}

/// The grid, each cell with the best of its trials.
fn taken_apart(
    spec: &PageSpec,
    ablation: &AblationPage,
    outcome: &StudyOutcome,
    forecast: &ProbeReport,
) -> Ablation {
    let of = forecast.algorithms.iter().find(|of| of.label == spec.reference.as_str());
    let mine = outcome.trials.iter().filter(|t| t.trial.algorithm == spec.reference);
    let mine: Vec<&TrialOutcome> = mine.collect();
    let value = |point: &Settings, axis: &str| point.get(axis).cloned().unwrap_or_default();
    let mut best: Vec<(String, String, &TrialOutcome)> = Vec::new();
    for trial in &mine {
        let point = &trial.trial.point;
        let (row, column) = (value(point, &ablation.rows), value(point, &ablation.columns));
        match best.iter_mut().find(|(r, c, _)| *r == row && *c == column) {
            Some((_, _, present)) if trial.loss() < present.loss() => *present = trial,
            Some(_) => {}
            None => best.push((row, column, trial)),
        }
    }
    let axes = mine.first().map(|t| t.trial.point.keys().cloned().collect::<Vec<_>>());
    let tuned = axes.unwrap_or_default().into_iter();
    let cells = best.into_iter().map(|(row, column, trial)| AblationCell {
        predicted: of
            .and_then(|of| predicted(of, &[(&ablation.rows, &row), (&ablation.columns, &column)])),
        row,
        column,
        decreases: trial.cells.iter().map(decrease).collect(),
    });
    Ablation {
        algorithm: spec.reference.to_string(),
        rows: ablation.rows.clone(),
        columns: ablation.columns.clone(),
        tuned: tuned.filter(|axis| *axis != ablation.rows && *axis != ablation.columns).collect(),
        cells: cells.collect(),
    }
}

/// How far the loss is predicted to fall with these settings, at their own best two rates.
fn predicted(of: &AlgorithmForecast, at: &[(&String, &String)]) -> Option<f64> {
    let given = &of.configured;
    let meant = |c: &&Configuration| {
        let same = (c.lower, &c.variant) == (given.lower, &given.variant);
        let is = |axis: &str, value: &str| match axis {
            "split" => value == c.split.to_string(),
            "perturbations.upper" | "perturbations" => value == c.upper.to_string(),
            _ => false,
        };
        same && at.iter().all(|(axis, value)| is(axis, value))
    };
    let mut all = std::iter::once(given).chain(&of.alternatives);
    all.find(meant).map(|c| -c.run.two.change.value)
}

fn forecast_of(of: &AlgorithmForecast) -> Forecast {
    let RunForecast { configured, two, .. } = &of.configured.run;
    Forecast {
        algorithm: of.label.clone(),
        decrease: -configured.value,
        error: configured.error,
        best: -two.change.value,
        rates: [two.base.value, two.upper.value],
        from_layer: two.from_layer,
    }
}

fn read_forecast(path: &Path) -> Result<ProbeReport, ReportError> {
    let text = fs::read(path).map_err(|source| ReportError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text)
        .map_err(|e| ReportError::Corrupt { path: path.to_owned(), problem: e.to_string() })
}

fn decrease(cell: &CellResult) -> f64 {
    cell.start.loss - cell.rounds.last().map_or(f64::NAN, |round| round.loss)
}

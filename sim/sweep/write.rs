//! What a sweep leaves behind beside its cells.
//!
//! ```text
//! DIR/sweep.yaml          the sweep's file
//! DIR/cells/              finished cells, by what they depend on
//! DIR/STUDY/trials.csv    one line a cell
//! DIR/STUDY/chosen.yaml   the settings of the best trials, if the study chooses
//! DIR/STUDY/...           a run directory with its report, if the study has one trial per algorithm
//! DIR/STUDY/FLEET/...     a run directory with its report, if the study is on several fleets
//! DIR/STUDY/report.html   the page on which the fleets stand side by side, with its charts and comparison.json
//! DIR/STUDY/probe.json    what the probe predicts of it, if a page compares its algorithms
//! ```

use std::{
    fs, io,
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use fleetune_algorithms::probe::Effort;
use fleetune_reports::{ReportError, compare::Compared, render, write_tables};
use fleetune_scenarios::{
    Scenario,
    schema::{Label, Name},
    sweep::{FLEET, Settings, Sweep},
};

use super::{
    run::{StudyOutcome, SweepError, TrialOutcome},
    table::trials_csv,
};
use crate::{
    cell::CellResult,
    compare::{CompareError, Given, side_by_side},
    prepare::Prepared,
    probe::probe,
    results::{Circumstances, collect},
};

/// What the probe predicts of a study.
pub(super) const PROBE: &str = "probe.json";

/// Why the results of a sweep cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The sweep itself.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The scenario of a study, as YAML.
    #[error("cannot write the scenario of a study: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// A report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Fleets side by side.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// A file.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes the folder of one study. Gives its fleets side by side, if it is on several.
///
/// # Errors
/// The file system refuses.
pub(crate) fn write_study(
    folder: &Path,
    sweep: &Sweep,
    study: &StudyOutcome,
    circumstances: &Circumstances,
) -> Result<Option<Compared>, WriteError> {
    let folder = folder.join(study.name.as_str());
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let trials: Vec<&TrialOutcome> = study.trials.iter().collect();
    let scenario = common_scenario(sweep, study.name.as_str(), &trials)?;
    let target = scenario.target_accuracy().expect("scenarios of sweeps train");
    let table = trials_csv(study, target);
    let table = table.map_err(|e| failed(&folder)(io::Error::other(e)))?;
    write(&folder.join("trials.csv"), table.as_bytes())?;
    if let Some(chosen) = &study.chosen {
        let settings: Settings = chosen.values().flat_map(|c| c.settings.clone()).collect();
        let lines = settings.iter().map(|(path, value)| format!("{path}: {value}\n"));
        write(&folder.join("chosen.yaml"), lines.collect::<String>().as_bytes())?;
    }
    let fleets: Vec<&Name> = sweep
        .spec()
        .studies
        .get(&study.name)
        .map(|s| s.fleets.keys().collect())
        .unwrap_or_default();
    if !fleets.is_empty() {
        return write_fleets(&folder, sweep, study, (&fleets, circumstances)).map(Some);
    }
    if one_each(study) {
        let prepared = write_run(&folder, scenario, &trials, circumstances)?;
        let page = sweep.spec().page.as_ref().filter(|page| page.compare == study.name);
        if let Some(page) = page {
            let usual = Effort::default();
            let gradients = page.samples.map_or(usual.gradients, NonZeroU64::get);
            let effort = Effort { gradients, ..usual };
            let report = probe(&prepared, effort).map_err(SweepError::Prepare)?;
            let text = serde_json::to_vec_pretty(&report);
            let text = text.map_err(|e| failed(&folder)(io::Error::other(e)))?;
            write(&folder.join(PROBE), &text)?;
        }
    }
    Ok(None)
}

/// A run directory for each fleet, and the page about all.
fn write_fleets(
    folder: &Path,
    sweep: &Sweep,
    study: &StudyOutcome,
    (fleets, circumstances): (&[&Name], &Circumstances),
) -> Result<Compared, WriteError> {
    let (mut givens, mut entries) = (Vec::new(), Vec::new());
    for fleet in fleets {
        let is_on =
            |t: &&TrialOutcome| t.trial.point.get(FLEET).is_some_and(|f| f == fleet.as_str());
        let trials: Vec<&TrialOutcome> = study.trials.iter().filter(is_on).collect();
        let scenario = common_scenario(sweep, &format!("{}-{fleet}", study.name), &trials)?;
        let own = folder.join(fleet.as_str());
        write_run(&own, scenario, &trials, circumstances)?;
        givens.push(Given::read(&own, own.clone())?);
        entries.push((fleet.to_string(), Some(format!("{fleet}/report.html"))));
    }
    let title = format!("{}: {}", sweep.spec().name, study.name);
    let compared = side_by_side(&title, givens, entries)?;
    compared.write(folder)?;
    Ok(compared)
}

/// A run directory of trials that are one scenario.
fn write_run(
    folder: &Path,
    scenario: Scenario,
    trials: &[&TrialOutcome],
    circumstances: &Circumstances,
) -> Result<Prepared, WriteError> {
    let backend = circumstances.backend.parse().unwrap_or_default();
    let prepared = Prepared::new(scenario, backend).map_err(SweepError::Prepare)?;
    let cells: Vec<CellResult> = trials.iter().flat_map(|t| t.cells.clone()).collect();
    write_tables(folder, &collect(&prepared, &cells, circumstances))?;
    render(folder)?;
    Ok(prepared)
}

/// The trials' algorithms alone, with the settings of the first trial of each: with one trial each, the scenario that was
/// run. It is called after the sweep and `name`.
fn common_scenario(
    sweep: &Sweep,
    name: &str,
    trials: &[&TrialOutcome],
) -> Result<Scenario, WriteError> {
    let mut settings = Settings::new();
    for trial in trials.iter().rev() {
        settings.extend(trial.trial.settings.clone());
    }
    if let Some(trial) = trials.first() {
        settings.insert("seeds".to_owned(), trial.cells.len().to_string());
    }
    let whole = Name::new(format!("{}-{name}", sweep.spec().name));
    let name = whole.map_or_else(|_| name.to_owned(), |whole| whole.to_string());
    settings.insert("name".to_owned(), format!("{name:?}"));
    let scenario = sweep.scenario(&settings).map_err(SweepError::Scenario)?;
    let took_part = |label: &Label| trials.iter().any(|t| t.trial.algorithm == *label);
    Ok(scenario.keeping(took_part)?)
}

fn one_each(study: &StudyOutcome) -> bool {
    study.trials.iter().all(|trial| trial.trial.number == 0 && trial.trial.point.is_empty())
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    fs::write(path, bytes).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> WriteError + use<> {
    let path = path.to_owned();
    move |source| WriteError::File { path, source }
}

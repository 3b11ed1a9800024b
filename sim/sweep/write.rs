//! What a sweep leaves behind beside its cells.
//!
//! ```text
//! DIR/sweep.yaml          the sweep's file
//! DIR/cells/              finished cells, by what they depend on
//! DIR/STUDY/trials.csv    one line a cell
//! DIR/STUDY/chosen.yaml   the settings of the best trials, if the study chooses
//! DIR/STUDY/...           a run directory with its report, if the study has one trial per algorithm
//! DIR/STUDY/probe.json    what the probe predicts of it, if a page compares its algorithms
//! ```

use std::{
    fs, io,
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use fleetune_algorithms::probe::Effort;
use fleetune_reports::{ReportError, render, write_tables};
use fleetune_scenarios::{
    Scenario,
    schema::{Label, Name},
    sweep::{Settings, Sweep},
};

use super::{
    run::{StudyOutcome, SweepError},
    table::trials_csv,
};
use crate::{
    cell::CellResult,
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
    /// A file.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes the folder of one study.
///
/// # Errors
/// The file system refuses.
pub(crate) fn write_study(
    folder: &Path,
    sweep: &Sweep,
    study: &StudyOutcome,
    circumstances: &Circumstances,
) -> Result<(), WriteError> {
    let folder = folder.join(study.name.as_str());
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let scenario = common_scenario(sweep, study)?;
    let target = scenario.target_accuracy().expect("scenarios of sweeps train");
    let table = trials_csv(study, target);
    let table = table.map_err(|e| failed(&folder)(io::Error::other(e)))?;
    write(&folder.join("trials.csv"), table.as_bytes())?;
    if let Some(chosen) = &study.chosen {
        let settings: Settings = chosen.values().flat_map(|c| c.settings.clone()).collect();
        let lines = settings.iter().map(|(path, value)| format!("{path}: {value}\n"));
        write(&folder.join("chosen.yaml"), lines.collect::<String>().as_bytes())?;
    }
    if one_each(study) {
        let backend = circumstances.backend.parse().unwrap_or_default();
        let prepared = Prepared::new(scenario, backend).map_err(SweepError::Prepare)?;
        let cells: Vec<CellResult> = study.trials.iter().flat_map(|t| t.cells.clone()).collect();
        write_tables(&folder, &collect(&prepared, &cells, circumstances))?;
        render(&folder)?;
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
    Ok(())
}

/// The study's algorithms alone, with the settings of the first trial of each: with one trial each, the scenario that was
/// run.
fn common_scenario(sweep: &Sweep, study: &StudyOutcome) -> Result<Scenario, WriteError> {
    let mut settings = Settings::new();
    for trial in study.trials.iter().rev() {
        settings.extend(trial.trial.settings.clone());
    }
    if let Some(trial) = study.trials.first() {
        settings.insert("seeds".to_owned(), trial.cells.len().to_string());
    }
    settings.insert("name".to_owned(), format!("{:?}", name(sweep, study)));
    let scenario = sweep.scenario(&settings).map_err(SweepError::Scenario)?;
    let took_part = |label: &Label| study.trials.iter().any(|t| t.trial.algorithm == *label);
    Ok(scenario.keeping(took_part)?)
}

fn name(sweep: &Sweep, study: &StudyOutcome) -> String {
    let name = format!("{}-{}", sweep.spec().name, study.name);
    Name::new(name).map_or_else(|_| study.name.to_string(), |name| name.to_string())
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

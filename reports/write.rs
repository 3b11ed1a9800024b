//! Fills a run directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    charts::{self, Chart},
    error::ReportError,
    files, html,
    reader::Run,
    records::{RunResults, Summary, contradiction, write_rounds},
    replace::replace,
    statistics::Comparison,
    timing,
};

/// Where the files of a run are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPaths {
    /// The run directory.
    pub directory: PathBuf,
    /// The report, to be opened in a browser.
    pub report: PathBuf,
    /// The evaluated rounds.
    pub rounds: PathBuf,
    /// The summary.
    pub summary: PathBuf,
    /// The charts, as `(SVG, PNG)`.
    pub charts: Vec<(PathBuf, PathBuf)>,
}

/// Writes everything a run leaves behind into `dir`: the tables, then charts and report.
///
/// # Errors
/// [`ReportError::Inconsistent`] if the results contradict themselves (nothing is written then),
/// or the file system refuses.
pub fn write_run(dir: &Path, results: &RunResults) -> Result<RunPaths, ReportError> {
    write_tables(dir, results)?;
    render(dir)
}

/// Writes the tables alone: what [`render`] needs to make the rest.
///
/// # Errors
/// As [`write_run`].
pub fn write_tables(dir: &Path, results: &RunResults) -> Result<(), ReportError> {
    let results = sorted(results);
    let summary = Summary::new(results.target_accuracy, &results.rounds, &results.totals)
        .charged_as(results.costs_of.clone());
    if let Some(problem) = contradiction(&results.rounds, &summary, &results.details) {
        return Err(ReportError::Inconsistent(problem));
    }
    let rounds = write_rounds(&results.rounds)
        .map_err(|e| ReportError::Inconsistent(format!("rounds cannot be written: {e}")))?;
    fs::create_dir_all(dir).map_err(ReportError::io("create", dir))?;
    write(dir.join(files::SCENARIO), results.scenario_yaml.as_bytes())?;
    write(dir.join(files::MANIFEST), &json(&results.manifest)?)?;
    write(dir.join(files::DETAILS), &json(&results.details)?)?;
    write(dir.join(files::ROUNDS), &rounds)?;
    write(dir.join(files::SUMMARY), &json(&summary)?)?;
    Ok(())
}

/// Makes charts and report from the tables in `dir`, replacing those that are there. The same
/// tables give the same bytes.
///
/// # Errors
/// As [`Run::load`], or the file system refuses.
pub fn render(dir: &Path) -> Result<RunPaths, ReportError> {
    if timing::is_timed(dir)? {
        return timing::render(dir);
    }
    let run = Run::load(dir)?;
    let comparison = Comparison::new(&run);
    let paths = RunPaths {
        directory: dir.to_owned(),
        report: dir.join(files::REPORT),
        rounds: dir.join(files::ROUNDS),
        summary: dir.join(files::SUMMARY),
        charts: write_charts(dir, charts::all(&run, &comparison, charts::WIDE))?,
    };
    write(paths.report.clone(), html::page(&run, &comparison)?.as_bytes())?;
    Ok(paths)
}

/// Paints charts into their folder in `dir`; their files, as `(SVG, PNG)`.
pub(crate) fn write_charts(
    dir: &Path,
    charts: Vec<Chart>,
) -> Result<Vec<(PathBuf, PathBuf)>, ReportError> {
    let folder = dir.join(files::CHARTS);
    fs::create_dir_all(&folder).map_err(ReportError::io("create", &folder))?;
    let mut paths = Vec::new();
    for chart in charts {
        let svg = folder.join(format!("{}.svg", chart.name));
        let png = folder.join(format!("{}.png", chart.name));
        write(svg.clone(), chart.svg()?.as_bytes())?;
        write(png.clone(), &chart.png()?)?;
        paths.push((svg, png));
    }
    Ok(paths)
}

/// The results by algorithm (in the scenario's order), seed and round: cells end in any order.
fn sorted(results: &RunResults) -> RunResults {
    let mut results = results.clone();
    let labels = results.details.algorithms.iter().map(|a| a.label.clone()).collect::<Vec<_>>();
    let place = |label: &str| labels.iter().position(|l| l == label);
    results.rounds.sort_by_key(|r| (place(&r.algorithm), r.seed, r.round));
    results.totals.sort_by_key(|t| (place(&t.algorithm), t.seed));
    results.details.starts.sort_by_key(|s| s.seed);
    results
}

pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, ReportError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|e| ReportError::Inconsistent(format!("a table cannot be written: {e}")))?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a file of a run directory. A run that is killed here goes on from what was there before; one process at a time
/// has the directory, so that the next one to write takes up the name of what is partial.
pub(crate) fn write(path: PathBuf, bytes: &[u8]) -> Result<(), ReportError> {
    let mut partial = path.clone().into_os_string();
    partial.push(".partial");
    replace(&path, Path::new(&partial), [bytes]).map_err(ReportError::io("write", path))
}

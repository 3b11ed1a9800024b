//! Runs side by side: which may be compared, and which of them share their worlds.
//!
//! Two runs may be compared if they were asked the same: the same texts to learn and to be judged by, the same model, the
//! same target, the same budget, on the same engine. Fleet, network, rounds and algorithms may differ: that is what
//! comparisons are for. What differs of them is told.

mod given;
mod verdict;

use std::path::{Path, PathBuf};

use fleetune_reports::{
    ReportError,
    compare::{Compared, Entry},
};

pub(crate) use self::given::Given;
use self::verdict::{differences, objections, same_world};

/// Why runs are not compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A run directory cannot be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// One run is no comparison.
    #[error("there is one run to compare: name two or more run directories")]
    Alone,
    /// The same directory was named twice.
    #[error("{} is named twice", .0.display())]
    Twice(PathBuf),
    /// Nothing was trained in a run.
    #[error("{} was timed without training: it has no accuracy and reaches no target", .0.display())]
    Untrained(PathBuf),
    /// Pairs of runs that were asked different things.
    #[error("{}", .0.join("\n"))]
    Incomparable(Vec<String>),
}

/// Reads the run directories and puts them side by side.
///
/// # Errors
/// A directory cannot be read, or two runs may not be compared; every pair and every reason is told.
pub fn compare(directories: &[PathBuf]) -> Result<Compared, CompareError> {
    if directories.len() < 2 {
        return Err(CompareError::Alone);
    }
    let mut givens: Vec<Given> = Vec::new();
    for directory in directories {
        let real = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.clone());
        if givens.iter().any(|given| given.real == real) {
            return Err(CompareError::Twice(directory.clone()));
        }
        givens.push(Given::read(directory, real)?);
    }
    let names = names(&givens);
    let entries = names.iter().map(|name| (name.clone(), None)).collect();
    side_by_side("Runs side by side", givens, entries)
}

/// Puts runs side by side that are called `entries` and have reports there.
pub(crate) fn side_by_side(
    title: &str,
    givens: Vec<Given>,
    entries: Vec<(String, Option<String>)>,
) -> Result<Compared, CompareError> {
    let mut refused = Vec::new();
    for (i, one) in givens.iter().enumerate() {
        for (j, other) in givens.iter().enumerate().skip(i + 1) {
            let reasons = objections(one, other);
            if !reasons.is_empty() {
                let (one, other) = (&entries[i].0, &entries[j].0);
                refused
                    .push(format!("{one} and {other} cannot be compared: {}", reasons.join("; ")));
            }
        }
    }
    if !refused.is_empty() {
        return Err(CompareError::Incomparable(refused));
    }
    let world = |given: &Given| givens.iter().position(|first| same_world(first, given));
    let worlds: Vec<usize> = givens.iter().map(|given| world(given).unwrap_or(0)).collect();
    let remarks = remarks(&givens, &worlds);
    let entry = |(given, (name, report)): (Given, (String, Option<String>))| Entry {
        name,
        run: given.run,
        report,
    };
    let entries = givens.into_iter().zip(entries).map(entry).collect();
    Ok(Compared::new(title, entries, worlds, remarks))
}

fn remarks(givens: &[Given], worlds: &[usize]) -> Vec<String> {
    let mut remarks = Vec::new();
    if worlds.iter().all(|world| *world == worlds[0]) {
        remarks.push(
            "All runs have the same worlds: of a seed, fleet, data and dropouts are the same, so runs are compared seed \
             by seed (common random numbers)."
                .to_owned(),
        );
    } else {
        remarks.push(
            "Worlds differ between runs, so that seeds of different runs are compared as independent samples; within a \
             run, and between runs of the same world, algorithms are compared seed by seed."
                .to_owned(),
        );
    }
    let differences = differences(givens);
    if !differences.is_empty() {
        remarks.push(format!("What differs between the runs: {}.", differences.join(", ")));
    }
    remarks
}

/// Scenarios' names where they tell runs apart, else directories' names, else whole paths.
fn names(givens: &[Given]) -> Vec<String> {
    let candidates: [fn(&Given) -> String; 3] = [
        |given| given.run.details.scenario.name.clone(),
        |given| folder_name(&given.path),
        |given| given.path.display().to_string(),
    ];
    let all = |name: fn(&Given) -> String| givens.iter().map(name).collect::<Vec<_>>();
    let mut found = candidates.into_iter().map(all);
    let unique = |names: &Vec<String>| {
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        sorted.len() == names.len()
    };
    found.find(unique).unwrap_or_else(|| all(|given| given.real.display().to_string()))
}

fn folder_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

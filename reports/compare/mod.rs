//! Several runs side by side: the same algorithms over several fleets, or whatever else differs between runs that may be
//! compared. Whether they may is for whoever knows scenarios to judge.
//!
//! Every pair of algorithms of one run is compared seed by seed. Of two runs, algorithms of the same label are compared, or
//! all with all if they share no label: seed by seed if the runs' worlds are the same, else as independent samples.

mod charts;
mod page;
mod pairs;
mod record;
mod terminal;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use self::pairs::{Block, Pair};
use crate::{
    answer,
    charts::{Chart, WIDE},
    error::ReportError,
    files,
    reader::Run,
    statistics::{Comparison, Outcome, Resource},
    text::shown,
    write::{write, write_charts},
};

/// A run that takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it is called beside the others.
    pub name: String,
    /// What it says.
    pub run: Run,
    /// Where its own report is, seen from the page; nothing if the page does not lead there.
    pub report: Option<String>,
}

/// Runs that may be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    title: String,
    entries: Vec<Entry>,
    comparisons: Vec<Comparison>,
    /// Which runs have the same worlds: entries with the same number.
    worlds: Vec<usize>,
    remarks: Vec<String>,
}

/// One algorithm of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm<'a> {
    /// Of which run, by its place.
    pub entry: usize,
    /// What came of it.
    pub outcome: &'a Outcome,
}

impl Compared {
    /// Puts `entries` side by side. `worlds` has a number for each: of those with the same number, fleet, data and
    /// availability of a seed are the same. `remarks` is what a reader must know of the runs' differences.
    pub fn new(
        title: impl Into<String>,
        entries: Vec<Entry>,
        worlds: Vec<usize>,
        remarks: Vec<String>,
    ) -> Self {
        assert_eq!(entries.len(), worlds.len(), "every run has a world");
        let comparisons = entries.iter().map(|entry| Comparison::new(&entry.run)).collect();
        Self { title: title.into(), entries, comparisons, worlds, remarks }
    }

    /// The runs.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All algorithms of all runs.
    pub fn arms(&self) -> Vec<Arm<'_>> {
        let mut arms = Vec::new();
        for (entry, comparison) in self.comparisons.iter().enumerate() {
            arms.extend(comparison.outcomes.iter().map(|outcome| Arm { entry, outcome }));
        }
        arms
    }

    /// The labels of all runs, in the order in which they appear.
    pub fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        for outcome in self.comparisons.iter().flat_map(|c| &c.outcomes) {
            if !labels.contains(&outcome.algorithm.as_str()) {
                labels.push(&outcome.algorithm);
            }
        }
        labels
    }

    fn name(&self, arm: Arm<'_>) -> String {
        format!("{}, {}", shown(&arm.outcome.algorithm), shown(&self.entries[arm.entry].name))
    }

    /// Which algorithm is first in which runs, in a sentence; then each run's own answer.
    pub fn answer(&self) -> (String, Vec<String>) {
        let each = self.entries.iter().zip(&self.comparisons);
        let each = each.map(|(entry, c)| {
            let algorithms = &entry.run.details.algorithms;
            format!("{}: {}", shown(&entry.name), answer::headline(c, algorithms))
        });
        (self.headline(), each.collect())
    }

    fn headline(&self) -> String {
        let (mut winners, mut told): (Vec<(&str, Vec<String>)>, usize) = (Vec::new(), 0);
        for (entry, comparison) in self.entries.iter().zip(&self.comparisons) {
            let ranking = comparison.ranking(Resource::Time);
            let first = ranking.first().map_or("", |outcome| outcome.algorithm.as_str());
            let next = ranking.get(1);
            let apart = next.is_some_and(|n| comparison.are_apart(n, ranking[0], Resource::Time));
            told += usize::from(apart);
            match winners.iter_mut().find(|(winner, _)| *winner == first) {
                Some((_, names)) => names.push(shown(&entry.name)),
                None => winners.push((first, vec![shown(&entry.name)])),
            }
        }
        let target =
            crate::format::percent_short(self.comparisons.first().map_or(0.0, |c| c.target));
        winners.sort_by_key(|(winner, names)| (winner.is_empty(), usize::MAX - names.len()));
        let all = self.entries.len();
        let parts = winners.iter().map(|(winner, names)| {
            let whom = match winner.is_empty() {
                true => "nobody reaches it".to_owned(),
                false => format!("{} is first", shown(winner)),
            };
            match names.len() == all {
                true => format!("{whom} in all {all} runs"),
                false => format!("{whom} in {}", crate::format::listing(names)),
            }
        });
        let parts: Vec<String> = parts.collect();
        format!(
            "To {target} test accuracy, by simulated time, {}; the seeds tell the first from the next in {told} of {all}.",
            crate::format::listing(&parts)
        )
    }

    /// Its charts, laid out for `width` pixels.
    pub fn charts(&self, width: f64) -> Vec<Chart> {
        vec![charts::costs(self, width), charts::accuracies(self, width)]
    }

    /// The page, as HTML. All texts of the runs are escaped.
    ///
    /// # Errors
    /// A chart or the template is at fault.
    pub fn html(&self) -> Result<String, ReportError> {
        page::html(self)
    }

    /// Tables for the terminal: what every algorithm of every run cost, and the ratios of `resource`.
    pub fn terminal(&self, resource: Resource) -> String {
        terminal::tables(self, resource)
    }

    /// Everything, for other programs.
    ///
    /// # Errors
    /// It cannot be written as JSON, which is a fault of this program.
    pub fn json(&self) -> Result<Vec<u8>, ReportError> {
        crate::write::json(&record::Record::new(self))
    }

    /// Writes the page and its charts into `dir`, replacing those that are there; where the page is.
    ///
    /// # Errors
    /// The file system refuses, or as [`Self::html`].
    pub fn write(&self, dir: &Path) -> Result<PathBuf, ReportError> {
        fs::create_dir_all(dir).map_err(ReportError::io("create", dir))?;
        write_charts(dir, self.charts(WIDE))?;
        write(dir.join("comparison.json"), &self.json()?)?;
        let page = dir.join(files::REPORT);
        write(page.clone(), self.html()?.as_bytes())?;
        Ok(page)
    }
}

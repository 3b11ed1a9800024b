//! The summary of a run without training for the terminal.

use std::path::Path;

use super::{TimedRun, note, page::takings};
use crate::{
    terminal::{aligned, wrap},
    text::shown,
};

/// What was not done, a table with a row for each algorithm, who cannot run where, and where the report is.
pub fn summary_table(run: &TimedRun, report: &Path) -> String {
    let head = [
        "algorithm",
        "rounds",
        "time",
        "compute",
        "uplink",
        "downlink",
        "energy",
        "excluded",
        "wasted",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(takings(run).into_iter().map(|taking| {
        let [time, compute, uplink, downlink, energy] = taking.resources.map(|r| r.mean);
        let excluded = taking.excluded.1.to_string();
        let name = shown(&taking.algorithm);
        [name, taking.rounds, time, compute, uplink, downlink, energy, excluded, taking.wasted]
    }));
    let mut text = format!("{}\n\n{}", wrap(&note(&run.summary), 96), aligned(&rows));
    for sentence in crate::answer::cannot_run(&run.details.algorithms) {
        text.push_str(&format!("\n{}\n", wrap(&sentence, 96)));
    }
    text.push_str(&format!("\nReport: {}\n", report.display()));
    text
}

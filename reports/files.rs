//! The names of the files in a run directory.

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SCENARIO: &str = "scenario.resolved.yaml";
pub(crate) const ROUNDS: &str = "rounds.csv";
pub(crate) const SUMMARY: &str = "summary.json";
pub(crate) const DETAILS: &str = "details.json";
pub(crate) const REPORT: &str = "report.html";
pub(crate) const CHARTS: &str = "charts";

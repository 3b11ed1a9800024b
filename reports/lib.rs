//! What a run leaves behind: records, run directories, statistics, charts and the report.
//!
//! ```text
//! RunResults ──write_run──► run directory ──Run::load──► Run ──► Comparison ──► answer
//!                             manifest.json                         │         ├► charts/*.svg, *.png
//!                             scenario.resolved.yaml                └─render──┼► report.html
//!                             rounds.csv, summary.json, details.json          └► terminal table
//! ```
//!
//! [`compare`] puts several such runs side by side. Charts and report are made from the stored tables alone, by [`render`], so they can be made
//! again at any time, and come out the same to the byte.

mod answer;
mod charged;
pub mod charts;
pub mod compare;
mod error;
mod files;
mod format;
mod html;
mod privacy;
mod reader;
pub mod records;
mod replace;
mod run_dir;
mod staleness;
pub mod statistics;
pub mod study;
mod terminal;
mod text;
pub mod timing;
mod words;
mod write;

pub use answer::Answer;
pub use error::ReportError;
pub use format::Quantity;
pub use html::page;
pub use reader::Run;
pub use records::RunResults;
pub use replace::replace;
pub use run_dir::RunDir;
pub use terminal::summary_table;
pub use write::{RunPaths, render, write_run, write_tables};

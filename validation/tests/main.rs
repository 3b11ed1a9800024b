//! All experiments hold, always give the same record, and closed forms agree with integrals.

mod closed_forms;
mod series;
mod verdicts;

//! The program as a user meets it: command lines, exit codes, files.

mod alignment;
mod calibrate;
mod commands;
mod compare;
mod costs_of;
mod explain;
mod fetch;
pub(crate) mod harness;
mod kills;
mod mistakes;
mod pages;
mod reproducible;
mod results;
mod resumed;
mod staleness;
mod sweeps;
mod timing;
mod totals;
mod validate;
mod walkthrough;

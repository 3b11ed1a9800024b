//! The program as a user meets it: command lines, exit codes, files.

mod calibrate;
mod commands;
mod compare;
mod costs_of;
pub(crate) mod harness;
mod interrupted;
mod mistakes;
mod pages;
mod reproducible;
mod results;
mod staleness;
mod sweeps;
mod timing;
mod totals;
mod validate;
mod walkthrough;

//! Laws that the algorithms must obey, seen through what the federation sees.

mod accounting;
mod costs;
mod fedavg;
mod fedopt;
mod fedprox;
mod fedsllm;
mod fwdllm;
mod larger;
mod layered;
mod learning;
mod quadratic;
mod reporting;
mod same_model;
mod scaffold;
mod signspsa;
mod snapshots;
#[path = "../../models/tests/tiny.rs"]
#[allow(dead_code, reason = "unit and integration tests use different parts")]
mod tiny;
#[allow(dead_code, reason = "unit and integration tests use different parts")]
mod world;

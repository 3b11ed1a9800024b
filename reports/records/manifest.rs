//! `manifest.json`: what it takes to run it again.

use std::collections::BTreeMap;

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use super::plain;

/// Says that nothing was trained, in every table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Untrained {
    /// Nothing.
    #[default]
    None,
}

/// The circumstances of a run. Nothing in it influences the results, except the scenario, the
/// data, the root seed and the version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of fleetune.
    pub version: String,
    /// SHA-256 over the sources that results are computed by, with the compiler: the same engine gives the same results.
    /// Earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Commit that was built, if it was built from a repository.
    pub git_commit: Option<String>,
    /// Version of the compiler.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// Model name of the host's processor.
    pub cpu: String,
    /// Threads that the run could use.
    pub threads: u64,
    /// Says that nothing was trained; absent from a run that trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Untrained>,
    /// Tensor backend.
    pub backend: String,
    /// SHA-256 of `scenario.resolved.yaml`, in hexadecimal.
    pub scenario_sha256: String,
    /// SHA-256 of every file that was read as data or checkpoint, by the scenario's name for it.
    pub data_sha256: BTreeMap<String, String>,
    /// Root of all random streams.
    pub root_seed: u64,
    /// How long the run took on the host.
    #[serde(rename = "host_wall_time_s", with = "plain::seconds")]
    pub host_wall_time: Seconds,
}

//! The tables of a run without training, as types.

use std::{io::Read, path::Path};

use fleetune_units::{Bytes, Flops, Joules, Seconds};
use serde::{Deserialize, Serialize};

use crate::{
    error::ReportError,
    records::{Details, Manifest, Untrained, label, plain},
};

/// The columns of `rounds.csv`, in order.
pub const TIMED_COLUMNS: [&str; 12] = [
    "algorithm",
    "seed",
    "round",
    "training",
    "sim_time_s",
    "device_flops",
    "uplink_bytes",
    "downlink_bytes",
    "energy_j",
    "participants",
    "dropped",
    "excluded",
];

/// Where one cell stands after a round. Resources are cumulative over the fleet and include wasted work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedRound {
    /// The algorithm's label in the scenario.
    #[serde(with = "label")]
    pub algorithm: String,
    /// The replication.
    pub seed: u64,
    /// The round's number.
    pub round: u64,
    /// Nothing was.
    pub training: Untrained,
    /// Simulated time at the end of the round.
    #[serde(rename = "sim_time_s", with = "plain::seconds")]
    pub sim_time: Seconds,
    /// Arithmetic done by devices.
    #[serde(with = "plain::flops")]
    pub device_flops: Flops,
    /// Bytes sent by devices.
    #[serde(rename = "uplink_bytes", with = "plain::bytes")]
    pub uplink: Bytes,
    /// Bytes sent to devices.
    #[serde(rename = "downlink_bytes", with = "plain::bytes")]
    pub downlink: Bytes,
    /// Energy that devices spent.
    #[serde(rename = "energy_j", with = "plain::joules")]
    pub energy: Joules,
    /// Clients whose work was aggregated in this round.
    pub participants: u64,
    /// Clients that this round lost: they went offline, failed or missed the deadline.
    pub dropped: u64,
    /// Devices of the fleet that cannot run this algorithm for want of memory.
    pub excluded: u64,
}

/// What `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedSummary {
    /// Nothing was.
    pub training: Untrained,
    /// The model as whose the costs were charged; absent if that is the one that was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs_of: Option<String>,
    /// One entry per cell, by algorithm and seed.
    pub cells: Vec<TimedCell>,
}

/// What one cell took from its start to its end, all devices together, waste included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedCell {
    /// The algorithm's label.
    pub algorithm: String,
    /// The replication.
    pub seed: u64,
    /// Rounds that were run.
    pub rounds: u64,
    /// Rounds in which nothing was aggregated.
    pub void_rounds: u64,
    /// Simulated time.
    #[serde(rename = "sim_time_s", with = "plain::seconds")]
    pub sim_time: Seconds,
    /// Arithmetic on devices.
    #[serde(with = "plain::flops")]
    pub device_flops: Flops,
    /// Bytes sent by devices.
    #[serde(rename = "uplink_bytes", with = "plain::bytes")]
    pub uplink: Bytes,
    /// Bytes sent to devices.
    #[serde(rename = "downlink_bytes", with = "plain::bytes")]
    pub downlink: Bytes,
    /// Energy of devices.
    #[serde(rename = "energy_j", with = "plain::joules")]
    pub energy: Joules,
    /// Sum over rounds of the clients asked.
    pub asked: u64,
    /// Sum over rounds of the clients whose work was aggregated.
    pub participants: u64,
    /// Sum over rounds of the clients that were lost.
    pub dropped: u64,
    /// Devices of the fleet that cannot run this algorithm for want of memory.
    pub excluded_devices: u64,
    /// Share of the devices' arithmetic whose result would not have been used; 0 if there was none.
    pub wasted_flops_fraction: f64,
    /// Arithmetic that the server's part of training would take.
    #[serde(with = "plain::flops")]
    pub server_flops: Flops,
    /// Events that were simulated, those of devices that were never asked included.
    pub events: u64,
}

/// Everything a finished run without training has to say, as the simulator hands it over.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedResults {
    /// Told rounds of all cells, by algorithm, seed and round.
    pub rounds: Vec<TimedRound>,
    /// What they took.
    pub summary: TimedSummary,
    /// What the charts need beyond the records.
    pub details: Details,
    /// What it takes to run it again.
    pub manifest: Manifest,
    /// The scenario with every default written out, stored as `scenario.resolved.yaml`.
    pub scenario_yaml: String,
}

/// The bytes of `rounds.csv`.
pub(super) fn write_rounds(rounds: &[TimedRound]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(TIMED_COLUMNS)?;
    for round in rounds {
        writer.serialize(round)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Reads `rounds.csv`.
pub(super) fn read_rounds(path: &Path, file: impl Read) -> Result<Vec<TimedRound>, ReportError> {
    let corrupt = |problem: String| ReportError::Corrupt { path: path.to_owned(), problem };
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|e| corrupt(e.to_string()))?;
    if header.iter().ne(TIMED_COLUMNS) {
        let expected = TIMED_COLUMNS.join(",");
        return Err(corrupt(format!("its first line must be `{expected}`")));
    }
    reader.deserialize().map(|row| row.map_err(|e| corrupt(e.to_string()))).collect()
}

/// What is wrong with the records, if they contradict each other.
pub(super) fn contradiction(
    rounds: &[TimedRound],
    summary: &TimedSummary,
    details: &Details,
) -> Option<String> {
    if !details.starts.is_empty() {
        return Some("a run without training has no start to tell of".to_owned());
    }
    let labels: Vec<&str> = details.algorithms.iter().map(|a| a.label.as_str()).collect();
    let key = |algorithm: &str, seed| (labels.iter().position(|l| *l == algorithm), seed);
    let cells: Vec<_> = summary.cells.iter().map(|c| key(&c.algorithm, c.seed)).collect();
    if !cells.is_sorted_by(|a, b| a < b) || cells.iter().any(|(place, _)| place.is_none()) {
        return Some("cells must be of known algorithms, each once, in order".to_owned());
    }
    let place = |row: &TimedRound| (key(&row.algorithm, row.seed), row.round);
    if let Some(row) = rounds.iter().find(|row| !cells.contains(&place(row).0)) {
        return Some(format!("{:?} (seed {}) has rounds but no summary", row.algorithm, row.seed));
    }
    let grows = |before: &TimedRound, row: &TimedRound| {
        place(before) < place(row)
            && (place(before).0 != place(row).0
                || (before.sim_time <= row.sim_time
                    && before.device_flops <= row.device_flops
                    && before.uplink <= row.uplink
                    && before.downlink <= row.downlink
                    && before.energy <= row.energy))
    };
    if !rounds.is_sorted_by(grows) {
        return Some("rounds must ascend and cumulative columns must not fall".to_owned());
    }
    let fraction = |cell: &&TimedCell| !(0.0..=1.0).contains(&cell.wasted_flops_fraction);
    let cell = summary.cells.iter().find(fraction)?;
    let (name, share) = (&cell.algorithm, cell.wasted_flops_fraction);
    Some(format!("{name:?} (seed {}) wasted {share} of its arithmetic", cell.seed))
}

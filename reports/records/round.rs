//! `rounds.csv`: one row per evaluated round.

use std::{io::Read, path::Path};

use fleetune_units::{Bytes, Flops, Joules, Seconds};
use serde::{Deserialize, Serialize};

use super::plain;
use crate::error::ReportError;

/// The columns of `rounds.csv`, in order.
pub const COLUMNS: [&str; 13] = [
    "algorithm",
    "seed",
    "round",
    "sim_time_s",
    "accuracy",
    "loss",
    "device_flops",
    "uplink_bytes",
    "downlink_bytes",
    "energy_j",
    "participants",
    "dropped",
    "excluded",
];

/// The state of one cell after an evaluated round. Resources are cumulative over the fleet and
/// include wasted work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundRecord {
    /// The algorithm's label in the scenario.
    #[serde(with = "label")]
    pub algorithm: String,
    /// The replication.
    pub seed: u64,
    /// The round's number.
    pub round: u64,
    /// Simulated time at the end of the round.
    #[serde(rename = "sim_time_s", with = "plain::seconds")]
    pub sim_time: Seconds,
    /// Accuracy on the server's test set, a fraction.
    pub accuracy: f64,
    /// Loss on the server's test set; NaN or infinite when training diverged.
    pub loss: f64,
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

/// A spreadsheet evaluates a cell that begins with one of these; a label must stay a label.
const ACTIVE: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Labels that a spreadsheet would evaluate are stored behind an apostrophe.
pub(crate) mod label {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(text: &str, s: S) -> Result<S::Ok, S::Error> {
        if text.starts_with(super::ACTIVE) || text.starts_with('\'') {
            s.serialize_str(&format!("'{text}"))
        } else {
            s.serialize_str(text)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
        let text = String::deserialize(d)?;
        Ok(text.strip_prefix('\'').map(str::to_owned).unwrap_or(text))
    }
}

/// The bytes of `rounds.csv`.
pub(crate) fn write_rounds(rounds: &[RoundRecord]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for round in rounds {
        writer.serialize(round)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Reads `rounds.csv`, holding every row to what a run can have written.
pub(crate) fn read_rounds(path: &Path, file: impl Read) -> Result<Vec<RoundRecord>, ReportError> {
    let corrupt = |problem: String| ReportError::Corrupt { path: path.to_owned(), problem };
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|e| corrupt(e.to_string()))?;
    if header.iter().ne(COLUMNS) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(corrupt(format!(
            "its first line must be `{}`, but is `{found}`",
            COLUMNS.join(",")
        )));
    }
    let mut rounds: Vec<RoundRecord> = Vec::new();
    for (index, row) in reader.deserialize().enumerate() {
        let row: RoundRecord = row.map_err(|e| corrupt(e.to_string()))?;
        if let Some(problem) = implausible(rounds.last(), &row) {
            return Err(corrupt(format!("data row {}: {problem}", index + 1)));
        }
        rounds.push(row);
    }
    Ok(rounds)
}

/// What no run can have written, if `row` is that.
pub(crate) fn implausible(before: Option<&RoundRecord>, row: &RoundRecord) -> Option<String> {
    if !(0.0..=1.0).contains(&row.accuracy) {
        return Some(format!("accuracy must be between 0 and 1, but is {}", row.accuracy));
    }
    let before = before.filter(|b| b.algorithm == row.algorithm && b.seed == row.seed)?;
    let grows = before.round < row.round
        && before.sim_time <= row.sim_time
        && before.device_flops <= row.device_flops
        && before.uplink <= row.uplink
        && before.downlink <= row.downlink
        && before.energy <= row.energy;
    (!grows).then(|| {
        format!(
            "rounds must ascend and cumulative columns must not fall, but round {} of {} (seed {}) \
             follows round {} with less of something",
            row.round, row.algorithm, row.seed, before.round
        )
    })
}

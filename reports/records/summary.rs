//! `summary.json`: what each cell cost to reach the target.

use fleetune_units::{Bytes, Flops, Joules, Seconds};
use serde::{Deserialize, Serialize};

use super::{RoundRecord, Staleness, StalenessSummary, plain};

/// What the simulator knows of a cell beyond its evaluated rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellTotals {
    /// The algorithm's label.
    pub algorithm: String,
    /// The replication.
    pub seed: u64,
    /// Devices of the fleet that cannot run this algorithm for want of memory.
    pub excluded_devices: u64,
    /// Arithmetic done by devices over the whole cell.
    pub device_flops: Flops,
    /// The part of it whose result was never used: dropped, late or surplus work.
    pub wasted_flops: Flops,
    /// Arithmetic that the server did as its part of training over the whole cell.
    pub server_flops: Flops,
    /// How stale updates were; without counts in rounds.
    pub staleness: Staleness,
    /// What edges and cloud sent each other; nothing where there are no edges.
    pub backhaul: Backhaul,
}

/// Bytes between the edges of a hierarchy and its cloud. They are no device's, and in no device's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backhaul {
    /// From the edges.
    #[serde(rename = "uplink_bytes", with = "plain::bytes")]
    pub uplink: Bytes,
    /// To them.
    #[serde(rename = "downlink_bytes", with = "plain::bytes")]
    pub downlink: Bytes,
}

impl Backhaul {
    /// Whether nothing was sent.
    pub fn is_zero(&self) -> bool {
        self.uplink.is_zero() && self.downlink.is_zero()
    }
}

/// What `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The test accuracy that counts as success, a fraction.
    pub target_accuracy: f64,
    /// The model as whose the costs were charged; absent if that is the one that was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs_of: Option<String>,
    /// One entry per cell, by algorithm and seed.
    pub cells: Vec<CellSummary>,
}

/// One cell. A cell has reached the target at the **first evaluated round whose accuracy is at
/// least the target**; costs to target are the cumulative ones of that round, and null where no
/// evaluated round got there. Rounds between evaluations are not looked at, so a cost is known
/// to within one evaluation interval, from above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSummary {
    /// The algorithm's label.
    pub algorithm: String,
    /// The replication.
    pub seed: u64,
    /// Whether an evaluated round met the target.
    pub reached: bool,
    /// Simulated time to the target.
    #[serde(rename = "time_to_target_s", with = "plain::seconds::optional")]
    pub time_to_target: Option<Seconds>,
    /// Arithmetic on devices to the target, waste included.
    #[serde(with = "plain::flops::optional")]
    pub flops_to_target: Option<Flops>,
    /// Bytes sent by devices to the target.
    #[serde(rename = "uplink_bytes_to_target", with = "plain::bytes::optional")]
    pub uplink_to_target: Option<Bytes>,
    /// Bytes sent to devices to the target.
    #[serde(rename = "downlink_bytes_to_target", with = "plain::bytes::optional")]
    pub downlink_to_target: Option<Bytes>,
    /// Energy of devices to the target.
    #[serde(rename = "energy_to_target_j", with = "plain::joules::optional")]
    pub energy_to_target: Option<Joules>,
    /// Accuracy of the last evaluated round; null if no round was evaluated.
    pub final_accuracy: Option<f64>,
    /// The best accuracy of any evaluated round; null if no round was evaluated.
    pub best_accuracy: Option<f64>,
    /// Devices of the fleet that cannot run this algorithm for want of memory.
    pub excluded_devices: u64,
    /// Share of the devices' arithmetic whose result was never used; 0 if there was none.
    pub wasted_flops_fraction: f64,
    /// Arithmetic that the server did as its part of training, over the whole cell and beyond what devices did; 0 where
    /// it only averages. Earlier versions did not write it.
    #[serde(default, with = "plain::flops")]
    pub server_flops: Flops,
    /// How stale updates were; absent in rounds, where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staleness: Option<StalenessSummary>,
    /// What edges and cloud sent each other; absent where there are no edges.
    #[serde(default, skip_serializing_if = "Backhaul::is_zero")]
    pub backhaul: Backhaul,
}

impl Summary {
    /// Derives the summary from the evaluated rounds, one cell per entry of `totals`, in order.
    pub fn new(target_accuracy: f64, rounds: &[RoundRecord], totals: &[CellTotals]) -> Self {
        let cell = |totals: &CellTotals| {
            let rounds = rounds
                .iter()
                .filter(|r| r.algorithm == totals.algorithm && r.seed == totals.seed)
                .collect::<Vec<_>>();
            let all = totals.device_flops.get();
            let wasted = if all == 0 { 0.0 } else { totals.wasted_flops.get() as f64 / all as f64 };
            CellSummary::new(target_accuracy, &rounds, totals, wasted)
        };
        Self { target_accuracy, costs_of: None, cells: totals.iter().map(cell).collect() }
    }

    /// The same, of costs that were charged as another model's, if they were.
    #[must_use]
    pub fn charged_as(self, costs_of: Option<String>) -> Self {
        Self { costs_of, ..self }
    }
}

impl CellSummary {
    fn new(target: f64, rounds: &[&RoundRecord], totals: &CellTotals, wasted: f64) -> Self {
        let hit = rounds.iter().find(|r| r.accuracy >= target);
        Self {
            algorithm: totals.algorithm.clone(),
            seed: totals.seed,
            reached: hit.is_some(),
            time_to_target: hit.map(|r| r.sim_time),
            flops_to_target: hit.map(|r| r.device_flops),
            uplink_to_target: hit.map(|r| r.uplink),
            downlink_to_target: hit.map(|r| r.downlink),
            energy_to_target: hit.map(|r| r.energy),
            final_accuracy: rounds.last().map(|r| r.accuracy),
            best_accuracy: rounds.iter().map(|r| r.accuracy).reduce(f64::max),
            excluded_devices: totals.excluded_devices,
            wasted_flops_fraction: wasted,
            server_flops: totals.server_flops,
            staleness: StalenessSummary::new(&totals.staleness),
            backhaul: totals.backhaul,
        }
    }
}

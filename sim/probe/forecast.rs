//! What is predicted of one configuration.

use fleetune_algorithms::probe::Measured;
use serde::{Deserialize, Serialize};

/// An algorithm's perturbations, and what to expect of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// k: the last layer of the lower block; 0 if all is one block.
    pub split: usize,
    /// P1.
    pub lower: u32,
    /// P2; P where all is one block.
    pub upper: u32,
    /// `joint` or `separate`.
    pub variant: String,
    /// What a round costs.
    pub costs: Costs,
    /// One step from the start.
    pub step: StepForecast,
    /// The whole run.
    pub run: RunForecast,
}

/// What a round of the cohort costs, by `plan`. Where exchanges differ, the middle between the least and the most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Device FLOPs of the S clients whose updates are joined.
    pub flops: f64,
    /// Bytes to and from them.
    pub bytes: f64,
    /// How long an exchange takes on each device profile.
    pub seconds: Vec<ProfileSeconds>,
}

/// How long an exchange takes on a device of a profile that has the network to itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileSeconds {
    /// The profile's name.
    pub profile: String,
    /// Whether the algorithm fits into its memory.
    pub fits: bool,
    /// Download, computing and upload.
    pub seconds: f64,
    /// Decrease of the loss per second of a cohort of such devices, at [`StepForecast::by_block`].
    pub decrease_per_second: Measured,
}

/// The expected decrease of the loss by one step of the cohort from the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepForecast {
    /// At the best rate for all.
    pub common: Rates,
    /// At the best rate of every block.
    pub by_block: Rates,
    /// Decrease by a step at the scenario's own rates, schedule apart.
    pub configured: Measured,
    /// Per device FLOP, at `by_block`.
    pub decrease_per_flop: Measured,
    /// Per byte on the wire, at `by_block`.
    pub decrease_per_byte: Measured,
}

/// Rates and what they bring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// η of each block, in the landscape's order.
    pub rates: Vec<Measured>,
    /// The expected change of the loss, negative if it falls.
    pub change: Measured,
}

/// The expected change of the loss over the scenario's run, and the peak rates of its schedule at which it is least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunForecast {
    /// Rounds that the scenario's budget allows.
    pub rounds: u64,
    /// The recommended rate for all.
    pub common: Rates,
    /// The recommended rates of the blocks.
    pub by_block: Rates,
    /// The recommended pair of rates, as a scenario writes it.
    pub two: TwoRates,
    /// The change at the scenario's own rates.
    pub configured: Measured,
}

/// A learning rate as a scenario writes it: `base`, and `upper` from a layer on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoRates {
    /// The first layer with the upper rate.
    pub from_layer: usize,
    /// η below it.
    pub base: Measured,
    /// η of it and what is above.
    pub upper: Measured,
    /// The expected change of the loss.
    pub change: Measured,
}

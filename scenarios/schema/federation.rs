use std::num::NonZeroU32;

use fleetune_algorithms::{mixing::Rule, settings::Positive};
use fleetune_units::{Flops, Seconds};
use serde::{Deserialize, Serialize};

use super::{
    number::{over_commitment, positive, positive_or_none, whole},
    selection::SelectionConfig,
};

/// When the server joins what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyConfig {
    /// In rounds of a cohort, with over-commitment and a deadline.
    #[default]
    Synchronous,
    /// Without rounds.
    Asynchronous(Asynchronous),
    /// Semi-synchronous: every tier of devices of like speed has rounds of its own, of `cohort` clients (FedAT).
    Tiers(Tiers),
    /// Every edge aggregator has rounds of its own, of `cohort` clients, and the cloud joins the edges (HierFAVG).
    Hierarchical(Hierarchical),
    /// In rounds that each have a deadline of their own, at which who still computes sends the layers that it has.
    Adaptive(Adaptive),
}

/// FedAT (Chai et al. 2021, arXiv 2010.05958): devices are divided, by how long the algorithm's first assignment takes
/// them alone on the network, into tiers of as many devices each. `stop.rounds` counts the rounds of all tiers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// How many, 1 to the number of devices. The paper has 5.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000>")]
    pub count: u32,
    /// What each tier's latest model weighs in the global one. The default is the paper's weights.
    #[serde(default)]
    pub weights: TierWeights,
}

/// What each tier's latest model weighs in the global one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TierWeights {
    /// As often as the tier at the other end of the order of speeds has reported: the slow are not outvoted, and the
    /// model does not move until the slowest have reported.
    #[default]
    FedAt,
    /// Tiers that have reported weigh alike, the others nothing.
    Even,
}

/// HierFAVG (Liu et al. 2020, arXiv 1905.06641): edges are the aggregators of `network.topology: two_tier`. `stop.rounds`
/// counts the versions of the cloud's model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hierarchical {
    /// Rounds of an edge between two versions of the cloud's model: the paper's κ₂; at least 1.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub edge_rounds: u32,
}

/// Rounds with deadlines of their own, chosen under a budget of time, and layer-wise contributions: ADEL-FL (Goren, Lang,
/// Shlezinger and Cohen 2025, arXiv 2505.23973), on SALF's join of layers (Lang, Cohen and Shlezinger 2024, arXiv
/// 2403.18375). For FedAvg with one local step of SGD.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptive {
    /// What the deadlines of all `stop.rounds` rounds may take together. A round that ends before its deadline saves
    /// nothing for the others; transfers under way at the deadline are waited for.
    #[serde(deserialize_with = "positive")]
    pub budget: Seconds,
    /// No deadline is earlier. The default is as early as the bound allows: about half of the cohorts miss a layer.
    #[serde(default, deserialize_with = "positive_or_none")]
    pub shortest: Option<Seconds>,
    /// Texts in a device's mini-batches, by its speed, so that all take about as long for a layer. The default is the
    /// algorithm's `batch_size` for all.
    #[serde(default)]
    pub batch: Option<BatchBounds>,
    /// What the server believes of the loss. The defaults are those of the authors' code.
    #[serde(default)]
    pub bound: Bound,
    /// Whether a layer's mean is corrected by the probability that nobody would reach it, as published. The default is
    /// yes.
    #[serde(default = "yes")]
    pub correct: bool,
}

/// Bounds of a device's batch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchBounds {
    /// The least.
    pub smallest: NonZeroU32,
    /// The most; the device's memory may allow less.
    pub largest: NonZeroU32,
}

/// Constants of ADEL-FL's bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Strong convexity ρ_c. The default is 0.3.
    #[serde(default = "convexity")]
    pub convexity: Positive,
    /// Largest norm of a gradient, G. The default is 0.1.
    #[serde(default = "gradient")]
    pub gradient: Positive,
    /// Standard deviation σ of the gradient of one text. The default is 5.
    #[serde(default = "deviation")]
    pub deviation: Positive,
}

impl Default for Bound {
    fn default() -> Self {
        Self { convexity: convexity(), gradient: gradient(), deviation: deviation() }
    }
}

fn convexity() -> Positive {
    Positive::new(0.3).expect("0.3 is positive")
}

fn gradient() -> Positive {
    Positive::new(0.1).expect("0.1 is positive")
}

fn deviation() -> Positive {
    Positive::new(5.0).expect("5 is positive")
}

const fn yes() -> bool {
    true
}

/// Batch sizes that balance communication and computation over the devices (C²; Yang, Wang and Huang 2025, arXiv
/// 2507.15601): who computes or transmits faster takes more texts, so that all take about as long, and as many in all as
/// make learning shortest. For every algorithm, in place of its `batch_size`, in synchronous rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batching {
    /// The least.
    pub smallest: NonZeroU32,
    /// The most; the device's memory may allow less.
    pub largest: NonZeroU32,
    /// Texts in a cohort's mini-batches with which learning takes twice as many rounds as with endless batches: the
    /// gradient's noise scale (McCandlish et al. 2018, arXiv 1812.06162).
    pub noise_scale: Positive,
}

/// No rounds: so many clients are at work at any time, and the model moves whenever `cohort` of their updates have
/// arrived, from whichever versions of the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asynchronous {
    /// Clients at work, if so many devices are free; at least 1.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000_000>")]
    pub concurrency: u32,
    /// What the model makes of the updates: `fedbuff` or `fedasync`, with their settings.
    pub rule: Rule,
}

/// How clients are asked and joined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// Completed clients wanted per round, of a tier or edge where those have rounds of their own; 1 to the number of
    /// devices. Without rounds: updates that are joined at once,
    /// FedBuff's K.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000_000>")]
    pub cohort: u32,
    /// `ceil(cohort * over_commitment)` devices are asked, fewer if the fleet has fewer; the first `cohort` updates
    /// count. 1 to 100; of no account without rounds. The default is 1.3, as in Bonawitz et al., "Towards federated learning at scale" (2019).
    #[serde(default = "usual_over_commitment", deserialize_with = "over_commitment")]
    pub over_commitment: f64,
    /// Rounds or not. The default is synchronous rounds.
    #[serde(default)]
    pub policy: PolicyConfig,
    /// Whom a round asks. The default is `random`: anyone, each as likely. It is the one choice without rounds.
    #[serde(default)]
    pub selection: SelectionConfig,
    /// Batch sizes by device. The default is the algorithm's own for all.
    #[serde(default)]
    pub batch: Option<Batching>,
    /// After this time a round takes no more updates; without rounds, a client that takes longer is broken off. The
    /// default is to wait as long as it takes.
    #[serde(default, deserialize_with = "positive_or_none")]
    pub deadline: Option<Seconds>,
    /// When to stop.
    pub stop: Stop,
    /// Evaluate after every so many rounds, besides before the first and after the last. The default is 1.
    #[serde(default = "every", deserialize_with = "whole::<_, _, 1, 1_000_000_000>")]
    pub evaluate_every: u64,
}

const fn usual_over_commitment() -> f64 {
    1.3
}

const fn every() -> u64 {
    1
}

/// When a cell stops: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// After this many rounds, at least 1.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000_000>")]
    pub rounds: u64,
    /// At this simulated time. The default is never.
    #[serde(default, deserialize_with = "positive_or_none")]
    pub simulated_time: Option<Seconds>,
    /// Once all devices together have done this much, waste included. The default is never.
    #[serde(default, deserialize_with = "positive_or_none")]
    pub device_flops: Option<Flops>,
}

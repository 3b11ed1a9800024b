//! The algorithms of a run, side by side.

use super::{Estimate, LEVEL, PairedRatio};
use crate::{
    format::Quantity,
    records::{CellSummary, Details, Summary},
};

/// What reaching the target costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Simulated time.
    Time,
    /// Arithmetic on devices.
    Flops,
    /// Bytes sent by devices.
    Uplink,
    /// Bytes sent to devices.
    Downlink,
    /// Energy of devices.
    Energy,
}

impl Resource {
    /// All of them, in the order of the report's columns.
    pub const ALL: [Self; 5] =
        [Self::Time, Self::Flops, Self::Uplink, Self::Downlink, Self::Energy];

    /// What to call it in a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Time => "Simulated time",
            Self::Flops => "Device compute",
            Self::Uplink => "Uplink",
            Self::Downlink => "Downlink",
            Self::Energy => "Device energy",
        }
    }

    /// How to write its amounts.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Time => Quantity::Time,
            Self::Flops => Quantity::Flops,
            Self::Uplink | Self::Downlink => Quantity::Bytes,
            Self::Energy => Quantity::Energy,
        }
    }

    /// What `cell` needed of it to reach the target.
    pub fn to_target(self, cell: &CellSummary) -> Option<f64> {
        match self {
            Self::Time => cell.time_to_target.map(|x| x.get()),
            Self::Flops => cell.flops_to_target.map(|x| x.get() as f64),
            Self::Uplink => cell.uplink_to_target.map(|x| x.get() as f64),
            Self::Downlink => cell.downlink_to_target.map(|x| x.get() as f64),
            Self::Energy => cell.energy_to_target.map(|x| x.get()),
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// One algorithm over its seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its label.
    pub algorithm: String,
    /// Seeds that were run.
    pub seeds: usize,
    /// Seeds in which the target was reached.
    pub reached: usize,
    /// Accuracy of the last evaluated round, a fraction.
    pub final_accuracy: Option<Estimate>,
    /// Final accuracy minus the same seed's start, a fraction.
    pub gain: Option<Estimate>,
    /// The smallest and largest number of excluded devices over the seeds.
    pub excluded: (u64, u64),
    /// Mean share of arithmetic that was wasted.
    pub wasted: f64,
    costs: [Vec<Option<f64>>; 5],
}

impl Outcome {
    fn new(algorithm: &str, seeds: &[u64], summary: &Summary, details: &Details) -> Self {
        let cell =
            |seed: u64| summary.cells.iter().find(|c| c.algorithm == algorithm && c.seed == seed);
        let cells = seeds.iter().filter_map(|&seed| cell(seed)).collect::<Vec<_>>();
        let gain = |cell: &&CellSummary| {
            let start = details.starts.iter().find(|s| s.seed == cell.seed)?;
            Some(cell.final_accuracy? - start.accuracy)
        };
        let finals = cells.iter().filter_map(|c| c.final_accuracy).collect::<Vec<_>>();
        let gains = cells.iter().filter_map(gain).collect::<Vec<_>>();
        let excluded = || cells.iter().map(|c| c.excluded_devices);
        let wasted = cells.iter().map(|c| c.wasted_flops_fraction).collect::<Vec<_>>();
        Self {
            algorithm: algorithm.to_owned(),
            seeds: cells.len(),
            reached: cells.iter().filter(|c| c.reached).count(),
            final_accuracy: Estimate::new(&finals, LEVEL),
            gain: Estimate::new(&gains, LEVEL),
            excluded: (excluded().min().unwrap_or(0), excluded().max().unwrap_or(0)),
            wasted: Estimate::new(&wasted, LEVEL).map_or(0.0, |e| e.mean),
            costs: Resource::ALL.map(|resource| {
                seeds.iter().map(|&s| cell(s).and_then(|c| resource.to_target(c))).collect()
            }),
        }
    }

    /// The mean cost to the target over the seeds that reached it; too low a figure for all
    /// seeds if [`is_censored`](Self::is_censored). Nothing if none did.
    pub fn cost(&self, resource: Resource) -> Option<Estimate> {
        let known = self.costs[resource.index()].iter().flatten().copied().collect::<Vec<_>>();
        Estimate::new(&known, LEVEL)
    }

    /// Whether some seeds did not reach the target.
    pub fn is_censored(&self) -> bool {
        self.reached < self.seeds
    }

    /// How many times dearer than `other` it is, by common seeds.
    pub fn ratio(&self, other: &Self, resource: Resource) -> Option<PairedRatio> {
        let (a, b) = (&self.costs[resource.index()], &other.costs[resource.index()]);
        PairedRatio::new(a, b, LEVEL)
    }
}

/// All algorithms of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The target accuracy, a fraction.
    pub target: f64,
    /// One entry per algorithm, in the scenario's order.
    pub outcomes: Vec<Outcome>,
}

impl Comparison {
    /// Compares the cells of `summary`.
    pub fn new(summary: &Summary, details: &Details) -> Self {
        let mut seeds = summary.cells.iter().map(|c| c.seed).collect::<Vec<_>>();
        seeds.sort_unstable();
        seeds.dedup();
        let outcome = |label: &str| Outcome::new(label, &seeds, summary, details);
        Self {
            target: summary.target_accuracy,
            outcomes: details.algorithms.iter().map(|a| outcome(&a.label)).collect(),
        }
    }

    /// The algorithms that reached the target at all, best first: those that did in more seeds
    /// come first, then those with the lower mean cost.
    pub fn ranking(&self, resource: Resource) -> Vec<&Outcome> {
        let mut ranked = self
            .outcomes
            .iter()
            .filter_map(|o| Some((o, o.cost(resource)?.mean)))
            .collect::<Vec<_>>();
        ranked.sort_by(|(a, x), (b, y)| b.reached.cmp(&a.reached).then(x.total_cmp(y)));
        ranked.into_iter().map(|(outcome, _)| outcome).collect()
    }
}

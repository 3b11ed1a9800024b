//! The algorithms of a run, side by side.

use super::{Contrast, Cost, Estimate, Incomparable, LEVEL, PairedRatio, holm};
use crate::{
    format::Quantity,
    reader::Run,
    records::{CellSummary, RoundRecord},
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

    /// What was used of it up to an evaluated round.
    pub fn used(self, round: &RoundRecord) -> f64 {
        match self {
            Self::Time => round.sim_time.get(),
            Self::Flops => round.device_flops.get() as f64,
            Self::Uplink => round.uplink.get() as f64,
            Self::Downlink => round.downlink.get() as f64,
            Self::Energy => round.energy.get(),
        }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) fn index(self) -> usize {
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
    costs: [Vec<(u64, Cost)>; 5],
}

impl Outcome {
    fn new(algorithm: &str, run: &Run) -> Self {
        let cells = run.summary.cells.iter().filter(|c| c.algorithm == algorithm);
        let mut cells = cells.collect::<Vec<_>>();
        cells.sort_by_key(|cell| cell.seed);
        let gain = |cell: &&CellSummary| {
            let start = run.details.starts.iter().find(|s| s.seed == cell.seed)?;
            Some(cell.final_accuracy? - start.accuracy)
        };
        let finals = cells.iter().filter_map(|c| c.final_accuracy).collect::<Vec<_>>();
        let gains = cells.iter().filter_map(gain).collect::<Vec<_>>();
        let excluded = || cells.iter().map(|c| c.excluded_devices);
        let wasted = cells.iter().map(|c| c.wasted_flops_fraction).collect::<Vec<_>>();
        let last = |cell: &CellSummary| {
            let mine = |r: &&RoundRecord| r.algorithm == algorithm && r.seed == cell.seed;
            run.rounds.iter().rfind(mine)
        };
        let ends = cells.iter().map(|cell| (*cell, last(cell))).collect::<Vec<_>>();
        let costs = |resource: Resource| {
            let cost = |&(cell, last): &(&CellSummary, Option<&RoundRecord>)| {
                let seen = last.map_or(0.0, |round| resource.used(round));
                let reached = resource.to_target(cell).map(Cost::Reached);
                (cell.seed, reached.unwrap_or(Cost::Beyond(seen)))
            };
            ends.iter().map(cost).collect()
        };
        Self {
            algorithm: algorithm.to_owned(),
            seeds: cells.len(),
            reached: cells.iter().filter(|c| c.reached).count(),
            final_accuracy: Estimate::new(&finals, LEVEL),
            gain: Estimate::new(&gains, LEVEL),
            excluded: (excluded().min().unwrap_or(0), excluded().max().unwrap_or(0)),
            wasted: Estimate::new(&wasted, LEVEL).map_or(0.0, |e| e.mean),
            costs: Resource::ALL.map(costs),
        }
    }

    /// What every seed cost, by seed.
    pub fn costs(&self, resource: Resource) -> &[(u64, Cost)] {
        &self.costs[resource.index()]
    }

    /// The mean cost to the target over the seeds that reached it; too low a figure for all
    /// seeds if [`is_censored`](Self::is_censored). Nothing if none did.
    pub fn cost(&self, resource: Resource) -> Option<Estimate> {
        let known = self.costs(resource).iter().filter_map(|(_, c)| c.reached());
        Estimate::new(&known.collect::<Vec<_>>(), LEVEL)
    }

    /// The mean over all seeds of what was seen of their costs: the mean cost, if every seed reached the target, and less
    /// than it otherwise, as seeds that did not are in it with what they had spent when they were given up. Nothing
    /// without a seed.
    pub fn seen(&self, resource: Resource) -> Option<Estimate> {
        let seen = self.costs(resource).iter().map(|(_, cost)| cost.seen());
        Estimate::new(&seen.collect::<Vec<_>>(), LEVEL)
    }

    /// Whether some seeds did not reach the target.
    pub fn is_censored(&self) -> bool {
        self.reached < self.seeds
    }

    /// How many times dearer than `other` it is, by common seeds, up to where all of them were watched.
    ///
    /// # Errors
    /// There is nothing to compare.
    pub fn contrast(&self, other: &Self, resource: Resource) -> Result<Contrast, Incomparable> {
        Contrast::paired(self.costs(resource), other.costs(resource))
    }

    /// How many times dearer than `other` it is over the common seeds in which both reached the target.
    pub fn ratio(&self, other: &Self, resource: Resource) -> Option<PairedRatio> {
        let seeds = self.costs(resource).iter().chain(other.costs(resource)).map(|(seed, _)| *seed);
        let mut seeds = seeds.collect::<Vec<_>>();
        seeds.sort_unstable();
        seeds.dedup();
        let [a, b] = [self, other].map(|outcome| {
            let costs = outcome.costs(resource);
            let reached = |seed: &u64| costs.iter().find(|c| c.0 == *seed)?.1.reached();
            seeds.iter().map(reached).collect::<Vec<_>>()
        });
        PairedRatio::new(&a, &b, LEVEL)
    }
}

/// Two algorithms of a run, and what their costs say of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a> {
    /// The one.
    pub a: &'a Outcome,
    /// The other.
    pub b: &'a Outcome,
    /// What the first costs in multiples of the second.
    pub contrast: Result<Contrast, Incomparable>,
    /// Its p-value, adjusted over all pairs of the run; 1 where there is no ratio.
    pub adjusted: f64,
}

impl Judged<'_> {
    /// Whether the seeds tell the two apart, all pairs of the run looked at together.
    pub fn is_apart(&self) -> bool {
        self.adjusted <= 1.0 - LEVEL
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
    /// Compares the cells of `run`.
    pub fn new(run: &Run) -> Self {
        let algorithms = run.details.algorithms.iter();
        Self {
            target: run.summary.target_accuracy,
            outcomes: algorithms.map(|a| Outcome::new(&a.label, run)).collect(),
        }
    }

    /// The algorithms that reached the target at all, best first: those that did in more seeds
    /// come first, then those with the lower mean cost, as far as it was [seen](Outcome::seen).
    pub fn ranking(&self, resource: Resource) -> Vec<&Outcome> {
        let mut ranked = self
            .outcomes
            .iter()
            .filter(|o| o.reached > 0)
            .filter_map(|o| Some((o, o.seen(resource)?.mean)))
            .collect::<Vec<_>>();
        ranked.sort_by(|(a, x), (b, y)| b.reached.cmp(&a.reached).then(x.total_cmp(y)));
        ranked.into_iter().map(|(outcome, _)| outcome).collect()
    }

    /// All pairs of algorithms, each in the scenario's order, judged together.
    pub fn pairs(&self, resource: Resource) -> Vec<Judged<'_>> {
        let mut pairs = Vec::new();
        for (place, a) in self.outcomes.iter().enumerate() {
            for b in &self.outcomes[place + 1..] {
                pairs.push(Judged { a, b, contrast: a.contrast(b, resource), adjusted: 1.0 });
            }
        }
        let p = |pair: &Judged<'_>| pair.contrast.as_ref().map_or(1.0, |contrast| contrast.p);
        let adjusted = holm(&pairs.iter().map(p).collect::<Vec<_>>());
        pairs.iter_mut().zip(adjusted).for_each(|(pair, adjusted)| pair.adjusted = adjusted);
        pairs
    }

    /// Whether the seeds tell two algorithms apart, all pairs of the run looked at together.
    pub fn are_apart(&self, a: &Outcome, b: &Outcome, resource: Resource) -> bool {
        let is_theirs =
            |pair: &Judged<'_>| (pair.a, pair.b) == (a, b) || (pair.a, pair.b) == (b, a);
        self.pairs(resource).into_iter().any(|pair| is_theirs(&pair) && pair.is_apart())
    }
}

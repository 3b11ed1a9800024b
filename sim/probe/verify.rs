//! Predictions against what really happens.

use std::sync::atomic::AtomicBool;

use fleetune_algorithms::{
    probe::{Measured, at_rate},
    registry::AlgorithmConfig,
    settings::{LearningRate, Positive, Schedule, UpperRate},
    zeroth_order::Variant,
};
use fleetune_reports::statistics::{LEVEL, told_apart};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    AlgorithmForecast, Configuration, ProbeReport,
    outlook::{Outlook, plain, stretched},
};
use crate::{
    campaign::CampaignError,
    cell::{Ending, run_cell},
    prepare::{Prepared, World},
};

/// What an algorithm's runs say of its forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// The algorithm's label.
    pub label: String,
    /// The recommended rate for all blocks.
    pub recommended: f64,
    /// Runs at the recommended rate times powers of two, from the least.
    pub grid: Vec<GridPoint>,
    /// The rate of the grid after which the loss was least on average.
    pub best: f64,
    /// Other perturbations, each at its recommended pair of rates; only where an algorithm has a split.
    pub ranking: Vec<Ranked>,
    /// How far the ranking is as predicted.
    pub agreement: Agreement,
}

/// Pairs of configurations that the seeds tell apart, at 95 % over all pairs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// All of them.
    pub separated: usize,
    /// Those in the predicted order.
    pub agreeing: usize,
    /// Those whose predictions differ by more than their errors explain, at 95 %.
    pub clear: usize,
    /// Those of them in the predicted order.
    pub clear_agreeing: usize,
}

/// Runs at one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridPoint {
    /// η of all blocks at the schedule's peak.
    pub rate: f64,
    /// The change of the loss that was predicted.
    pub predicted: f64,
    /// The change on the held-out texts, by seed; infinite where the run diverged.
    pub measured: Vec<f64>,
}

/// Runs of one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// k.
    pub split: usize,
    /// P1.
    pub lower: u32,
    /// P2.
    pub upper: u32,
    /// The change of the loss that was predicted.
    pub predicted: Measured,
    /// The change on the held-out texts, by seed.
    pub measured: Vec<f64>,
}

/// Powers of two of the recommended rate on either side that are tried.
const DOUBLINGS: i32 = 3;
/// Standard errors that a normal value is off by once in twenty times.
const TWO_SIDED: f64 = 1.96;
/// P2 of the configurations that are ranked.
const RANKED: [u32; 3] = [1, 4, 16];

/// Runs every algorithm of the report at a grid of rates, and where it has a split, with other splits and P2, on every
/// seed of the scenario.
///
/// # Errors
/// As [`crate::campaign::run_campaign`].
pub fn verify(
    prepared: &Prepared,
    report: &ProbeReport,
) -> Result<Vec<Verification>, CampaignError> {
    let worlds = crate::plan::worlds(prepared)?;
    let on = Trials { prepared, worlds };
    report.algorithms.iter().map(|algorithm| on.verify(report, algorithm)).collect()
}

struct Trials<'a> {
    prepared: &'a Prepared,
    worlds: Vec<World>,
}

impl Trials<'_> {
    fn verify(
        &self,
        report: &ProbeReport,
        of: &AlgorithmForecast,
    ) -> Result<Verification, CampaignError> {
        let mut configs = self.prepared.scenario.algorithms.iter();
        let found = configs.find(|(label, _)| label.as_str() == of.label);
        let config = &found.expect("the report is of this scenario").1.kind;
        let recommended = of.configured.run.common.rates[0].value;
        let rates: Vec<f64> = (-DOUBLINGS..=DOUBLINGS)
            .map(|power| recommended * libm::exp2(f64::from(power)))
            .collect();
        let schedule = asked_schedule(config);
        let trials =
            rates.iter().filter_map(|&rate| at_rate(config, rates_of(schedule, rate, None)?));
        let measured = self.run(&of.label, &trials.collect::<Vec<_>>())?;
        let outlook =
            Outlook::new(self.prepared, &self.worlds, &report.landscapes[of.landscape].landscape);
        let grid: Vec<GridPoint> = rates
            .into_iter()
            .zip(measured)
            .map(|(rate, measured)| {
                let predicted = outlook.at_common_rate(config, of.configured.run.rounds, rate);
                GridPoint { rate, predicted, measured }
            })
            .collect();
        let mean = |point: &&GridPoint| point.measured.iter().sum::<f64>();
        let best = grid.iter().min_by(|a, b| mean(a).total_cmp(&mean(b)));
        let best = best.map_or(f64::NAN, |point| point.rate);
        let ranking = self.rank(of, config, schedule)?;
        let agreement = compare(&ranking);
        let label = of.label.clone();
        Ok(Verification { label, recommended, grid, best, ranking, agreement })
    }

    /// Runs the alternatives that differ in (k, P2) alone, each at its own recommended rates.
    fn rank(
        &self,
        of: &AlgorithmForecast,
        config: &AlgorithmConfig,
        schedule: Schedule,
    ) -> Result<Vec<Ranked>, CampaignError> {
        let AlgorithmConfig::FedSpzo(given) = config else { return Ok(Vec::new()) };
        let wanted = |c: &&Configuration| {
            c.lower == given.perturbations.lower.get()
                && c.variant == given.variant.to_string()
                && RANKED.contains(&c.upper)
                && (c.split == of.configured.split || !is_whole(c))
        };
        let all = of.alternatives.iter().chain([&of.configured]);
        let chosen: Vec<&Configuration> = all.filter(wanted).collect();
        let as_config = |c: &&Configuration| {
            let mut other = given.clone();
            other.split = Some(c.split);
            other.perturbations.upper = c.upper.try_into().ok()?;
            let two = &c.run.two;
            let schedule = stretched(schedule, c.run.rounds);
            other.learning_rate =
                rates_of(schedule, two.base.value, Some((two.from_layer, two.upper.value)))?;
            Some(AlgorithmConfig::FedSpzo(other))
        };
        let configs: Vec<AlgorithmConfig> = chosen.iter().filter_map(as_config).collect();
        let measured = self.run(&of.label, &configs)?;
        let ranked = |(c, measured): (&Configuration, Vec<f64>)| Ranked {
            split: c.split,
            lower: c.lower,
            upper: c.upper,
            predicted: c.run.two.change,
            measured,
        };
        Ok(chosen.into_iter().zip(measured).map(ranked).collect())
    }

    /// The change of the held-out loss by every configuration on every seed.
    fn run(
        &self,
        label: &str,
        configs: &[AlgorithmConfig],
    ) -> Result<Vec<Vec<f64>>, CampaignError> {
        let seeds = self.worlds.len();
        let cells: Vec<(usize, usize)> =
            (0..configs.len()).flat_map(|c| (0..seeds).map(move |s| (c, s))).collect();
        let one = |&(c, s): &(usize, usize)| {
            let (world, seed) = (&self.worlds[s], s as u64);
            let algorithm = plain(&configs[c]);
            let what = (label, &algorithm, seed);
            let cell = run_cell(self.prepared, world, what, &AtomicBool::new(false), &|_| ());
            let cell = cell.map_err(|source| {
                let label = label.to_owned();
                CampaignError::Cell { label, seed, source }
            })?;
            let end = cell.rounds.last().map_or(f64::NAN, |round| round.loss);
            let diverged = matches!(cell.ending, Ending::Diverged(_));
            Ok(if diverged { f64::INFINITY } else { end - cell.start.loss })
        };
        let changes: Vec<Result<f64, CampaignError>> =
            cells.par_iter().with_max_len(1).map(one).collect();
        let changes = changes.into_iter().collect::<Result<Vec<f64>, _>>()?;
        Ok(changes.chunks(seeds).map(<[f64]>::to_vec).collect())
    }
}

/// Whether it perturbs everything once and together: then the split changes nothing.
fn is_whole(c: &Configuration) -> bool {
    (c.lower, c.upper) == (1, 1) && c.variant == Variant::Joint.to_string()
}

/// The schedule of a covered algorithm.
fn asked_schedule(config: &AlgorithmConfig) -> Schedule {
    match config {
        AlgorithmConfig::FedSpzo(c) => c.learning_rate.schedule,
        AlgorithmConfig::Mezo(c) => c.learning_rate.schedule,
        AlgorithmConfig::DeComFl(c) => c.learning_rate.schedule,
        AlgorithmConfig::FedKSeed(c) => c.learning_rate.schedule,
        _ => Schedule::Constant,
    }
}

/// A learning rate with an upper one from a layer on. Nothing if one is zero, which scenarios cannot say.
fn rates_of(schedule: Schedule, base: f64, upper: Option<(usize, f64)>) -> Option<LearningRate> {
    let upper = match upper {
        None => None,
        Some((from_layer, rate)) => {
            Some(UpperRate { from_layer, rate: Positive::new(rate.max(f64::MIN_POSITIVE)).ok()? })
        }
    };
    let base = Positive::new(base.max(f64::MIN_POSITIVE)).ok()?;
    Some(LearningRate { base, upper, schedule })
}

/// What all pairs of a ranking say together. Differences are taken seed by seed: all configurations see the same fleet,
/// data and cohorts.
fn compare(ranking: &[Ranked]) -> Agreement {
    let measured: Vec<&[f64]> = ranking.iter().map(|of| of.measured.as_slice()).collect();
    let mut found = Agreement::default();
    for (i, j, order) in told_apart(&measured, LEVEL) {
        let (a, b) = (ranking[i].predicted, ranking[j].predicted);
        let agrees = a.value.partial_cmp(&b.value) == Some(order);
        let clear = (a.value - b.value).abs() > TWO_SIDED * a.error.hypot(b.error);
        found.separated += 1;
        found.agreeing += usize::from(agrees);
        found.clear += usize::from(clear);
        found.clear_agreeing += usize::from(clear && agrees);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(predicted: f64, error: f64, measured: [f64; 4]) -> Ranked {
        let predicted = Measured { value: predicted, error };
        Ranked { split: 1, lower: 1, upper: 1, predicted, measured: measured.to_vec() }
    }

    fn counts(of: &[Ranked]) -> [usize; 4] {
        let Agreement { separated, agreeing, clear, clear_agreeing } = compare(of);
        [separated, agreeing, clear, clear_agreeing]
    }

    /// Differences count seed by seed: seeds that differ among themselves hide nothing, noise that does not repeat does.
    #[test]
    fn only_pairs_that_the_seeds_tell_apart_are_judged() {
        let low = ranked(-3.0, 0.1, [-3.0, -2.0, -1.0, 0.0]);
        let high = ranked(-1.0, 0.1, [-2.9, -1.91, -0.9, 0.1]);
        let noisy = ranked(-2.0, 0.1, [-1.0, -3.0, -1.5, 0.5]);
        assert_eq!(counts(&[low.clone(), high.clone(), noisy]), [1, 1, 1, 1]);
        let wrong = ranked(-4.0, 0.1, [-2.9, -1.91, -0.9, 0.1]);
        assert_eq!(counts(&[low.clone(), wrong.clone()]), [1, 0, 1, 0]);
        assert_eq!(counts(&[wrong, low.clone()]), [1, 0, 1, 0]);
        // 1.95 apart with errors of 1 and 0.1: within 1.96 x 1.005.
        let doubtful = ranked(-1.05, 1.0, [-2.9, -1.91, -0.9, 0.1]);
        assert_eq!(counts(&[low, doubtful]), [1, 1, 0, 0]);
        assert_eq!(counts(&[high]), [0, 0, 0, 0]);
    }
}

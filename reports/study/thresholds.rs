//! The ratios of computation at other targets: whether the answer hangs on the one that was chosen.

use super::{
    StudyPage,
    markdown::{Table, plain},
    ratios::{number, written},
};
use crate::{
    format::{Quantity, percent},
    records::RoundRecord,
    statistics::{Comparison, Estimate, LEVEL, PairedRatio},
};

/// What may count as success, other than the scenario's target.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thresholds {
    /// Accuracies that are to be reached, fractions.
    pub accuracies: Vec<f64>,
    /// Losses that are to be reached, from above.
    pub losses: Vec<f64>,
}

/// One threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Threshold {
    Accuracy(f64),
    Loss(f64),
}

impl Threshold {
    fn is_met_by(self, round: &RoundRecord) -> bool {
        match self {
            Self::Accuracy(least) => round.accuracy >= least,
            Self::Loss(most) => round.loss <= most,
        }
    }

    fn title(self) -> String {
        match self {
            Self::Accuracy(least) => format!("accuracy {}", percent(least)),
            Self::Loss(most) => format!("loss {}", number(most)),
        }
    }
}

pub(super) fn section(page: &StudyPage, comparison: &Comparison) -> String {
    let accuracies = page.thresholds.accuracies.iter().map(|&a| Threshold::Accuracy(a));
    let all = accuracies.chain(page.thresholds.losses.iter().map(|&l| Threshold::Loss(l)));
    let all: Vec<Threshold> = all.collect();
    if all.is_empty() {
        return String::new();
    }
    let labels = comparison.outcomes.iter().map(|outcome| outcome.algorithm.as_str());
    let rivals: Vec<&str> = labels.filter(|label| *label != page.reference).collect();
    let mut head = vec![String::new(), plain(&page.reference)];
    head.extend(rivals.iter().map(|rival| plain(rival)));
    let mut table = Table::new(&head);
    for threshold in all {
        let reference = costs(page, &page.reference, threshold);
        let mut row = vec![threshold.title(), absolute(&reference)];
        row.extend(rivals.iter().map(|rival| {
            let theirs = costs(page, rival, threshold);
            relative(&theirs, &reference)
        }));
        table.row(&row);
    }
    format!(
        "\n### Whether it hangs on the target\n\nComputation up to the first evaluated round that meets other thresholds: \
         {}'s own, as a mean over the seeds that met it, and the others' as multiples of it, geometric means with 95% \
         intervals over the seeds in which both met it. In brackets behind each: those seeds. Where a rival misses a \
         threshold in some seeds, the ratio speaks for its better ones, and flatters it.\n\n{}",
        plain(&page.reference),
        table.text()
    )
}

/// The computation of every seed up to a threshold.
fn costs(page: &StudyPage, label: &str, threshold: Threshold) -> Vec<Option<f64>> {
    let mut seeds: Vec<u64> = page.run.rounds.iter().map(|round| round.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let cost = |&seed: &u64| {
        let mine = |r: &&RoundRecord| r.algorithm == label && r.seed == seed;
        let met = page.run.rounds.iter().filter(mine).find(|round| threshold.is_met_by(round))?;
        Some(met.device_flops.get() as f64)
    };
    seeds.iter().map(cost).collect()
}

fn absolute(costs: &[Option<f64>]) -> String {
    let met: Vec<f64> = costs.iter().flatten().copied().collect();
    let mean = Estimate::new(&met, LEVEL);
    let mean = mean.map_or("-".to_owned(), |e| Quantity::Flops.human(e.mean));
    format!("{mean} ({})", met.len())
}

fn relative(theirs: &[Option<f64>], reference: &[Option<f64>]) -> String {
    match PairedRatio::new(theirs, reference, LEVEL) {
        Some(ratio) => format!("{} ({})", written(&ratio), ratio.pairs),
        None => "- (0)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use fleetune_units::{Bytes, Flops, Joules, Seconds};

    use super::*;

    fn round(accuracy: f64, loss: f64) -> RoundRecord {
        RoundRecord {
            algorithm: "A".to_owned(),
            seed: 0,
            round: 1,
            sim_time: Seconds::ZERO,
            accuracy,
            loss,
            device_flops: Flops::new(1),
            uplink: Bytes::ZERO,
            downlink: Bytes::ZERO,
            energy: Joules::ZERO,
            participants: 1,
            dropped: 0,
            excluded: 0,
        }
    }

    #[test]
    fn accuracy_is_met_from_below_and_loss_from_above() {
        for (threshold, met, missed) in [
            (Threshold::Accuracy(0.7), round(0.7, 9.0), round(0.699, 0.0)),
            (Threshold::Loss(0.7), round(0.0, 0.7), round(1.0, 0.701)),
        ] {
            assert!(threshold.is_met_by(&met), "{threshold:?}");
            assert!(!threshold.is_met_by(&missed), "{threshold:?}");
        }
        assert!(!Threshold::Loss(0.7).is_met_by(&round(1.0, f64::NAN)));
    }

    #[test]
    fn a_ratio_names_the_seeds_it_speaks_for() {
        let reference = [Some(1.0), Some(2.0), Some(4.0)];
        assert_eq!(relative(&[Some(2.0), Some(4.0), None], &reference), "2.00 [2.00, 2.00] (2)");
        assert_eq!(relative(&[None, None, None], &reference), "- (0)");
        assert_eq!(absolute(&[None, Some(2e9)]), "2.00 GFLOP (1)");
    }
}

//! How many times dearer the others are, and what had been claimed.

use super::{
    StudyPage,
    markdown::{Table, plain},
};
use crate::{
    format::percent,
    statistics::{Comparison, Estimate, LEVEL, Outcome, PairedRatio, Resource},
};

/// A published advantage: others need so many times the computation.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Where it is made.
    pub source: String,
    /// The least factor.
    pub low: f64,
    /// The greatest factor.
    pub high: f64,
}

pub(super) fn section(page: &StudyPage, comparison: &Comparison) -> String {
    let Some((reference, rivals)) = sides(page, comparison) else { return String::new() };
    let target = percent(comparison.target);
    let seeds = reference.seeds;
    let mut text = format!(
        "\n## The comparison\n\nTest texts, {seeds} seeds, common random numbers: of a seed, every algorithm meets the \
         same fleet, the same data and the same dropouts. Costs are those up to the first evaluated round with a test \
         accuracy of {target}; means over the seeds that got there.\n\n"
    );
    text.push_str(&costs(&comparison.outcomes));
    text.push_str(&format!(
        "\n![Test accuracy against computation on the devices]({0}/accuracy-flops.png)\n\n\
         ![Costs to the target]({0}/cost-to-target.png)\n",
        page.charts
    ));
    text.push_str(&format!(
        "\n### What the others need, in multiples of {0}'s\n\nGeometric means over the seeds in which both reached \
         {target}, with 95% intervals (Student's t of the logarithms, paired by seed; each interval for itself). Above 1, \
         {0} is cheaper.\n\n",
        plain(&reference.algorithm)
    ));
    text.push_str(&ratio_table(&rivals, reference));
    text.push_str(&losses(page, &rivals, reference));
    text
}

/// The algorithm that the others are compared with, and the others.
fn sides<'a>(
    page: &StudyPage,
    comparison: &'a Comparison,
) -> Option<(&'a Outcome, Vec<&'a Outcome>)> {
    let is_reference = |outcome: &&Outcome| outcome.algorithm == page.reference;
    let reference = comparison.outcomes.iter().find(is_reference)?;
    Some((reference, comparison.outcomes.iter().filter(|o| !is_reference(o)).collect()))
}

fn costs(outcomes: &[Outcome]) -> String {
    let mut table = Table::new(&[
        "",
        "reached",
        "computation",
        "time",
        "uplink",
        "downlink",
        "energy",
        "final accuracy",
        "gain",
    ]);
    for outcome in outcomes {
        let cost = |resource: Resource| match outcome.cost(resource) {
            Some(cost) => resource.quantity().human(cost.mean),
            None => "-".to_owned(),
        };
        let gain = outcome.gain.map_or("-".to_owned(), |gain| {
            let half = gain.half_width.map_or(String::new(), |w| format!(" ± {:.1}", 100.0 * w));
            format!("{:+.1}{half} points", 100.0 * gain.mean)
        });
        table.row(&[
            plain(&outcome.algorithm),
            format!("{}/{}", outcome.reached, outcome.seeds),
            cost(Resource::Flops),
            cost(Resource::Time),
            cost(Resource::Uplink),
            cost(Resource::Downlink),
            cost(Resource::Energy),
            outcome.final_accuracy.map_or("-".to_owned(), |e| percent(e.mean)),
            gain,
        ]);
    }
    table.text()
}

fn ratio_table(rivals: &[&Outcome], reference: &Outcome) -> String {
    let mut table =
        Table::new(&["", "seeds", "computation", "time", "uplink", "downlink", "energy"]);
    for rival in rivals {
        let ratio = |resource| {
            rival.ratio(reference, resource).map_or("-".to_owned(), |ratio| written(&ratio))
        };
        let pairs = rival.ratio(reference, Resource::Flops).map_or(0, |ratio| ratio.pairs);
        table.row(&[
            plain(&rival.algorithm),
            format!("{pairs} of {}", rival.seeds),
            ratio(Resource::Flops),
            ratio(Resource::Time),
            ratio(Resource::Uplink),
            ratio(Resource::Downlink),
            ratio(Resource::Energy),
        ]);
    }
    table.text()
}

pub(super) fn written(ratio: &PairedRatio) -> String {
    match ratio.interval {
        Some((low, high)) => format!("{} [{}, {}]", number(ratio.ratio), number(low), number(high)),
        None => number(ratio.ratio),
    }
}

pub(super) fn number(value: f64) -> String {
    match value {
        v if v >= 999.5 => format!("{v:.0}"),
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// Loss after the same computation: no seed is left out of it.
fn losses(page: &StudyPage, rivals: &[&Outcome], reference: &Outcome) -> String {
    let last = |label: &str, seed: u64| {
        let mut rounds = page.run.rounds.iter().filter(|r| r.algorithm == label && r.seed == seed);
        rounds.next_back().map(|round| round.loss)
    };
    let mut seeds: Vec<u64> = page.run.rounds.iter().map(|r| r.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut table = Table::new(&["", "loss at the end", "more than the reference"]);
    let mean = |label: &str| {
        let values: Vec<f64> = seeds.iter().filter_map(|&seed| last(label, seed)).collect();
        Estimate::new(&values, LEVEL).map_or("-".to_owned(), |e| format!("{:.4}", e.mean))
    };
    table.row(&[plain(&reference.algorithm), mean(&reference.algorithm), "-".to_owned()]);
    for rival in rivals {
        let differences: Vec<f64> = seeds
            .iter()
            .filter_map(|&s| Some(last(&rival.algorithm, s)? - last(&reference.algorithm, s)?))
            .collect();
        let more = Estimate::new(&differences, LEVEL).map_or("-".to_owned(), |e| {
            let half = e.half_width.map_or(String::new(), |w| format!(" ± {w:.4}"));
            format!("{:+.4}{half}", e.mean)
        });
        table.row(&[plain(&rival.algorithm), mean(&rival.algorithm), more]);
    }
    format!(
        "\n### After the same computation\n\nTest loss at the end of the common budget, and its difference to {}'s, paired \
         by seed, with 95% intervals. Here no seed is left out.\n\n{}",
        plain(&reference.algorithm),
        table.text()
    )
}

pub(super) fn claims(page: &StudyPage, comparison: &Comparison) -> String {
    let Some((reference, mut rivals)) = sides(page, comparison) else { return String::new() };
    if page.claims.is_empty() {
        return String::new();
    }
    rivals.retain(|rival| !page.controls.contains(&rival.algorithm));
    let mut head = vec!["claimed".to_owned()];
    head.extend(rivals.iter().map(|rival| format!("measured against {}", plain(&rival.algorithm))));
    let mut table = Table::new(&head);
    for claim in &page.claims {
        let mut row = vec![format!("{}: {}", plain(&claim.source), claim.range())];
        row.extend(rivals.iter().map(|rival| {
            let ratio = rival.ratio(reference, Resource::Flops);
            ratio.map_or("-".to_owned(), |r| format!("{}: {}", written(&r), claim.verdict(&r)))
        }));
        table.row(&row);
    }
    format!(
        "\n### What had been claimed\n\nBy what factor it was said to need less computation than other zeroth-order methods, beside what \
         was measured here.\n\n{}",
        table.text()
    )
}

impl Claim {
    fn range(&self) -> String {
        if self.low < self.high {
            format!("{} to {}", self.low, self.high)
        } else {
            self.high.to_string()
        }
    }

    /// What the interval says of the claim.
    fn verdict(&self, ratio: &PairedRatio) -> &'static str {
        match ratio.interval {
            None => "one seed decides nothing",
            Some((_, high)) if high < self.low => "**less than claimed**",
            Some((low, _)) if low > self.high => "**more than claimed**",
            Some((low, high)) if low >= self.low && high <= self.high => "**as claimed**",
            Some((low, _)) if low > 1.0 => "an advantage; compatible with the claim",
            Some(_) => "neither confirmed nor excluded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(low: f64, high: f64) -> PairedRatio {
        PairedRatio {
            ratio: (low * high).sqrt(),
            interval: Some((low, high)),
            pairs: 5,
            left_out: 0,
        }
    }

    #[test]
    fn a_claim_is_held_to_the_whole_interval() {
        let claim = Claim { source: "a paper".to_owned(), low: 2.0, high: 3.0 };
        for (low, high, verdict) in [
            (0.5, 1.9, "**less than claimed**"),
            (3.1, 4.0, "**more than claimed**"),
            (2.1, 2.9, "**as claimed**"),
            (1.2, 2.5, "an advantage; compatible with the claim"),
            (0.7, 2.5, "neither confirmed nor excluded"),
        ] {
            assert_eq!(claim.verdict(&ratio(low, high)), verdict);
        }
        let alone = PairedRatio { interval: None, ..ratio(2.1, 2.9) };
        assert_eq!(claim.verdict(&alone), "one seed decides nothing");
    }
}

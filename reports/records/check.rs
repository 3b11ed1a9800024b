//! What records of one run must agree on.

use std::collections::BTreeSet;

use super::{CellTotals, Details, RoundRecord, Staleness, Summary, round::implausible};

/// What is wrong with the records, if they contradict themselves or each other.
pub(crate) fn contradiction(
    rounds: &[RoundRecord],
    summary: &Summary,
    details: &Details,
) -> Option<String> {
    if !(0.0..=1.0).contains(&summary.target_accuracy) {
        return Some(format!("target accuracy {} is not a fraction", summary.target_accuracy));
    }
    if let Some(start) = details.starts.iter().find(|s| !(0.0..=1.0).contains(&s.accuracy)) {
        return Some(format!("start accuracy {} is not a fraction", start.accuracy));
    }
    labels(details)
        .or_else(|| cells(summary, details))
        .or_else(|| ends(details))
        .or_else(|| staleness(summary, details))
        .or_else(|| ordered(rounds, summary))
        .or_else(|| {
            let again = Summary::new(summary.target_accuracy, rounds, &totals(summary));
            let changed = again.cells.iter().zip(&summary.cells).find(|(a, b)| !same(a, b));
            changed.map(|(_, cell)| {
                format!(
                    "the summary of {} (seed {}) does not follow from the evaluated rounds",
                    cell.algorithm, cell.seed
                )
            })
        })
}

fn labels(details: &Details) -> Option<String> {
    let mut seen = BTreeSet::new();
    let twice = details.algorithms.iter().find(|a| !seen.insert(&a.label))?;
    Some(format!("algorithm {:?} is listed twice", twice.label))
}

fn cells(summary: &Summary, details: &Details) -> Option<String> {
    let mut seen = BTreeSet::new();
    summary.cells.iter().find_map(|cell| {
        let known = details.algorithms.iter().any(|a| a.label == cell.algorithm);
        let name = format!("{:?} (seed {})", cell.algorithm, cell.seed);
        if !known {
            Some(format!("{name} has results, but no such algorithm has details"))
        } else if !seen.insert((&cell.algorithm, cell.seed)) {
            Some(format!("{name} is summarised twice"))
        } else if !(0.0..=1.0).contains(&cell.wasted_flops_fraction) {
            Some(format!("{name} wasted {} of its arithmetic", cell.wasted_flops_fraction))
        } else {
            None
        }
    })
}

/// Every client-round that was started met one end.
fn ends(details: &Details) -> Option<String> {
    details.algorithms.iter().find_map(|algorithm| {
        let unequal = |p: &&super::ProfileParticipation| p.fates().started() != p.started;
        let profile = algorithm.participation.iter().find(unequal)?;
        Some(format!(
            "on {:?}, {:?} started {} client-rounds, but {} met an end",
            profile.profile,
            algorithm.label,
            profile.started,
            profile.fates().started()
        ))
    })
}

/// What was counted by profile is what was counted by cell.
fn staleness(summary: &Summary, details: &Details) -> Option<String> {
    details.algorithms.iter().find_map(|algorithm| {
        let mut by_cell = Staleness::default();
        let mine = summary.cells.iter().filter(|cell| cell.algorithm == algorithm.label);
        let counts = mine.filter_map(|cell| Some(&cell.staleness.as_ref()?.counts));
        counts.for_each(|counts| by_cell.merge(counts));
        (by_cell != algorithm.staleness()).then(|| {
            format!("the staleness of {:?} by seed is not that by device class", algorithm.label)
        })
    })
}

/// Cells must be contiguous, known, and grow.
fn ordered(rounds: &[RoundRecord], summary: &Summary) -> Option<String> {
    let known = summary.cells.iter().map(|c| (&c.algorithm, c.seed)).collect::<BTreeSet<_>>();
    let mut seen = BTreeSet::new();
    let mut before: Option<&RoundRecord> = None;
    for row in rounds {
        if let Some(problem) = implausible(before, row) {
            return Some(problem);
        }
        let cell = (&row.algorithm, row.seed);
        if before.is_none_or(|b| (&b.algorithm, b.seed) != cell) {
            if !known.contains(&cell) {
                return Some(format!("{:?} (seed {}) has rounds but no summary", cell.0, cell.1));
            }
            if !seen.insert(cell) {
                return Some(format!(
                    "the rounds of {:?} (seed {}) are torn apart",
                    cell.0, cell.1
                ));
            }
        }
        before = Some(row);
    }
    None
}

fn totals(summary: &Summary) -> Vec<CellTotals> {
    let totals = |cell: &super::CellSummary| CellTotals {
        algorithm: cell.algorithm.clone(),
        seed: cell.seed,
        excluded_devices: cell.excluded_devices,
        device_flops: Default::default(),
        wasted_flops: Default::default(),
        server_flops: cell.server_flops,
        staleness: cell.staleness.as_ref().map(|s| s.counts.clone()).unwrap_or_default(),
        backhaul: cell.backhaul,
    };
    summary.cells.iter().map(totals).collect()
}

fn same(derived: &super::CellSummary, stored: &super::CellSummary) -> bool {
    let wasted_flops_fraction = stored.wasted_flops_fraction;
    super::CellSummary { wasted_flops_fraction, ..derived.clone() } == *stored
}

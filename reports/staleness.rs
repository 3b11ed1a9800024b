//! How stale updates were, in sentences; and what edges and cloud sent each other.

use crate::{
    format::{Quantity, percent, significant},
    reader::Run,
    records::AlgorithmDetails,
    text::shown,
};

/// One sentence for each algorithm whose updates could be stale, and for each that had edges.
pub(crate) fn sentences(run: &Run) -> Vec<String> {
    let algorithms = &run.details.algorithms;
    let stale = algorithms.iter().filter_map(sentence);
    stale.chain(algorithms.iter().filter_map(|algorithm| backhaul(run, algorithm))).collect()
}

fn sentence(algorithm: &AlgorithmDetails) -> Option<String> {
    let counts = algorithm.staleness();
    let label = shown(&algorithm.label);
    let discarded = match counts.discarded.total() {
        0 => String::new(),
        _ => format!(
            "; {} of those that arrived were discarded as too stale",
            percent(counts.discarded_share())
        ),
    };
    match counts.joined.mean().zip(counts.joined.percentile(95)) {
        Some((mean, most)) => Some(format!(
            "{label}: an update was {} versions of the model behind (its staleness) when it was joined, on average, and \
             95% of them at most {most}{discarded}.",
            significant(mean)
        )),
        None if counts.is_empty() => None,
        None => Some(format!("{label}: all updates that arrived were discarded as too stale.")),
    }
}

/// The mean over the seeds, which are no device's bytes.
fn backhaul(run: &Run, algorithm: &AlgorithmDetails) -> Option<String> {
    let cells = run.summary.cells.iter().filter(|cell| cell.algorithm == algorithm.label);
    let sent: Vec<_> = cells.map(|cell| cell.backhaul).collect();
    if sent.iter().all(|backhaul| backhaul.is_zero()) {
        return None;
    }
    let seeds = sent.len() as f64;
    let mean = |sum: f64| Quantity::Bytes.human(sum / seeds);
    let uplink = mean(sent.iter().map(|backhaul| backhaul.uplink.get() as f64).sum());
    let downlink = mean(sent.iter().map(|backhaul| backhaul.downlink.get() as f64).sum());
    Some(format!(
        "{}: edges sent the cloud {uplink} and were sent {downlink} in a whole run (mean over seeds), which is in no \
         figure of the devices' bytes.",
        shown(&algorithm.label)
    ))
}

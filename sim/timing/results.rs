//! From cells without training to the records that reports are made of.

use fleetune_reports::{
    records::{Details, Manifest, Untrained},
    timing::{TimedCell, TimedResults, TimedSummary},
};
use fleetune_scenarios::schema::CostsOf;
use fleetune_units::Seconds;

use super::TimedResult;
use crate::{
    prepare::Prepared,
    reality::reality,
    results::{Circumstances, Course, describe, details, endings, manifest, server_work},
};

/// Everything a finished run without training has to say.
pub(crate) fn collect(
    prepared: &Prepared,
    cells: &[TimedResult],
    circumstances: &Circumstances,
) -> TimedResults {
    let scenario = &prepared.scenario;
    let courses: Vec<Course<'_>> = cells.iter().map(TimedResult::course).collect();
    let algorithms = scenario
        .algorithms
        .iter()
        .map(|(label, config)| details((label.as_str(), &config.describe()), &courses, Vec::new()));
    let notices = server_work(prepared, &courses).into_iter().chain(endings(&courses));
    TimedResults {
        rounds: cells.iter().flat_map(|cell| cell.rounds.iter().cloned()).collect(),
        summary: TimedSummary {
            training: Untrained::None,
            costs_of: scenario.model.costs_of.as_ref().map(CostsOf::title),
            cells: cells.iter().map(totals).collect(),
        },
        details: Details {
            scenario: describe(prepared),
            starts: Vec::new(),
            algorithms: algorithms.collect(),
            reality: reality(scenario),
            notices: notices.collect(),
        },
        manifest: Manifest { training: Some(Untrained::None), ..manifest(prepared, circumstances) },
        scenario_yaml: scenario.resolved_yaml(),
    }
}

impl TimedResult {
    fn course(&self) -> Course<'_> {
        let Self { label, seed, standing, ending, tallies, .. } = self;
        Course { label, seed: *seed, standing, ending, tallies }
    }
}

fn totals(cell: &TimedResult) -> TimedCell {
    let standing = &cell.standing;
    let spent = standing.ledger.total();
    TimedCell {
        algorithm: cell.label.clone(),
        seed: cell.seed,
        rounds: standing.rounds,
        void_rounds: standing.void_rounds,
        sim_time: Seconds::from_raw(standing.time.as_seconds()),
        device_flops: spent.device_flops,
        uplink: spent.uplink,
        downlink: spent.downlink,
        energy: spent.energy,
        asked: standing.asked,
        participants: standing.participants,
        dropped: standing.dropped,
        excluded_devices: standing.excluded.into(),
        wasted_flops_fraction: standing.ledger.wasted_flops_fraction(),
        server_flops: standing.server_flops,
        events: cell.events,
    }
}

//! One simulation without training.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
};

use fleetune_algorithms::{protocol::Server, setup::Setup, uplink::Algorithm};
use fleetune_reports::{records::Untrained, timing::TimedRound};
use fleetune_units::Seconds;

use crate::{
    adapt::fit,
    cell::{Ending, Listener, Progress, conditions, federation_config, planned},
    federation::{
        Federation, FederationError, GroupInfo, Observer, ObserverError, RoundOutcome, Standing,
    },
    prepare::{Prepared, World},
    tallies::Tallies,
};

/// What one cell took.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedResult {
    /// The algorithm's label.
    pub label: String,
    /// The replication.
    pub seed: u64,
    /// Rounds, as often as they are told.
    pub rounds: Vec<TimedRound>,
    /// Where it ended.
    pub standing: Standing,
    /// Why it ended.
    pub ending: Ending,
    /// What was counted for charts.
    pub tallies: Tallies,
    /// Events that happened.
    pub events: u64,
}

/// Runs one cell without training: a pure function of the prepared scenario, the algorithm and the seed, unless `stop`
/// is raised.
///
/// # Errors
/// A broken invariant of the simulator, or a scenario that no simulated time can hold.
///
/// # Panics
/// The algorithm cannot be timed, which the scenario's check refuses.
pub fn time_cell(
    prepared: &Prepared,
    world: &World,
    (label, algorithm, seed): (&str, &Algorithm, u64),
    stop: &AtomicBool,
    listener: &Listener<'_>,
) -> Result<TimedResult, FederationError> {
    let config = federation_config(&prepared.scenario);
    let (batches, _) = fit(prepared, world, algorithm)?;
    let open = || {
        let setup = Setup { batches: batches.clone(), ..prepared.setup(world) };
        let server = algorithm.timed_server(setup, planned(&config));
        server.expect("a scenario without training has algorithms that can be timed")
    };
    let mut server = open();
    let count = if config.has_parts() { config.groups() } else { 0 };
    let mut parts: Vec<_> = std::iter::repeat_with(open).take(count).collect();
    let conditions = conditions(prepared, algorithm, &server);
    let at = (&world.wiring, &conditions.clock);
    let tallies = Tallies::new(&world.fleet, at, &config, &server);
    let (rounds, latest) = (Vec::new(), Latest::default());
    let mut watch = Watch { label, seed, stop, listener, rounds, latest, tallies };
    let mut federation =
        Federation::new(&config, &world.fleet, world.streams, &mut server, &mut watch)?
            .under(&conditions);
    if config.has_parts() {
        let parts = parts.iter_mut().map(|part| -> &mut dyn Server { part });
        federation = federation.with_parts(parts.collect());
    }
    let outcome = federation.run()?;
    Ok(TimedResult {
        label: label.to_owned(),
        seed,
        rounds: watch.rounds,
        standing: outcome.standing,
        ending: Ending::Ran(outcome.end),
        tallies: watch.tallies,
        events: outcome.events,
    })
}

/// Of the round that was closed last.
#[derive(Debug, Clone, Copy, Default)]
struct Latest {
    participants: u64,
    dropped: u64,
}

/// Records what a cell's federation tells.
struct Watch<'a> {
    label: &'a str,
    seed: u64,
    stop: &'a AtomicBool,
    listener: &'a Listener<'a>,
    rounds: Vec<TimedRound>,
    latest: Latest,
    tallies: Tallies,
}

impl Observer for Watch<'_> {
    /// Where a model would be evaluated, the round is told.
    fn evaluate(
        &mut self,
        standing: &Standing,
        _: &dyn Server,
    ) -> Result<ControlFlow<()>, ObserverError> {
        let spent = standing.ledger.total();
        let sim_time = Seconds::from_raw(standing.time.as_seconds());
        self.rounds.push(TimedRound {
            algorithm: self.label.to_owned(),
            seed: self.seed,
            round: standing.rounds,
            training: Untrained::None,
            sim_time,
            device_flops: spent.device_flops,
            uplink: spent.uplink,
            downlink: spent.downlink,
            energy: spent.energy,
            participants: self.latest.participants,
            dropped: self.latest.dropped,
            excluded: standing.excluded.into(),
        });
        (self.listener)(Progress {
            label: self.label,
            seed: self.seed,
            rounds: standing.rounds,
            time: sim_time,
            accuracy: None,
        });
        Ok(self.flow())
    }

    fn groups(&mut self, groups: &[GroupInfo]) {
        groups.iter().for_each(|group| self.tallies.tell_group(group));
    }

    fn round(
        &mut self,
        _: &Standing,
        outcome: &RoundOutcome,
    ) -> Result<ControlFlow<()>, ObserverError> {
        self.latest = Latest {
            participants: outcome.participants().into(),
            dropped: outcome.dropped().into(),
        };
        self.tallies.add(outcome);
        Ok(self.flow())
    }

    fn wants_to_stop(&mut self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Watch<'_> {
    fn flow(&self) -> ControlFlow<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

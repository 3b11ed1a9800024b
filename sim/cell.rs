//! One simulation: a scenario, an algorithm, a seed.

use std::{
    num::NonZeroU32,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fleetune_algorithms::{
    privacy::Revealed, protocol::Server, reporting::reporting, settings::Fraction, setup::Setup,
    uplink::Algorithm,
};
use fleetune_models::evaluate::{Evaluation, evaluate};
use fleetune_reports::records::{PrivacySpent, RoundRecord};
use fleetune_scenarios::{
    Scenario,
    schema::{self, Asynchronous, Hierarchical, PolicyConfig, SelectionConfig, Tiers},
};
use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use crate::{
    adapt::{Adapted, adapt},
    checkpoint::{Recorded, Recorder},
    clocks::clock,
    federation::{
        Conditions, End, Federation, FederationConfig, FederationError, GroupInfo, Observer,
        ObserverError, Policy, RoundOutcome, RunOutcome, Standing, Stop, TierWeights,
    },
    prepare::{Prepared, World},
    tallies::Tallies,
};

/// What one cell gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellResult {
    /// The algorithm's label.
    pub label: String,
    /// The replication.
    pub seed: u64,
    /// The model before training.
    pub start: Evaluation,
    /// Evaluated rounds.
    pub rounds: Vec<RoundRecord>,
    /// Where it ended.
    pub standing: Standing,
    /// Why it ended.
    pub ending: Ending,
    /// What was counted for charts.
    pub tallies: Tallies,
    /// What its updates revealed, if it made them private.
    pub privacy: Option<PrivacySpent>,
}

/// Why a cell ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// As the scenario says, or because no device can take part.
    Ran(End),
    /// The learning diverged; what was evaluated before stands.
    Diverged(String),
}

/// What a running cell tells while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The algorithm's label.
    pub label: &'a str,
    /// The replication.
    pub seed: u64,
    /// Rounds done.
    pub rounds: u64,
    /// Simulated time.
    pub time: Seconds,
    /// The latest test accuracy, if anything is trained.
    pub accuracy: Option<f64>,
}

/// Who hears of progress; called from many threads.
pub type Listener<'a> = dyn Fn(Progress<'_>) + Sync + 'a;

/// Runs one cell: a pure function of the prepared scenario, the algorithm and the seed, unless `stop` is raised.
///
/// # Errors
/// A broken invariant of the simulator, or a scenario that no simulated time can hold.
pub fn run_cell(
    prepared: &Prepared,
    world: &World,
    cell: (&str, &Algorithm, u64),
    stop: &AtomicBool,
    listener: &Listener<'_>,
) -> Result<CellResult, FederationError> {
    run_recorded_cell(prepared, world, cell, (stop, None), listener)
}

/// As [`run_cell`], with a recorder that keeps what is learnt, and goes on from that if it has some: then it is that which
/// hears of `stop`, and the cell is [paused](FederationError::Paused).
pub(crate) fn run_recorded_cell(
    prepared: &Prepared,
    world: &World,
    (label, algorithm, seed): (&str, &Algorithm, u64),
    (stop, recorder): (&AtomicBool, Option<&Recorder>),
    listener: &Listener<'_>,
) -> Result<CellResult, FederationError> {
    let config = federation_config(&prepared.scenario);
    let Adapted { server, deadlines } = adapt(prepared, world, algorithm)?;
    let recorded = |server: Box<dyn Server>| -> Box<dyn Server> {
        match recorder {
            Some(recorder) => Box::new(Recorded::new(server, recorder.clone())),
            None => server,
        }
    };
    let mut server = recorded(server);
    let open = || recorded(open_server(prepared.setup(world), algorithm, &config));
    let mut parts = parts(&config, open);
    let conditions = conditions(prepared, algorithm, server.as_ref());
    let mut watch = Watch {
        prepared,
        label,
        seed,
        stop,
        recorder,
        listener,
        start: None,
        rounds: Vec::new(),
        latest: RoundCounts::default(),
        standing: Standing::default(),
        tallies: Tallies::new(
            &world.fleet,
            (&world.wiring, &conditions.clock),
            &config,
            server.as_ref(),
        ),
    };
    let mut federation =
        Federation::new(&config, &world.fleet, world.streams, server.as_mut(), &mut watch)?
            .under(&conditions);
    if let Some(deadlines) = deadlines {
        federation = federation.paced(deadlines)?;
    }
    if config.has_parts() {
        let parts = parts.iter_mut().map(|part| -> &mut dyn Server { part.as_mut() });
        federation = federation.with_parts(parts.collect());
    }
    if let Some(recorder) = recorder {
        federation = federation.kept_by(recorder);
    }
    let (standing, ending) = match federation.run() {
        Ok(RunOutcome { end, standing, .. }) => (standing, Ending::Ran(end)),
        Err(FederationError::Protocol(error)) => {
            (watch.standing, Ending::Diverged(error.to_string()))
        }
        Err(error) => return Err(error),
    };
    let start = watch.start.unwrap_or(Evaluation { accuracy: 0.0, loss: f64::NAN });
    let (rounds, tallies) = (watch.rounds, watch.tallies);
    let privacy = server.revealed().map(|revealed| {
        let capable = world.fleet.len() as u64 - u64::from(standing.excluded);
        spent(revealed, seed, sampling_rate(&config, capable))
    });
    Ok(CellResult {
        label: label.to_owned(),
        seed,
        start,
        rounds,
        standing,
        ending,
        tallies,
        privacy,
    })
}

/// The algorithm's server, whose clients report what the federation asks for.
pub(crate) fn open_server(
    setup: Setup,
    algorithm: &Algorithm,
    config: &FederationConfig,
) -> Box<dyn Server> {
    let server = algorithm.server(setup, planned(config));
    if config.selection.needs_losses() { reporting(server) } else { server }
}

/// A server for the rounds of each group, where groups have rounds of their own.
fn parts(config: &FederationConfig, open: impl Fn() -> Box<dyn Server>) -> Vec<Box<dyn Server>> {
    let count = if config.has_parts() { config.groups() } else { 0 };
    std::iter::repeat_with(open).take(count).collect()
}

/// Updates that a round plans to join.
pub(crate) fn planned(config: &FederationConfig) -> NonZeroU32 {
    NonZeroU32::new(config.cohort).unwrap_or(NonZeroU32::MIN)
}

/// The share of the devices that can take part at all which a round asks, if it asks them at random. Who is chosen by what
/// is known of it cannot hide among the others: then it is 1.
fn sampling_rate(config: &FederationConfig, capable: u64) -> f64 {
    if config.selection != SelectionConfig::Random {
        return 1.0;
    }
    (f64::from(config.asked()) / capable.max(1) as f64).min(1.0)
}

fn spent(revealed: &Revealed, seed: u64, sampling_rate: f64) -> PrivacySpent {
    let epsilon = |rate: f64| Fraction::new(rate).map_or(f64::INFINITY, |r| revealed.epsilon(r));
    let finite = |epsilon: f64| epsilon.is_finite().then_some(epsilon);
    PrivacySpent {
        seed,
        rounds: revealed.rounds(),
        delta: revealed.delta().get(),
        epsilon: finite(epsilon(1.0)),
        sampling_rate,
        epsilon_if_sampled: finite(epsilon(sampling_rate)),
    }
}

pub(crate) fn federation_config(scenario: &Scenario) -> FederationConfig {
    let (asked, network) = (&scenario.federation, &scenario.network);
    FederationConfig {
        cohort: asked.cohort,
        over_commitment: asked.over_commitment,
        policy: policy(&asked.policy),
        selection: asked.selection,
        deadline: asked.deadline,
        stop: Stop {
            rounds: asked.stop.rounds,
            simulated_time: asked.stop.simulated_time,
            device_flops: asked.stop.device_flops,
        },
        evaluate_every: asked.evaluate_every,
        server: network.server.link(),
        topology: network.topology.clone(),
        transfers: network.transfers,
        server_speed: network.server.compute,
    }
}

/// What the scenario holds its devices to.
pub(crate) fn conditions(
    prepared: &Prepared,
    algorithm: &Algorithm,
    server: &dyn Server,
) -> Conditions {
    let scenario = &prepared.scenario;
    Conditions {
        eligibility: scenario.fleet.eligibility,
        traces: scenario.traces().map(Arc::clone),
        clock: clock(prepared, algorithm, server),
        outages: Vec::new(),
    }
}

fn policy(asked: &PolicyConfig) -> Policy {
    match *asked {
        // With deadlines, adaptive rounds are synchronous ones that stop who still computes.
        PolicyConfig::Synchronous | PolicyConfig::Adaptive(_) => Policy::Synchronous,
        PolicyConfig::Asynchronous(Asynchronous { concurrency, rule }) => {
            Policy::Asynchronous { concurrency, rule }
        }
        PolicyConfig::Tiers(Tiers { count, weights }) => {
            let weights = match weights {
                schema::TierWeights::FedAt => TierWeights::FedAt,
                schema::TierWeights::Even => TierWeights::Even,
            };
            Policy::Tiers { count, weights }
        }
        PolicyConfig::Hierarchical(Hierarchical { edge_rounds }) => {
            Policy::Hierarchical { edge_rounds }
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct RoundCounts {
    participants: u64,
    dropped: u64,
}

/// Records what a cell's federation tells, and judges its model.
struct Watch<'a> {
    prepared: &'a Prepared,
    label: &'a str,
    seed: u64,
    stop: &'a AtomicBool,
    recorder: Option<&'a Recorder>,
    listener: &'a Listener<'a>,
    start: Option<Evaluation>,
    rounds: Vec<RoundRecord>,
    latest: RoundCounts,
    standing: Standing,
    tallies: Tallies,
}

impl Observer for Watch<'_> {
    fn evaluate(
        &mut self,
        standing: &Standing,
        server: &dyn Server,
    ) -> Result<ControlFlow<()>, ObserverError> {
        let max_length = self.prepared.scenario.model.max_length;
        let test = &self.prepared.test;
        let judge = || evaluate(&server.model(), test, max_length, &self.prepared.device);
        let found = match self.recorder {
            Some(recorder) => recorder.evaluation(judge),
            None => judge(),
        };
        self.start.get_or_insert(found);
        let spent = standing.ledger.total();
        let time = standing.time.as_seconds();
        self.rounds.push(RoundRecord {
            algorithm: self.label.to_owned(),
            seed: self.seed,
            round: standing.rounds,
            sim_time: Seconds::from_raw(time),
            accuracy: found.accuracy,
            loss: found.loss,
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
            time: Seconds::from_raw(time),
            accuracy: Some(found.accuracy),
        });
        Ok(self.flow())
    }

    fn groups(&mut self, groups: &[GroupInfo]) {
        groups.iter().for_each(|group| self.tallies.tell_group(group));
    }

    fn round(
        &mut self,
        standing: &Standing,
        outcome: &RoundOutcome,
    ) -> Result<ControlFlow<()>, ObserverError> {
        self.standing = *standing;
        self.latest = RoundCounts {
            participants: outcome.participants().into(),
            dropped: outcome.dropped().into(),
        };
        self.tallies.add(outcome);
        Ok(self.flow())
    }

    fn wants_to_stop(&mut self) -> bool {
        self.ends()
    }
}

impl Watch<'_> {
    /// Whether the run is to end here; where it is kept, it is paused instead.
    fn ends(&self) -> bool {
        self.recorder.is_none() && self.stop.load(Ordering::Relaxed)
    }

    fn flow(&self) -> ControlFlow<()> {
        match self.ends() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

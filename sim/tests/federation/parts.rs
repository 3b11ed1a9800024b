//! Servers of groups with a model of one number, of which everything can be said by hand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fleetune::federation::{
    ClientOutcome, Conditions, Fate, Federation, FederationConfig, Ledger, RoundOutcome, RunOutcome,
};
use fleetune::kernel::Counts;
use fleetune_algorithms::protocol::{
    Assignment, ClientId, Counted, Estimate, Exchange, Losses, Movable, Payload, ProtocolError,
    Restoring, Server, Snapshot, SnapshotError, Update, Verdict,
};
use fleetune_devices::{Fleet, Workload, streams::SeedTree};
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::Bytes;

use super::{
    diary::Diary,
    world::{POWER, sessions},
};

/// The bytes of the model.
pub(super) const MODEL: u64 = 1_000_000;

pub(super) type WorkOf = Arc<dyn Fn(Exchange, ClientId) -> Workload + Send + Sync>;

/// A server whose model is a number, to which every round adds a step of its own.
pub(super) struct Part {
    work: WorkOf,
    weights: Weights,
    step: f32,
    jobs: Arc<AtomicUsize>,
    /// Rounds: whom it joined, and its model before and after.
    pub(super) joined: Vec<(Exchange, Vec<ClientId>, f32, f32)>,
    /// Whether it says that its model can be replaced.
    pub(super) movable: bool,
    /// Rounds whose clients have reported their losses.
    told: usize,
}

impl Part {
    pub(super) fn new(work: &WorkOf, step: f32) -> Self {
        let weights = Weights { values: vec![0.0], ..Weights::default() };
        let (work, jobs) = (Arc::clone(work), Arc::default());
        Self { work, weights, step, jobs, joined: Vec::new(), movable: true, told: 0 }
    }

    pub(super) fn value(&self) -> f32 {
        self.weights.values[0]
    }

    /// Updates that it joined.
    pub(super) fn updates(&self) -> usize {
        self.joined.iter().map(|(_, clients, ..)| clients.len()).sum()
    }
}

impl Server for Part {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let workload = (self.work)(exchange, client);
        let counted = Counted {
            flops: workload.flops(),
            traffic: workload.traffic(),
            upload: workload.upload,
            peak_memory: workload.peak_memory,
        };
        let jobs = Arc::clone(&self.jobs);
        let job = Box::new(move || {
            jobs.fetch_add(1, Ordering::Relaxed);
            let examples = examples(client);
            Update {
                payload: Payload::Scalars(Vec::new()),
                examples,
                counted,
                kept: None,
                losses: Losses::default(),
            }
        });
        Assignment { workload, job }
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let before = self.value();
        self.weights.values[0] += self.step;
        let clients = updates.into_iter().map(|(client, _)| client).collect();
        self.joined.push((exchange, clients, before, self.value()));
        Ok(Verdict::RoundOver)
    }

    /// Every client reports one more than its number.
    fn take_reports(&mut self) -> Vec<(ClientId, f32)> {
        let new = &self.joined[std::mem::replace(&mut self.told, self.joined.len())..];
        let clients = new.iter().flat_map(|(_, clients, ..)| clients);
        let mut reports: Vec<_> = clients.map(|&client| (client, 1.0 + client as f32)).collect();
        reports.sort_by_key(|report| report.0);
        reports
    }

    /// No script is ever resumed.
    fn save(&self, _: &mut Snapshot) {}

    fn restore(&mut self, _: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }

    fn model(&self) -> Classifier {
        unreachable!("the federation never looks at the model")
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        self.movable.then_some(self as &mut dyn Movable)
    }
}

impl Movable for Part {
    fn move_to(&mut self, weights: &Weights) {
        self.weights = weights.clone();
    }

    fn message_size(&mut self) -> Bytes {
        Bytes::new(MODEL)
    }
}

/// The examples of a client.
pub(super) fn examples(client: ClientId) -> u64 {
    1 + u64::from(client % 3)
}

/// What came of a run of parts.
pub(super) struct Told {
    pub(super) outcome: RunOutcome,
    pub(super) diary: Diary,
    pub(super) global: Part,
    pub(super) parts: Vec<Part>,
}

/// Runs a federation of groups, each of whose servers adds `1, 10, 100, ...` in a round; devices come and go by `traces`,
/// each given as (online, seconds), or by the laws of their profiles if there are none.
pub(super) fn run_parts(
    config: &FederationConfig,
    fleet: &Fleet,
    traces: Option<&[Vec<(bool, f64)>]>,
    work: impl Fn(Exchange, ClientId) -> Workload + Send + Sync + 'static,
) -> Told {
    let (told, _) = run_parts_under(&Conditions::default(), config, fleet, traces, work);
    told
}

/// As [`run_parts`], under conditions; with the books of the calendar.
pub(super) fn run_parts_under(
    conditions: &Conditions,
    config: &FederationConfig,
    fleet: &Fleet,
    traces: Option<&[Vec<(bool, f64)>]>,
    work: impl Fn(Exchange, ClientId) -> Workload + Send + Sync + 'static,
) -> (Told, Counts) {
    let work: WorkOf = Arc::new(work);
    let mut global = Part::new(&work, 0.0);
    let step = |group: usize| 10_f32.powi(group as i32);
    let mut parts: Vec<Part> =
        (0..config.groups()).map(|group| Part::new(&work, step(group))).collect();
    let (mut diary, seeds) = (Diary::default(), SeedTree::new(5));
    let federation = match traces {
        None => Federation::new(config, fleet, seeds, &mut global, &mut diary),
        Some(traces) => {
            let sessions = sessions(traces);
            Federation::with_sessions(config, fleet, sessions, seeds, &mut global, &mut diary)
        }
    };
    let servers = parts.iter_mut().map(|part| -> &mut dyn Server { part }).collect();
    let federation = federation.unwrap().with_parts(servers).under(conditions);
    let (outcome, counts) = federation.run_audited().unwrap();
    (Told { outcome, diary, global, parts }, counts)
}

impl Told {
    pub(super) fn clients(&self) -> impl Iterator<Item = &ClientOutcome> {
        self.diary.rounds.iter().flat_map(|round| &round.clients)
    }

    /// The rounds of a group, in order.
    pub(super) fn rounds_of(&self, group: u32) -> Vec<&RoundOutcome> {
        self.diary.rounds.iter().filter(|round| round.group == group).collect()
    }

    /// What must hold whatever happened: everyone asked ends once, everything spent is useful or waste, a group's rounds
    /// follow one another, and nobody is in two rounds at a time.
    #[track_caller]
    pub(super) fn check(&self) {
        let Self { outcome, diary, parts, .. } = self;
        assert_eq!(self.clients().count() as u64, outcome.standing.asked, "everyone ends once");
        let ledger: Ledger = diary.rounds.iter().map(RoundOutcome::spent).sum();
        let told = outcome.standing.ledger;
        assert_eq!(ledger.useful.device_flops, told.useful.device_flops);
        assert_eq!(ledger.wasted.device_flops, told.wasted.device_flops);
        assert_eq!(ledger.total().uplink, told.total().uplink);
        assert_eq!(ledger.total().downlink, told.total().downlink);
        for part in parts {
            assert_eq!(
                part.jobs.load(Ordering::Relaxed),
                part.updates(),
                "only joined work is done"
            );
        }
        let aggregated = self.clients().filter(|client| client.fate == Fate::Aggregated).count();
        assert!(aggregated <= parts.iter().map(Part::updates).sum());
        let [idle, compute, transmit, receive] = POWER;
        let energy = |client: &ClientOutcome| {
            receive * client.times.download.as_seconds()
                + compute * client.times.compute.as_seconds()
                + transmit * client.times.upload.as_seconds()
                + idle * client.times.wait.as_seconds()
        };
        let expected: f64 = self.clients().map(energy).sum();
        let energy = told.total().energy.get();
        assert!(
            (energy - expected).abs() <= 1e-9 * expected.max(1.0),
            "{energy} J, not {expected} J"
        );
        for client in self.clients() {
            let useless = match client.fate {
                Fate::Aggregated => client.spent.wasted,
                _ => client.spent.useful,
            };
            assert_eq!(useless, Default::default(), "{client:?}");
        }
        for group in 0..parts.len() as u32 {
            for (number, round) in (0..).zip(self.rounds_of(group)) {
                assert_eq!(round.round, number);
                let length = round.closed.since(round.opened).unwrap();
                assert!(round.clients.iter().all(|client| client.times.engaged() <= length));
            }
            for pair in self.rounds_of(group).windows(2) {
                assert!(pair[0].closed <= pair[1].opened);
            }
        }
        for pair in diary.standings.windows(2) {
            let (before, after) = (pair[0].ledger.total(), pair[1].ledger.total());
            assert!(before.device_flops <= after.device_flops && before.energy <= after.energy);
            assert!(pair[0].backhaul.uplink <= pair[1].backhaul.uplink);
        }
    }

    /// All that was told, to compare runs by.
    pub(super) fn bytes(&self) -> String {
        serde_json::to_string(&(self.outcome, &self.diary.rounds)).unwrap()
    }
}

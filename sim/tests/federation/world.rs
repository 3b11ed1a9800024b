//! A small world in round numbers: devices of stated speed, a server that follows a script, and an
//! observer that writes everything down.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use fleetune::federation::{
    Conditions, Federation, FederationConfig, FederationError, Policy, RunOutcome, Sessions, Stop,
};
use fleetune_algorithms::protocol::{
    Assignment, ClientId, Counted, Depth, Displaced, Estimate, Exchange, Layered, Losses, Payload,
    ProtocolError, Restoring, Server, Snapshot, SnapshotError, Update, Verdict,
};
use fleetune_devices::{
    Fleet, FleetConfig, Phase, PhaseKind, Precision, Profiles, Session, Workload,
    network::{ServerLink, config::TopologyConfig, model::TransferModel},
    streams::SeedTree,
};
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_scenarios::schema::SelectionConfig;
use fleetune_units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Seconds};

use super::diary::Diary;

/// A device that computes 1 GFLOP/s, has 1 MB/s each way, 100 MB of memory, and is always there.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) gflops: f64,
    pub(super) megabytes_per_second: f64,
    pub(super) latency: f64,
    pub(super) memory: u64,
    /// Mean seconds on and off, exponential.
    pub(super) means: Option<(f64, f64)>,
    /// Further lines of its profile.
    pub(super) extra: &'static str,
}

pub(super) const SPEC: Spec = Spec {
    gflops: 1.0,
    megabytes_per_second: 1.0,
    latency: 0.0,
    memory: 100_000_000,
    means: None,
    extra: "",
};

/// Powers of every device, W.
pub(super) const POWER: [f64; 4] = [1.0, 5.0, 3.0, 2.0];

pub(super) fn fleet(specs: &[Spec]) -> Fleet {
    let mut profiles = Profiles::empty();
    let mut groups = Vec::new();
    let [idle, compute, transmit, receive] = POWER;
    for (i, spec) in specs.iter().enumerate() {
        let Spec { gflops, megabytes_per_second, latency, memory, means, extra } = spec;
        let availability = match means {
            None => "always".to_owned(),
            Some((on, off)) => {
                format!("{{ exponential: {{ mean_on: {on} s, mean_off: {off} s }} }}")
            }
        };
        let text = format!(
            "name: device-{i}
description: in round numbers
compute: {{ peak: {{ f32: {gflops} GFLOP/s }}, efficiency: 1.0 }}
memory: {{ total: {memory} B, budget: {memory} B, bandwidth: 1000000 TB/s, efficiency: 1.0 }}
link: {{ uplink: {megabytes_per_second} MB/s, downlink: {megabytes_per_second} MB/s, latency: {latency} s }}
power: {{ idle: {idle} W, compute: {compute} W, transmit: {transmit} W, receive: {receive} W }}
availability: {availability}
{extra}
sources: [{{ of: [compute], basis: assumed, text: made for tests }}]
"
        );
        profiles.insert(serde_yaml::from_str(&text).unwrap());
        groups.push(format!("{{ profile: device-{i}, count: 1 }}"));
    }
    let config: FleetConfig =
        serde_yaml::from_str(&format!("groups: [{}]", groups.join(", "))).unwrap();
    Fleet::draw(&config, &profiles, &SeedTree::new(1)).unwrap()
}

pub(super) fn same(count: usize) -> Fleet {
    fleet(&vec![SPEC; count])
}

/// Ten rounds of everyone, nothing shared, no latency at the server, no deadline.
pub(super) fn config(cohort: u32) -> FederationConfig {
    let fast = BytesPerSecond::from_raw(1e15);
    FederationConfig {
        cohort,
        over_commitment: 1.0,
        policy: Policy::Synchronous,
        selection: SelectionConfig::Random,
        deadline: None,
        stop: Stop { rounds: 10, simulated_time: None, device_flops: None },
        evaluate_every: 1_000_000,
        server: ServerLink { uplink: fast, downlink: fast, latency: Seconds::ZERO },
        topology: TopologyConfig::Star,
        transfers: TransferModel::Raw,
        server_speed: FlopsPerSecond::from_raw(1e9),
    }
}

/// One forward phase of so many FLOPs, or none at all, and so many bytes each way.
pub(super) fn work(flops: u128, download: u64, upload: u64) -> Workload {
    let (kind, precision) = (PhaseKind::Forward, Precision::F32);
    let forward = Phase { kind, precision, flops: Flops::new(flops), traffic: Bytes::new(8) };
    Workload {
        phases: if flops == 0 { Vec::new() } else { vec![forward] },
        peak_memory: Bytes::new(1_000),
        download: Bytes::new(download),
        upload: Bytes::new(upload),
    }
}

type WorkOf = Box<dyn Fn(Exchange, ClientId) -> Workload + Send>;
type Says = Box<dyn Fn(Exchange) -> Verdict + Send>;
type Joining = Box<dyn Fn(Exchange, ClientId) -> Flops + Send>;

/// Hands out known work and notes whose updates it was given.
pub(super) struct Script {
    work: WorkOf,
    says: Says,
    joining: Joining,
    joined_flops: Flops,
    /// What jobs count too much.
    pub(super) lie: u128,
    /// Who was asked, exchange by exchange, in order.
    pub(super) convened: Vec<(Exchange, Vec<ClientId>)>,
    /// What the server counts too much in joining.
    pub(super) server_lie: u128,
    /// Whether clients must stay to the end of a round.
    pub(super) whole_rounds: bool,
    pub(super) joined: Vec<(Exchange, Vec<ClientId>)>,
    /// Clients whose job was handed out before they were convened, and run.
    pub(super) hasty: Arc<AtomicUsize>,
    pub(super) jobs_run: Arc<AtomicUsize>,
    /// A model without parameters, for servers without rounds.
    weights: Arc<Weights>,
    /// Steps of such a server.
    pub(super) steps: u64,
    /// What it was told beforehand of how long work takes, by client, lately.
    pub(super) told: Arc<Mutex<BTreeMap<ClientId, Seconds>>>,
    /// What clients report of their losses, if they do.
    pub(super) utility: Option<fn(ClientId) -> f32>,
    reports: BTreeMap<ClientId, f32>,
    /// Layers of equal work, if clients can be stopped.
    pub(super) layers: usize,
    /// How far those got that were stopped and joined, by round and client.
    pub(super) depths: BTreeMap<(u64, ClientId), usize>,
    /// What it was told with each round of layers that nobody may reach.
    pub(super) missed: Vec<Vec<f64>>,
}

impl Script {
    pub(super) fn new(work: impl Fn(Exchange, ClientId) -> Workload + Send + 'static) -> Self {
        Self {
            work: Box::new(work),
            says: Box::new(|_| Verdict::RoundOver),
            joining: Box::new(|_, _| Flops::ZERO),
            joined_flops: Flops::ZERO,
            lie: 0,
            convened: Vec::new(),
            server_lie: 0,
            whole_rounds: false,
            joined: Vec::new(),
            hasty: Arc::default(),
            jobs_run: Arc::default(),
            weights: Arc::default(),
            steps: 0,
            told: Arc::default(),
            utility: None,
            reports: BTreeMap::new(),
            layers: 0,
            depths: BTreeMap::new(),
            missed: Vec::new(),
        }
    }

    /// With clients that can be stopped after any of so many layers of equal work.
    pub(super) fn layered(self, layers: usize) -> Self {
        Self { layers, ..self }
    }

    fn assignment(&self, exchange: Exchange, client: ClientId, workload: Workload) -> Assignment {
        let counted = Counted {
            flops: workload.flops() + Flops::new(self.lie),
            traffic: workload.traffic(),
            upload: workload.upload,
            peak_memory: workload.peak_memory,
        };
        let (runs, hasty) = (Arc::clone(&self.jobs_run), Arc::clone(&self.hasty));
        let convened = self.convened.last();
        let is_convened =
            convened.is_some_and(|(now, cohort)| *now == exchange && cohort.contains(&client));
        let job = Box::new(move || {
            runs.fetch_add(1, Ordering::Relaxed);
            hasty.fetch_add(usize::from(!is_convened), Ordering::Relaxed);
            Update {
                payload: Payload::Scalars(Vec::new()),
                examples: 1,
                counted,
                kept: None,
                losses: Losses::default(),
            }
        });
        Assignment { workload, job }
    }

    pub(super) fn saying(mut self, says: impl Fn(Exchange) -> Verdict + Send + 'static) -> Self {
        self.says = Box::new(says);
        self
    }

    /// With other work to hand out.
    pub(super) fn working(
        mut self,
        work: impl Fn(Exchange, ClientId) -> Workload + Send + 'static,
    ) -> Self {
        self.work = Box::new(work);
        self
    }

    /// With a server that computes so much for each client whose update it joins.
    pub(super) fn joining(
        mut self,
        work: impl Fn(Exchange, ClientId) -> Flops + Send + 'static,
    ) -> Self {
        self.joining = Box::new(work);
        self
    }

    pub(super) fn joined_clients(&self) -> Vec<Vec<ClientId>> {
        self.joined.iter().map(|(_, clients)| clients.clone()).collect()
    }
}

impl Server for Script {
    fn convene(&mut self, exchange: Exchange, cohort: &[ClientId]) {
        self.convened.push((exchange, cohort.to_vec()));
    }

    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        let workload = (self.work)(exchange, client);
        self.told.lock().unwrap().insert(client, device.duration(&workload));
        self.assignment(exchange, client, workload)
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let clients: Vec<ClientId> = updates.into_iter().map(|(client, _)| client).collect();
        self.joined_flops += self.join_work(exchange, &clients) + Flops::new(self.server_lie);
        if let Some(utility) = self.utility {
            self.reports.extend(clients.iter().map(|&client| (client, utility(client))));
        }
        self.joined.push((exchange, clients));
        Ok((self.says)(exchange))
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        clients.iter().map(|&client| (self.joining)(exchange, client)).sum()
    }

    fn join_counted(&self) -> Flops {
        self.joined_flops
    }

    fn needs_whole_rounds(&self) -> bool {
        self.whole_rounds
    }

    fn take_reports(&mut self) -> Vec<(ClientId, f32)> {
        std::mem::take(&mut self.reports).into_iter().collect()
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        Some(self)
    }

    fn layered(&mut self) -> Option<&mut dyn Layered> {
        (self.layers > 0).then_some(self as &mut dyn Layered)
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
}

/// So many layers of a piece of work in one phase, of layers of equal work: rounded up, so that none is there early.
pub(super) fn first_layers(whole: &Workload, count: usize, layers: usize) -> Workload {
    let (count, layers) = (count as u64, layers as u64);
    let flops = (whole.flops().get() * u128::from(count)).div_ceil(u128::from(layers));
    let upload = whole.upload.get() * count / layers;
    work(flops, whole.download.get(), upload)
}

impl Layered for Script {
    fn layers(&mut self) -> usize {
        self.layers
    }

    fn milestones(&mut self, exchange: Exchange, client: ClientId) -> Vec<Flops> {
        let whole = (self.work)(exchange, client);
        let layers = self.layers;
        (1..=layers).map(|count| first_layers(&whole, count, layers).flops()).collect()
    }

    fn stopped(&mut self, exchange: Exchange, client: ClientId, layers: usize) -> Assignment {
        let whole = (self.work)(exchange, client);
        self.assignment(exchange, client, first_layers(&whole, layers, self.layers))
    }

    fn join_layers(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Depth, Update)>,
        missed: &[f64],
    ) -> Result<Verdict, ProtocolError> {
        self.missed.push(missed.to_vec());
        for (client, depth, _) in &updates {
            if let Depth::Last(count) = depth {
                self.depths.insert((exchange.round, *client), *count);
            }
        }
        let updates = updates.into_iter().map(|(client, _, update)| (client, update)).collect();
        self.aggregate(exchange, updates)
    }

    fn rate(&mut self, _: fleetune_algorithms::protocol::Moment) -> f64 {
        0.1
    }
}

/// Its model has no parameters: it is told of every update that counts, in order.
impl Displaced for Script {
    fn leave_rounds(&mut self) {}

    fn base(&mut self) -> Arc<Weights> {
        Arc::clone(&self.weights)
    }

    fn displacement(
        &mut self,
        exchange: Exchange,
        client: ClientId,
        _: &Update,
        _: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        self.joined.push((exchange, vec![client]));
        Ok(Vec::new())
    }

    fn advance(
        &mut self,
        _: fleetune_algorithms::protocol::Moment,
        _: &[f64],
    ) -> Result<(), ProtocolError> {
        self.steps += 1;
        Ok(())
    }
}

pub(super) fn run(
    config: &FederationConfig,
    fleet: &Fleet,
    seed: u64,
    script: &mut Script,
) -> (RunOutcome, Diary) {
    let mut diary = Diary::default();
    let federation =
        Federation::new(config, fleet, SeedTree::new(seed), script, &mut diary).unwrap();
    let outcome = federation.run().unwrap();
    (outcome, diary)
}

/// As [`run`], under conditions.
pub(super) fn run_under(
    conditions: &Conditions,
    config: &FederationConfig,
    fleet: &Fleet,
    seed: u64,
    script: &mut Script,
) -> (RunOutcome, Diary) {
    let mut diary = Diary::default();
    let federation = Federation::new(config, fleet, SeedTree::new(seed), script, &mut diary);
    let outcome = federation.unwrap().under(conditions).run().unwrap();
    (outcome, diary)
}

/// As [`run`], with each device's periods given as (online, seconds); the last one lasts.
pub(super) fn run_traced(
    config: &FederationConfig,
    fleet: &Fleet,
    traces: &[Vec<(bool, f64)>],
    script: &mut Script,
) -> Result<(RunOutcome, Diary), FederationError> {
    run_traced_under(&Conditions::default(), config, fleet, traces, script)
}

/// As [`run_traced`], under conditions.
pub(super) fn run_traced_under(
    conditions: &Conditions,
    config: &FederationConfig,
    fleet: &Fleet,
    traces: &[Vec<(bool, f64)>],
    script: &mut Script,
) -> Result<(RunOutcome, Diary), FederationError> {
    let mut diary = Diary::default();
    let sessions = sessions(traces);
    let seeds = SeedTree::new(5);
    let federation = Federation::with_sessions(config, fleet, sessions, seeds, script, &mut diary)?;
    let outcome = federation.under(conditions).run()?;
    Ok((outcome, diary))
}

/// Each device's periods, given as (online, seconds).
pub(super) fn sessions(traces: &[Vec<(bool, f64)>]) -> Vec<Sessions<'_>> {
    let of = |trace: &'_ Vec<(bool, f64)>| {
        let session = |&(online, length): &_| Session { online, length: Seconds::from_raw(length) };
        Box::new(trace.clone().into_iter().map(move |period| session(&period))) as Sessions<'_>
    };
    traces.iter().map(of).collect()
}

/// A device that is always there.
pub(super) fn always() -> Vec<(bool, f64)> {
    vec![(true, f64::INFINITY)]
}

/// A uniform number in (0, 1) of its own for every exchange and client.
pub(super) fn uniform(seed: u64, exchange: Exchange, client: ClientId) -> f64 {
    let tree = SeedTree::new(seed).subtree("test round", exchange.round);
    let mut rng = tree.stream("test client", u64::from(client));
    fleetune_devices::streams::open_unit(&mut rng)
}

//! A federation whose work is known: an algorithm that learns nothing, and rounds as numbers.

use std::{ops::ControlFlow, sync::Arc};

use fleetune_algorithms::protocol::{
    Assignment, ClientId, Counted, Displaced, Estimate, Exchange, Losses, Moment, Payload,
    ProtocolError, Restoring, Server, Snapshot, SnapshotError, Update, Verdict,
};
use fleetune_devices::{
    Fleet, Phase, PhaseKind, Precision, Workload,
    network::{ServerLink, config::TopologyConfig, model::TransferModel},
    streams::{SeedTree, open_unit},
};
use fleetune_models::{
    backend::Backend,
    families::Activation,
    families::BertConfig,
    parameters::{Trainable, Weights, read},
    transformer::{Classifier, Head, Transformer},
};
use fleetune_scenarios::schema::SelectionConfig;
use fleetune_units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Seconds};
use fleetune_validation::{Law, ValidationError, replicate};

use crate::federation::{
    Federation, FederationConfig, Observer, ObserverError, Policy, RoundOutcome, Standing, Stop,
};

/// What each client is to do in each exchange; a pure function.
pub(super) type WorkOf<'a> = &'a (dyn Fn(&SeedTree, Exchange, ClientId) -> Workload + Sync);

/// Hands out known work and has a model that nobody trains.
struct Script<'a> {
    seeds: SeedTree,
    work: WorkOf<'a>,
    model: Classifier,
    weights: Arc<Weights>,
}

impl<'a> Script<'a> {
    fn new(seeds: SeedTree, work: WorkOf<'a>) -> Self {
        let config = BertConfig {
            vocab_size: 1,
            hidden_size: 1,
            num_hidden_layers: 1,
            num_attention_heads: 1,
            intermediate_size: 1,
            max_position_embeddings: 1,
            type_vocab_size: 1,
            layer_norm_eps: 1e-12,
            hidden_act: Activation::Gelu,
            position_embedding_type: None,
        };
        let device = Backend::default().device();
        let (encoder, head) =
            (Transformer::zeros(&(&config).into(), &device), Head::zeros(1, 1, 1.0, &device));
        let (model, layout) = Trainable::Head.adapt(Classifier { encoder, head }, &mut || 0.0);
        let weights = Arc::new(read(&model, &layout));
        Self { seeds, work, model, weights }
    }
}

impl Server for Script<'_> {
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let workload = (self.work)(&self.seeds, exchange, client);
        let counted = Counted {
            flops: workload.flops(),
            traffic: workload.traffic(),
            upload: workload.upload,
            peak_memory: workload.peak_memory,
        };
        let payload = Payload::Scalars(Vec::new());
        let job = Box::new(move || Update {
            payload,
            examples: 1,
            counted,
            kept: None,
            losses: Losses::default(),
        });
        Assignment { workload, job }
    }

    fn aggregate(
        &mut self,
        _: Exchange,
        _: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        Ok(Verdict::RoundOver)
    }

    fn displaced(&mut self) -> Option<&mut dyn Displaced> {
        Some(self)
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
        self.model.clone()
    }
}

/// Without rounds its model stands still, too.
impl Displaced for Script<'_> {
    fn leave_rounds(&mut self) {}

    fn base(&mut self) -> Arc<Weights> {
        Arc::clone(&self.weights)
    }

    fn displacement(
        &mut self,
        _: Exchange,
        _: ClientId,
        _: &Update,
        base: &Weights,
    ) -> Result<Vec<f64>, ProtocolError> {
        Ok(vec![0.0; base.values.len()])
    }

    fn advance(&mut self, _: Moment, _: &[f64]) -> Result<(), ProtocolError> {
        Ok(())
    }
}

/// Keeps of each round what `of` makes of it.
struct Diary<T, F> {
    of: F,
    rounds: Vec<T>,
}

impl<T, F: Fn(&RoundOutcome) -> T> Observer for Diary<T, F> {
    fn evaluate(&mut self, _: &Standing, _: &dyn Server) -> Result<ControlFlow<()>, ObserverError> {
        Ok(ControlFlow::Continue(()))
    }

    fn round(
        &mut self,
        _: &Standing,
        outcome: &RoundOutcome,
    ) -> Result<ControlFlow<()>, ObserverError> {
        self.rounds.push((self.of)(outcome));
        Ok(ControlFlow::Continue(()))
    }
}

/// Everyone counts, nothing is shared, no deadline; a server that is as good as next door.
pub(super) fn config(cohort: u32) -> FederationConfig {
    let fast = BytesPerSecond::from_raw(1e15);
    FederationConfig {
        cohort,
        over_commitment: 1.0,
        policy: Policy::Synchronous,
        selection: SelectionConfig::Random,
        deadline: None,
        stop: Stop { rounds: 1, simulated_time: None, device_flops: None },
        evaluate_every: u64::MAX,
        server: ServerLink { uplink: fast, downlink: fast, latency: Seconds::ZERO },
        topology: TopologyConfig::Star,
        transfers: TransferModel::Raw,
        server_speed: FlopsPerSecond::from_raw(1e9),
    }
}

/// Runs one federation for `rounds` rounds; what `of` makes of each, and where the run stood.
pub(super) fn run<T>(
    config: &FederationConfig,
    rounds: u64,
    fleet: &Fleet,
    seeds: &SeedTree,
    work: WorkOf<'_>,
    of: impl Fn(&RoundOutcome) -> T,
) -> Result<(Vec<T>, Standing), ValidationError> {
    let mut config = config.clone();
    config.stop.rounds = rounds;
    let mut script = Script::new(*seeds, work);
    let mut diary = Diary { of, rounds: Vec::new() };
    let federation = Federation::new(&config, fleet, *seeds, &mut script, &mut diary)
        .map_err(ValidationError::refused)?;
    let outcome = federation.run().map_err(ValidationError::refused)?;
    Ok((diary.rounds, outcome.standing))
}

/// Federations side by side: results do not depend on the threads.
const FEDERATIONS: u64 = 8;

/// At least `rounds` rounds, each of them a replication: their work is independent.
pub(super) fn rounds<T: Send>(
    config: &FederationConfig,
    rounds: u64,
    fleet: &Fleet,
    seeds: &SeedTree,
    work: WorkOf<'_>,
    of: impl Fn(&RoundOutcome) -> T + Sync,
) -> Result<Vec<T>, ValidationError> {
    let each = rounds.div_ceil(FEDERATIONS);
    let all =
        replicate(seeds, FEDERATIONS, |seeds| Ok(run(config, each, fleet, seeds, work, &of)?.0))?;
    Ok(all.into_iter().flatten().collect())
}

/// One forward phase of so many FLOPs, and so many bytes each way.
pub(super) fn work(flops: u128, download: u64, upload: u64) -> Workload {
    let (kind, precision) = (PhaseKind::Forward, Precision::F32);
    let phase = Phase { kind, precision, flops: Flops::new(flops), traffic: Bytes::new(8) };
    Workload {
        phases: vec![phase],
        peak_memory: Bytes::new(1_000),
        download: Bytes::new(download),
        upload: Bytes::new(upload),
    }
}

/// FLOPs that take a device of 1 GFLOP/s so long.
pub(super) fn flops(time: Seconds) -> u128 {
    (time.get() * 1e9).ceil() as u128
}

/// A time of `law` for this client in this exchange, from a stream of its own.
pub(super) fn drawn(law: Law, seeds: &SeedTree, exchange: Exchange, client: ClientId) -> Seconds {
    let entity = (exchange.round << 32) | u64::from(client);
    // Without rounds a client may be asked again at the same version.
    let seeds =
        if exchange.index == 0 { *seeds } else { seeds.subtree("again", exchange.index.into()) };
    law.quantile(open_unit(&mut seeds.stream("work", entity)))
}

/// How long a round lasted [s].
pub(super) fn duration(round: &RoundOutcome) -> f64 {
    round.closed.since(round.opened).unwrap_or_default().as_seconds()
}

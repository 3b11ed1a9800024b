//! Nothing is lost and nothing invented, in random worlds; and threads change nothing.

use fleetune::federation::{Closing, FederationConfig, RoundOutcome, RunOutcome};
use fleetune_algorithms::protocol::{Exchange, Server, Verdict};
use fleetune_devices::{Fleet, Workload};
use fleetune_units::{BytesPerSecond, Flops, Seconds};
use proptest::prelude::*;

use super::diary::Diary;
use super::world::{POWER, SPEC, Script, Spec, config, fleet, run, work};

/// A client's energy from its times, by the powers of the states.
fn energy_of_times(round: &RoundOutcome) -> f64 {
    let [idle, compute, transmit, receive] = POWER;
    round
        .clients
        .iter()
        .map(|client| {
            let times = client.times;
            receive * times.download.as_seconds()
                + compute * times.compute.as_seconds()
                + transmit * times.upload.as_seconds()
                + idle * times.wait.as_seconds()
        })
        .sum()
}

/// What must hold in every world, whatever happened in it.
#[track_caller]
pub(super) fn check(
    outcome: &RunOutcome,
    diary: &Diary,
    script: &Script,
    work: impl Fn(Exchange, u32) -> Workload,
) {
    // The books of the rounds add up to those of the run, and useful is what was joined.
    let books = diary.rounds.iter().map(RoundOutcome::spent).sum::<fleetune::federation::Ledger>();
    let ledger = outcome.standing.ledger;
    assert_eq!(
        (books.useful.device_flops, books.useful.uplink, books.useful.downlink),
        (ledger.useful.device_flops, ledger.useful.uplink, ledger.useful.downlink)
    );
    assert_eq!(
        (books.wasted.device_flops, books.wasted.uplink, books.wasted.downlink),
        (ledger.wasted.device_flops, ledger.wasted.uplink, ledger.wasted.downlink)
    );
    let joined = || {
        script
            .joined
            .iter()
            .flat_map(|(exchange, clients)| clients.iter().map(|&client| work(*exchange, client)))
    };
    assert_eq!(ledger.useful.uplink, joined().map(|w| w.upload).sum());
    assert_eq!(ledger.useful.downlink, joined().map(|w| w.download).sum());
    assert_eq!(ledger.useful.device_flops, joined().map(|w| w.flops()).sum());
    assert_eq!(script.jobs_run.load(std::sync::atomic::Ordering::Relaxed), joined().count());
    // Every exchange has its cohort told, once; only what was handed out after that is run; who is joined was asked.
    let exchanges: Vec<_> = script.convened.iter().map(|(exchange, _)| *exchange).collect();
    assert!(exchanges.windows(2).all(|pair| pair[0] < pair[1]), "{exchanges:?}");
    assert_eq!(script.hasty.load(std::sync::atomic::Ordering::Relaxed), 0);
    for (exchange, clients) in &script.joined {
        let asked = script.convened.iter().find(|(convened, _)| convened == exchange);
        let (_, asked) = asked.expect("it was convened");
        assert!(clients.iter().all(|client| asked.contains(client)));
    }
    for round in &diary.rounds {
        let asked: Vec<_> = round.clients.iter().map(|client| client.client).collect();
        let convened = script
            .convened
            .iter()
            .filter(|(exchange, _)| (exchange.round, exchange.index) == (round.round, 0));
        assert_eq!(convened.map(|(_, cohort)| cohort).collect::<Vec<_>>(), [&asked]);
        let told = script.convened.iter().filter(|(exchange, _)| exchange.round == round.round);
        assert_eq!(told.count(), round.exchanges as usize);
    }
    // The server's work is that of what it joined, and what the end of the run broke off.
    let server = script.join_counted();
    let broken = diary.rounds.last().is_some_and(|round| round.closing == Closing::Interrupted);
    assert!(
        server == outcome.standing.server_flops || broken && server < outcome.standing.server_flops
    );
    // Energy is the integral of power over the times told.
    let expected: f64 = diary.rounds.iter().map(energy_of_times).sum();
    let energy = ledger.total().energy.get();
    assert!((energy - expected).abs() <= 1e-9 * expected, "{energy} J, expected {expected} J");
    // Rounds follow one another, and no client is engaged outside of its round.
    for pair in diary.rounds.windows(2) {
        assert!(pair[0].closed <= pair[1].opened);
        assert_eq!(pair[0].round + 1, pair[1].round);
        assert_eq!(pair[1].opened.since(pair[0].closed), Some(pair[1].waited));
    }
    for round in &diary.rounds {
        let length = round.closed.since(round.opened).unwrap();
        assert!(round.clients.iter().all(|client| client.times.engaged() <= length));
        let mut clients: Vec<_> = round.clients.iter().map(|client| client.client).collect();
        clients.sort_unstable();
        clients.dedup();
        assert_eq!(clients.len(), round.clients.len(), "a client was asked twice");
    }
    // Cumulative resources never shrink.
    for pair in diary.standings.windows(2) {
        let (before, after) = (pair[0].ledger.total(), pair[1].ledger.total());
        assert!(before.device_flops <= after.device_flops && before.energy <= after.energy);
        assert!(before.uplink <= after.uplink && before.downlink <= after.downlink);
    }
}

#[derive(Debug, Clone)]
struct World {
    specs: Vec<Spec>,
    config: FederationConfig,
    exchanges: u32,
    /// The server's FLOPs for each update, in tenths of what it does in a second.
    joining: u32,
    seed: u64,
}

impl World {
    fn work(seed: u64) -> impl Fn(Exchange, u32) -> Workload + Send + Clone + 'static {
        move |exchange, client| {
            let n = u64::from(client) + 3 * u64::from(exchange.index) + exchange.round + seed % 7;
            work(u128::from(n % 5) * 300_000_001, (n % 3) * 200_003, (n % 4) * 100_007)
        }
    }

    fn fleet(&self) -> Fleet {
        fleet(&self.specs)
    }

    fn script(&self) -> Script {
        let (more, joining) = (self.exchanges, u128::from(self.joining) * 100_000_000);
        Script::new(Self::work(self.seed))
            .saying(move |exchange| {
                if exchange.index + 1 < more { Verdict::SameCohort } else { Verdict::RoundOver }
            })
            .joining(move |exchange, _| Flops::new(joining * u128::from(exchange.round % 2)))
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let spec = (1_u32..30, 1_u32..30, 0_u32..50, prop::option::of((1_u32..30, 1_u32..10)));
    let spec = spec.prop_map(|(speed, rate, latency, means)| Spec {
        gflops: f64::from(speed) / 10.0,
        megabytes_per_second: f64::from(rate) / 10.0,
        latency: f64::from(latency) / 1000.0 + 0.001,
        means: means.map(|(on, off)| (f64::from(on) / 5.0, f64::from(off) / 5.0)),
        ..SPEC
    });
    let fleet = prop::collection::vec(spec, 1..12);
    let server = (1_u32..4, 0_u32..5);
    (fleet, 1_u32..8, 10_u32..25, 1_u32..40, 1_u32..30, server, any::<u64>()).prop_map(
        |(specs, cohort, factor, deadline, capacity, (exchanges, joining), seed)| {
            let mut config = config(cohort);
            config.over_commitment = f64::from(factor) / 10.0;
            config.deadline = Some(Seconds::from_raw(f64::from(deadline) / 10.0));
            config.server.downlink = BytesPerSecond::from_raw(f64::from(capacity) * 1e5);
            config.stop.simulated_time = Some(Seconds::from_raw(60.0));
            World { specs, config, exchanges, joining, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_keeps_its_books(world in worlds()) {
        let mut script = world.script();
        let (outcome, diary) = run(&world.config, &world.fleet(), world.seed, &mut script);
        check(&outcome, &diary, &script, World::work(world.seed));
    }

    #[test]
    fn threads_change_nothing(world in worlds()) {
        let history = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut script = world.script();
            let (outcome, diary) =
                pool.install(|| run(&world.config, &world.fleet(), world.seed, &mut script));
            (serde_json::to_string(&(outcome, diary.rounds)).unwrap(), script.joined)
        };
        prop_assert_eq!(history(1), history(2));
    }
}

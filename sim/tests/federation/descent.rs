//! L5: time to accuracy from end to end, where it can be written down: zeroth-order descent on a bowl by a fleet whose
//! computing times are exponential.
//!
//! n clients with a direction each take `|x|² / 2` of d parameters down by a random factor W a round. By the
//! rotational symmetry of Gaussian directions W has one law wherever x is, and with S ~ χ²(n) and Q ~ χ²(d - 1)
//! independent, `W = (1 - η S / n)² + (η / n)² S Q`: its mean is L4's `1 - 2 η + η² (d + n + 1) / n`. A round lasts
//! `D + H_n / λ` in the mean (R1), D being the transfers. So the logarithm of the loss falls by `E log W` in that time.

use std::{ops::ControlFlow, sync::Arc};

use fleetune::federation::{Federation, Observer, ObserverError, Standing};
use fleetune_algorithms::{
    protocol::{
        Assignment, ClientId, Counted, Estimate, Exchange, Losses, Payload, ProtocolError,
        Restoring, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    zeroth_order::{Along, Plan, SplitLoss, StepDirections, apply, project},
};
use fleetune_devices::streams::SeedTree;
use fleetune_models::{
    backend::Backend,
    parameters::{Layout, Trainable, Weights},
    transformer::Classifier,
};
use fleetune_units::Bytes;
use fleetune_validation::acceptance::accept;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::world::{SPEC, Spec, config, fleet, uniform, work};
use crate::tiny::{adapted, architecture, noise};

/// Clients, all asked in every round.
const N: u32 = 10;
const ROUNDS: u64 = 600;
const SEEDS: u64 = 80;
/// Bytes per second of every device.
const LINK: f64 = 1000.0;

/// `|x|² / 2`, seen from x.
struct Bowl<'a>(&'a [f32]);

impl SplitLoss for Bowl<'_> {
    type Boundary = ();

    fn lower(&mut self, _: Option<Along<'_>>) {}

    fn loss(&mut self, (): &(), along: Option<Along<'_>>) -> f64 {
        let (z, by) = along.expect("a two-sided difference is never taken at rest");
        let terms = self.0.iter().zip(z);
        terms.map(|(&x, &z)| (f64::from(x) + by * f64::from(z)).powi(2) / 2.0).sum()
    }
}

/// The protocol's server for that: scalars up, the model down, the step by the mean of all.
struct Descent {
    x: Arc<Weights>,
    rate: f64,
    seed: u64,
}

impl Descent {
    const PLAN: Plan = Plan {
        split: 0,
        lower: 1,
        upper: 1,
        variant: fleetune_algorithms::zeroth_order::Variant::Joint,
        difference: fleetune_algorithms::zeroth_order::Difference::TwoSided,
        distribution: fleetune_algorithms::noise::Distribution::Gaussian,
    };

    fn directions(&self, exchange: Exchange, client: ClientId) -> StepDirections {
        let of = SeedTree::new(self.seed).subtree("client", client.into());
        StepDirections::derive(&self.x.layout, Self::PLAN, of.seed("round", exchange.round))
    }
}

impl Server for Descent {
    /// Work of 1 s in the mean, exponentially distributed, on a device of 1 GFLOP/s.
    fn assign(&self, exchange: Exchange, client: ClientId, _: &dyn Estimate) -> Assignment {
        let flops = (-libm::log(uniform(self.seed, exchange, client)) * 1e9).ceil() as u128;
        let [down, up] = [self.x.values.len(), 1].map(|values| Payload::size(values).get());
        let workload = work(flops, down, up);
        let (flops, traffic) = (workload.flops(), workload.traffic());
        let peak_memory = workload.peak_memory;
        let (x, z) = (Arc::clone(&self.x), self.directions(exchange, client));
        let job = Box::new(move || {
            // The wider the difference, the less of it is rounding; on a bowl it is exact.
            let width = Bowl(&x.values).size().sqrt();
            let payload = Payload::Scalars(project(&mut Bowl(&x.values), Self::PLAN, width, &z));
            let upload = Bytes::new(payload.encode(exchange.round).len() as u64);
            let counted = Counted { flops, traffic, upload, peak_memory };
            Update { payload, examples: 1, counted, kept: None, losses: Losses::default() }
        });
        Assignment { workload, job }
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let mut next = Weights::clone(&self.x);
        for (client, update) in &updates {
            let Payload::Scalars(scalars) = &update.payload else { panic!("scalars go up") };
            let step = self.rate / updates.len() as f64;
            let z = self.directions(exchange, *client);
            apply(&mut next, Self::PLAN, &z, scalars, &|_| step);
        }
        self.x = Arc::new(next);
        Ok(Verdict::RoundOver)
    }

    /// No script is ever resumed.
    fn save(&self, _: &mut Snapshot) {}

    fn restore(&mut self, _: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn weights(&self) -> &Weights {
        &self.x
    }

    fn model(&self) -> Classifier {
        unreachable!("a bowl is no classifier")
    }
}

impl Bowl<'_> {
    fn size(&self) -> f64 {
        self.0.iter().map(|&x| f64::from(x).powi(2)).sum()
    }
}

/// When each round ended, and the loss then.
#[derive(Default)]
struct Curve(Vec<Point>);

type Point = (f64, f64);

impl Observer for Curve {
    fn evaluate(
        &mut self,
        standing: &Standing,
        server: &dyn Server,
    ) -> Result<ControlFlow<()>, ObserverError> {
        self.0.push((standing.time.as_seconds(), Bowl(&server.weights().values).size() / 2.0));
        Ok(ControlFlow::Continue(()))
    }

    fn round(
        &mut self,
        _: &Standing,
        _: &fleetune::federation::RoundOutcome,
    ) -> Result<ControlFlow<()>, ObserverError> {
        Ok(ControlFlow::Continue(()))
    }
}

/// The curve of a seed; the start is common to all.
fn curve(layout: &Arc<Layout>, rate: f64, seed: u64) -> Vec<Point> {
    let mut draw = noise(4);
    let values = (0..layout.len()).map(|_| draw()).collect();
    let x = Arc::new(Weights { layout: Arc::clone(layout), values });
    let mut server = Descent { x, rate, seed };
    let mut config = config(N);
    (config.stop.rounds, config.evaluate_every) = (ROUNDS, 1);
    let spec = Spec { megabytes_per_second: LINK / 1e6, ..SPEC };
    let (fleet, mut curve) = (fleet(&vec![spec; N as usize]), Curve::default());
    let seeds = SeedTree::new(seed);
    Federation::new(&config, &fleet, seeds, &mut server, &mut curve).unwrap().run().unwrap();
    curve.0
}

/// `E log W`, by the midpoints of equally likely parts of S and Q.
fn log_slope(d: f64, rate: f64) -> f64 {
    const PARTS: u32 = 300;
    let n = f64::from(N);
    let quantiles = |freedom: f64| -> Vec<f64> {
        let law = ChiSquared::new(freedom).unwrap();
        let middle = |i: u32| (f64::from(i) + 0.5) / f64::from(PARTS);
        (0..PARTS).map(|i| law.inverse_cdf(middle(i))).collect()
    };
    let (s, q) = (quantiles(n), quantiles(d - 1.0));
    let log = |s: f64, q: f64| {
        let step = rate / n;
        libm::log((1.0 - step * s).powi(2) + step * step * s * q)
    };
    let sum: f64 = s.iter().flat_map(|&s| q.iter().map(move |&q| log(s, q))).sum();
    sum / f64::from(PARTS * PARTS)
}

#[test]
fn time_to_accuracy_is_the_slope_of_the_descent_times_the_time_of_a_round() {
    let device = Backend::Flex.device();
    let layout = adapted(&architecture(1), (6, Trainable::Head), 1, &device).1;
    let (d, n) = (layout.len() as f64, f64::from(N));
    let rate = n / (d + n + 1.0);
    let curves: Vec<_> = (0..SEEDS).map(|seed| curve(&layout, rate, seed)).collect();
    assert!(curves.iter().all(|curve| curve.len() as u64 == ROUNDS + 1));

    // L4, of every round of every seed.
    let ratios = |curve: &Vec<Point>| -> Vec<f64> {
        curve.windows(2).map(|pair| pair[1].1 / pair[0].1).collect()
    };
    let ratios: Vec<f64> = curves.iter().flat_map(ratios).collect();
    accept("E W", &ratios, 1.0 - n / (d + n + 1.0));

    // The slope and the time of a round, of seeds.
    let slope = log_slope(d, rate);
    let transfers = (Payload::size(layout.len()).get() + Payload::size(1).get()) as f64 / LINK;
    let round = transfers + (1..=N).map(|k| 1.0 / f64::from(k)).sum::<f64>();
    let rounds = ROUNDS as f64;
    let start = curves[0][0].1;
    let column = |of: &dyn Fn(&[Point]) -> f64| -> Vec<f64> {
        curves.iter().map(|curve| of(curve)).collect()
    };
    let last = |curve: &[Point]| curve[ROUNDS as usize];
    accept("log loss", &column(&|c| libm::log(start / last(c).1)), -rounds * slope);
    accept("time", &column(&|c| last(c).0), rounds * round);

    // The first evaluation at a loss of e^-40 of the start: half a round late, in the mean.
    let target = start * libm::exp(-40.0);
    let reached = column(&|c| c.iter().find(|(_, loss)| *loss <= target).unwrap().0);
    accept("time to accuracy", &reached, 40.0 / -slope * round + 0.5 * round);

    // At any time the predicted curve lies within the band of the seeds.
    let log_loss_at = |curve: &[Point], time: f64| {
        libm::log(curve.iter().rfind(|(at, _)| *at <= time).unwrap().1)
    };
    for part in 1..=20 {
        let time = f64::from(part) / 20.0 * 0.9 * rounds * round;
        let predicted = libm::log(start) + slope * time / round;
        let seeds = column(&|c| log_loss_at(c, time));
        let [low, high] = [f64::min, f64::max].map(|of| seeds.iter().copied().reduce(of).unwrap());
        assert!((low..=high).contains(&predicted), "{time} s: {predicted}, {low} to {high}");
    }
}

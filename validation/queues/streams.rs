//! Q11: random streams.

use fleetune_devices::streams::{SeedTree, open_unit};
use fleetune_kernel::{Calendar, Class, Event, SimTime};
use fleetune_units::Seconds;

use super::span;
use crate::{
    Experiment, Finding, Law, Measurement, ValidationError,
    statistics::{chi_squared, kolmogorov},
};

pub(super) const STREAMS: Experiment = Experiment {
    id: "Q11",
    title: "Random streams",
    statement: "Each law is what it says; streams of different purposes, entities and roots are \
                independent; Poisson streams add up to one; and a device that joins the fleet \
                changes nothing in the events of the others.",
    closed_form: "Kolmogorov and Smirnov's D for continuous laws, √(χ²/n) for discrete ones; the \
                  sum of Poisson streams is Poisson with the sum of the rates",
    measure: streams,
};

#[derive(Debug, Clone, Copy)]
struct Ticks {
    device: u64,
}

impl Event for Ticks {
    fn entity(&self) -> String {
        format!("device {}", self.device)
    }
}

/// When which device ticked.
type Log = Vec<(SimTime, u64)>;

/// Device i ticks as a Poisson stream of rate (i + 1) per second.
fn ticks(seeds: &SeedTree, devices: u64, until: Seconds) -> Result<Log, ValidationError> {
    let mut streams: Vec<_> = (0..devices).map(|i| seeds.stream("ticks", i)).collect();
    let gap = |device: u64| Law::Exponential { mean: Seconds::from_raw(1.0 / (device + 1) as f64) };
    let end = SimTime::ZERO.after(span(until)?)?;
    let mut calendar = Calendar::new();
    for device in 0..devices {
        let first = span(gap(device).sample(&mut streams[device as usize]))?;
        calendar.schedule_in(first, Class::Arrival, Ticks { device })?;
    }
    let mut log = Vec::new();
    while let Some(fired) = calendar.advance() {
        if fired.time >= end {
            break;
        }
        let Ticks { device } = fired.event;
        log.push((fired.time, device));
        let next = span(gap(device).sample(&mut streams[device as usize]))?;
        calendar.schedule_in(next, Class::Arrival, fired.event)?;
    }
    Ok(log)
}

fn streams(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = laws(seeds);
    findings.extend(independence(seeds));
    findings.extend(superposition(seeds)?);
    Ok(findings.into())
}

fn laws(seeds: &SeedTree) -> Vec<Finding> {
    let second = Seconds::from_raw(1.0);
    let laws = [
        ("exponential", Law::Exponential { mean: second }),
        ("uniform", Law::Uniform { low: second, high: Seconds::from_raw(3.0) }),
        ("log-normal", Law::LogNormal { mean: second, variation: 0.8 }),
        ("Weibull", Law::Weibull { shape: 0.7, scale: second }),
        ("Pareto", Law::Pareto { shape: 2.5, scale: second }),
    ];
    (0..)
        .zip(laws)
        .map(|(entity, (name, law))| {
            let mut rng = seeds.stream("samples of a law", entity);
            let samples = (0..20_000).map(|_| law.sample(&mut rng).get()).collect();
            kolmogorov(format!("{name} samples"), samples, |t| law.cdf(Seconds::from_raw(t)))
        })
        .collect()
}

/// Cells of one axis of a table of pairs.
const CELLS: usize = 8;

fn cell(rng: &mut impl rand::Rng) -> usize {
    (open_unit(rng) * CELLS as f64) as usize
}

/// Pairs from two streams fill a square evenly: each is uniform, and they are independent.
fn independence(seeds: &SeedTree) -> Vec<Finding> {
    let other_root = SeedTree::new(seeds.root() ^ 1);
    let pairs = [
        ("one stream, draw by draw", seeds.stream("pairs", 0), None),
        ("two entities", seeds.stream("pairs", 0), Some(seeds.stream("pairs", 1))),
        ("two purposes", seeds.stream("pairs", 0), Some(seeds.stream("pairs again", 0))),
        ("two roots", seeds.stream("pairs", 0), Some(other_root.stream("pairs", 0))),
    ];
    let law = [1.0 / (CELLS * CELLS) as f64; CELLS * CELLS];
    pairs
        .into_iter()
        .map(|(name, mut one, mut other)| {
            let mut counts = [0; CELLS * CELLS];
            for _ in 0..350_000 {
                let x = cell(&mut one);
                let y = cell(other.as_mut().unwrap_or(&mut one));
                counts[CELLS * x + y] += 1;
            }
            chi_squared(format!("pairs from {name}"), &counts, &law)
        })
        .collect()
}

fn superposition(seeds: &SeedTree) -> Result<Vec<Finding>, ValidationError> {
    let devices = 5;
    // 1 + 2 + 3 + 4 + 5 per second.
    let rate = 15.0;
    let until = Seconds::from_raw(30_000.0);
    let log = ticks(seeds, devices, until)?;
    let gaps = log.windows(2).take(20_000).filter_map(|pair| pair[1].0.since(pair[0].0));
    let gaps = gaps.map(|gap| gap.as_seconds()).collect();
    let law = Law::Exponential { mean: Seconds::from_raw(1.0 / rate) };
    let mut findings = vec![kolmogorov("gaps of five Poisson streams in one", gaps, |gap| {
        law.cdf(Seconds::from_raw(gap))
    })];

    // Ticks in intervals of 1/5 s: Poisson with mean 3; ten or more in one cell.
    let mean = rate / 5.0;
    let mut intervals = vec![0_usize; (until.get() * 5.0) as usize];
    for (time, _) in &log {
        intervals[(time.as_nanos() / 200_000_000) as usize] += 1;
    }
    let mut counts = [0; 11];
    for ticks in intervals {
        counts[ticks.min(10)] += 1;
    }
    let mut poisson = [0.0; 11];
    let mut term = libm::exp(-mean);
    for (k, p) in poisson.iter_mut().enumerate().take(10) {
        *p = term;
        term *= mean / (k + 1) as f64;
    }
    poisson[10] = 1.0 - poisson[..10].iter().sum::<f64>();
    findings.push(chi_squared("ticks of five Poisson streams in 0.2 s", &counts, &poisson));

    let mut with_another = ticks(seeds, devices + 1, until)?;
    with_another.retain(|&(_, device)| device < devices);
    let (ours, theirs) = (log.len() as u128, with_another.len() as u128);
    findings.push(Finding::exact("events of five devices beside a sixth", "", ours, theirs));
    let changed = log.iter().zip(&with_another).filter(|(a, b)| a != b).count();
    findings.push(Finding::exact("of these, changed by the sixth", "", 0, changed as u128));
    Ok(findings)
}

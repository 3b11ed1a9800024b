//! ADEL-FL's deadlines and batch sizes for a fleet: what [`choose`](crate::federation::choose) needs to know of it.

use std::num::NonZeroU32;

use fleetune_algorithms::{
    protocol::{Moment, Progress, Server},
    settings::BatchSizes,
};
use fleetune_devices::Workload;
use fleetune_scenarios::{
    pace,
    schema::{Adaptive, BatchBounds},
};
use fleetune_units::Seconds;

use super::{c2::spaced, trials::Trials};
use crate::federation::{
    Bound, Choice, Clock, Deadlines, NoChoice, Pace, RoundDeadline, Wanted, choose as best, sizes,
};

/// Devices by which deadlines are chosen, evenly spaced in order of speed.
const SAMPLE: usize = 64;

/// The batch sizes and the deadlines of all rounds.
pub(super) fn choose(
    trials: &mut Trials<'_>,
    adaptive: &Adaptive,
) -> Result<(BatchSizes, Deadlines), NoChoice> {
    let configured = pace(trials.algorithm()).batch_size;
    let configured = NonZeroU32::new(configured).unwrap_or(NonZeroU32::MIN);
    let (mut server, clock) = trials.server(BatchSizes::Configured);
    let (layers, rates) = course(server.as_mut(), trials.config.stop.rounds);
    let wanted = wanted(adaptive, (layers, trials.cohort()), rates);
    let BatchBounds { smallest, largest } =
        adaptive.batch.unwrap_or(BatchBounds { smallest: configured, largest: configured });
    let most = trials.most([smallest, largest]);
    let able: Vec<u32> = (0..).zip(&most).filter_map(|(id, most)| most.map(|_| id)).collect();
    let alike: Vec<Pace> = able
        .iter()
        .map(|&id| pace_of(trials, (server.as_ref(), &clock), layers, (id, configured)))
        .collect();
    let tried = match adaptive.batch {
        None => vec![BatchSizes::Configured],
        Some(_) => {
            let most: Vec<NonZeroU32> = most.iter().flatten().copied().collect();
            let mean = wanted.budget / wanted.rates.len() as f64;
            let of_able = sizes(&alike, &most, [smallest, largest], mean);
            let devices = trials.devices().len();
            of_able.into_iter().map(|sizes| each(devices, &able, &sizes, smallest)).collect()
        }
    };
    let sample = sample(&able, &alike);
    let paces: Vec<Vec<Pace>> = tried
        .iter()
        .map(|sizes| {
            let (server, clock) = trials.server(sizes.clone());
            let size = |id| NonZeroU32::new(sizes.of(id, configured.get() as usize) as u32);
            let of = |&id: &u32| {
                let size = size(id).unwrap_or(NonZeroU32::MIN);
                pace_of(trials, (server.as_ref(), &clock), layers, (id, size))
            };
            sample.iter().map(of).collect()
        })
        .collect();
    let Choice { mut deadlines, tried: chosen, .. } = best(&wanted, &paces)?;
    if !adaptive.correct {
        for RoundDeadline { missed, .. } in &mut deadlines.0 {
            missed.fill(0.0);
        }
    }
    Ok((tried[chosen].clone(), deadlines))
}

/// Layers, and the learning rate of each round.
fn course(server: &mut dyn Server, rounds: u64) -> (usize, Vec<f64>) {
    let layered = server.layered().expect("`check` refuses algorithms that are not");
    let at = |round: u64| Moment { round, progress: Progress::of(round as f64 / rounds as f64) };
    (layered.layers(), (0..rounds).map(|round| layered.rate(at(round))).collect())
}

fn wanted(adaptive: &Adaptive, (layers, cohort): (usize, u32), rates: Vec<f64>) -> Wanted {
    let bound = Bound {
        convexity: adaptive.bound.convexity.get(),
        gradient: adaptive.bound.gradient.get(),
        deviation: adaptive.bound.deviation.get(),
    };
    let shortest = adaptive.shortest.unwrap_or(Seconds::ZERO);
    Wanted { budget: adaptive.budget, shortest, layers, cohort, rates, bound }
}

/// The pace of a client with so large a batch, at its longest exchange.
fn pace_of(
    trials: &Trials<'_>,
    (server, clock): (&dyn Server, &Clock),
    layers: usize,
    (id, size): (u32, NonZeroU32),
) -> Pace {
    let at = trials.undisturbed(id, clock);
    let work = trials.forecast((server, clock), id);
    let transfers = |work: &Workload| at.download(work) + at.upload(work);
    let most = |time: &dyn Fn(&Workload) -> Seconds| {
        Seconds::from_raw(work.iter().map(|work| time(work).get()).fold(0.0, f64::max))
    };
    let layer = most(&|work| at.compute(work)) / layers as f64;
    // A device of no time has endless speed; so little is none that matters.
    let layer = Seconds::from_raw(layer.get().max(f64::MIN_POSITIVE));
    Pace { transfers: most(&transfers), layer, batch: size.get() }
}

/// Up to [`SAMPLE`] of the devices that can take part.
fn sample(able: &[u32], paces: &[Pace]) -> Vec<u32> {
    let mut order: Vec<(f64, u32)> =
        able.iter().zip(paces).map(|(&id, pace)| (pace.layer.get(), id)).collect();
    order.sort_by(|one, other| one.0.total_cmp(&other.0));
    spaced(&order, SAMPLE).map(|(_, id)| *id).collect()
}

/// Sizes of all devices: those of the `able`, and the smallest of the others.
fn each(devices: usize, able: &[u32], sizes: &[NonZeroU32], smallest: NonZeroU32) -> BatchSizes {
    let mut all = vec![smallest; devices];
    for (&id, &size) in able.iter().zip(sizes) {
        all[id as usize] = size;
    }
    BatchSizes::Each(all.into())
}

//! What a federation fits to its devices before a run: batch sizes, and when rounds stop.
//!
//! Both are chosen from what the algorithm says that work costs and the devices' own estimates say that it takes, as if
//! nobody else were on the network; nothing is trained. The run is then charged for the batches that were chosen, as the
//! plan is.

mod c2;
mod deadlines;
mod trials;

pub use c2::{Balance, Range, balance};

use std::num::NonZeroU32;

use fleetune_algorithms::{
    protocol::Server, settings::BatchSizes, setup::Setup, uplink::Algorithm,
};
use fleetune_scenarios::schema::{Batching, PolicyConfig};

use self::trials::Trials;
use crate::{
    cell::{federation_config, open_server},
    federation::{Deadlines, NoChoice},
    prepare::{Prepared, World},
};

/// An algorithm's server, its devices' batches as the federation fits them, and when rounds stop if it says that.
pub(crate) struct Adapted {
    pub(crate) server: Box<dyn Server>,
    pub(crate) deadlines: Option<Deadlines>,
}

/// Fits an algorithm to the devices of a world as the scenario's federation says.
///
/// # Errors
/// No deadlines can be chosen.
pub(crate) fn adapt(
    prepared: &Prepared,
    world: &World,
    algorithm: &Algorithm,
) -> Result<Adapted, NoChoice> {
    let (batches, deadlines) = fit(prepared, world, algorithm)?;
    Ok(Adapted { server: open(prepared, world, algorithm, batches), deadlines })
}

/// Devices' batches as the federation fits them, and when rounds stop if it says that.
///
/// # Errors
/// No deadlines can be chosen.
pub(crate) fn fit(
    prepared: &Prepared,
    world: &World,
    algorithm: &Algorithm,
) -> Result<(BatchSizes, Option<Deadlines>), NoChoice> {
    let federation = &prepared.scenario.federation;
    let mut trials = Trials::new(prepared, world, algorithm);
    Ok(match (federation.policy, federation.batch) {
        (PolicyConfig::Adaptive(adaptive), _) => {
            let (batches, deadlines) = deadlines::choose(&mut trials, &adaptive)?;
            (batches, Some(deadlines))
        }
        (_, Some(batching)) => (c2_sizes(&mut trials, batching), None),
        (_, None) => (BatchSizes::Configured, None),
    })
}

fn open(
    prepared: &Prepared,
    world: &World,
    algorithm: &Algorithm,
    batches: BatchSizes,
) -> Box<dyn Server> {
    let setup = Setup { batches, ..prepared.setup(world) };
    open_server(setup, algorithm, &federation_config(&prepared.scenario))
}

/// Batch sizes with which all devices take about as long.
fn c2_sizes(trials: &mut Trials<'_>, batching: Batching) -> BatchSizes {
    let Batching { smallest, largest, noise_scale } = batching;
    let cohort = trials.cohort();
    let most = trials.most([smallest, largest]);
    let able: Vec<u32> = (0..).zip(&most).filter_map(|(id, most)| most.map(|_| id)).collect();
    let range = |most: NonZeroU32| Range { smallest, largest: most };
    let ranges: Vec<Range> = most.iter().flatten().copied().map(range).collect();
    let mut duration = |index: usize, size| trials.duration(able[index], size, smallest);
    let balance = balance(&ranges, &mut duration, cohort, noise_scale.get());
    let mut sizes = vec![smallest; most.len()];
    for (client, size) in able.into_iter().zip(balance.sizes) {
        sizes[client as usize] = size;
    }
    BatchSizes::Each(sizes.into())
}

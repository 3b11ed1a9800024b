use std::sync::Arc;

use fleetune_devices::streams::SeedTree;
use rand::RngExt;

use super::pool::Draws;
use crate::protocol::ClientId;

/// Where the directions of a client's steps come from.
#[derive(Clone, Debug)]
pub(crate) enum Seeds {
    /// New ones for every client, round and step.
    Fresh,
    /// New ones for every round and step, the same for all clients (DeComFL).
    Shared,
    /// Drawn from a fixed pool (FedKSeed).
    Pool(Arc<Draws>),
}

impl Seeds {
    /// The seeds of a client's `steps` steps in `round`.
    pub(crate) fn steps(
        &self,
        streams: &SeedTree,
        (client, round): (ClientId, u64),
        steps: usize,
    ) -> Vec<u64> {
        match self {
            Self::Fresh => {
                let of = streams.subtree("directions", u64::from(client)).subtree("round", round);
                (0..steps as u64).map(|step| of.seed("step", step)).collect()
            }
            Self::Shared => {
                let of = streams.subtree("shared directions", 0).subtree("round", round);
                (0..steps as u64).map(|step| of.seed("step", step)).collect()
            }
            Self::Pool(draws) => {
                let chosen = self.chosen(draws, streams, (client, round), steps);
                chosen.into_iter().map(|index| Self::of_pool(streams, index)).collect()
            }
        }
    }

    /// Which seeds of the pool a client draws; nothing without a pool.
    pub(crate) fn indices(
        &self,
        streams: &SeedTree,
        of: (ClientId, u64),
        steps: usize,
    ) -> Vec<usize> {
        match self {
            Self::Pool(draws) => self.chosen(draws, streams, of, steps),
            Self::Fresh | Self::Shared => Vec::new(),
        }
    }

    fn chosen(
        &self,
        draws: &Draws,
        streams: &SeedTree,
        (client, round): (ClientId, u64),
        steps: usize,
    ) -> Vec<usize> {
        let mut stream = streams.subtree("pool draws", u64::from(client)).stream("round", round);
        (0..steps).map(|_| draws.pick(stream.random::<f64>())).collect()
    }

    /// Seed number `index` of the pool.
    pub(crate) fn of_pool(streams: &SeedTree, index: usize) -> u64 {
        streams.subtree("seed pool", 0).seed("direction", index as u64)
    }
}

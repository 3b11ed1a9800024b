use std::{collections::BTreeMap, num::NonZeroU32};

use fleetune_algorithms::{
    protocol::{Estimate, Horizon, Server},
    settings::BatchSizes,
    uplink::Algorithm,
};
use fleetune_devices::{Device, Workload, network::Alone};
use fleetune_units::Seconds;

use super::{
    c2::{Range, largest},
    open,
};
use crate::{
    cell::federation_config,
    clocks::clock,
    federation::{Clock, FederationConfig, Undisturbed},
    prepare::{Prepared, World},
};

/// An algorithm tried with other batch sizes: what would work cost, and how long would it take?
pub(super) struct Trials<'a> {
    prepared: &'a Prepared,
    world: &'a World,
    algorithm: &'a Algorithm,
    pub(super) config: FederationConfig,
    servers: BTreeMap<NonZeroU32, (Box<dyn Server>, Clock)>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(prepared: &'a Prepared, world: &'a World, algorithm: &'a Algorithm) -> Self {
        let config = federation_config(&prepared.scenario);
        Self { prepared, world, algorithm, config, servers: BTreeMap::new() }
    }

    /// Updates of a round.
    pub(super) fn cohort(&self) -> u32 {
        self.config.cohort
    }

    pub(super) fn algorithm(&self) -> &'a Algorithm {
        self.algorithm
    }

    pub(super) fn devices(&self) -> &'a [Device] {
        &self.world.fleet.devices
    }

    /// The server with these batches, and its clock.
    pub(super) fn server(&self, batches: BatchSizes) -> (Box<dyn Server>, Clock) {
        let server = open(self.prepared, self.world, self.algorithm, batches);
        let clock = clock(self.prepared, self.algorithm, server.as_ref());
        (server, clock)
    }

    /// By this clock, alone on the network.
    pub(super) fn undisturbed<'c>(&'c self, client: u32, clock: &'c Clock) -> Undisturbed<'c> {
        let device = &self.devices()[client as usize];
        Undisturbed { alone: Alone { device, wiring: &self.world.wiring }, clock }
    }

    /// All kinds of exchange of a client of this server.
    pub(super) fn forecast(
        &self,
        (server, clock): (&dyn Server, &Clock),
        client: u32,
    ) -> Vec<Workload> {
        let horizon = Horizon { rounds: self.config.stop.rounds, cohort: self.config.cohort };
        server.forecast(client, &self.undisturbed(client, clock), horizon)
    }

    /// What each kind of exchange takes of a client with so large a batch, and whether it has the memory.
    fn tried(&mut self, client: u32, size: NonZeroU32) -> Vec<(Seconds, bool)> {
        if !self.servers.contains_key(&size) {
            let opened = self.server(BatchSizes::Same(size));
            self.servers.insert(size, opened);
        }
        let (server, clock) = &self.servers[&size];
        let at = self.undisturbed(client, clock);
        let work = self.forecast((server.as_ref(), clock), client);
        work.iter().map(|work| (at.duration(work), at.device().can_run(work))).collect()
    }

    /// The longest of the exchanges for which the client has the memory with the smallest batch.
    pub(super) fn duration(
        &mut self,
        client: u32,
        size: NonZeroU32,
        smallest: NonZeroU32,
    ) -> Seconds {
        let able = self.tried(client, smallest);
        let tried = self.tried(client, size);
        let mine = tried.iter().zip(able.iter().map(|(_, fits)| *fits));
        let longest = mine.filter(|(_, able)| *able).map(|((time, _), _)| time.get());
        Seconds::from_raw(longest.fold(0.0, f64::max))
    }

    /// By device, the largest batch within bounds with which no exchange exceeds its memory that does not with the
    /// smallest; nothing if the device cannot take part at all.
    pub(super) fn most(
        &mut self,
        [smallest, largest_wanted]: [NonZeroU32; 2],
    ) -> Vec<Option<NonZeroU32>> {
        (0..self.devices().len() as u32)
            .map(|client| {
                let able = self.tried(client, smallest);
                able.iter().any(|(_, fits)| *fits).then(|| {
                    let range = Range { smallest, largest: largest_wanted };
                    largest(range, &mut |size| {
                        let tried = self.tried(client, size);
                        tried.iter().zip(&able).all(|((_, fits), (_, able))| *fits || !able)
                    })
                })
            })
            .collect()
    }
}

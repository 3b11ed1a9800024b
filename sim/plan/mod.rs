//! What a round will cost, without training anything.
//!
//! The figures come from the same assignments that a run charges, so they hold exactly where batches have a fixed
//! length; where they do not, the least and the most over clients, batches and kinds of exchange bound them.

mod explain;

use std::collections::BTreeMap;

use fleetune_algorithms::{
    protocol::{Horizon, Scope},
    uplink::Algorithm,
};
use fleetune_devices::{Workload, network::Alone};
use fleetune_units::{Bytes, Flops, Joules, Seconds};

pub use self::explain::{Explained, Figure, explain};
use crate::{
    adapt::adapt,
    cell::federation_config,
    clocks::clock,
    federation::{NoChoice, Undisturbed},
    prepare::{PrepareError, Prepared, World},
};

/// The least and the most of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread<T> {
    /// The least.
    pub least: T,
    /// The most.
    pub most: T,
}

impl<T: PartialOrd + Copy> Spread<T> {
    /// Of one value.
    fn one(value: T) -> Self {
        Self { least: value, most: value }
    }

    /// And of one more.
    fn with(self, value: T) -> Self {
        Self {
            least: if value < self.least { value } else { self.least },
            most: if value > self.most { value } else { self.most },
        }
    }

    /// Whether there is no spread.
    pub fn is_exact(&self) -> bool {
        self.least == self.most
    }
}

/// What an algorithm asks of a client in one exchange, and how each device profile copes.
#[derive(Clone, Debug)]
pub struct AlgorithmPlan {
    /// The algorithm's label.
    pub label: String,
    /// Device FLOPs of one client's exchange.
    pub flops: Spread<Flops>,
    /// Bytes to the client.
    pub download: Spread<Bytes>,
    /// Bytes from the client.
    pub upload: Spread<Bytes>,
    /// Peak memory on the device.
    pub memory: Spread<Bytes>,
    /// Where these figures come from, for the first client of the first replication.
    pub explained: Vec<Explained>,
    /// The profiles of the fleet, in the order of its groups.
    pub profiles: Vec<ProfilePlan>,
}

/// How one device profile copes with one exchange.
#[derive(Clone, Debug)]
pub struct ProfilePlan {
    /// The profile's name.
    pub profile: String,
    /// Devices of it in the fleet.
    pub devices: usize,
    /// Memory that training may use there.
    pub budget: Bytes,
    /// Whether the algorithm's memory fits.
    pub fits: bool,
    /// How much memory is missing, at most.
    pub short: Bytes,
    /// Computing time.
    pub compute: Spread<Seconds>,
    /// Time on the network if nobody else transfers.
    pub transfer: Spread<Seconds>,
    /// Energy of download, computing and upload, waiting apart.
    pub energy: Spread<Joules>,
}

/// Plans every algorithm of a scenario, on the fleets of all its replications.
///
/// # Errors
/// If a world cannot be made.
pub fn plan(prepared: &Prepared) -> Result<Vec<AlgorithmPlan>, PrepareError> {
    let worlds = worlds(prepared)?;
    let mut plans = Vec::new();
    for (label, config) in &prepared.scenario.algorithms {
        let Some(plan) = plan_one(prepared, &worlds, label.as_str(), config)? else { continue };
        let explained = match worlds.first() {
            Some(world) => explain(prepared, world, config)?,
            None => Vec::new(),
        };
        plans.push(AlgorithmPlan { explained, ..plan });
    }
    Ok(plans)
}

/// The worlds of all replications.
pub(crate) fn worlds(prepared: &Prepared) -> Result<Vec<World>, PrepareError> {
    (0..u64::from(prepared.scenario.seeds)).map(|seed| prepared.world(seed)).collect()
}

/// Plans one algorithm, of the scenario or not; nothing if no device is in the fleets.
///
/// # Errors
/// Rounds have deadlines, and none can be chosen.
pub(crate) fn plan_one(
    prepared: &Prepared,
    worlds: &[World],
    label: &str,
    config: &Algorithm,
) -> Result<Option<AlgorithmPlan>, NoChoice> {
    let federation = federation_config(&prepared.scenario);
    let horizon = Horizon { rounds: federation.stop.rounds, cohort: federation.cohort };
    let open = |world| Ok(adapt(prepared, world, config)?.server);
    let servers = worlds.iter().map(open).collect::<Result<Vec<_>, NoChoice>>()?;
    let Some(server) = servers.first() else { return Ok(None) };
    let clock = &clock(prepared, config, server.as_ref());
    let profiles = &prepared.scenario.profiles;
    let mut all = Sums::default();
    for (world, server) in worlds.iter().zip(&servers) {
        let same = server.forecast_scope() == Scope::Fleet;
        let Some(first) = world.fleet.devices.first() else { return Ok(None) };
        let at = |device| Undisturbed { alone: Alone { device, wiring: &world.wiring }, clock };
        let forecast = |client: u32, device| server.forecast(client, &at(device), horizon);
        let common = same.then(|| distinct(forecast(0, first)));
        for (client, device) in (0..).zip(&world.fleet.devices) {
            match &common {
                Some(works) => all.add(&at(device), works),
                None => all.add(&at(device), &distinct(forecast(client, device))),
            }
        }
    }
    Ok(all.plan(label, profiles.keys(), prepared.scenario.seeds))
}

/// Each of `works` once.
fn distinct(works: Vec<Workload>) -> Vec<Workload> {
    let mut once: Vec<Workload> = Vec::new();
    for work in works {
        if !once.contains(&work) {
            once.push(work);
        }
    }
    once
}

/// What was seen so far: of all devices of all replications, one after the other, for a fleet may have millions.
#[derive(Default)]
struct Sums<'a> {
    work: Option<WorkSpread>,
    profiles: BTreeMap<&'a str, ProfileSums>,
}

#[derive(Clone, Copy)]
struct WorkSpread {
    flops: Spread<Flops>,
    download: Spread<Bytes>,
    upload: Spread<Bytes>,
    memory: Spread<Bytes>,
}

struct ProfileSums {
    devices: usize,
    budget: Bytes,
    fits: bool,
    short: Bytes,
    times: Option<[Spread<Seconds>; 2]>,
    energy: Option<Spread<Joules>>,
}

impl<'a> Sums<'a> {
    fn add(&mut self, at: &Undisturbed<'a>, works: &[Workload]) {
        let device = at.device();
        let name = device.profile().name.as_str();
        let budget = device.memory_budget();
        let mine = self.profiles.entry(name).or_insert(ProfileSums {
            devices: 0,
            budget,
            fits: true,
            short: Bytes::new(0),
            times: None,
            energy: None,
        });
        mine.devices += 1;
        for work in works {
            mine.fits &= device.can_run(work);
            let missing = work.peak_memory.get().saturating_sub(budget.get());
            mine.short = mine.short.max(Bytes::new(missing));
            let power = device.power();
            let [download, compute, upload] =
                [at.download(work), at.compute(work), at.upload(work)];
            let energy =
                power.receive * download + power.compute * compute + power.transmit * upload;
            mine.times = Some(match mine.times {
                None => [Spread::one(compute), Spread::one(download + upload)],
                Some([computing, moving]) => {
                    [computing.with(compute), moving.with(download + upload)]
                }
            });
            mine.energy = Some(mine.energy.map_or(Spread::one(energy), |all| all.with(energy)));
            self.work = Some(match self.work {
                None => WorkSpread::one(work),
                Some(all) => all.with(work),
            });
        }
    }

    /// Nothing if there was no device.
    fn plan<'n>(
        self,
        label: &str,
        names: impl Iterator<Item = &'n String>,
        seeds: u32,
    ) -> Option<AlgorithmPlan> {
        let WorkSpread { flops, download, upload, memory } = self.work?;
        let profiles = names.filter_map(|name| {
            let mine = self.profiles.get(name.as_str())?;
            let [compute, transfer] = mine.times?;
            Some(ProfilePlan {
                profile: name.clone(),
                devices: mine.devices / seeds as usize,
                budget: mine.budget,
                fits: mine.fits,
                short: mine.short,
                compute,
                transfer,
                energy: mine.energy?,
            })
        });
        let profiles = profiles.collect();
        let (label, explained) = (label.to_owned(), Vec::new());
        Some(AlgorithmPlan { label, flops, download, upload, memory, explained, profiles })
    }
}

impl WorkSpread {
    fn one(work: &Workload) -> Self {
        Self {
            flops: Spread::one(work.flops()),
            download: Spread::one(work.download),
            upload: Spread::one(work.upload),
            memory: Spread::one(work.peak_memory),
        }
    }

    fn with(self, work: &Workload) -> Self {
        Self {
            flops: self.flops.with(work.flops()),
            download: self.download.with(work.download),
            upload: self.upload.with(work.upload),
            memory: self.memory.with(work.peak_memory),
        }
    }
}

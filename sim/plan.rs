//! What a round will cost, without training anything.
//!
//! The figures come from the same assignments that a run charges, so they hold exactly where batches have a fixed
//! length; where they do not, the least and the most over clients, batches and kinds of exchange bound them.

use fleetune_algorithms::{protocol::Horizon, uplink::Algorithm};
use fleetune_devices::{Workload, network::Alone};
use fleetune_units::{Bytes, Flops, Joules, Seconds};

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
    /// Over at least one value.
    fn over(mut values: impl Iterator<Item = T>) -> Option<Self> {
        let first = values.next()?;
        Some(values.fold(Self { least: first, most: first }, |spread, value| Self {
            least: if value < spread.least { value } else { spread.least },
            most: if value > spread.most { value } else { spread.most },
        }))
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
        plans.extend(plan_one(prepared, &worlds, label.as_str(), config)?);
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
    let Some(first) = servers.first() else { return Ok(None) };
    let clock = &clock(prepared, config, first.as_ref());
    let forecasts = worlds.iter().zip(&servers).flat_map(|(world, server)| {
        let clients = (0..).zip(&world.fleet.devices);
        clients.map(move |(client, device)| {
            let at = Undisturbed { alone: Alone { device, wiring: &world.wiring }, clock };
            (at, server.forecast(client, &at, horizon))
        })
    });
    Ok(plan_algorithm(prepared, label, &forecasts.collect::<Vec<_>>()))
}

/// `forecasts`: of every device of every replication.
fn plan_algorithm(
    prepared: &Prepared,
    label: &str,
    forecasts: &[(Undisturbed<'_>, Vec<Workload>)],
) -> Option<AlgorithmPlan> {
    let all = || forecasts.iter().flat_map(|(_, work)| work);
    let profiles = prepared.scenario.profiles.keys().filter_map(|name| {
        let mine =
            || forecasts.iter().filter(|(at, _)| at.device().profile().name.as_str() == name);
        let (first, _) = mine().next()?;
        let each = || mine().flat_map(|(at, work)| work.iter().map(move |w| (*at, w)));
        let energy = |at: Undisturbed<'_>, work: &Workload| {
            let power = at.device().power();
            power.receive * at.download(work)
                + power.compute * at.compute(work)
                + power.transmit * at.upload(work)
        };
        Some(ProfilePlan {
            profile: name.clone(),
            devices: mine().count() / prepared.scenario.seeds as usize,
            budget: first.device().memory_budget(),
            fits: each().all(|(at, work)| at.device().can_run(work)),
            compute: Spread::over(each().map(|(at, work)| at.compute(work)))?,
            transfer: Spread::over(each().map(|(at, work)| at.download(work) + at.upload(work)))?,
            energy: Spread::over(each().map(|(at, work)| energy(at, work)))?,
        })
    });
    Some(AlgorithmPlan {
        label: label.to_owned(),
        flops: Spread::over(all().map(Workload::flops))?,
        download: Spread::over(all().map(|w| w.download))?,
        upload: Spread::over(all().map(|w| w.upload))?,
        memory: Spread::over(all().map(|w| w.peak_memory))?,
        profiles: profiles.collect(),
    })
}

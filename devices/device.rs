//! One device: what it can do, when it is there, and what it consists of.

use std::{fmt, sync::Arc};

use fleetune_units::{Bytes, BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

use crate::{
    availability::{
        Availability, Process, Sessions,
        trace::{TraceSessions, Traces},
    },
    battery::Battery,
    compute::Processor,
    eligibility::{Eligibility, EligibleSessions, Periods, StateChanges},
    fleet::{AvailabilityMode, FleetConfig, Heterogeneity, Sigma},
    moment::Moment,
    normal::lognormal_mean_one,
    profile::{PowerStates, Profile},
    streams::{SeedTree, open_unit},
    workload::Workload,
};

/// A device's place in its fleet, counted from 0 over all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(pub u32);

impl DeviceId {
    /// As an index into [`Fleet::devices`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device {}", self.0)
    }
}

/// One device: its class and what sets it apart. 40 bytes.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its place in the fleet.
    pub id: DeviceId,
    always_available: bool,
    profile: Arc<Profile>,
    key: u64,
    compute_factor: f64,
    link_factor: f64,
}

impl Device {
    pub(crate) fn draw(
        id: DeviceId,
        key: u64,
        profile: Arc<Profile>,
        config: &FleetConfig,
        seeds: &SeedTree,
    ) -> Self {
        // Without spread the factor is one, and a million streams need not be opened to learn it.
        let factor = |purpose: &str, sigma: Sigma| match sigma.get() {
            0.0 => 1.0,
            sigma => lognormal_mean_one(sigma, open_unit(&mut seeds.stream(purpose, key))),
        };
        let Heterogeneity { compute_sigma, link_sigma } = config.heterogeneity;
        Self {
            id,
            always_available: config.availability == AvailabilityMode::Always,
            profile,
            key,
            compute_factor: factor("device compute factor", compute_sigma),
            link_factor: factor("device link factor", link_sigma),
        }
    }

    /// Its class.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The entity under which it owns random streams; see [`Fleet::draw`] for what it depends on.
    pub const fn stream_key(&self) -> u64 {
        self.key
    }

    /// What multiplies its class's arithmetic speed.
    pub const fn compute_factor(&self) -> f64 {
        self.compute_factor
    }

    /// What multiplies its class's link rates.
    pub const fn link_factor(&self) -> f64 {
        self.link_factor
    }

    /// What a workload may use of its memory.
    pub fn memory_budget(&self) -> Bytes {
        self.profile.memory.budget
    }

    /// Whether the workload's peak memory fits the budget.
    pub fn can_run(&self, workload: &Workload) -> bool {
        workload.peak_memory <= self.memory_budget()
    }

    /// What it draws in each state.
    pub fn power(&self) -> &PowerStates {
        &self.profile.power
    }

    /// The rate of its access link away from it.
    pub fn uplink(&self) -> BytesPerSecond {
        self.profile.link.uplink * self.link_factor
    }

    /// The rate of its access link towards it.
    pub fn downlink(&self) -> BytesPerSecond {
        self.profile.link.downlink * self.link_factor
    }

    /// One way, to the first shared hop.
    pub fn latency(&self) -> Seconds {
        self.profile.link.latency
    }

    /// When it is there: its profile's law, unless the scenario has all devices always there.
    pub fn availability(&self) -> Availability {
        if self.always_available { Availability::Always } else { self.profile.availability }
    }

    /// Its times on and off, from its own stream, beginning in the stationary regime.
    pub fn sessions(&self, seeds: &SeedTree) -> Sessions {
        Sessions::stationary(self.availability(), seeds, self.key)
    }

    /// The law of one of its alternating processes. Without one it is always charging and on
    /// Wi-Fi, and never has background load.
    pub fn law(&self, process: Process) -> Availability {
        let profile = &self.profile;
        match process {
            Process::Availability => self.availability(),
            Process::Charging => profile.charging.unwrap_or_default(),
            Process::Wifi => profile.wifi.unwrap_or_default(),
            Process::BackgroundLoad => {
                profile.background_load.map_or(Availability::Never, |load| load.running)
            }
        }
    }

    /// Its periods in one of its processes: as recorded by `traces`, if they record it and the
    /// scenario does not have all devices always there, else of its law.
    pub fn periods(
        &self,
        process: Process,
        seeds: &SeedTree,
        traces: Option<&Arc<Traces>>,
    ) -> Periods {
        let replayed = !(self.always_available && process == Process::Availability);
        traces
            .filter(|_| replayed)
            .and_then(|traces| TraceSessions::new(traces, process, self.id.0))
            .map_or_else(
                || Periods::Law(Sessions::of(process, self.law(process), seeds, self.key)),
                Periods::Trace,
            )
    }

    /// The moments at which it comes or goes, is plugged in or not, on Wi-Fi or not.
    pub fn state_changes(&self, seeds: &SeedTree, traces: Option<&Arc<Traces>>) -> StateChanges {
        let of = |process| self.periods(process, seeds, traces);
        StateChanges::new(of(Process::Availability), of(Process::Charging), of(Process::Wifi))
    }

    /// The periods in which `policy` admits it, but for its battery. Without conditions and
    /// traces these are [`Self::sessions`], to the bit.
    pub fn eligible_sessions(
        &self,
        policy: Eligibility,
        seeds: &SeedTree,
        traces: Option<&Arc<Traces>>,
    ) -> EligibleSessions {
        let of = |process| self.periods(process, seeds, traces);
        EligibleSessions::new(
            policy,
            of(Process::Availability),
            of(Process::Charging),
            of(Process::Wifi),
        )
    }

    /// Its battery at `start`, if its class has one.
    pub fn battery(&self, start: Moment) -> Option<Battery> {
        self.profile.battery.map(|config| Battery::new(config, start))
    }

    /// Its processor at `start`, if its class throttles or has background load; without one, work
    /// takes as long as the cost mode says.
    pub fn processor(&self, start: Moment, seeds: &SeedTree) -> Option<Processor> {
        let Profile { throttle, background_load, .. } = *self.profile.as_ref();
        (throttle.is_some() || background_load.is_some())
            .then(|| Processor::new(start, throttle, background_load, seeds, self.key))
    }
}

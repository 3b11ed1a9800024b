//! Fleets: how many devices of which class, and what tells one from another.

use std::{fmt, sync::Arc};

use fleetune_units::{Bytes, BytesPerSecond, Seconds};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    availability::{Availability, Sessions},
    error::FleetError,
    library::Profiles,
    normal::lognormal_mean_one,
    profile::{PowerStates, Profile},
    streams::{SeedTree, open_unit},
    validate::bounded_number,
    workload::Workload,
};

/// The most devices a fleet may have.
pub const MAX_DEVICES: u32 = 10_000_000;

/// What a scenario says of its fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetConfig {
    /// How many devices of which profile.
    #[serde(deserialize_with = "at_least_one_group")]
    pub groups: Vec<Group>,
    /// How devices of one profile differ. The default is not at all.
    #[serde(default)]
    pub heterogeneity: Heterogeneity,
    /// Whether profiles decide when their devices are there. The default is `profile`.
    #[serde(default)]
    pub availability: AvailabilityMode,
}

/// Some devices of one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The profile's name.
    pub profile: String,
    /// How many, 1 to [`MAX_DEVICES`].
    pub count: DeviceCount,
}

/// A number of devices, 1 to [`MAX_DEVICES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DeviceCount(u32);

impl DeviceCount {
    /// Checks the range.
    ///
    /// # Errors
    /// `count` is zero or above [`MAX_DEVICES`].
    pub fn new(count: u64) -> Result<Self, String> {
        match u32::try_from(count) {
            Ok(count @ 1..=MAX_DEVICES) => Ok(Self(count)),
            _ => {
                Err(format!("expected a number of devices from 1 to {MAX_DEVICES}; found {count}"))
            }
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for DeviceCount {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(source)?).map_err(D::Error::custom)
    }
}

bounded_number! {
    /// The standard deviation of a factor's logarithm, 0 to 3. At 3 one device in twenty is
    /// already more than a hundred times slower than its class.
    Sigma, "a standard deviation from 0 to 3", |value| (0.0..=3.0).contains(&value)
}

impl Default for Sigma {
    fn default() -> Self {
        Self(0.0)
    }
}

/// Log-normal factors with mean 1 that multiply a profile's speeds, one draw per device:
/// factor = exp(sigma z - sigma²/2) with z standard normal.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heterogeneity {
    /// Of the arithmetic speed. The default is 0.
    #[serde(default)]
    pub compute_sigma: Sigma,
    /// Of the access link, one factor for both directions. The default is 0.
    #[serde(default)]
    pub link_sigma: Sigma,
}

/// Who decides when devices are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AvailabilityMode {
    /// Each device follows its profile.
    #[default]
    Profile,
    /// Every device is there all the time.
    Always,
}

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

/// The devices of one replication.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// By [`DeviceId`], group after group.
    pub devices: Vec<Device>,
}

impl Fleet {
    /// Draws the devices that `config` describes.
    ///
    /// A device's factors depend on the seed, its profile's name, how many earlier groups have the
    /// same profile, and its place in its group; on nothing else. So a group may be enlarged or
    /// another one added without changing the devices that were there.
    ///
    /// # Errors
    /// There is no group, a profile is unknown, or there are more than [`MAX_DEVICES`] devices.
    pub fn draw(
        config: &FleetConfig,
        profiles: &Profiles,
        seeds: &SeedTree,
    ) -> Result<Self, FleetError> {
        let count: u64 = config.groups.iter().map(|group| u64::from(group.count.get())).sum();
        if config.groups.is_empty() {
            return Err(FleetError::NoGroups);
        }
        if count > u64::from(MAX_DEVICES) {
            return Err(FleetError::TooManyDevices { count, limit: MAX_DEVICES });
        }
        let mut devices = Vec::with_capacity(count as usize);
        for (position, group) in config.groups.iter().enumerate() {
            let profile =
                profiles.get(&group.profile).ok_or_else(|| FleetError::UnknownProfile {
                    name: group.profile.clone(),
                    known: profiles.names().map(str::to_owned).collect(),
                })?;
            let earlier = &config.groups[..position];
            let ordinal = earlier.iter().filter(|other| other.profile == group.profile).count();
            // Independent of the replication: the key names the device, the tree varies it.
            let first_key = SeedTree::new(0).seed(&group.profile, ordinal as u64);
            for member in 0..u64::from(group.count.get()) {
                let id = DeviceId(devices.len() as u32);
                let key = first_key.wrapping_add(member);
                devices.push(Device::draw(id, key, Arc::clone(profile), config, seeds));
            }
        }
        Ok(Self { devices })
    }

    /// The device of that id, if the fleet has it.
    pub fn get(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(id.index())
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether there are none; a drawn fleet never is.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

/// One device: its class and what sets it apart. 48 bytes.
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
    fn draw(
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
}

fn at_least_one_group<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Group>, D::Error> {
    let groups = Vec::<Group>::deserialize(source)?;
    if groups.is_empty() {
        return Err(D::Error::custom(FleetError::NoGroups));
    }
    Ok(groups)
}

//! Fleets: how many devices of which class, and what tells one from another.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    availability::trace::TraceConfig, cost::CostMode, eligibility::Eligibility, error::FleetError,
    library::Profiles, streams::SeedTree, validate::bounded_number,
};

// The topology finds them here.
pub(crate) use crate::device::{Device, DeviceId};

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
    /// Recorded times that take the place of the profiles' laws. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceConfig>,
    /// What a device must be to be asked, beside being there. The default is nothing.
    #[serde(default, skip_serializing_if = "Eligibility::is_trivial")]
    pub eligibility: Eligibility,
    /// Whose clock says how long work takes. The default is `roofline`.
    #[serde(default, skip_serializing_if = "CostMode::is_roofline")]
    pub cost: CostMode,
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

fn at_least_one_group<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Group>, D::Error> {
    let groups = Vec::<Group>::deserialize(source)?;
    if groups.is_empty() {
        return Err(D::Error::custom(FleetError::NoGroups));
    }
    Ok(groups)
}

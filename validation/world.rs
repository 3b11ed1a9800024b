//! Devices in round numbers.

use fleetune_devices::{
    Availability, Fleet, FleetConfig, PowerStates, Profile, Profiles, availability::Means,
    streams::SeedTree,
};
use fleetune_units::{Bytes, BytesPerSecond, FlopsPerSecond, Seconds, Watts};

use crate::ValidationError;

/// What an experiment says of a device. The default computes 1 GFLOP/s at any memory traffic, has
/// 1 MB/s each way without latency and 100 MB of memory, draws nothing and is always there.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceSpec {
    /// Arithmetic speed.
    pub speed: FlopsPerSecond,
    /// Memory bandwidth.
    pub bandwidth: BytesPerSecond,
    /// Memory for training.
    pub memory: Bytes,
    /// From the device.
    pub uplink: BytesPerSecond,
    /// To the device.
    pub downlink: BytesPerSecond,
    /// Of its access link, one way.
    pub latency: Seconds,
    /// Power when idle, computing, sending and receiving.
    pub power: [Watts; 4],
    /// Mean times on and off, exponential; always there without.
    pub means: Option<Means>,
}

impl Default for DeviceSpec {
    fn default() -> Self {
        let megabyte = BytesPerSecond::from_raw(1e6);
        Self {
            speed: FlopsPerSecond::from_raw(1e9),
            bandwidth: BytesPerSecond::from_raw(1e18),
            memory: Bytes::new(100_000_000),
            uplink: megabyte,
            downlink: megabyte,
            latency: Seconds::ZERO,
            power: [Watts::ZERO; 4],
            means: None,
        }
    }
}

/// Only its numbers are of interest; they are replaced.
const PROFILE: &str = "\
name: device
description: in round numbers
compute: { peak: { f32: 1 GFLOP/s }, efficiency: 1.0 }
memory: { total: 1 B, budget: 1 B, bandwidth: 1 B/s, efficiency: 1.0 }
link: { uplink: 1 B/s, downlink: 1 B/s, latency: 0 s }
power: { idle: 0 W, compute: 0 W, transmit: 0 W, receive: 0 W }
sources: [{ of: [compute], basis: assumed, text: made for an experiment }]
";

/// A device for each of `specs`, in order, as a fleet draws them.
///
/// # Errors
/// There are none, or too many.
pub fn fleet(specs: &[DeviceSpec]) -> Result<Fleet, ValidationError> {
    let mut profiles = Profiles::empty();
    let mut groups = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let name = format!("device-{index}");
        profiles.insert(profile(&name, spec)?);
        groups.push(format!("{{ profile: {name}, count: 1 }}"));
    }
    let config = format!("groups: [{}]", groups.join(", "));
    let config: FleetConfig = serde_yaml::from_str(&config).map_err(ValidationError::refused)?;
    Fleet::draw(&config, &profiles, &SeedTree::new(0)).map_err(ValidationError::refused)
}

fn profile(name: &str, spec: &DeviceSpec) -> Result<Profile, ValidationError> {
    let read = serde_yaml::from_str(PROFILE);
    let mut profile: Profile = read.map_err(ValidationError::refused)?;
    profile.name = serde_yaml::from_str(name).map_err(ValidationError::refused)?;
    profile.compute.peak.f32 = spec.speed;
    (profile.memory.total, profile.memory.budget) = (spec.memory, spec.memory);
    profile.memory.bandwidth = spec.bandwidth;
    profile.link.uplink = spec.uplink;
    profile.link.downlink = spec.downlink;
    profile.link.latency = spec.latency;
    let [idle, compute, transmit, receive] = spec.power;
    profile.power = PowerStates { idle, compute, transmit, receive };
    profile.availability = spec.means.map_or(Availability::Always, Availability::Exponential);
    Ok(profile)
}

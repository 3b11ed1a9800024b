//! Device classes as data: what is known of them and where from.
//!
//! Every check happens while deserialising, so that an error points at its line.

use std::fmt;

use fleetune_units::{Bytes, BytesPerSecond, FlopsPerSecond, Seconds, Watts};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    availability::Availability,
    battery::BatteryConfig,
    compute::{BackgroundLoad, Throttle},
    radio::RadioTail,
    validate::{bounded_number, positive, positive_or_none},
    workload::Precision,
};

bounded_number! {
    /// The fraction of a theoretical peak that real work sustains, above 0 and at most 1.
    Efficiency, "a fraction above 0 and at most 1", |value| value > 0.0 && value <= 1.0
}

impl Efficiency {
    /// Nothing is lost.
    pub const ONE: Self = Self(1.0);
}

/// A profile's name: lower-case letters, digits and hyphens, such as `raspberry-pi-5`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProfileName(String);

impl ProfileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProfileName {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let name = String::deserialize(source)?;
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            return Err(D::Error::custom(format!(
                "expected a profile name of 1 to 64 lower-case letters, digits and hyphens, such \
                 as \"raspberry-pi-5\"; found {name:?}"
            )));
        }
        Ok(Self(name))
    }
}

/// A class of devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// How scenarios call it.
    pub name: ProfileName,
    /// One sentence for people: which product, which core runs the work.
    pub description: String,
    /// How fast it computes.
    pub compute: Compute,
    /// How much it remembers and how fast.
    pub memory: Memory,
    /// How it reaches the network.
    pub link: Link,
    /// What it draws.
    pub power: PowerStates,
    /// When it takes part. The default is `always`.
    #[serde(default)]
    pub availability: Availability,
    /// When it is plugged in. The default is `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charging: Option<Availability>,
    /// When it is on Wi-Fi. The default is `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wifi: Option<Availability>,
    /// Its battery. The default is none: it lives off the mains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<BatteryConfig>,
    /// How it throttles when hot. The default is not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// What other programs take. The default is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_load: Option<BackgroundLoad>,
    /// What its radio draws after a transfer. The default is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radio_tail: Option<RadioTail>,
    /// Where the numbers come from. At least one.
    #[serde(deserialize_with = "at_least_one")]
    pub sources: Vec<Source>,
}

/// Arithmetic speed: sustained speed = peak x efficiency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// Theoretical peaks by number format.
    pub peak: Peak,
    /// The fraction of the peak that dense products sustain.
    pub efficiency: Efficiency,
    /// Added to every phase of a workload: dispatch and scheduling. The default is zero.
    #[serde(default)]
    pub overhead: Seconds,
}

/// Theoretical peaks by number format; formats without one run at the speed of [`Peak::of`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peak {
    /// IEEE binary32; every device has it.
    #[serde(deserialize_with = "positive")]
    pub f32: FlopsPerSecond,
    /// IEEE binary16, if computed natively.
    #[serde(
        default,
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub f16: Option<FlopsPerSecond>,
    /// bfloat16, if computed natively.
    #[serde(
        default,
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub bf16: Option<FlopsPerSecond>,
    /// 8-bit integers, if computed natively.
    #[serde(
        default,
        alias = "int8",
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub i8: Option<FlopsPerSecond>,
}

impl Peak {
    /// The peak for `precision`. A format without a native peak is widened and computed in f32,
    /// which is what the usual libraries do, and so has f32's peak.
    pub fn of(&self, precision: Precision) -> FlopsPerSecond {
        let native = match precision {
            Precision::F32 => None,
            Precision::F16 => self.f16,
            Precision::BF16 => self.bf16,
            Precision::I8 => self.i8,
        };
        native.unwrap_or(self.f32)
    }
}

/// Main memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "UncheckedMemory")]
pub struct Memory {
    /// What is built in.
    pub total: Bytes,
    /// What a background training app may use of it; at most `total`. A workload whose peak is
    /// above it cannot run.
    pub budget: Bytes,
    /// Theoretical bandwidth.
    pub bandwidth: BytesPerSecond,
    /// The fraction of the bandwidth that streaming sustains.
    pub efficiency: Efficiency,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedMemory {
    #[serde(deserialize_with = "positive")]
    total: Bytes,
    #[serde(deserialize_with = "positive")]
    budget: Bytes,
    #[serde(deserialize_with = "positive")]
    bandwidth: BytesPerSecond,
    efficiency: Efficiency,
}

impl TryFrom<UncheckedMemory> for Memory {
    type Error = String;

    fn try_from(memory: UncheckedMemory) -> Result<Self, String> {
        let UncheckedMemory { total, budget, bandwidth, efficiency } = memory;
        if budget > total {
            return Err(format!("memory budget {budget} is above the total of {total}"));
        }
        Ok(Self { total, budget, bandwidth, efficiency })
    }
}

/// The access link, as a typical device of the class has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// From the device.
    #[serde(deserialize_with = "positive")]
    pub uplink: BytesPerSecond,
    /// To the device.
    #[serde(deserialize_with = "positive")]
    pub downlink: BytesPerSecond,
    /// One way, device to the first shared hop.
    pub latency: Seconds,
}

/// What the whole device draws in each state. States do not add up: transmitting is not
/// transmitting plus idling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerStates {
    /// On, doing nothing for us.
    pub idle: Watts,
    /// All cores busy with the workload.
    pub compute: Watts,
    /// Sending.
    pub transmit: Watts,
    /// Receiving.
    pub receive: Watts,
}

/// How a number came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Stated by the maker or in the system's documentation or source code.
    Published,
    /// Measured by a third party who published it.
    Measured,
    /// Computed from other numbers; `text` shows how.
    Derived,
    /// Nobody has said: the reasoning is in `text`, and a study that leans on it should vary it.
    Assumed,
}

/// Where one or more of a profile's numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Which fields, such as `memory.budget`; a section's name covers all of its fields.
    pub of: Vec<String>,
    /// How they came to be known.
    pub basis: Basis,
    /// The figures as the source has them, or the derivation.
    pub text: String,
    /// Where to look it up, unless derived or assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

fn at_least_one<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Source>, D::Error> {
    let sources = Vec::<Source>::deserialize(source)?;
    if sources.is_empty() {
        return Err(D::Error::custom("a profile without sources says nothing; cite at least one"));
    }
    Ok(sources)
}

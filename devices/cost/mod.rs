//! Cost modes: whose clock says how long an exchange takes.
//!
//! | mode | computation | transfers |
//! |---|---|---|
//! | `roofline` | counted FLOPs and bytes over the profile's speeds | the network's |
//! | [`fedscale`](Fedscale) | 3 x batch x steps x time per sample | (up + down) / bandwidth |
//! | [`fwdllm`](Fwdllm) | a time per batch | parameters x 4 B at 10 Mbit/s |
//! | [`measured`](Measured) | a step time that was measured | the network's |
//!
//! `roofline` is the default and what a study should use. The next two reproduce the clocks of the
//! field's papers, blind spots included, so that a result can be compared with theirs; the last
//! is for who has the device on the desk.

mod fedscale;
mod fwdllm;
mod measured;
mod roofline;

pub use fedscale::{Capacity, CapacityError, Fedscale};
pub use fwdllm::Fwdllm;
pub use measured::{Measured, MissingMeasurement, StepTime};

use fleetune_units::Seconds;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::MapAccess};

use crate::{
    device::Device,
    spelling::{self, OneOf},
    workload::Workload,
};

/// Whose clock. Written `roofline`, `fedscale: {...}`, `fwdllm: {...}` or `measured: [...]`.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum CostMode {
    /// The roofline of the device's profile.
    #[default]
    Roofline,
    /// FedScale's.
    Fedscale(Fedscale),
    /// FwdLLM's.
    Fwdllm(Fwdllm),
    /// Step times that were measured.
    Measured(Measured),
}

/// What a clock may want to know of one exchange of one client.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// What is counted.
    pub workload: &'a Workload,
    /// The kind of algorithm, as scenarios call it.
    pub algorithm: &'a str,
    /// Samples in a batch.
    pub batch: u32,
    /// Batches in the exchange.
    pub steps: u32,
    /// How many parameters are trained.
    pub trainable: u64,
}

/// How long an exchange takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Computing, on an undisturbed device.
    pub compute: Seconds,
    /// Transferring, both ways together; `None` if the network decides.
    pub transfer: Option<Seconds>,
}

impl Times {
    /// Computing and transferring; without the latter if the network decides.
    pub fn total(&self) -> Seconds {
        self.compute + self.transfer.unwrap_or(Seconds::ZERO)
    }
}

impl CostMode {
    /// How long `exchange` takes on `device`.
    ///
    /// # Errors
    /// [`CostMode::Measured`] has no entry for it.
    pub fn times(
        &self,
        device: &Device,
        exchange: &Exchange<'_>,
    ) -> Result<Times, MissingMeasurement> {
        Ok(match self {
            Self::Roofline => {
                Times { compute: device.compute_time(exchange.workload), transfer: None }
            }
            Self::Fedscale(clock) => clock.times(device.id, exchange),
            Self::Fwdllm(clock) => clock.times(exchange),
            Self::Measured(table) => {
                let step = table.step(device.profile().name.as_str(), exchange)?;
                Times { compute: step * f64::from(exchange.steps), transfer: None }
            }
        })
    }

    /// Whether it is the default.
    pub fn is_roofline(&self) -> bool {
        *self == Self::Roofline
    }
}

impl OneOf for CostMode {
    const WHAT: &'static str = "cost mode";
    const FORMS: &'static str =
        "`roofline`, `fedscale: {...}`, `fwdllm: {...}` or `measured: [...]`";
    const NAMES: &'static [&'static str] = &["roofline", "fedscale", "fwdllm", "measured"];

    fn word(name: &str) -> Option<Result<Self, &'static str>> {
        Some(match name {
            "roofline" => Ok(Self::Roofline),
            "fedscale" => Err("fedscale needs its devices, as in `fedscale: { capacities: [{ \
                               per_sample: 25 ms, bandwidth: 5 Mbit/s }] }`"),
            "fwdllm" => Err("fwdllm needs the time of a batch, as in `fwdllm: { step: 308 ms }`"),
            "measured" => Err("measured needs its table, as in `measured: [{ profile: phone-mid, \
                               algorithm: fedspzo, batch: 8, step: 120 ms }]`"),
            _ => return None,
        })
    }

    fn keyed<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Option<Result<Self, A::Error>> {
        Some(match name {
            "fedscale" => map.next_value().map(Self::Fedscale),
            "fwdllm" => map.next_value().map(Self::Fwdllm),
            "measured" => map.next_value().map(Self::Measured),
            _ => return None,
        })
    }
}

impl Serialize for CostMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Roofline => serializer.serialize_str("roofline"),
            Self::Fedscale(clock) => spelling::write(serializer, "fedscale", clock),
            Self::Fwdllm(clock) => spelling::write(serializer, "fwdllm", clock),
            Self::Measured(table) => spelling::write(serializer, "measured", table),
        }
    }
}

impl<'de> Deserialize<'de> for CostMode {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        spelling::read(source)
    }
}

//! How much memory an algorithm's exchanges take, on every device of a fleet.

use fleetune_algorithms::protocol::{Horizon, Scope, Server};
use fleetune_devices::{
    Device,
    network::{Alone, Wiring},
};
use fleetune_units::Bytes;

use super::clock::{Clock, Undisturbed};

/// The peak memory of the least and of the most demanding exchange of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// Of the least; a device with less memory can take no part at all.
    pub least: Bytes,
    /// Of the most.
    pub most: Bytes,
}

/// The peaks of all devices of a fleet. Where they are the same on all, and a fleet may have millions, they are worked
/// out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peaks {
    /// Those of every device.
    Common(Peak),
    /// By device.
    Each(Vec<Peak>),
}

impl Peaks {
    /// What `server` will ask of `devices`.
    pub fn of(
        server: &dyn Server,
        devices: &[Device],
        (wiring, clock): (&Wiring, &Clock),
        horizon: Horizon,
    ) -> Self {
        let peak = |(client, device): (u32, &Device)| {
            let undisturbed = Undisturbed { alone: Alone { device, wiring }, clock };
            let forecast = server.forecast(client, &undisturbed, horizon);
            let peaks = || forecast.iter().map(|work| work.peak_memory);
            let least = peaks().min().unwrap_or(Bytes::new(u64::MAX));
            Peak { least, most: peaks().max().unwrap_or_default() }
        };
        let mut each = (0..).zip(devices).map(peak);
        match server.forecast_scope() {
            Scope::Client => Self::Each(each.collect()),
            Scope::Fleet | Scope::Device => {
                each.next().map_or(Self::Each(Vec::new()), Self::Common)
            }
        }
    }

    /// Those of the device of that index.
    ///
    /// # Panics
    /// There is no such device.
    pub fn at(&self, device: usize) -> Peak {
        match self {
            Self::Common(peak) => *peak,
            Self::Each(peaks) => peaks[device],
        }
    }
}

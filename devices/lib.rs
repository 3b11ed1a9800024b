//! What a device is: how fast, how large, how connected, how hungry and how often there.
//!
//! A [`Profile`] describes a device class from cited sources; a [`FleetConfig`] says how many of
//! which class a scenario has; [`Fleet::draw`] makes the [`Device`]s, each with its own random
//! factors. An algorithm asks for a [`Workload`]; a device answers whether it fits and how long it
//! takes.
//!
//! ```
//! use fleetune_devices::{FleetConfig, Fleet, Phase, PhaseKind, Precision, Profiles, Workload};
//! use fleetune_devices::streams::SeedTree;
//! use fleetune_units::{Bytes, Flops};
//!
//! let config: FleetConfig = serde_yaml::from_str(
//!     "groups: [{ profile: raspberry-pi-5, count: 2 }]\nheterogeneity: { compute_sigma: 0.25 }",
//! )?;
//! let fleet = Fleet::draw(&config, &Profiles::shipped()?, &SeedTree::new(7))?;
//! let workload = Workload {
//!     phases: vec![Phase {
//!         kind: PhaseKind::Forward,
//!         precision: Precision::F32,
//!         flops: Flops::new(2_000_000_000),
//!         traffic: Bytes::new(50_000_000),
//!     }],
//!     peak_memory: Bytes::from_mib(20),
//!     download: Bytes::new(6_400_000),
//!     upload: Bytes::new(64),
//! };
//! let device = &fleet.devices[0];
//! assert!(device.can_run(&workload));
//! assert!(device.compute_time(&workload).get() > 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! 1. Every random number of a device comes from a stream of its own, named by purpose and
//!    device ([`streams`]); adding a device or a group changes no other device.
//! 2. A workload that does not fit a device's memory budget is refused, never slowed down.
//! 3. Everything here is a pure function of its arguments; nothing reads a clock.
//! 4. Nothing is polled: every change (a session's end, a battery's level, throttling, the end of
//!    work) has a moment that is solved for. Moments are whole nanoseconds, rounded up.
//! 5. What a profile or a fleet does not mention does not exist: no battery, no throttling, no
//!    background load, always charging, always on Wi-Fi, `roofline` costs.

pub mod availability;
pub mod battery;
pub mod compute;
pub mod cost;
mod device;
pub mod eligibility;
pub mod energy;
mod error;
mod fleet;
mod library;
mod moment;
pub mod network;
pub mod normal;
pub mod power;
mod profile;
pub mod radio;
mod spelling;
pub mod streams;
mod validate;
mod workload;

pub use availability::{Availability, Session, Sessions};
pub use battery::{Battery, BatteryConfig, Level};
pub use compute::{BackgroundLoad, Load, Processor, Throttle};
pub use cost::CostMode;
pub use device::{Device, DeviceId};
pub use eligibility::{Eligibility, States};
pub use error::{FleetError, LibraryError};
pub use fleet::{
    AvailabilityMode, DeviceCount, Fleet, FleetConfig, Group, Heterogeneity, MAX_DEVICES, Sigma,
};
pub use library::Profiles;
pub use profile::{
    Basis, Compute, Efficiency, Link, Memory, Peak, PowerStates, Profile, ProfileName, Source,
};
pub use workload::{Phase, PhaseKind, Precision, Workload};

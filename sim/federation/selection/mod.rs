//! Whom the server asks: a policy ranks the devices that are there.
//!
//! ```text
//!   introduce (each device, at the start)     moved (each coming and going)      observe (each round's end)
//!            └──────────────────────────────────────┼──────────────────────────────────────┘
//!                                                   ▼
//!                                            what is known ──► select (at a round's opening) ──► devices, in order
//! ```
//!
//! A policy knows what a real server would: the round's number, who is
//! there, what devices say of themselves, and what it has seen so far; never what is to come. [`Policy::select`] does not
//! change what is known, so that to look again is to see the same. Where groups of devices have rounds of their own (tiers,
//! edges), a round asks devices of its group. A device is in one group, and what is known of it is kept by device; what
//! concerns a group as a whole, such as how long its rounds take, is kept by group.
//!
//! # Randomness
//!
//! Every device draws one [key](keys) per round, whatever the policy and the algorithm. The random policy asks those
//! with the least keys; the others break ties and draw by the same keys, so that where they know nothing they ask the same
//! devices. Histories differ from algorithm to algorithm, and with them the choices of all policies but the random one.
//!
//! # Memory
//!
//! | policy | bytes per device of the fleet |
//! |---|---|
//! | [`random`] | none |
//! | [`availability`] | 32 |
//! | [`oort`] | 16 |
//! | [`resources`] | none |
//! | [`energy`] | 16 |
//!
//! A round takes time linear in the devices, and `k log n` more to put those at the head in order: nothing sorts them all.
//!
//! # A further policy
//!
//! It takes a file here that implements [`Policy`], a variant of
//! [`SelectionConfig`](fleetune_scenarios::schema::SelectionConfig) with its settings, and a line in [`policy`].

mod availability;
mod energy;
mod oort;
mod random;
mod ranking;
mod resources;

#[cfg(test)]
mod tests;

use std::fmt;

use fleetune_algorithms::protocol::ClientId;
use fleetune_devices::streams::SeedTree;
use fleetune_scenarios::schema::SelectionConfig;
use fleetune_units::{Joules, Seconds};

use super::outcome::RoundOutcome;
use crate::kernel::SimTime;

/// A call for participants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// Whose round it is.
    pub(super) group: u32,
    /// The replication's randomness.
    pub(super) seeds: &'a SeedTree,
    /// The group's round, from 0.
    pub(super) round: u64,
    /// When.
    pub(super) now: SimTime,
    /// How many are to be asked, if so many can be.
    pub(super) wanted: u32,
    /// How long an exchange may take.
    pub(super) deadline: Option<Seconds>,
}

/// The devices that a server may ask, as it knows them when it asks.
pub(super) trait Candidates {
    /// Devices are numbered from 0 to below this.
    fn devices(&self) -> u32;

    /// Whether the device is one of the group's.
    fn is_member(&self, device: u32) -> bool;

    /// Whether it is, and is there.
    fn is_there(&self, device: u32) -> bool;

    /// Whether it is there and its memory holds the algorithm at all.
    fn is_able(&self, device: u32) -> bool;

    /// How long it thinks that this round's work will take it.
    fn estimate(&self, device: u32) -> Seconds;

    /// The share of its memory for training that this round's work takes.
    fn memory_taken(&self, device: u32) -> f64;

    /// The share of its battery that is full, and what a full one holds, if it has one.
    fn battery(&self, device: u32) -> Option<(f64, Joules)>;

    /// Asks the device, if its memory holds this round's work; else it counts as left out for want of it.
    fn admit(&mut self, device: u32) -> bool;
}

/// A rule by which a server chooses whom to ask.
pub(super) trait Policy: fmt::Debug + Send {
    /// Learns at the start that the device can run the algorithm, and how long it thinks that a round takes it. The
    /// default does not care.
    fn introduce(&mut self, _device: u32, _estimate: &dyn Fn() -> Seconds) {}

    /// Sees a device of a group come or go. The default does not care.
    fn moved(&mut self, _group: u32, _device: u32, _is_there: bool, _at: SimTime) {}

    /// The devices to ask, in order: those that [`Candidates::admit`] took. As many as are wanted, if there are so many.
    fn select(&self, call: &Call<'_>, candidates: &mut dyn Candidates) -> Vec<u32>;

    /// Learns what became of those asked, and what they reported of their losses. The default does not care.
    fn observe(&mut self, _outcome: &RoundOutcome, _reports: &[(ClientId, f32)]) {}
}

/// The policy that a scenario names.
pub(super) fn policy(config: &SelectionConfig) -> Box<dyn Policy> {
    match *config {
        SelectionConfig::Random => Box::new(random::Random),
        SelectionConfig::Availability(config) => Box::new(availability::Availability::new(config)),
        SelectionConfig::Oort(config) => Box::new(oort::Oort::new(config)),
        SelectionConfig::Resources(config) => Box::new(resources::Resources::new(config)),
        SelectionConfig::Energy(config) => Box::new(energy::Energy::new(config)),
    }
}

/// Asks devices in order until `wanted` have been admitted to `asked`.
fn admit(
    order: &mut dyn Iterator<Item = u32>,
    wanted: usize,
    candidates: &mut dyn Candidates,
    asked: &mut Vec<u32>,
) {
    while asked.len() < wanted {
        let Some(device) = order.next() else { return };
        if candidates.admit(device) {
            asked.push(device);
        }
    }
}

/// What is known of a device or a group, by its number; nothing of those never heard of.
fn entry<T: Default>(known: &mut Vec<T>, number: u32) -> &mut T {
    let place = number as usize;
    if known.len() <= place {
        known.resize_with(place + 1, T::default);
    }
    &mut known[place]
}

/// How many devices to ask so that `cohort` may answer: `ceil(cohort * factor)`, computed on the
/// decimal text of `factor`, so that 1.1 times 100 is 110 and not, as in binary fractions, 111.
///
/// `factor` has been validated: finite and at least 1.
pub(super) fn asked(cohort: u32, factor: f64) -> u32 {
    let text = factor.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole}{fraction}");
    let scale = 10_u128.checked_pow(fraction.len() as u32);
    match (digits.parse::<u128>(), scale) {
        (Ok(digits), Some(scale)) => {
            let exact = digits.saturating_mul(u128::from(cohort)).div_ceil(scale);
            u32::try_from(exact).unwrap_or(u32::MAX)
        }
        // A factor beyond 38 digits: more than any fleet has devices.
        _ => u32::MAX,
    }
}

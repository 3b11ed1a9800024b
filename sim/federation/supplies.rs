//! The batteries of those devices that have one: what is stored, and when that changes anything.
//!
//! A device draws on its battery whatever it does and whether it is asked or not: the power of
//! its activity in a round, its radio's tail, else its idle power; plugged in it lives off the mains
//! and charges. One event a battery is in the calendar: the next moment at which it is plugged in
//! or not, crosses a level that matters, or the draw falls by itself. All are solved for.

use std::collections::BTreeMap;

use fleetune_devices::{
    Battery, Device, Eligibility, Level, States, availability::Process, eligibility::Periods,
    energy::TimeWentBack, streams::SeedTree,
};

use super::{
    client::moment, conditions::Conditions, draw::Draw, error::FederationError,
    event::FederationEvent,
};
use crate::kernel::{Calendar, Handle, SimDuration, SimTime};

#[derive(Debug)]
struct Supply {
    battery: Battery,
    charging: Periods,
    plugged: bool,
    /// When that changes.
    replugged: Option<SimTime>,
    /// What the device draws, or would if it were not dead.
    draw: Draw,
    armed: Option<(SimTime, Handle)>,
}

/// All batteries of a fleet, by device.
#[derive(Debug, Default)]
pub(super) struct Supplies {
    policy: Eligibility,
    batteries: BTreeMap<u32, Supply>,
    /// Events that are in the calendar.
    pending: usize,
}

impl Supplies {
    /// Idle at time zero, as `devices` begin.
    pub(super) fn new(devices: &[Device], conditions: &Conditions, seeds: &SeedTree) -> Self {
        let supply = |device: &Device| {
            let battery = device.battery(moment(SimTime::ZERO))?;
            let charging = device.periods(Process::Charging, seeds, conditions.traces.as_ref());
            let draw = Draw::steady(device.power().idle);
            let replugged = Some(SimTime::ZERO);
            let supply = Supply { battery, charging, plugged: false, replugged, draw, armed: None };
            Some((device.id.0, supply))
        };
        let batteries = devices.iter().filter_map(supply).collect();
        Self { policy: conditions.eligibility, batteries, pending: 0 }
    }

    /// Whether no battery will ever change anything any more.
    pub(super) fn is_settled(&self) -> bool {
        self.pending == 0
    }

    /// The devices with a battery.
    pub(super) fn devices(&self) -> Vec<u32> {
        self.batteries.keys().copied().collect()
    }

    /// All batteries, by device.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Battery)> {
        self.batteries.iter().map(|(&device, supply)| (device, &supply.battery))
    }

    /// The device's battery, if it has one.
    pub(super) fn battery(&self, device: u32) -> Option<&Battery> {
        self.batteries.get(&device).map(|supply| &supply.battery)
    }

    /// Whether the device's battery is empty and not charging: then it draws nothing.
    pub(super) fn is_dead(&self, device: u32, now: SimTime) -> bool {
        self.batteries.get(&device).is_some_and(|supply| !supply.is_alive(now))
    }

    /// Whether the policy admits the device, as far as its battery goes.
    pub(super) fn admit(&self, device: u32, now: SimTime) -> bool {
        let ideal = States { online: true, charging: true, wifi: true };
        let battery = self.batteries.get(&device).map(|supply| &supply.battery);
        self.policy.holds(ideal, battery, moment(now))
    }

    /// From now on `device` draws so much, as long as it lives.
    pub(super) fn draw(
        &mut self,
        device: u32,
        draw: Draw,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), FederationError> {
        let now = calendar.now();
        let Some(supply) = self.batteries.get_mut(&device) else {
            return Ok(());
        };
        supply.draw = draw;
        supply.settle(now)?;
        // What is due at this instant still happens: the new draw is not to hide a crossing.
        if supply.armed.is_some_and(|(at, _)| at == now) {
            return Ok(());
        }
        self.arm(device, calendar)
    }

    /// The event of a device's battery: makes the changes that are due.
    pub(super) fn turn(
        &mut self,
        device: u32,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), FederationError> {
        let now = calendar.now();
        if let Some(supply) = self.batteries.get_mut(&device) {
            self.pending -= usize::from(supply.armed.take().is_some());
            supply.replug(now);
            supply.settle(now)?;
        }
        self.arm(device, calendar)
    }

    /// Puts the next event of a battery into the calendar, in place of an outdated one.
    fn arm(
        &mut self,
        device: u32,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), FederationError> {
        let now = calendar.now();
        let Some(supply) = self.batteries.get_mut(&device) else {
            return Ok(());
        };
        let next = supply.next(&self.policy, now);
        if supply.armed.map(|(at, _)| at) == next {
            return Ok(());
        }
        if let Some((_, outdated)) = supply.armed.take() {
            calendar.cancel(outdated);
            self.pending -= 1;
        }
        if let Some(at) = next {
            let event = FederationEvent::BatteryTurns { device };
            supply.armed = Some((at, calendar.schedule(at, event.class(), event)?));
            self.pending += 1;
        }
        Ok(())
    }
}

impl Supply {
    fn is_alive(&self, now: SimTime) -> bool {
        self.plugged || self.battery.is_above(Level::EMPTY, moment(now))
    }

    /// Begins the periods of charging, and not, that are due by `now`.
    fn replug(&mut self, now: SimTime) {
        while let Some(at) = self.replugged.filter(|at| *at <= now) {
            let next = self.charging.next();
            self.plugged = next.map_or(self.plugged, |session| session.online);
            self.replugged = next
                .and_then(|session| session.ends_after())
                .and_then(|length| SimDuration::from_seconds(length.get()).ok())
                .and_then(|length| at.after(length).ok());
        }
    }

    /// Tells the battery what is drawn from `now` on.
    fn settle(&mut self, now: SimTime) -> Result<(), TimeWentBack> {
        // An empty one delivers nothing, whatever is drawn.
        self.battery.set(moment(now), self.draw.at(now), self.plugged)
    }

    /// When something changes next, if nobody interferes.
    fn next(&self, policy: &Eligibility, now: SimTime) -> Option<SimTime> {
        let crossing = policy.crossing(&self.battery, moment(now));
        let crossing = crossing.map(|at| SimTime::from_nanos(at.0));
        [crossing, self.replugged, self.draw.falls_after(now)].into_iter().flatten().min()
    }
}

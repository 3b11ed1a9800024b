//! What a device draws: a power that lasts, or that falls when the tail of its radio is over.

use fleetune_devices::Device;
use fleetune_units::Watts;

use super::client::moment;
use crate::kernel::SimTime;

/// The tail of a radio: it stays awake until `ends`, unless the next transfer comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    pub(super) power: Watts,
    pub(super) ends: SimTime,
}

impl Tail {
    /// That of a transfer which ended at `now`, if the device's radio has one.
    pub(super) fn after(device: &Device, now: SimTime) -> Option<Self> {
        let tail = device.profile().radio_tail?;
        let ends = tail.ends(moment(now)).map_or(SimTime::MAX, |at| SimTime::from_nanos(at.0));
        Some(Self { power: tail.power, ends })
    }
}

/// What a device draws from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Draw {
    power: Watts,
    /// When and to what it falls by itself.
    falls: Option<(SimTime, Watts)>,
}

impl Draw {
    /// Always the same.
    pub(super) fn steady(power: Watts) -> Self {
        Self { power, falls: None }
    }

    /// `rest`, as soon as the tail is over.
    pub(super) fn resting(rest: Watts, tail: Option<Tail>) -> Self {
        match tail {
            Some(Tail { power, ends }) => Self { power, falls: Some((ends, rest)) },
            None => Self::steady(rest),
        }
    }

    /// The power at `now`.
    pub(super) fn at(&self, now: SimTime) -> Watts {
        match self.falls {
            Some((at, rest)) if at <= now => rest,
            _ => self.power,
        }
    }

    /// When it falls, if that is after `now`.
    pub(super) fn falls_after(&self, now: SimTime) -> Option<SimTime> {
        self.falls.map(|(at, _)| at).filter(|at| *at > now)
    }

    /// When it fell and to what, if it has by `now`.
    pub(super) fn fallen(&self, now: SimTime) -> Option<(SimTime, Watts)> {
        self.falls.filter(|(at, _)| *at <= now)
    }
}

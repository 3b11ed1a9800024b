//! Which devices are there, and when that changes.

use std::fmt;

use fleetune_devices::{
    Device, Session,
    availability::{Position, Process},
    eligibility::{Eligibility, EligiblePosition, EligibleSessions},
    streams::SeedTree,
};

use super::{conditions::Conditions, event::FederationEvent};
use crate::kernel::{Calendar, KernelError, SimDuration};

/// A device's periods on and off, one after the other from time zero. When they run out the
/// device stays as it was last; without any it is never there.
pub type Sessions<'a> = Box<dyn Iterator<Item = Session> + Send + 'a>;

/// What the end of a session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Came,
    Left,
    Nothing,
}

impl Change {
    /// From there or not to there or not.
    fn between(was: bool, is: bool) -> Self {
        match (was, is) {
            (false, true) => Self::Came,
            (true, false) => Self::Left,
            _ => Self::Nothing,
        }
    }
}

/// Where sessions come from, for all devices alike.
pub(super) enum Source<'a> {
    /// The laws of the devices' profiles: of each device its place in its law is kept, 16 bytes.
    Laws { devices: &'a [Device], seeds: SeedTree, positions: Vec<Position> },
    /// As the laws say, but subject to more than being there: 96 bytes a device.
    Conditions {
        devices: &'a [Device],
        policy: Eligibility,
        seeds: SeedTree,
        positions: Vec<EligiblePosition>,
    },
    /// Recorded, and subject to whatever.
    Eligible(Vec<EligibleSessions>),
    /// As told.
    Told(Vec<Sessions<'a>>),
}

impl<'a> Source<'a> {
    /// The laws of the profiles of `devices`, in the stationary regime.
    pub(super) fn laws(devices: &'a [Device], seeds: SeedTree) -> Self {
        let positions = devices.iter().map(|device| {
            let (law, key) = (device.availability(), device.stream_key());
            Position::stationary(&law, Process::Availability, &seeds, key)
        });
        Self::Laws { devices, seeds, positions: positions.collect() }
    }

    /// The periods in which `conditions` admit `devices`, their batteries apart.
    pub(super) fn under(conditions: &Conditions, devices: &'a [Device], seeds: SeedTree) -> Self {
        let Conditions { eligibility, traces, .. } = conditions;
        if !eligibility.charging && !eligibility.wifi && traces.is_none() {
            return Self::laws(devices, seeds);
        }
        let policy = *eligibility;
        if traces.is_none() {
            let start = |device| EligiblePosition::new(device, &policy, &seeds);
            let positions = devices.iter().map(start).collect();
            return Self::Conditions { devices, policy, seeds, positions };
        }
        let of = |device: &Device| device.eligible_sessions(*eligibility, &seeds, traces.as_ref());
        Self::Eligible(devices.iter().map(of).collect())
    }

    fn next(&mut self, device: u32) -> Option<Session> {
        let place = device as usize;
        match self {
            Self::Laws { devices, seeds, positions } => {
                let device = &devices[place];
                let (law, key) = (device.availability(), device.stream_key());
                positions[place].next(&law, Process::Availability, seeds, key)
            }
            Self::Conditions { devices, policy, seeds, positions } => {
                positions[place].next(&devices[place], policy, seeds)
            }
            Self::Eligible(sessions) => sessions[place].next(),
            Self::Told(sessions) => sessions[place].next(),
        }
    }
}

pub(super) struct Presence<'a> {
    source: Source<'a>,
    online: Vec<bool>,
    /// Whose battery keeps them away; empty if no device has one.
    barred: Vec<bool>,
    /// Links on the way of each that are down; empty if none ever was.
    cut: Vec<u32>,
    /// Session ends and turns of links that are in the calendar.
    pending: usize,
}

impl<'a> Presence<'a> {
    pub(super) fn new(devices: usize, source: Source<'a>) -> Self {
        Self {
            source,
            online: vec![false; devices],
            barred: Vec::new(),
            cut: Vec::new(),
            pending: 0,
        }
    }

    /// Whether sessions are as told, and not the devices' own.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.source, Source::Told(_))
    }

    pub(super) fn is_online(&self, device: u32) -> bool {
        let barred = self.barred.get(device as usize).is_some_and(|&barred| barred);
        let cut = self.cut.get(device as usize).is_some_and(|&links| links > 0);
        self.online[device as usize] && !barred && !cut
    }

    /// Whether the battery of `device` keeps it away from now on.
    pub(super) fn bar(&mut self, device: u32, barred: bool) -> Change {
        let was = self.is_online(device);
        if self.barred.is_empty() {
            self.barred = vec![false; self.online.len()];
        }
        self.barred[device as usize] = barred;
        Change::between(was, self.is_online(device))
    }

    /// A link on the way of `device` comes back, or goes down.
    pub(super) fn connect(&mut self, device: u32, up: bool) -> Change {
        let was = self.is_online(device);
        if self.cut.is_empty() {
            self.cut = vec![0; self.online.len()];
        }
        let links = &mut self.cut[device as usize];
        *links = if up { links.saturating_sub(1) } else { *links + 1 };
        Change::between(was, self.is_online(device))
    }

    /// A link will turn.
    pub(super) fn expect(&mut self) {
        self.pending += 1;
    }

    /// A link has turned.
    pub(super) fn expected(&mut self) {
        self.pending -= 1;
    }

    /// Whether no device will ever come or go any more.
    pub(super) fn is_settled(&self) -> bool {
        self.pending == 0
    }

    /// Begins the first session of every device.
    pub(super) fn start(
        &mut self,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), KernelError> {
        for device in (0..).take(self.online.len()) {
            self.begin_next(device, calendar)?;
        }
        Ok(())
    }

    /// The present session of `device` has ended: begins the next.
    pub(super) fn turn(
        &mut self,
        device: u32,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<Change, KernelError> {
        self.pending -= 1;
        let was = self.is_online(device);
        self.begin_next(device, calendar)?;
        Ok(Change::between(was, self.is_online(device)))
    }

    fn begin_next(
        &mut self,
        device: u32,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), KernelError> {
        let Some(session) = self.source.next(device) else {
            return Ok(());
        };
        self.online[device as usize] = session.online;
        // A session that outlasts the clock never ends.
        let end = session
            .ends_after()
            .and_then(|length| SimDuration::from_seconds(length.get()).ok())
            .and_then(|length| calendar.now().after(length).ok());
        if let Some(end) = end {
            let event = FederationEvent::SessionEnds { device };
            calendar.schedule(end, event.class(), event)?;
            self.pending += 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Presence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence")
            .field("online", &self.online)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

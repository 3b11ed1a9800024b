//! Which devices are there, and when that changes.

use std::fmt;

use fleetune_devices::Session;

use super::event::FederationEvent;
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

pub(super) struct Presence<'a> {
    sessions: Vec<Sessions<'a>>,
    online: Vec<bool>,
    /// Session ends that are in the calendar.
    pending: usize,
}

impl<'a> Presence<'a> {
    pub(super) fn new(sessions: Vec<Sessions<'a>>) -> Self {
        let online = vec![false; sessions.len()];
        Self { sessions, online, pending: 0 }
    }

    pub(super) fn is_online(&self, device: u32) -> bool {
        self.online[device as usize]
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
        for device in (0..).take(self.sessions.len()) {
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
        Ok(match (was, self.is_online(device)) {
            (false, true) => Change::Came,
            (true, false) => Change::Left,
            _ => Change::Nothing,
        })
    }

    fn begin_next(
        &mut self,
        device: u32,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), KernelError> {
        let Some(session) = self.sessions[device as usize].next() else {
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

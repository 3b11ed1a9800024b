//! Links that go down and come back, and with them the devices behind.
//!
//! What a link of no capacity does is another matter: there transfers wait. A link that is down breaks
//! them off, as in SimGrid, where a communication fails when a link that it uses is turned off
//! (`s4u::Link::turn_off`, `NetworkFailureException`; its example `s4u-comm-failure`, SimGrid 3.32).
//! Nobody who is behind it can be asked either, so here a device that is behind a link that is down has
//! left, by rule 6: what it was doing is lost, a computation too, since its server hears of it no more;
//! the whole bytes that had been moved are waste. When the last of its links is back, the device is
//! there again, if it would be otherwise.
//!
//! Between an edge and the cloud there is no device to leave: over a backhaul that is down, models wait.

use std::collections::BTreeMap;

use fleetune_devices::network::topology::LinkId;
use fleetune_units::Seconds;

use super::{error::FederationError, event::FederationEvent, server::Federation};
use crate::kernel::{SimDuration, SimTime};

/// A link is down for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outage {
    /// Which link.
    pub link: LinkId,
    /// From when on.
    pub from: Seconds,
    /// For how long; for good, if that is not said.
    pub lasts: Option<Seconds>,
}

/// All outages of a run.
#[derive(Debug, Default)]
pub(super) struct Outages {
    all: Vec<Outage>,
    /// How many outages a link suffers from at present.
    down: BTreeMap<LinkId, u32>,
}

impl Outages {
    pub(super) fn new(all: &[Outage]) -> Self {
        Self { all: all.to_vec(), down: BTreeMap::new() }
    }

    /// An outage begins or ends: the link, if that turns it.
    fn turn(&mut self, number: u32, up: bool) -> Option<LinkId> {
        let link = self.all.get(number as usize)?.link;
        let suffered = self.down.entry(link).or_default();
        let before = *suffered;
        *suffered = if up { before.saturating_sub(1) } else { before + 1 };
        ((before == 0) != (*suffered == 0)).then_some(link)
    }
}

impl Federation<'_> {
    /// Puts all outages into the calendar. Those that begin beyond the clock never do.
    pub(super) fn schedule_outages(&mut self) -> Result<(), FederationError> {
        for (number, outage) in (0..).zip(self.outages.all.clone()) {
            let after = |at: SimTime, span: Seconds| {
                SimDuration::from_seconds(span.get()).and_then(|span| at.after(span)).ok()
            };
            let Some(from) = after(SimTime::ZERO, outage.from) else { continue };
            let until = outage.lasts.and_then(|lasts| after(from, lasts));
            for (at, up) in [(Some(from), false), (until, true)] {
                if let Some(at) = at {
                    self.schedule(at, FederationEvent::LinkTurns { outage: number, up })?;
                    self.presence.expect();
                }
            }
        }
        Ok(())
    }

    /// An outage begins or ends.
    pub(super) fn link_turns(&mut self, number: u32, up: bool) -> Result<(), FederationError> {
        self.presence.expected();
        let Some(link) = self.outages.turn(number, up) else { return Ok(()) };
        let behind = self.devices.iter().filter(|device| self.wiring.crosses(device.id, link));
        let behind: Vec<u32> = behind.map(|device| device.id.0).collect();
        for device in behind {
            let change = self.presence.connect(device, up);
            self.changed(device, change)?;
        }
        let now = self.now();
        Ok(self.links.turn(link, up, now)?)
    }
}

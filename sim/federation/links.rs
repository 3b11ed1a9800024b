//! Both directions of the star, each with its next event in the calendar.

use fleetune_devices::{Device, network::ServerLink};
use fleetune_units::{Bytes, Seconds};

use super::{
    event::{Direction, FederationEvent},
    transfers::Star,
};
use crate::kernel::{Calendar, Handle, KernelError, SimDuration, SimTime, TimeError};

#[derive(Debug)]
pub(super) struct Links {
    /// One-way latency of the server's link.
    latency: Seconds,
    down: Link,
    up: Link,
}

#[derive(Debug)]
struct Link {
    star: Star,
    armed: Option<(SimTime, Handle)>,
}

impl Links {
    pub(super) fn new(server: &ServerLink) -> Self {
        let link = |rate| Link { star: Star::new(rate), armed: None };
        Self { latency: server.latency, down: link(server.uplink), up: link(server.downlink) }
    }

    /// Starts the transfer of `size` bytes between the server and the device of `place`.
    pub(super) fn start(
        &mut self,
        direction: Direction,
        place: u32,
        now: SimTime,
        size: Bytes,
        device: &Device,
    ) -> Result<(), TimeError> {
        let latency = SimDuration::from_seconds((device.latency() + self.latency).get())?;
        let access = match direction {
            Direction::Down => device.downlink(),
            Direction::Up => device.uplink(),
        };
        self.link(direction).star.start(place, now, size, access, latency)
    }

    /// Places of the transfers that are complete at `now`.
    pub(super) fn settle(
        &mut self,
        direction: Direction,
        now: SimTime,
    ) -> Result<Vec<u32>, TimeError> {
        let link = self.link(direction);
        link.armed = None;
        link.star.settle(now)
    }

    /// Breaks the transfer of `place` off; gives the whole bytes moved, if there was one.
    pub(super) fn abort(
        &mut self,
        direction: Direction,
        place: u32,
        now: SimTime,
    ) -> Result<Option<Bytes>, TimeError> {
        self.link(direction).star.abort(place, now)
    }

    /// Puts the next event of each direction into the calendar, in place of an outdated one.
    pub(super) fn arm(
        &mut self,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), KernelError> {
        for direction in [Direction::Down, Direction::Up] {
            let link = self.link(direction);
            let next = link.star.next();
            if link.armed.map(|(at, _)| at) == next {
                continue;
            }
            if let Some((_, outdated)) = link.armed.take() {
                calendar.cancel(outdated);
            }
            if let Some(at) = next {
                let event = FederationEvent::FlowTurns { direction };
                link.armed = Some((at, calendar.schedule(at, event.class(), event)?));
            }
        }
        Ok(())
    }

    fn link(&mut self, direction: Direction) -> &mut Link {
        match direction {
            Direction::Down => &mut self.down,
            Direction::Up => &mut self.up,
        }
    }
}

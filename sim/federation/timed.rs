//! Transfers that take the time of a cost mode and not the network's: nobody shares anything.

use fleetune_devices::network::Direction;
use fleetune_units::Bytes;

use super::{
    client::Activity, compute::part, error::FederationError, event::FederationEvent,
    server::Federation,
};
use crate::kernel::{Handle, SimDuration, TimeError};

/// A transfer whose time is fixed from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    ends: Handle,
    lasts: SimDuration,
    size: Bytes,
}

impl Federation<'_> {
    /// Starts a client's transfer if the clock has a time of its own for it; gives whether it has.
    pub(super) fn start_timed(
        &mut self,
        direction: Direction,
        place: u32,
    ) -> Result<bool, FederationError> {
        let client = self.client_mut(place);
        let (id, workload) = (client.id, client.workload.clone());
        let Some(time) = self.clock.transfer(self.device(id), &workload, direction) else {
            return Ok(false);
        };
        let late = |source: TimeError| FederationError::ClientTime { client: id, source };
        let lasts = SimDuration::from_seconds(time.get()).map_err(late)?;
        let end = self.now().after(lasts).map_err(late)?;
        let ends = self.schedule(end, FederationEvent::Transferred { place })?;
        let size = match direction {
            Direction::Down => workload.download,
            Direction::Up => workload.upload,
        };
        self.client_mut(place).timed = Some(Timed { ends, lasts, size });
        Ok(true)
    }

    pub(super) fn transferred(&mut self, place: u32) -> Result<(), FederationError> {
        let client = self.client_mut(place);
        client.timed = None;
        match client.activity {
            Activity::Uploading => self.uploaded(place),
            _ => self.downloaded(place),
        }
    }

    /// Breaks a client's timed transfer off, if it has one; gives the whole bytes moved.
    pub(super) fn stop_timed(&mut self, place: u32) -> Option<Bytes> {
        let now = self.now();
        let client = self.client_mut(place);
        let Timed { ends, lasts, size } = client.timed.take()?;
        let gone = client.elapsed(now);
        self.calendar.cancel(ends);
        if gone >= lasts {
            return Some(size);
        }
        let moved = part(u128::from(size.get()), gone.as_nanos(), lasts.as_nanos());
        Some(Bytes::new(moved as u64))
    }
}

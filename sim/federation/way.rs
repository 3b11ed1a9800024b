//! A client's way through an exchange, whatever the policy: download, computing, upload; or broken off.

use fleetune_algorithms::protocol::Assignment;
use fleetune_devices::network::Direction;
use fleetune_units::Bytes;

use super::{
    client::{Activity, Client},
    error::FederationError,
    event::FederationEvent,
    links::Mover,
    outcome::Fate,
    server::Federation,
};
use crate::kernel::SimDuration;

/// Says why a client is expected; its events are cancelled when it is done.
const ASKED: &str = "events of a client are cancelled when it is done";

impl Federation<'_> {
    pub(super) fn client_mut(&mut self, place: u32) -> &mut Client {
        let group = self.group_at(place);
        self.open_mut(group).clients.get_mut(&place).expect(ASKED)
    }

    /// Goes over to `next`, and lets the device's battery know.
    pub(super) fn turn(&mut self, place: u32, next: Activity) -> Result<(), FederationError> {
        let now = self.now();
        let id = self.client_mut(place).id;
        let device = self.device(id);
        let client = self.client_mut(place);
        client.turn_to(next, now, device)?;
        let draw = client.device_draw(device);
        self.supplies.draw(device.id.0, draw, &mut self.calendar)
    }

    /// A client takes its assignment up: it downloads, or computes if there is nothing to download.
    pub(super) fn begin(
        &mut self,
        place: u32,
        assignment: Assignment,
    ) -> Result<(), FederationError> {
        let download = assignment.workload.download;
        self.take_up(place, assignment)?;
        if download.is_zero() {
            return self.compute(place);
        }
        self.turn(place, Activity::Downloading)?;
        self.transmit(place, Direction::Down, download)
    }

    /// The network's next moment: flows begin to move, end, or change their rates.
    pub(super) fn flows_turn(&mut self) -> Result<(), FederationError> {
        for mover in self.links.settle(self.now())? {
            match mover {
                Mover::Edge(edge) => self.backhauled(edge as usize)?,
                Mover::Client(place) => match self.client_mut(place).activity {
                    Activity::Uploading => self.uploaded(place)?,
                    _ => self.downloaded(place)?,
                },
            }
        }
        Ok(())
    }

    pub(super) fn downloaded(&mut self, place: u32) -> Result<(), FederationError> {
        let client = self.client_mut(place);
        let bytes = client.workload.download;
        client.charge_download(bytes);
        self.compute(place)
    }

    fn take_up(&mut self, place: u32, assignment: Assignment) -> Result<(), FederationError> {
        let group = self.group_at(place);
        let round = self.groups[group].round.as_mut().expect(ASKED);
        let client = round.clients.get_mut(&place).expect(ASKED);
        let device = &self.devices[client.id as usize];
        let taken = client.take_up(assignment, device, &self.clock);
        taken.map_err(|error| FederationError::no_course(client.id, error))
    }

    fn compute(&mut self, place: u32) -> Result<(), FederationError> {
        self.turn(place, Activity::Computing)?;
        let now = self.now();
        let client = self.client_mut(place);
        let (id, work, duration) = (client.id, client.course.seconds(), client.course.duration());
        let end = match self.processors.begin(self.device(id), work, now)? {
            Some(disturbed) => disturbed,
            None => now.after(duration),
        };
        let end = end.map_err(|source| FederationError::ClientTime { client: id, source })?;
        let handle = self.schedule(end, FederationEvent::Computed { place })?;
        self.client_mut(place).pending = Some(handle);
        Ok(())
    }

    pub(super) fn computed(&mut self, place: u32) -> Result<(), FederationError> {
        let now = self.now();
        let client = self.client_mut(place);
        client.pending = None;
        client.charge_compute(client.course.duration());
        let (id, upload) = (client.id, client.workload.upload);
        self.processors.end(id, now)?;
        if upload.is_zero() {
            return self.deliver(place);
        }
        self.turn(place, Activity::Uploading)?;
        self.transmit(place, Direction::Up, upload)
    }

    pub(super) fn transmit(
        &mut self,
        place: u32,
        direction: Direction,
        size: Bytes,
    ) -> Result<(), FederationError> {
        if self.start_timed(direction, place)? {
            return Ok(());
        }
        let (now, id) = (self.now(), self.client_mut(place).id);
        let transfer = self.wiring.transfer(self.device(id), direction, size);
        let begins = SimDuration::from_seconds(transfer.latency.get()).and_then(|l| now.after(l));
        begins.map_err(|source| FederationError::ClientTime { client: id, source })?;
        Ok(self.links.start(Mover::Client(place), now, transfer)?)
    }

    pub(super) fn uploaded(&mut self, place: u32) -> Result<(), FederationError> {
        let client = self.client_mut(place);
        let bytes = client.workload.upload;
        client.charge_upload(bytes);
        self.deliver(place)
    }

    fn deliver(&mut self, place: u32) -> Result<(), FederationError> {
        self.turn(place, Activity::Waiting)?;
        let handle = self.schedule(self.now(), FederationEvent::Arrived { place })?;
        self.client_mut(place).pending = Some(handle);
        Ok(())
    }

    /// Breaks off what the client is doing and charges the part that was done.
    pub(super) fn abort(&mut self, place: u32, fate: Fate) -> Result<(), FederationError> {
        let now = self.now();
        match self.client_mut(place).activity {
            Activity::Downloading => {
                if let Some(moved) = self.stop_timed(place) {
                    self.client_mut(place).charge_download(moved);
                } else if let Some(moved) = self.links.abort(Mover::Client(place), now)? {
                    self.client_mut(place).charge_download(moved);
                }
            }
            Activity::Computing => {
                let id = self.client_mut(place).id;
                let disturbed = self.processors.end(id, now)?;
                let client = self.client_mut(place);
                client.charge_compute(disturbed.unwrap_or_else(|| client.elapsed(now)));
                if let Some(end) = client.pending.take() {
                    self.calendar.cancel(end);
                }
            }
            Activity::Uploading => {
                if let Some(moved) = self.stop_timed(place) {
                    self.client_mut(place).charge_upload(moved);
                } else if let Some(moved) = self.links.abort(Mover::Client(place), now)? {
                    self.client_mut(place).charge_upload(moved);
                }
            }
            Activity::Waiting | Activity::Gone => {}
        }
        self.turn(place, Activity::Gone)?;
        Ok(self.client_mut(place).settle(fate, now)?)
    }
}

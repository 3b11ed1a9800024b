use fleetune_units::{Bytes, Seconds};

use super::{Direction, Wiring};
use crate::{Device, Workload};

/// A device that has the network to itself: how long its work takes if nobody else transfers.
#[derive(Debug, Clone, Copy)]
pub struct Alone<'a> {
    /// The device.
    pub device: &'a Device,
    /// Its way to the server.
    pub wiring: &'a Wiring,
}

impl Alone<'_> {
    /// Time to receive the work's download.
    pub fn download(&self, work: &Workload) -> Seconds {
        self.transfer(Direction::Down, work.download)
    }

    /// Time to send its upload.
    pub fn upload(&self, work: &Workload) -> Seconds {
        self.transfer(Direction::Up, work.upload)
    }

    /// Download, computing and upload.
    pub fn duration(&self, work: &Workload) -> Seconds {
        self.download(work) + self.device.compute_time(work) + self.upload(work)
    }

    /// Nothing sent takes no time, not even the latency.
    fn transfer(&self, direction: Direction, bytes: Bytes) -> Seconds {
        match bytes {
            Bytes::ZERO => Seconds::ZERO,
            bytes => self.wiring.alone(self.device, direction, bytes),
        }
    }
}

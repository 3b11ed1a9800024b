use fleetune_units::{Bytes, BytesPerSecond, Seconds};

use super::ServerLink;
use crate::{Device, Workload};

/// A device that has the network to itself: how long its work takes if nobody else transfers.
#[derive(Debug, Clone, Copy)]
pub struct Alone<'a> {
    /// The device.
    pub device: &'a Device,
    /// The server's link.
    pub server: &'a ServerLink,
}

impl Alone<'_> {
    /// Time to receive the work's download.
    pub fn download(&self, work: &Workload) -> Seconds {
        self.transfer(work.download, self.device.downlink().min(self.server.uplink))
    }

    /// Time to send its upload.
    pub fn upload(&self, work: &Workload) -> Seconds {
        self.transfer(work.upload, self.device.uplink().min(self.server.downlink))
    }

    /// Download, computing and upload.
    pub fn duration(&self, work: &Workload) -> Seconds {
        self.download(work) + self.device.compute_time(work) + self.upload(work)
    }

    /// Nothing sent takes no time; anything else the latency and its bytes at the given rate.
    fn transfer(&self, bytes: Bytes, rate: BytesPerSecond) -> Seconds {
        if bytes == Bytes::new(0) {
            return Seconds::ZERO;
        }
        self.device.latency() + self.server.latency + bytes / rate
    }
}

//! Whose clock says how long an exchange takes, and what an algorithm may know of that beforehand.

use fleetune_algorithms::protocol::Estimate;
use fleetune_devices::{
    CostMode, Device, Workload,
    cost::{self, MissingMeasurement, Times},
    network::{Alone, Direction},
};
use fleetune_units::{Bytes, Seconds};

/// A cost mode, and what it may want to know of the algorithm. The default is the roofline of the
/// devices' profiles, which wants to know nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clock {
    /// Whose clock.
    pub mode: CostMode,
    /// The kind of algorithm, as scenarios call it.
    pub algorithm: String,
    /// Samples in a batch.
    pub batch: u32,
    /// Batches in an exchange.
    pub steps: u32,
    /// How many parameters are trained.
    pub trainable: u64,
}

impl Clock {
    /// How long an exchange with this work takes on `device`. One in which nothing is computed
    /// takes no time computing, whatever the mode says of batches.
    ///
    /// # Errors
    /// The mode is a table of measured steps that has none for the device's profile.
    pub(super) fn times(
        &self,
        device: &Device,
        workload: &Workload,
    ) -> Result<Times, MissingMeasurement> {
        let (algorithm, batch, trainable) = (&self.algorithm[..], self.batch, self.trainable);
        let steps = if workload.phases.is_empty() { 0 } else { self.steps };
        let exchange = cost::Exchange { workload, algorithm, batch, steps, trainable };
        self.mode.times(device, &exchange)
    }

    /// How long the transfer in one direction takes, if the mode has a time of its own for both
    /// together: of that time, the share of the bytes that go this way. `None` if the network
    /// decides.
    pub(super) fn transfer(
        &self,
        device: &Device,
        workload: &Workload,
        direction: Direction,
    ) -> Option<Seconds> {
        let bytes = match direction {
            Direction::Down => workload.download,
            Direction::Up => workload.upload,
        };
        let both = self.times(device, workload).ok()?.transfer?;
        let all = workload.download + workload.upload;
        Some(if all == Bytes::new(0) { Seconds::ZERO } else { both * (bytes / all) })
    }
}

/// A device that has the network to itself and is not disturbed, by the clock of a cost mode.
#[derive(Debug, Clone, Copy)]
pub struct Undisturbed<'a> {
    /// The device and the network.
    pub alone: Alone<'a>,
    /// The clock.
    pub clock: &'a Clock,
}

impl<'a> Undisturbed<'a> {
    /// The device.
    pub fn device(&self) -> &'a Device {
        self.alone.device
    }

    /// Time to receive the work's download.
    pub fn download(&self, work: &Workload) -> Seconds {
        let timed = self.clock.transfer(self.alone.device, work, Direction::Down);
        timed.unwrap_or_else(|| self.alone.download(work))
    }

    /// Time to send its upload.
    pub fn upload(&self, work: &Workload) -> Seconds {
        let timed = self.clock.transfer(self.alone.device, work, Direction::Up);
        timed.unwrap_or_else(|| self.alone.upload(work))
    }

    /// Time to compute it; endless where the clock has no time for it, so that no algorithm prefers
    /// what cannot be run.
    pub fn compute(&self, work: &Workload) -> Seconds {
        let times = self.clock.times(self.alone.device, work);
        times.map_or(Seconds::from_raw(f64::INFINITY), |times| times.compute)
    }
}

impl Estimate for Undisturbed<'_> {
    fn duration(&self, work: &Workload) -> Seconds {
        self.download(work) + self.compute(work) + self.upload(work)
    }
}

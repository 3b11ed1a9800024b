//! The processors of devices that throttle or have background load, from when they are first asked.
//!
//! A processor keeps its heat and its background load between rounds and is advanced when it is
//! asked again, so that devices cost nothing while they idle.

use std::collections::{BTreeMap, btree_map::Entry};

use fleetune_devices::{
    Device, Load, Processor,
    energy::{Moment, TimeWentBack},
    streams::SeedTree,
};
use fleetune_units::Seconds;

use super::client::moment;
use crate::kernel::{SimDuration, SimTime, TimeError};

#[derive(Debug)]
pub(super) struct Processors {
    seeds: SeedTree,
    /// By device.
    known: BTreeMap<u32, Processor>,
}

impl Processors {
    pub(super) fn new(seeds: SeedTree) -> Self {
        Self { seeds, known: BTreeMap::new() }
    }

    /// `device` computes `work`, in seconds of the undisturbed device, from `now` on. Says when it
    /// will be done, through all throttling and background load to come, or that this is beyond the
    /// end of time; `None` if nothing disturbs this device.
    pub(super) fn begin(
        &mut self,
        device: &Device,
        work: Seconds,
        now: SimTime,
    ) -> Result<Option<Result<SimTime, TimeError>>, TimeWentBack> {
        let processor = match self.known.entry(device.id.0) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => match device.processor(Moment(0), &self.seeds) {
                Some(processor) => place.insert(processor),
                None => return Ok(None),
            },
        };
        processor.set(moment(now), Load::Busy(device.power().compute))?;
        processor.take_done();
        let end = processor.finish(work).map(|at| SimTime::from_nanos(at.0));
        Ok(Some(end.ok_or(TimeError::TooLong(work.get()))))
    }

    /// `device` stops computing at `now`. Says for how long the undisturbed device would have
    /// computed to do what it has done, in whole nanoseconds rounded down, or `None` if nothing
    /// disturbs this device.
    pub(super) fn end(
        &mut self,
        device: u32,
        now: SimTime,
    ) -> Result<Option<SimDuration>, TimeWentBack> {
        let Some(processor) = self.known.get_mut(&device) else {
            return Ok(None);
        };
        processor.set(moment(now), Load::Idle)?;
        Ok(Some(whole_nanos(processor.take_done())))
    }
}

/// The longest span of whole nanoseconds that is no more than `time`.
fn whole_nanos(time: Seconds) -> SimDuration {
    let up = SimDuration::from_seconds(time.get()).unwrap_or(SimDuration::ZERO);
    if up.as_seconds() <= time.get() {
        return up;
    }
    SimDuration::from_nanos(up.as_nanos() - 1)
}

//! The course of a computation in simulated time, on a device and on the server.

use fleetune_devices::{Device, Workload, cost::MissingMeasurement};
use fleetune_units::{Flops, FlopsPerSecond, Seconds};

use super::clock::Clock;
use crate::kernel::{SimDuration, SimTime, TimeError};

/// When each phase of a workload ends on an undisturbed device, counted from the start of the
/// computation.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Course {
    phases: Vec<(SimDuration, Flops)>,
    seconds: Seconds,
}

/// Why there is no course.
#[derive(Debug)]
pub(super) enum NoCourse {
    /// Too long for simulated time.
    Time(TimeError),
    /// Nobody measured it.
    Unmeasured(MissingMeasurement),
}

impl From<TimeError> for NoCourse {
    fn from(error: TimeError) -> Self {
        Self::Time(error)
    }
}

impl Course {
    /// The course of `workload` on `device`. Ends are rounded from the running sum of seconds, so
    /// the last one is the device's compute time, rounded once.
    ///
    /// Clocks other than the roofline know no phases: by theirs, work progresses evenly.
    pub(super) fn of(
        device: &Device,
        workload: &Workload,
        clock: &Clock,
    ) -> Result<Self, NoCourse> {
        let (mut phases, mut seconds) = (Vec::new(), Seconds::ZERO);
        if clock.mode.is_roofline() {
            for phase in &workload.phases {
                seconds += device.phase_time(phase);
                phases.push((SimDuration::from_seconds(seconds.get())?, phase.flops));
            }
        } else {
            let times = clock.times(device, workload).map_err(NoCourse::Unmeasured)?;
            seconds = times.compute;
            phases.push((SimDuration::from_seconds(seconds.get())?, workload.flops()));
        }
        Ok(Self { phases, seconds })
    }

    /// All of it, in seconds of the undisturbed device.
    pub(super) fn seconds(&self) -> Seconds {
        self.seconds
    }

    /// From the start to the end of the last phase.
    pub(super) fn duration(&self) -> SimDuration {
        self.phases.last().map_or(SimDuration::ZERO, |&(end, _)| end)
    }

    /// When `flops` are done: the least span after which so many are, or all of it if there are fewer.
    pub(super) fn reaches(&self, flops: Flops) -> SimDuration {
        let (mut done, mut start) = (Flops::ZERO, 0);
        for &(end, of_phase) in &self.phases {
            if done + of_phase >= flops {
                let (left, span) = ((flops - done).get(), u128::from(end.as_nanos() - start));
                let gone = part(span, left.min(of_phase.get()), of_phase.get());
                let early = SimDuration::from_nanos(start + gone as u64);
                let late = SimDuration::from_nanos((start + gone as u64 + 1).min(end.as_nanos()));
                return if self.done_after(early) >= flops { early } else { late };
            }
            done += of_phase;
            start = end.as_nanos();
        }
        self.duration()
    }

    /// The FLOPs done after `elapsed`: those of the phases that have ended, and of the present one
    /// the part of them that its elapsed time is of its duration, rounded down to whole FLOPs.
    pub(super) fn done_after(&self, elapsed: SimDuration) -> Flops {
        let (mut done, mut start) = (Flops::ZERO, 0);
        for &(end, flops) in &self.phases {
            if elapsed < end {
                let gone = elapsed.as_nanos() - start;
                return done + flops_part(flops, gone, end.as_nanos() - start);
            }
            done += flops;
            start = end.as_nanos();
        }
        done
    }
}

/// A stretch of work that keeps the server busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerWork {
    since: SimTime,
    lasts: SimDuration,
    work: Flops,
}

impl ServerWork {
    /// `work` from `since` on, at `speed`.
    pub(super) fn new(
        since: SimTime,
        work: Flops,
        speed: FlopsPerSecond,
    ) -> Result<Self, TimeError> {
        let lasts = SimDuration::from_seconds((work / speed).get())?;
        Ok(Self { since, lasts, work })
    }

    /// How long it takes.
    pub(super) fn lasts(&self) -> SimDuration {
        self.lasts
    }

    /// All of it.
    pub(super) fn work(&self) -> Flops {
        self.work
    }

    /// What of it is done at `now`, rounded down to whole FLOPs.
    pub(super) fn done_at(&self, now: SimTime) -> Flops {
        match now.since(self.since) {
            Some(gone) if gone < self.lasts => {
                flops_part(self.work, gone.as_nanos(), self.lasts.as_nanos())
            }
            _ => self.work,
        }
    }
}

fn flops_part(flops: Flops, gone: u64, span: u64) -> Flops {
    Flops::new(part(flops.get(), gone, span))
}

/// `floor(all * gone / span)`; dividing first, a little less, where 128 bits cannot hold more.
pub(super) fn part(all: u128, gone: impl Into<u128>, span: impl Into<u128>) -> u128 {
    let (gone, span) = (gone.into(), span.into().max(1));
    all.checked_mul(gone).map_or(all / span * gone, |product| product / span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_flops_are_done_at_the_first_nanosecond_at_which_they_are() {
        let phase = |end, flops| (SimDuration::from_nanos(end), Flops::new(flops));
        let course = Course {
            phases: vec![phase(100, 7), phase(100, 5), phase(400, 1_000), phase(403, 0)],
            ..Course::default()
        };
        for flops in (0..=1_012).map(Flops::new) {
            let at = course.reaches(flops);
            assert!(course.done_after(at) >= flops, "{flops}");
            let before = at.as_nanos().checked_sub(1).map(SimDuration::from_nanos);
            assert!(before.is_none_or(|before| course.done_after(before) < flops), "{flops}");
        }
        assert_eq!(course.reaches(Flops::new(5_000)), course.duration());
    }

    #[test]
    fn work_done_is_pro_rata_within_a_phase_and_rounded_down() {
        let phase = |end, flops| (SimDuration::from_nanos(end), Flops::new(flops));
        let course = Course {
            phases: vec![phase(100, 7), phase(100, 5), phase(400, 1_000)],
            ..Course::default()
        };
        let done = |nanos| course.done_after(SimDuration::from_nanos(nanos)).get();
        assert_eq!([done(0), done(14), done(15), done(99)], [0, 0, 1, 6]);
        // The second phase takes no time: it is done as soon as the first is.
        assert_eq!(
            [done(100), done(101), done(399), done(400), done(500)],
            [12, 15, 1_008, 1_012, 1_012]
        );
        assert_eq!(course.duration().as_nanos(), 400);
        assert_eq!(part(u128::MAX, 3_u64, 4_u64), u128::MAX / 4 * 3);
    }
}

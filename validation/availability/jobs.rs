//! Work on a device that comes and goes, as events.

use fleetune_devices::{Load, Processor, Session, Sessions, energy::Moment, streams::SeedTree};
use fleetune_kernel::{Calendar, Class, Event, Handle, SimDuration, SimTime};
use fleetune_units::{Seconds, Watts};

use crate::ValidationError;

#[derive(Debug, Clone, Copy)]
enum Turn {
    SessionEnds,
    Finished,
}

impl Event for Turn {
    fn entity(&self) -> String {
        match self {
            Self::SessionEnds => "sessions".into(),
            Self::Finished => "processor".into(),
        }
    }
}

/// What becomes of a stretch of work that is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It starts from scratch.
    Lost,
    /// It goes on where it stopped.
    Kept,
}

/// Stretches of work, one after the other; what is finished stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) stretch: Seconds,
    pub(super) stretches: u32,
    pub(super) after: After,
}

/// How it went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// When the last stretch was finished [s].
    pub(super) end: f64,
    pub(super) interruptions: u32,
}

impl Job {
    /// Runs on a device with these sessions, from time 0 on.
    pub(super) fn run(self, mut sessions: Sessions) -> Result<Course, ValidationError> {
        let refused = ValidationError::refused;
        let mut processor = Processor::new(Moment(0), None, None, &SeedTree::new(0), 0);
        let mut calendar = Calendar::new();
        let mut finish: Option<Handle> = None;
        let (mut left, mut to_do) = (self.stretch, self.stretches);
        let mut done_before = Seconds::ZERO;
        let mut interruptions = 0;
        calendar.schedule(SimTime::ZERO, Class::StateChange, Turn::SessionEnds)?;
        while let Some(fired) = calendar.advance() {
            let now = Moment(fired.time.as_nanos());
            match fired.event {
                Turn::SessionEnds => {
                    if let Some(handle) = finish.take() {
                        calendar.cancel(handle);
                        interruptions += 1;
                        processor.set(now, Load::Idle).map_err(refused)?;
                        if self.after == After::Kept {
                            left -= processor.done() - done_before;
                        }
                        done_before = processor.done();
                    }
                    let Some(Session { online, length }) = sessions.next() else { break };
                    let length = SimDuration::from_seconds(length.get())?;
                    calendar.schedule_in(length, Class::StateChange, fired.event)?;
                    if online {
                        finish = Some(begin(&mut calendar, &mut processor, left)?);
                    }
                }
                Turn::Finished => {
                    to_do -= 1;
                    processor.advance(now).map_err(refused)?;
                    done_before = processor.done();
                    left = self.stretch;
                    if to_do == 0 {
                        return Ok(Course { end: fired.time.as_seconds(), interruptions });
                    }
                    finish = Some(begin(&mut calendar, &mut processor, left)?);
                }
            }
        }
        Err(ValidationError::Model { experiment: "a job", what: "sessions came to an end" })
    }
}

/// The processor works on `left` from now on; when it will be done is in the calendar.
fn begin(
    calendar: &mut Calendar<Turn>,
    processor: &mut Processor,
    left: Seconds,
) -> Result<Handle, ValidationError> {
    let now = Moment(calendar.now().as_nanos());
    processor.set(now, Load::Busy(Watts::ZERO)).map_err(ValidationError::refused)?;
    let never = ValidationError::Model { experiment: "a job", what: "work never ends" };
    let at = processor.finish(left).ok_or(never)?;
    Ok(calendar.schedule(SimTime::from_nanos(at.0), Class::Completion, Turn::Finished)?)
}

//! The kernel's calendar, used as a model uses it.

use fleetune_kernel::{Calendar, Class, Event, KernelError, SimDuration};

use super::{Delays, Engine};

/// An entity wakes up.
#[derive(Debug, Clone, Copy)]
struct Wakes {
    entity: u32,
}

impl Event for Wakes {
    fn entity(&self) -> String {
        format!("entity {}", self.entity)
    }
}

/// The calendar.
#[derive(Debug)]
pub(crate) struct Ours {
    calendar: Calendar<Wakes>,
    delays: Delays,
}

impl Ours {
    /// `n` entities, each with its first event pending.
    ///
    /// # Errors
    /// None that the delays here can cause.
    pub(crate) fn new(n: u32) -> Result<Self, KernelError> {
        let mut ours = Self { calendar: Calendar::new(), delays: Delays::new() };
        for entity in 0..n {
            ours.schedule(entity)?;
        }
        Ok(ours)
    }

    fn schedule(&mut self, entity: u32) -> Result<(), KernelError> {
        let delay = SimDuration::from_nanos(self.delays.draw());
        self.calendar.schedule_in(delay, Class::Completion, Wakes { entity })?;
        Ok(())
    }
}

impl Engine for Ours {
    fn name(&self) -> &'static str {
        "calendar"
    }

    fn run(&mut self, events: u64) {
        for _ in 0..events {
            let Some(fired) = self.calendar.advance() else { return };
            self.schedule(fired.event.entity).expect("some centuries are left");
        }
    }

    fn clock(&self) -> u64 {
        self.calendar.now().as_nanos()
    }
}

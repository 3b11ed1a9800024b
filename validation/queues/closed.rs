//! A closed loop: n clients think, then queue for one server, then think again.

use std::collections::VecDeque;

use fleetune_devices::streams::SeedTree;
use fleetune_kernel::{Calendar, Class, Event, SimTime};

use super::{
    meter::{Meter, Window},
    span,
};
use crate::{Law, ValidationError};

/// The loop and how long it is watched.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) clients: u64,
    /// Times between an answer and the next request.
    pub(super) thinking: Law,
    /// Times of service.
    pub(super) service: Law,
    /// Requests of each client, after which it stays away; the run ends when all do, or with its
    /// window. All clients ask at the start, in one instant.
    pub(super) requests: u64,
    pub(super) window: Window,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Asks { client: u64 },
    Answered,
}

impl Event for Turn {
    fn entity(&self) -> String {
        match self {
            Self::Asks { client } => format!("client {client}"),
            Self::Answered => "the server".into(),
        }
    }
}

impl Loop {
    /// One replication; `meter` measures the server's queue.
    pub(super) fn run(&self, seeds: &SeedTree) -> Result<Meter, ValidationError> {
        let mut service = seeds.stream("service", 0);
        let mut thoughts: Vec<_> =
            (0..self.clients).map(|client| seeds.stream("thinking", client)).collect();
        let mut left = vec![self.requests; thoughts.len()];
        let mut calendar = Calendar::new();
        let mut meter = Meter::new(self.window, &[])?;
        // The head is being served, since `started`.
        let mut line: VecDeque<(u64, SimTime)> = VecDeque::new();
        let mut started = SimTime::ZERO;
        for client in 0..self.clients {
            calendar.schedule(SimTime::ZERO, Class::Arrival, Turn::Asks { client })?;
        }
        while let Some(fired) = calendar.advance() {
            let now = fired.time;
            meter.pass(now, line.len(), line.len().saturating_sub(1));
            if meter.is_over(now) {
                break;
            }
            let begins = match fired.event {
                Turn::Asks { client } => {
                    line.push_back((client, now));
                    line.len() == 1
                }
                Turn::Answered => {
                    let (client, asked) = line.pop_front().ok_or(ValidationError::Model {
                        experiment: "a closed loop",
                        what: "an answer without a request",
                    })?;
                    meter.leave(asked, started, now);
                    let place = client as usize;
                    left[place] -= 1;
                    if left[place] > 0 {
                        let thinks = span(self.thinking.sample(&mut thoughts[place]))?;
                        calendar.schedule_in(thinks, Class::Arrival, Turn::Asks { client })?;
                    }
                    !line.is_empty()
                }
            };
            if begins {
                started = now;
                let serves = span(self.service.sample(&mut service))?;
                calendar.schedule_in(serves, Class::Completion, Turn::Answered)?;
            }
        }
        Ok(meter)
    }
}

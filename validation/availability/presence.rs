//! Who is there: sessions as events.

use fleetune_devices::Sessions;
use fleetune_kernel::{Calendar, Class, Event, SimDuration, SimTime};

use crate::ValidationError;

#[derive(Debug, Clone, Copy)]
enum Turn {
    SessionEnds { device: usize },
    Looked,
    WindowOpens,
    WindowCloses,
}

impl Event for Turn {
    fn entity(&self) -> String {
        match self {
            Self::SessionEnds { device } => format!("device {device}"),
            Self::Looked | Self::WindowOpens | Self::WindowCloses => "observer".into(),
        }
    }
}

/// When to look at the devices.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// At these times [s].
    pub(super) at: Vec<f64>,
    /// All the time from here to there [s].
    pub(super) window: (f64, f64),
}

/// The share of devices that were there.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// At each time looked.
    pub(super) at: Vec<f64>,
    /// On average over the window.
    pub(super) average: f64,
}

impl Watch {
    /// Watches `devices` to the end of the window.
    pub(super) fn run(&self, mut devices: Vec<Sessions>) -> Result<Seen, ValidationError> {
        let all = devices.len() as f64;
        let mut calendar = Calendar::new();
        let mut online = vec![false; devices.len()];
        let mut there = 0_u64;
        let place = |seconds: f64| SimTime::ZERO.after(SimDuration::from_seconds(seconds)?);
        for at in &self.at {
            calendar.schedule(place(*at)?, Class::Probe, Turn::Looked)?;
        }
        calendar.schedule(place(self.window.0)?, Class::Probe, Turn::WindowOpens)?;
        calendar.schedule(place(self.window.1)?, Class::Probe, Turn::WindowCloses)?;
        for device in 0..devices.len() {
            let turn = Turn::SessionEnds { device };
            calendar.schedule(SimTime::ZERO, Class::StateChange, turn)?;
        }
        let mut seen = Seen { at: Vec::new(), average: 0.0 };
        // Device-nanoseconds in the window, once it is open.
        let (mut area, mut since) = (None::<u128>, SimTime::ZERO);
        while let Some(fired) = calendar.advance() {
            if let Some(area) = &mut area {
                let span = fired.time.since(since).unwrap_or_default().as_nanos();
                *area += u128::from(there) * u128::from(span);
            }
            since = fired.time;
            match fired.event {
                Turn::SessionEnds { device } => {
                    there -= u64::from(online[device]);
                    if let Some(session) = devices[device].next() {
                        online[device] = session.online;
                        let length = SimDuration::from_seconds(session.length.get())?;
                        calendar.schedule_in(length, Class::StateChange, fired.event)?;
                    }
                    there += u64::from(online[device]);
                }
                Turn::Looked => seen.at.push(there as f64 / all),
                Turn::WindowOpens => area = Some(0),
                Turn::WindowCloses => break,
            }
        }
        let nanos = (self.window.1 - self.window.0) * 1e9;
        seen.average = area.unwrap_or_default() as f64 / (all * nanos);
        Ok(seen)
    }
}

//! Which devices may be asked to take part: charging, on Wi-Fi, charged enough.
//!
//! A device is in three states at once, [`States`]: there, charging, on Wi-Fi; each is an
//! alternating process of its own or a column of a trace. [`StateChanges`] gives the exact moments
//! at which any of them changes. What a policy asks of the battery is a threshold, whose moment
//! [`Eligibility::crossing`] solves for. Nothing is polled.

use serde::{Deserialize, Serialize};

use crate::{
    availability::{Position, Process, Session, Sessions, trace::TraceSessions},
    battery::{Battery, Level},
    device::Device,
    moment::Moment,
    streams::SeedTree,
};

/// What a device must be to take part, beside being there.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eligibility {
    /// It must be charging. The default is no.
    #[serde(default)]
    pub charging: bool,
    /// It must be on Wi-Fi. The default is no.
    #[serde(default)]
    pub wifi: bool,
    /// Its battery must hold more than this. The default is no condition. Devices without a
    /// battery meet every condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_above: Option<Level>,
}

impl Eligibility {
    /// Whether a device in `states` may take part, but for its battery.
    pub fn admits(&self, states: States) -> bool {
        states.online && (states.charging || !self.charging) && (states.wifi || !self.wifi)
    }

    /// Whether a device in `states` with `battery` may take part at `at`. A dead device is not
    /// there.
    pub fn holds(&self, states: States, battery: Option<&Battery>, at: Moment) -> bool {
        let charged = |battery: &Battery| {
            battery.is_alive(at)
                && self.battery_above.is_none_or(|level| battery.is_above(level, at))
        };
        self.admits(states) && battery.is_none_or(charged)
    }

    /// The first moment after `from` at which what the policy asks of the battery, or whether the
    /// device lives, changes, if its draw and plug do not; `None` if never.
    pub fn crossing(&self, battery: &Battery, from: Moment) -> Option<Moment> {
        let threshold = self.battery_above.and_then(|level| battery.crossing(level, from));
        let empty = battery.crossing(Level::EMPTY, from);
        match (threshold, empty) {
            (Some(threshold), Some(empty)) => Some(threshold.min(empty)),
            (threshold, empty) => threshold.or(empty),
        }
    }

    /// Whether being there is all that it asks.
    pub fn is_trivial(&self) -> bool {
        *self == Self::default()
    }
}

/// What a device is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct States {
    /// There.
    pub online: bool,
    /// Plugged in.
    pub charging: bool,
    /// On Wi-Fi.
    pub wifi: bool,
}

/// From `at` on, a device is in `states`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange {
    /// When.
    pub at: Moment,
    /// What it is from then on.
    pub states: States,
}

/// A device's periods in one state: of a law or of a trace.
#[derive(Debug, Clone)]
pub enum Periods {
    /// Drawn from a law.
    Law(Sessions),
    /// As recorded.
    Trace(TraceSessions),
}

impl Iterator for Periods {
    type Item = Session;

    fn next(&mut self) -> Option<Session> {
        match self {
            Self::Law(sessions) => sessions.next(),
            Self::Trace(sessions) => sessions.next(),
        }
    }
}

/// The moments at which a device's states change, in order, the first at zero. Changes of several
/// states at one moment are one. 320 bytes, for fleets whose policy asks for more than being
/// there. To resume, skip as many of a fresh one as were taken.
#[derive(Debug, Clone)]
pub struct StateChanges {
    /// Online, charging, Wi-Fi.
    periods: [Periods; 3],
    states: [bool; 3],
    /// When each present period ends.
    ends: [Option<Moment>; 3],
    begun: bool,
}

impl StateChanges {
    /// Merges a device's periods online, charging and on Wi-Fi.
    pub fn new(online: Periods, charging: Periods, wifi: Periods) -> Self {
        let periods = [online, charging, wifi];
        Self { periods, states: [false; 3], ends: [Some(Moment(0)); 3], begun: false }
    }

    fn states(&self) -> States {
        let [online, charging, wifi] = self.states;
        States { online, charging, wifi }
    }
}

impl Iterator for StateChanges {
    type Item = StateChange;

    fn next(&mut self) -> Option<StateChange> {
        loop {
            let at = self.ends.iter().flatten().min().copied()?;
            let before = self.states();
            for ((periods, state), end) in
                self.periods.iter_mut().zip(&mut self.states).zip(&mut self.ends)
            {
                // Periods of no length pass at once.
                while *end == Some(at) {
                    let next = periods.next();
                    *state = next.map_or(*state, |session| session.online);
                    *end = next
                        .and_then(|session| session.ends_after())
                        .and_then(|length| at.after(length));
                }
            }
            if !self.begun || self.states() != before {
                self.begun = true;
                return Some(StateChange { at, states: self.states() });
            }
        }
    }
}

/// The periods in which a policy admits a device, but for its battery: what presence is, for a
/// policy that asks for more than being there.
#[derive(Debug, Clone)]
pub struct EligibleSessions(Inner);

#[derive(Debug, Clone)]
enum Inner {
    /// Being there is all that is asked: the periods as they are, to the bit.
    Online(Periods),
    /// Apart, so that devices under no condition stay small.
    Merged(Box<Merged>),
}

#[derive(Debug, Clone)]
struct Merged {
    policy: Eligibility,
    changes: StateChanges,
    now: Option<StateChange>,
}

impl EligibleSessions {
    /// Under `policy`, of a device with these periods online, charging and on Wi-Fi.
    pub fn new(policy: Eligibility, online: Periods, charging: Periods, wifi: Periods) -> Self {
        if !policy.charging && !policy.wifi {
            return Self(Inner::Online(online));
        }
        let mut changes = StateChanges::new(online, charging, wifi);
        let now = changes.next();
        Self(Inner::Merged(Box::new(Merged { policy, changes, now })))
    }
}

impl Iterator for EligibleSessions {
    type Item = Session;

    fn next(&mut self) -> Option<Session> {
        match &mut self.0 {
            Inner::Online(periods) => periods.next(),
            Inner::Merged(merged) => merged.next(),
        }
    }
}

impl Merged {
    fn next(&mut self) -> Option<Session> {
        let begun = self.now?;
        let policy = self.policy;
        let online = policy.admits(begun.states);
        self.now = self.changes.find(|change| policy.admits(change.states) != online);
        Some(match self.now {
            Some(end) => Session { online, length: end.at.since(begun.at) },
            None => Session::endless(online),
        })
    }
}

/// As [`EligibleSessions`] of a device that follows its laws, in 96 bytes of plain data: what is kept for each of a
/// million devices whose policy asks for more than being there.
#[derive(Debug, Clone, PartialEq)]
pub struct EligiblePosition {
    /// Online, charging, Wi-Fi.
    positions: [Position; 3],
    /// When each present period ends; the end of time if never.
    ends: [Moment; 3],
    /// When the present stretch of being eligible or not began; nothing after one without end.
    began: Option<Moment>,
    states: States,
    eligible: bool,
}

/// The device's processes, in the order of [`EligiblePosition::positions`].
const PROCESSES: [Process; 3] = [Process::Availability, Process::Charging, Process::Wifi];
/// The end of a period that never ends.
const NEVER: Moment = Moment(u64::MAX);

impl EligiblePosition {
    /// Before the first stretch of `device` under `policy`.
    pub fn new(device: &Device, policy: &Eligibility, seeds: &SeedTree) -> Self {
        let position = |process| {
            Position::stationary(&device.law(process), process, seeds, device.stream_key())
        };
        let (positions, ends) = (PROCESSES.map(position), [Moment(0); 3]);
        let (began, states) = (Some(Moment(0)), States::default());
        let mut start = Self { positions, ends, began, states, eligible: false };
        start.change(Moment(0), device, seeds);
        start.eligible = policy.admits(start.states);
        start
    }

    /// The next stretch; the same arguments are needed each time.
    pub fn next(
        &mut self,
        device: &Device,
        policy: &Eligibility,
        seeds: &SeedTree,
    ) -> Option<Session> {
        let (began, online) = (self.began?, self.eligible);
        loop {
            let at = self.ends.into_iter().min().filter(|at| *at != NEVER);
            let Some(at) = at else {
                self.began = None;
                return Some(Session::endless(online));
            };
            self.change(at, device, seeds);
            if policy.admits(self.states) != online {
                (self.began, self.eligible) = (Some(at), !online);
                return Some(Session { online, length: at.since(began) });
            }
        }
    }

    /// Begins the periods that follow those that end at `at`; periods of no length pass at once.
    fn change(&mut self, at: Moment, device: &Device, seeds: &SeedTree) {
        let States { online, charging, wifi } = &mut self.states;
        let each = self.positions.iter_mut().zip(&mut self.ends).zip([online, charging, wifi]);
        for (((position, end), state), process) in each.zip(PROCESSES) {
            while *end == at {
                let law = device.law(process);
                let next = position.next(&law, process, seeds, device.stream_key());
                *state = next.map_or(*state, |session| session.online);
                *end = next
                    .and_then(|session| session.ends_after())
                    .and_then(|length| at.after(length))
                    .unwrap_or(NEVER);
            }
        }
    }
}

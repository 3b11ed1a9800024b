//! A device's periods on and off, one after the other.

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use super::Availability;
use crate::streams::{SeedTree, open_unit};

/// A period on or off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Whether the device is there.
    pub online: bool,
    /// How long; infinite for a device that is always there.
    pub length: Seconds,
}

impl Session {
    /// How long, or `None` if it never ends.
    pub fn ends_after(&self) -> Option<Seconds> {
        self.length.get().is_finite().then_some(self.length)
    }

    /// A period that never ends.
    pub(crate) fn endless(online: bool) -> Self {
        Self { online, length: Seconds::from_raw(f64::INFINITY) }
    }
}

/// Which of a device's alternating processes; each has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// There or not.
    Availability,
    /// Plugged in or not.
    Charging,
    /// On Wi-Fi or not.
    Wifi,
    /// Other programs compute or do not.
    BackgroundLoad,
}

impl Process {
    /// The purposes of its streams: the start, the periods, the residual of the first period.
    const fn purposes(self) -> [&'static str; 3] {
        match self {
            Self::Availability => {
                ["device availability start", "device availability", "device availability residual"]
            }
            Self::Charging => {
                ["device charging start", "device charging", "device charging residual"]
            }
            Self::Wifi => ["device wifi start", "device wifi", "device wifi residual"],
            Self::BackgroundLoad => [
                "device background load start",
                "device background load",
                "device background load residual",
            ],
        }
    }
}

/// 32-bit words of the stream that each period owns: two 64-bit draws, and room.
const WORDS_PER_PERIOD: u128 = 16;

/// Where a device stands in one of its processes: 16 bytes of plain data, all that an idle device
/// needs beside what it shares with others of its class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    elapsed: Seconds,
    taken: u32,
    online: bool,
    stationary: bool,
}

impl Position {
    /// Before the first period of a process that has been running for ever.
    pub fn stationary(law: &Availability, process: Process, seeds: &SeedTree, key: u64) -> Self {
        let start = open_unit(&mut seeds.stream(process.purposes()[0], key));
        let share = match law {
            Availability::Diurnal(diurnal) => diurnal.stationary(zone(law, seeds, key)),
            _ => law.long_run(),
        };
        Self { online: start < share, stationary: true, ..Self::STARTING_ONLINE }
    }

    /// Before a fresh period on.
    pub const STARTING_ONLINE: Self =
        Self { elapsed: Seconds::ZERO, taken: 0, online: true, stationary: false };

    /// The next period, of which the position is then the end; `None` after a period that never
    /// ends, or after 2^32 - 1 periods.
    ///
    /// Needs the same arguments each time. Holds no generator: period number n reads its numbers
    /// at a fixed place of the device's stream.
    pub fn next(
        &mut self,
        law: &Availability,
        process: Process,
        seeds: &SeedTree,
        key: u64,
    ) -> Option<Session> {
        if (law.is_constant() && self.taken > 0) || self.taken == u32::MAX {
            return None;
        }
        let online = self.online && *law != Availability::Never;
        let length = self.length(online, law, process, seeds, key);
        if length.get().is_finite() {
            self.elapsed += length;
        }
        self.taken += 1;
        self.online = !self.online;
        Some(Session { online, length })
    }

    /// How many periods were taken.
    pub const fn taken(&self) -> u64 {
        self.taken as u64
    }

    fn length(
        &self,
        online: bool,
        law: &Availability,
        process: Process,
        seeds: &SeedTree,
        key: u64,
    ) -> Seconds {
        let [_, periods, residuals] = process.purposes();
        let mut rng = seeds.stream(periods, key);
        rng.set_word_pos(u128::from(self.taken) * WORDS_PER_PERIOD);
        let (u, cut) = (open_unit(&mut rng), open_unit(&mut rng));
        let residual = self.stationary && self.taken == 0;
        match law {
            Availability::Always | Availability::Never => Seconds::from_raw(f64::INFINITY),
            Availability::Exponential(law) => law.period(online, u),
            Availability::Lognormal(law) if residual => law.residual(online, u, cut),
            Availability::Lognormal(law) => law.period(online, u),
            Availability::Weibull(law) if residual => {
                // Rejection takes any number of draws, so it has a stream to itself.
                law.residual(online, cut, &mut seeds.stream(residuals, key))
            }
            Availability::Weibull(law) => law.period(online, u),
            Availability::Diurnal(diurnal) => {
                let local = zone(law, seeds, key) + self.elapsed.get();
                diurnal.period(online, local, u)
            }
        }
    }
}

/// By how much the device's clock is ahead of the simulation's [s], the same for all its processes.
fn zone(law: &Availability, seeds: &SeedTree, key: u64) -> f64 {
    match law {
        Availability::Diurnal(law) if !law.zones.is_zero() => {
            let u = open_unit(&mut seeds.stream("device time zone", key));
            (u - 0.5) * law.zones.get()
        }
        _ => 0.0,
    }
}

/// A device's periods on and off, alternating without end (one endless period if it is always
/// there).
///
/// Holds no generator: period number n reads its numbers at a fixed place of the device's
/// stream, so the state is plain data. 88 bytes; whoever keeps a million devices of a few classes
/// keeps a [`Position`] of 16 bytes for each instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    law: Availability,
    seeds: SeedTree,
    key: u64,
    process: Process,
    position: Position,
}

impl Sessions {
    /// Begins in the stationary regime, as if it had been running for ever.
    pub fn stationary(law: Availability, seeds: &SeedTree, key: u64) -> Self {
        Self::of(Process::Availability, law, seeds, key)
    }

    /// As [`Self::stationary`], of any of a device's processes.
    pub fn of(process: Process, law: Availability, seeds: &SeedTree, key: u64) -> Self {
        let position = Position::stationary(&law, process, seeds, key);
        Self { law, seeds: *seeds, key, process, position }
    }

    /// Begins with a fresh period on.
    pub fn starting_online(law: Availability, seeds: &SeedTree, key: u64) -> Self {
        let (process, position) = (Process::Availability, Position::STARTING_ONLINE);
        Self { law, seeds: *seeds, key, process, position }
    }

    /// How many periods were taken, enough to resume: `skip` as many of a fresh one.
    pub const fn taken(&self) -> u64 {
        self.position.taken()
    }

    /// Where it stands.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Goes on from where another one of the same process stood.
    #[must_use]
    pub fn resumed(mut self, position: Position) -> Self {
        self.position = position;
        self
    }
}

impl Iterator for Sessions {
    type Item = Session;

    fn next(&mut self) -> Option<Session> {
        self.position.next(&self.law, self.process, &self.seeds, self.key)
    }
}

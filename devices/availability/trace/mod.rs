//! Recorded times on and off, read from CSV.
//!
//! ```csv
//! device,start,end,state
//! 0,0,3600,online
//! 0,1800,3600,charging
//! 2,120.5,90000,online
//! ```
//!
//! | column | meaning |
//! |---|---|
//! | `device` | a whole number; rows are sorted by it, and gaps are devices that are never there |
//! | `start` | seconds since the trace began; from then on the device is in the state |
//! | `end` | seconds since the trace began; from then on it no longer is. After `start` |
//! | `state` | `online`, `charging` or `wifi`. Without this column every row is `online` |
//!
//! Within a device and a state, rows are sorted by `start` and do not overlap; rows of different
//! states may come in any order. Times are kept in whole nanoseconds. A state that no row of the
//! file names is left to the device's profile.
//!
//! **Memory.** Rows are read one at a time. What is kept is 16 bytes for each interval and 8 bytes
//! for each device and state that occurs, of the first `keep` devices only: reading stops behind
//! them, so that the need is bounded by the fleet and not by the file. Devices share one
//! [`Traces`]; each holds a [`TraceSessions`] of 32 bytes.
//!
//! **Replay** begins at the trace's zero. After its end a trace repeats, if it is given a period,
//! and otherwise its devices stay away. Recorded states are replayed and not resampled: a fleet
//! larger than the trace has several devices with the same times.

mod csv;
mod error;
mod replay;

pub use error::{Place, TraceError};
pub use replay::TraceSessions;

use std::{fs::File, io::Read, path::Path, sync::Arc};

use fleetune_units::Seconds;
use serde::{Deserialize, Serialize};

use super::Process;
use crate::{moment::Moment, validate::positive_or_none};

/// Which file to replay and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceConfig {
    /// The CSV file.
    pub file: String,
    /// After how long it begins again; at least its last `end`. The default is never.
    #[serde(
        default,
        deserialize_with = "positive_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub repeat: Option<Seconds>,
}

/// One row of a trace: a device is in a state from `start` to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    device: u32,
    state: State,
    start: Moment,
    end: Moment,
}

/// What a row says of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Online,
    Charging,
    Wifi,
}

/// The intervals of one state, of all devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Intervals {
    /// Where each device's edges begin, and after the last one where they end.
    first: Vec<u64>,
    /// Start, end, start, end, ... in nanoseconds; strictly increasing within a device.
    edges: Vec<u64>,
}

impl Intervals {
    fn of(&self, device: usize) -> &[u64] {
        &self.edges[self.first[device] as usize..self.first[device + 1] as usize]
    }

    /// Ends the lists of all devices before `device`.
    fn close_before(&mut self, device: usize) {
        self.first.resize(device + 1, self.edges.len() as u64);
    }
}

/// The recorded times of some devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    devices: u32,
    repeat: Option<Moment>,
    /// By [`State`]; empty for a state that no row names.
    states: [Intervals; 3],
}

impl Traces {
    /// Reads the first `keep` devices of the file that `config` names.
    ///
    /// # Errors
    /// The file cannot be read, a row is not as the [module's page](self) has it, there is none,
    /// or it repeats before its last `end`.
    pub fn load(config: &TraceConfig, keep: u32) -> Result<Arc<Self>, TraceError> {
        let file = Path::new(&config.file);
        let opened = File::open(file).map_err(|cause| TraceError::Unreadable {
            file: config.file.clone(),
            cause: cause.to_string(),
        })?;
        Self::read(opened, &config.file, config.repeat, keep).map(Arc::new)
    }

    /// Reads the first `keep` devices from `source`, called `file` in errors.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn read(
        source: impl Read,
        file: &str,
        repeat: Option<Seconds>,
        keep: u32,
    ) -> Result<Self, TraceError> {
        let mut traces = Self { devices: 0, repeat: None, states: Default::default() };
        for row in csv::Rows::new(source, file, keep)? {
            let row = row?;
            traces.devices = traces.devices.max(row.device + 1);
            let intervals = &mut traces.states[row.state as usize];
            let (start, end) = (row.start.0, row.end.0);
            let begun = intervals.first.len() > row.device as usize;
            if begun && intervals.edges.last() == Some(&start) {
                // It touches the one before: one interval, so that edges keep increasing.
                intervals.edges.pop();
                intervals.edges.push(end);
                continue;
            }
            intervals.close_before(row.device as usize);
            intervals.edges.extend([start, end]);
        }
        if traces.devices == 0 {
            return Err(TraceError::Empty { file: file.to_owned() });
        }
        for intervals in &mut traces.states {
            if !intervals.edges.is_empty() {
                intervals.close_before(traces.devices as usize);
            }
        }
        traces.repeat = traces.checked_period(repeat, file)?;
        Ok(traces)
    }

    fn checked_period(
        &self,
        repeat: Option<Seconds>,
        file: &str,
    ) -> Result<Option<Moment>, TraceError> {
        let Some(length) = repeat else { return Ok(None) };
        let last = self.states.iter().flat_map(|state| &state.edges).max().copied().unwrap_or(0);
        match Moment(0).after(length) {
            Some(period) if period.0 >= last => Ok(Some(period)),
            _ => Err(TraceError::RepeatsTooEarly {
                file: file.to_owned(),
                repeat: length,
                last_end: Moment(last).since(Moment(0)),
            }),
        }
    }

    /// How many devices were kept: one more than the largest `device` among them.
    pub fn devices(&self) -> u32 {
        self.devices
    }

    /// Whether the file says when devices are in the state of `process`. If it does not, their
    /// profiles do.
    pub fn records(&self, process: Process) -> bool {
        state_of(process).is_some_and(|state| !self.states[state as usize].first.is_empty())
    }

    /// How many bytes all kept devices take together.
    pub fn bytes(&self) -> usize {
        let words = |state: &Intervals| state.first.len() + state.edges.len();
        8 * self.states.iter().map(words).sum::<usize>()
    }

    /// All that is replayed but for the period, as a sequence of numbers that no other content has.
    pub fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let counted = |list: &'_ [u64]| list.len() as u64;
        let states = self.states.iter().flat_map(move |Intervals { first, edges }| {
            let lengths = [counted(first), counted(edges)];
            lengths.into_iter().chain(first.iter().chain(edges).copied())
        });
        std::iter::once(u64::from(self.devices)).chain(states)
    }

    /// The share of the time up to the trace's end, or of its period, in which `device` is in the
    /// state of `process`; `None` for what is not recorded. Devices beyond the last begin again
    /// at the first.
    pub fn share(&self, process: Process, device: u32) -> Option<f64> {
        let state = state_of(process).filter(|_| self.records(process))?;
        let edges = self.intervals(state, device);
        let on: u64 = edges.chunks_exact(2).map(|edge| edge[1] - edge[0]).sum();
        let all = match self.repeat {
            Some(period) => period.0,
            None => edges.last().copied().unwrap_or(1),
        };
        Some(on as f64 / all as f64)
    }

    fn intervals(&self, state: State, device: u32) -> &[u64] {
        self.states[state as usize].of((device % self.devices) as usize)
    }
}

/// The state that a process's rows have, if rows can have it.
fn state_of(process: Process) -> Option<State> {
    match process {
        Process::Availability => Some(State::Online),
        Process::Charging => Some(State::Charging),
        Process::Wifi => Some(State::Wifi),
        Process::BackgroundLoad => None,
    }
}

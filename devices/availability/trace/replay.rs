//! A device's recorded periods, one after the other.

use std::sync::Arc;

use super::{Process, State, Traces, state_of};
use crate::{availability::Session, moment::Moment};

/// The periods of one device in one recorded state: 32 bytes beside the shared trace. Periods
/// alternate; the last one never ends. To resume, skip as many of a fresh one as were taken.
#[derive(Debug, Clone)]
pub struct TraceSessions {
    traces: Arc<Traces>,
    device: u32,
    state: State,
    online: bool,
    over: bool,
    /// Edges passed, over all repetitions.
    passed: u64,
    /// When the present period began.
    now: Moment,
}

impl TraceSessions {
    /// The periods of `device` in the state of `process`, from the trace's zero; `None` if the
    /// trace does not record it. Devices beyond the trace's last begin again at its first.
    pub fn new(traces: &Arc<Traces>, process: Process, device: u32) -> Option<Self> {
        let state = state_of(process).filter(|_| traces.records(process))?;
        let mut sessions = Self {
            traces: Arc::clone(traces),
            device,
            state,
            online: false,
            over: false,
            passed: 0,
            now: Moment(0),
        };
        // A device that is there from the start has no period off before it.
        if sessions.edge(0) == Some(Moment(0)) {
            (sessions.online, sessions.passed) = (true, 1);
        }
        Some(sessions)
    }

    /// The moment of the n-th edge, over all repetitions; `None` after the last one.
    fn edge(&self, n: u64) -> Option<Moment> {
        let edges = self.traces.intervals(self.state, self.device);
        let count = edges.len() as u64;
        if n < count {
            return Some(Moment(edges[n as usize]));
        }
        let period = self.traces.repeat?.0;
        let lap = n.checked_div(count)?;
        period.checked_mul(lap)?.checked_add(edges[(n % count) as usize]).map(Moment)
    }

    /// Whether the device is in the state all the time: one interval as long as the period.
    fn is_constant(&self) -> bool {
        let edges = self.traces.intervals(self.state, self.device);
        self.traces.repeat.is_some_and(|period| edges == [0, period.0])
    }

    /// The next edge that changes anything. Where one repetition ends on and the next begins on,
    /// two edges fall together and neither does.
    fn next_edge(&mut self) -> Option<Moment> {
        if self.is_constant() {
            return None;
        }
        loop {
            let edge = self.edge(self.passed)?;
            self.passed += 1;
            if !self.online || self.edge(self.passed) != Some(edge) {
                return Some(edge);
            }
            self.passed += 1;
        }
    }
}

impl Iterator for TraceSessions {
    type Item = Session;

    fn next(&mut self) -> Option<Session> {
        if self.over {
            return None;
        }
        let online = self.online;
        let Some(edge) = self.next_edge() else {
            self.over = true;
            return Some(Session::endless(online));
        };
        let length = edge.since(self.now);
        (self.now, self.online) = (edge, !online);
        Some(Session { online, length })
    }
}

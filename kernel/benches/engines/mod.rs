//! The engines that are compared, and the rules of the comparison.
//!
//! N entities reschedule themselves for ever, each time after an exponential delay of mean 1 s. The
//! delays are drawn beforehand and taken from one table, so that engines alone are timed. Time is
//! whole nanoseconds everywhere; ties are broken by the order of scheduling.

mod calendar;
mod plain;

pub(crate) use calendar::Ours;
pub(crate) use plain::Plain;

/// Something that fires the events of entities which reschedule themselves.
pub(crate) trait Engine {
    /// What it is called in the table.
    fn name(&self) -> &'static str;

    /// Fires `events` more of them.
    fn run(&mut self, events: u64);

    /// The instant of the event fired last, nanoseconds.
    fn clock(&self) -> u64;
}

/// Number of delays in the table, a power of two. Small enough to stay in the second-level cache.
const DELAYS: usize = 1 << 14;

/// A table of exponential delays of mean 1 s, nanoseconds: the quantiles of equal cells in an
/// order that a multiplicative generator makes.
#[derive(Debug)]
pub(crate) struct Delays {
    table: Vec<u64>,
    next: usize,
}

impl Delays {
    /// The same table for everybody.
    pub(crate) fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let table = (0..DELAYS)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                let unit = ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
                (-libm::log(unit) * 1e9) as u64 + 1
            })
            .collect();
        Self { table, next: 0 }
    }

    /// The next delay. The stride keeps the phase of table and entities apart.
    pub(crate) fn draw(&mut self) -> u64 {
        self.next = (self.next + 5_003) & (DELAYS - 1);
        self.table[self.next]
    }
}

//! What one would write without a kernel: a binary heap and a loop. No classes, no cancellation,
//! no check of anything.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Delays, Engine};

/// The plain loop.
#[derive(Debug)]
pub(crate) struct Plain {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    delays: Delays,
    seq: u64,
    now: u64,
}

impl Plain {
    /// `n` entities, each with its first event pending.
    pub(crate) fn new(n: u32) -> Self {
        let mut plain = Self { heap: BinaryHeap::new(), delays: Delays::new(), seq: 0, now: 0 };
        for entity in 0..n {
            plain.schedule(entity);
        }
        plain
    }

    fn schedule(&mut self, entity: u32) {
        let at = self.now + self.delays.draw();
        self.heap.push(Reverse((at, self.seq, entity)));
        self.seq += 1;
    }
}

impl Engine for Plain {
    fn name(&self) -> &'static str {
        "plain loop"
    }

    fn run(&mut self, events: u64) {
        for _ in 0..events {
            let Some(Reverse((time, _, entity))) = self.heap.pop() else { return };
            self.now = time;
            self.schedule(entity);
        }
    }

    fn clock(&self) -> u64 {
        self.now
    }
}

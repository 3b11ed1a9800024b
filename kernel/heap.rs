//! A heap of keys with four children a node and a root that may be vacant.
//!
//! Two things set it apart from `std::collections::BinaryHeap`, both measured (`benches/`):
//!
//! * Four children are half the levels, and the four lie side by side: where the keys exceed the
//!   caches, half the misses.
//! * A model that fires an event mostly schedules another at once. [`Heap::pop`] therefore leaves
//!   the root vacant, and [`Heap::push`] fills it: one way down instead of one down and one up.

use crate::{Class, SimTime};

/// Children of a node.
const ARITY: usize = 4;

/// Bits of the sequence number in a key; the class is above them.
pub(crate) const SEQ_BITS: u32 = 61;

/// A place in the order of events. `slot` never decides: `seq` is unique.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    time: SimTime,
    /// Class and `seq` in one number: they compare in one step.
    rank: u64,
    slot: u32,
}

impl Key {
    /// The key of the event in `slot`; `seq` has to fit into [`SEQ_BITS`].
    pub(crate) fn new(time: SimTime, class: Class, seq: u64, slot: u32) -> Self {
        debug_assert!(seq >> SEQ_BITS == 0, "the calendar refuses to schedule so many");
        Self { time, rank: (class as u64) << SEQ_BITS | seq, slot }
    }

    pub(crate) fn time(&self) -> SimTime {
        self.time
    }

    pub(crate) fn class(&self) -> Class {
        Class::ALL[(self.rank >> SEQ_BITS) as usize]
    }

    pub(crate) fn seq(&self) -> u64 {
        self.rank & ((1 << SEQ_BITS) - 1)
    }

    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// The order of events: `(time, class, seq)` as one number, so that comparing needs no branch.
    fn order(&self) -> u128 {
        u128::from(self.time.as_nanos()) << 64 | u128::from(self.rank)
    }
}

/// The heap: no key is before its parent's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heap {
    keys: Vec<Key>,
    /// Whether the root has been popped and not been filled yet. Then `keys[0]` is a leftover.
    vacant: bool,
}

impl Heap {
    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len() - usize::from(self.vacant)
    }

    /// All keys, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().skip(usize::from(self.vacant))
    }

    /// The first key.
    pub(crate) fn peek(&mut self) -> Option<&Key> {
        self.settle();
        self.keys.first()
    }

    /// Takes the first key.
    pub(crate) fn pop(&mut self) -> Option<Key> {
        self.settle();
        let first = self.keys.first().copied();
        self.vacant = first.is_some();
        first
    }

    pub(crate) fn push(&mut self, key: Key) {
        if self.vacant {
            self.vacant = false;
            self.sink(0, key);
        } else {
            self.keys.push(key);
            self.rise(self.keys.len() - 1, key);
        }
    }

    /// Drops the keys that are not to be kept. Linear.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Key) -> bool) {
        self.settle();
        self.keys.retain(keep);
        for node in (0..self.keys.len().div_ceil(ARITY)).rev() {
            self.sink(node, self.keys[node]);
        }
    }

    /// Fills a vacant root with the last key.
    fn settle(&mut self) {
        if self.vacant {
            self.vacant = false;
            if let Some(last) = self.keys.pop()
                && !self.keys.is_empty()
            {
                self.sink(0, last);
            }
        }
    }

    /// Puts `key` at `node` or, while a child comes first, below it.
    fn sink(&mut self, mut node: usize, key: Key) {
        let order = key.order();
        loop {
            let child = ARITY * node + 1;
            let Some(least) = self.least(child) else { break };
            if order < self.keys[least].order() {
                break;
            }
            self.keys[node] = self.keys[least];
            node = least;
        }
        self.keys[node] = key;
    }

    /// The least of the siblings that begin at `child`.
    fn least(&self, child: usize) -> Option<usize> {
        let end = (child + ARITY).min(self.keys.len());
        let siblings = self.keys.get(child..end)?;
        let before = |a: usize, b: usize| siblings[a].order() < siblings[b].order();
        if let [_, _, _, _] = siblings {
            // A tournament: the two halves do not wait for each other.
            let left = usize::from(before(1, 0));
            let right = 2 + usize::from(before(3, 2));
            return Some(child + if before(right, left) { right } else { left });
        }
        (0..siblings.len()).min_by_key(|&place| siblings[place].order()).map(|place| child + place)
    }

    /// Puts `key` at `node` or, while it comes before the parent, above it.
    fn rise(&mut self, mut node: usize, key: Key) {
        let order = key.order();
        while node > 0 {
            let parent = (node - 1) / ARITY;
            if self.keys[parent].order() < order {
                break;
            }
            self.keys[node] = self.keys[parent];
            node = parent;
        }
        self.keys[node] = key;
    }
}

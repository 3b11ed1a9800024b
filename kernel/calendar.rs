//! The calendar: a heap of keys over slots of typed events.
//!
//! The heap holds 24-byte keys alone; events stay in their slots, so sifting moves no payload.
//! `seq` is unique over a run and therefore serves as the generation of a slot as well: a key or a
//! handle is alive exactly while its slot holds the event of that `seq`, and it cannot wrap.

use serde::{Deserialize, Serialize};

use crate::{
    Class, KernelError, SimDuration, SimTime,
    heap::{Heap, Key, SEQ_BITS},
};

/// The longest chain of events at one instant that a calendar allows unless told otherwise.
///
/// Chains in a sound model are a handful of events long (completion, arrival, decision, start);
/// this is a hundred times the longest that the federation makes, and is reached at once by a
/// loop without a duration in it.
pub const DEFAULT_INSTANT_CAP: u32 = 1_000;

/// What a calendar asks of its events: a name for error messages.
pub trait Event {
    /// Whom the event is about, such as `client 17` or `server`.
    fn entity(&self) -> String;
}

/// The right to cancel one scheduled event. Stays valid across save and restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Handle {
    pub(crate) slot: u32,
    pub(crate) generation: u64,
}

/// An event at its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired<E> {
    /// When: equals [`Calendar::now`].
    pub time: SimTime,
    /// Its class.
    pub class: Class,
    /// Its place in the order of scheduling.
    pub seq: u64,
    /// What happens.
    pub event: E,
}

/// The books of a calendar: `scheduled = fired + cancelled + pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Events ever scheduled.
    pub scheduled: u64,
    /// Events fired.
    pub fired: u64,
    /// Events cancelled before they fired.
    pub cancelled: u64,
    /// Events still to come.
    pub pending: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Slot<E> {
    pub(crate) seq: u64,
    /// Length of the chain of same-instant events that ends in this one.
    pub(crate) chain: u32,
    pub(crate) event: Option<E>,
}

/// Pending events and the clock that they move. See the [module page](super) for its guarantees.
#[derive(Debug, Clone)]
pub struct Calendar<E> {
    pub(crate) now: SimTime,
    /// Chain length of the event fired last; 0 when it was scheduled from an earlier instant.
    pub(crate) chain: u32,
    pub(crate) instant_cap: u32,
    pub(crate) heap: Heap,
    pub(crate) slots: Vec<Slot<E>>,
    pub(crate) free: Vec<u32>,
    pub(crate) next_seq: u64,
    pub(crate) fired: u64,
    pub(crate) cancelled: u64,
}

impl<E: Event> Calendar<E> {
    /// An empty calendar at time zero.
    pub fn new() -> Self {
        Self::with_instant_cap(DEFAULT_INSTANT_CAP)
    }

    /// An empty calendar that allows chains of at most `cap` events at one instant. The default is
    /// [`DEFAULT_INSTANT_CAP`].
    pub fn with_instant_cap(cap: u32) -> Self {
        Self {
            now: SimTime::ZERO,
            chain: 0,
            instant_cap: cap,
            heap: Heap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            next_seq: 0,
            fired: 0,
            cancelled: 0,
        }
    }

    /// The present instant: that of the event fired last.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// When the next event is due, if any is pending. Changes nothing that can be seen: `&mut`
    /// because it puts the heap in order first.
    pub fn next_time(&mut self) -> Option<SimTime> {
        self.drop_dead();
        self.heap.peek().map(Key::time)
    }

    /// The books so far.
    pub fn counts(&self) -> Counts {
        Counts {
            scheduled: self.next_seq,
            fired: self.fired,
            cancelled: self.cancelled,
            pending: self.pending() as u64,
        }
    }

    /// Entries held, the dead included: never more than twice the number of pending events.
    pub fn entries(&self) -> usize {
        self.heap.len()
    }

    /// Whether the event of `handle` is still to come.
    pub fn is_pending(&self, handle: Handle) -> bool {
        self.slots
            .get(handle.slot as usize)
            .is_some_and(|slot| slot.event.is_some() && slot.seq == handle.generation)
    }

    /// Schedules `event` for the instant `at`.
    ///
    /// # Errors
    /// [`KernelError::InThePast`] before now; [`KernelError::Livelock`] when the chain of
    /// same-instant events grows beyond the cap; [`KernelError::Full`] at 2^32 pending events.
    pub fn schedule(&mut self, at: SimTime, class: Class, event: E) -> Result<Handle, KernelError> {
        if at < self.now {
            return Err(KernelError::InThePast { entity: event.entity(), at, now: self.now });
        }
        let chain = if at == self.now { self.chain.saturating_add(1) } else { 0 };
        if chain > self.instant_cap {
            let (now, cap) = (self.now, self.instant_cap);
            return Err(KernelError::Livelock { entity: event.entity(), now, cap });
        }
        let slot = match self.free.last() {
            Some(&slot) => slot,
            None => match u32::try_from(self.slots.len()) {
                Ok(slot) => slot,
                Err(_) => return Err(KernelError::Full { entity: event.entity() }),
            },
        };
        let seq = self.next_seq;
        if seq >> SEQ_BITS != 0 {
            return Err(KernelError::Full { entity: event.entity() });
        }
        self.next_seq += 1;
        let filled = Slot { seq, chain, event: Some(event) };
        if self.free.pop().is_some() {
            self.slots[slot as usize] = filled;
        } else {
            self.slots.push(filled);
        }
        self.heap.push(Key::new(at, class, seq, slot));
        Ok(Handle { slot, generation: seq })
    }

    /// Schedules `event` for `delay` after now.
    ///
    /// # Errors
    /// As [`Calendar::schedule`], and [`KernelError::Time`] beyond the end of time.
    pub fn schedule_in(
        &mut self,
        delay: SimDuration,
        class: Class,
        event: E,
    ) -> Result<Handle, KernelError> {
        match self.now.after(delay) {
            Ok(at) => self.schedule(at, class, event),
            Err(source) => Err(KernelError::Time { entity: event.entity(), source }),
        }
    }

    /// Takes the event of `handle` back, or gives `None` if it has fired or was cancelled.
    pub fn cancel(&mut self, handle: Handle) -> Option<E> {
        if !self.is_pending(handle) {
            return None;
        }
        let event = self.vacate(handle.slot);
        self.cancelled += 1;
        self.compact();
        event
    }

    /// Moves the clock to the next event and gives it out, or gives `None` when none is pending.
    ///
    /// Named `advance` rather than `next`: a calendar is no iterator, it changes in between.
    pub fn advance(&mut self) -> Option<Fired<E>> {
        loop {
            let key = self.heap.pop()?;
            let slot = &self.slots[key.slot() as usize];
            if slot.seq != key.seq() {
                continue;
            }
            let chain = slot.chain;
            let Some(event) = self.vacate(key.slot()) else { continue };
            self.now = key.time();
            self.chain = chain;
            self.fired += 1;
            self.compact();
            return Some(Fired { time: self.now, class: key.class(), seq: key.seq(), event });
        }
    }

    pub(crate) fn pending(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn vacate(&mut self, slot: u32) -> Option<E> {
        let event = self.slots[slot as usize].event.take()?;
        self.free.push(slot);
        Some(event)
    }

    /// Whether the event of `key` is still to come.
    pub(crate) fn is_alive(slots: &[Slot<E>], key: &Key) -> bool {
        let slot = &slots[key.slot() as usize];
        slot.seq == key.seq() && slot.event.is_some()
    }

    /// Keeps the dead in the minority. Amortised constant: a compaction costs a few steps for each
    /// entry that has died or fired since the last one.
    fn compact(&mut self) {
        if self.heap.len() > 2 * self.pending() {
            self.heap.retain(|key| Self::is_alive(&self.slots, key));
        }
    }

    /// Brings an event that is alive to the head of the heap.
    fn drop_dead(&mut self) {
        while self.heap.peek().is_some_and(|key| !Self::is_alive(&self.slots, key)) {
            self.heap.pop();
        }
    }
}

impl<E: Event> Default for Calendar<E> {
    fn default() -> Self {
        Self::new()
    }
}

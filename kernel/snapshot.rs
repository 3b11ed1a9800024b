//! A calendar at rest: what is pending, in firing order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Calendar, Class, Event, RestoreError, SimTime,
    calendar::Slot,
    heap::{Key, SEQ_BITS},
};

/// One pending event of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingEvent<E> {
    /// When it is due.
    pub time: SimTime,
    /// Its class.
    pub class: Class,
    /// Its place in the order of scheduling; also the generation of its handle.
    pub seq: u64,
    /// Its slot, kept so that handles stay valid.
    pub slot: u32,
    /// Length of the chain of same-instant events that ends in it.
    pub chain: u32,
    /// What will happen.
    pub event: E,
}

/// A saved calendar. Restoring it continues as if nothing had happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot<E> {
    /// The present instant.
    pub now: SimTime,
    /// Chain length of the event fired last.
    pub chain: u32,
    /// Longest chain of events allowed at one instant.
    pub instant_cap: u32,
    /// The sequence number of the next event to be scheduled: the number ever scheduled.
    pub next_seq: u64,
    /// Events fired.
    pub fired: u64,
    /// Events cancelled.
    pub cancelled: u64,
    /// Pending events in firing order.
    pub pending: Vec<PendingEvent<E>>,
}

impl<E: Event + Clone> Calendar<E> {
    /// Saves the calendar. Its dead entries are left behind.
    pub fn save(&self) -> Snapshot<E> {
        let mut pending: Vec<_> = self
            .heap
            .iter()
            .filter_map(|key| {
                let Slot { seq, chain, ref event } = self.slots[key.slot() as usize];
                let event = event.as_ref().filter(|_| seq == key.seq())?.clone();
                let (time, class, slot) = (key.time(), key.class(), key.slot());
                Some(PendingEvent { time, class, seq, slot, chain, event })
            })
            .collect();
        pending.sort_unstable_by_key(order);
        Snapshot {
            now: self.now,
            chain: self.chain,
            instant_cap: self.instant_cap,
            next_seq: self.next_seq,
            fired: self.fired,
            cancelled: self.cancelled,
            pending,
        }
    }
}

impl<E: Event> Calendar<E> {
    /// Brings a saved calendar back to life.
    ///
    /// # Errors
    /// [`RestoreError`] if the snapshot is not one that [`Calendar::save`] can have made.
    pub fn restore(snapshot: Snapshot<E>) -> Result<Self, RestoreError> {
        check(&snapshot)?;
        let mut calendar = Self::with_instant_cap(snapshot.instant_cap);
        calendar.now = snapshot.now;
        calendar.chain = snapshot.chain;
        calendar.next_seq = snapshot.next_seq;
        calendar.fired = snapshot.fired;
        calendar.cancelled = snapshot.cancelled;
        let used = snapshot.pending.iter().map(|saved| saved.slot as usize + 1).max().unwrap_or(0);
        calendar.slots.resize_with(used, || Slot { seq: 0, chain: 0, event: None });
        for PendingEvent { time, class, seq, slot, chain, event } in snapshot.pending {
            calendar.slots[slot as usize] = Slot { seq, chain, event: Some(event) };
            calendar.heap.push(Key::new(time, class, seq, slot));
        }
        calendar.free =
            (0..).zip(&calendar.slots).filter(|(_, s)| s.event.is_none()).map(|(i, _)| i).collect();
        Ok(calendar)
    }
}

fn order<E>(saved: &PendingEvent<E>) -> (SimTime, Class, u64) {
    (saved.time, saved.class, saved.seq)
}

fn check<E>(snapshot: &Snapshot<E>) -> Result<(), RestoreError> {
    let &Snapshot { now, next_seq: scheduled, fired, cancelled, ref pending, .. } = snapshot;
    let (mut slots, mut seqs) = (BTreeSet::new(), BTreeSet::new());
    let mut last = None;
    for saved in pending {
        let PendingEvent { time, seq, slot, .. } = *saved;
        if time < now {
            return Err(RestoreError::InThePast { seq, time, now });
        }
        if last.is_some_and(|last| last >= order(saved)) {
            return Err(RestoreError::Order { seq });
        }
        if seq >= scheduled || seq >> SEQ_BITS != 0 || !seqs.insert(seq) {
            return Err(RestoreError::Sequence { seq });
        }
        // A calendar uses a new slot only when all are taken, so no slot exceeds what was scheduled.
        if u64::from(slot) >= scheduled || !slots.insert(slot) {
            return Err(RestoreError::Slot { seq, slot });
        }
        last = Some(order(saved));
    }
    let count = pending.len() as u64;
    if fired.checked_add(cancelled).and_then(|gone| gone.checked_add(count)) != Some(scheduled) {
        return Err(RestoreError::Counts { scheduled, fired, cancelled, pending: count });
    }
    Ok(())
}

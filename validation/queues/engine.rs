//! Q10: the engine's invariants, seen through a history of random operations.
//!
//! The kernel's own tests hold any history to an oracle. This one long history is kept so that the
//! record shows the engine's books and its order, save and restore included.

use std::collections::BTreeSet;

use fleetune_devices::streams::{SeedTree, open_unit};
use fleetune_kernel::{Calendar, Class, Event, Fired, Handle, SimDuration, SimTime};

use crate::{Experiment, Finding, Measurement, ValidationError};

pub(super) const INVARIANTS: Experiment = Experiment {
    id: "Q10",
    title: "The engine's invariants",
    statement: "A long history of scheduling, cancelling, firing, saving and restoring, with many \
                events at each instant: order, books and cancellation.",
    closed_form: "events fire in the order of (time, class, seq); scheduled = fired + cancelled + \
                  pending; what was cancelled never fires; a restored calendar goes on as the saved \
                  one would have",
    measure: invariants,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbered(u64);

impl Event for Numbered {
    fn entity(&self) -> String {
        format!("event {}", self.0)
    }
}

/// An event's place in the public order; the number is its `seq`.
type Key = (SimTime, Class, u64);

/// Steps of the history.
const STEPS: u64 = 200_000;

fn invariants(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut rng = seeds.stream("operations", 0);
    let mut draw = |below: usize| ((open_unit(&mut rng) * below as f64) as usize).min(below - 1);
    let mut calendar = Calendar::new();
    let mut handles: Vec<(Handle, Key)> = Vec::new();
    // What ought to be pending, in the order in which it ought to fire.
    let mut pending: BTreeSet<Key> = BTreeSet::new();
    let (mut numbers, mut fired, mut taken_back) = (0, 0, 0);
    let (mut disorder, mut disagreed, mut restored) = (0, 0, 0);
    for step in 0..STEPS {
        match draw(16) {
            0..7 => {
                let at = calendar.now().after(SimDuration::from_nanos(draw(8) as u64))?;
                let class = Class::ALL[draw(Class::ALL.len())];
                let key = (at, class, numbers);
                handles.push((calendar.schedule(at, class, Numbered(numbers))?, key));
                pending.insert(key);
                numbers += 1;
            }
            7..9 if !handles.is_empty() => {
                // Also of events that have fired or been cancelled before.
                let (handle, key) = handles[draw(handles.len())];
                let was_pending = pending.remove(&key);
                taken_back += u128::from(was_pending);
                disagreed += u128::from(calendar.cancel(handle).is_some() != was_pending);
            }
            9..15 => {
                let expected = pending.pop_first();
                let next = calendar.advance();
                fired += u128::from(next.is_some());
                let next = next.map(|Fired { time, class, event, .. }| (time, class, event.0));
                disorder += u128::from(next != expected);
            }
            15 if step % 64 == 0 => {
                let copy = Calendar::restore(calendar.save());
                let copy = copy.map_err(|_| ValidationError::Model {
                    experiment: "the engine",
                    what: "a calendar refused its own snapshot",
                })?;
                restored += u128::from(differ(calendar.clone(), copy.clone()));
                calendar = copy;
            }
            _ => {}
        }
    }
    let counts = calendar.counts();
    let exact = Finding::exact;
    Ok(vec![
        exact("events out of order", "", 0, disorder),
        exact("cancellations that did what they should not", "", 0, disagreed),
        exact("events scheduled", "", u128::from(numbers), u128::from(counts.scheduled)),
        exact("events fired", "", fired, u128::from(counts.fired)),
        exact("events cancelled", "", taken_back, u128::from(counts.cancelled)),
        exact(
            "events fired, cancelled or pending",
            "",
            u128::from(counts.scheduled),
            u128::from(counts.fired + counts.cancelled + counts.pending),
        ),
        exact("restored calendars that went on differently", "", 0, restored),
    ]
    .into())
}

/// Whether two calendars fire different events from here on.
fn differ(mut one: Calendar<Numbered>, mut other: Calendar<Numbered>) -> bool {
    loop {
        let (next, also) = (one.advance(), other.advance());
        if next != also {
            return true;
        }
        if next.is_none() {
            return false;
        }
    }
}

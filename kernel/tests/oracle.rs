//! Q10: any sequence of operations, against a vector kept sorted by the public order.

use fleetune_kernel::{Calendar, Class, Counts, Event, Handle, SimDuration, SimTime, Snapshot};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag(pub(super) u64);

impl Event for Tag {
    fn entity(&self) -> String {
        format!("tag {}", self.0)
    }
}

/// The public order, done naively: sorted on every insertion, cancelled eagerly.
#[derive(Debug, Default)]
struct Oracle {
    now: u64,
    seq: u64,
    pending: Vec<(u64, Class, u64)>,
    fired: u64,
    cancelled: u64,
}

impl Oracle {
    fn schedule(&mut self, at: u64, class: Class) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        self.pending.push((at, class, seq));
        self.pending.sort_unstable();
        seq
    }

    fn cancel(&mut self, seq: u64) -> bool {
        let before = self.pending.len();
        self.pending.retain(|&(_, _, other)| other != seq);
        let found = self.pending.len() < before;
        self.cancelled += u64::from(found);
        found
    }

    fn advance(&mut self) -> Option<(u64, Class, u64)> {
        if self.pending.is_empty() {
            return None;
        }
        let first = self.pending.remove(0);
        self.now = first.0;
        self.fired += 1;
        Some(first)
    }

    fn counts(&self) -> Counts {
        Counts {
            scheduled: self.seq,
            fired: self.fired,
            cancelled: self.cancelled,
            pending: self.pending.len() as u64,
        }
    }
}

#[derive(Debug, Clone)]
enum Operation {
    Schedule { delay: u64, class: Class },
    Cancel { which: prop::sample::Index },
    Advance,
    SaveAndRestore,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    // Few distinct delays and classes, so that most events tie with others.
    let class = prop::sample::select(Class::ALL.to_vec());
    let operation = prop_oneof![
        6 => (0..4_u64, class).prop_map(|(delay, class)| Operation::Schedule { delay, class }),
        3 => any::<prop::sample::Index>().prop_map(|which| Operation::Cancel { which }),
        3 => Just(Operation::Advance),
        1 => Just(Operation::SaveAndRestore),
    ];
    prop::collection::vec(operation, 0..400)
}

/// 16 to 64 ties at one instant, other events before, between and after them in the order of
/// scheduling; and after how many firings the calendar is saved.
fn ties() -> impl Strategy<Value = (Vec<Option<u64>>, usize)> {
    let others = prop_oneof![1 => Just(None), 2 => (0..2 * TIE).prop_map(Some)];
    let between = prop::collection::vec(others, 0..100);
    (16..64_usize, between, 0..60_usize).prop_flat_map(|(ties, mut times, fired)| {
        times.resize(times.len() + ties, None);
        (Just(times).prop_shuffle(), Just(fired))
    })
}

/// The instant of the ties.
const TIE: u64 = 1_000;

fn through_json(calendar: &Calendar<Tag>) -> Calendar<Tag> {
    let text = serde_json::to_string(&calendar.save()).unwrap();
    let snapshot: Snapshot<Tag> = serde_json::from_str(&text).unwrap();
    Calendar::restore(snapshot).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ties keep the order in which they were scheduled, wherever in the heap they were when it was
    /// saved, and one that is scheduled after that comes last.
    #[test]
    fn many_interleaved_ties_survive_save_and_restore((times, fired) in ties()) {
        let mut calendar = Calendar::new();
        for (tag, time) in (0..).zip(&times) {
            let at = SimTime::from_nanos(time.unwrap_or(TIE));
            calendar.schedule(at, Class::Arrival, Tag(tag)).unwrap();
        }
        for _ in 0..fired.min(times.len()) {
            if calendar.next_time() >= Some(SimTime::from_nanos(TIE)) {
                break;
            }
            calendar.advance().unwrap();
        }
        let mut restored = through_json(&calendar);
        let newcomer = Tag(times.len() as u64);
        restored.schedule(SimTime::from_nanos(TIE), Class::Arrival, newcomer).unwrap();
        let mut expected: Vec<u64> = (0..)
            .zip(&times)
            .filter(|(_, time)| time.unwrap_or(TIE) == TIE)
            .map(|(tag, _)| tag)
            .collect();
        prop_assert!(expected.len() >= 16);
        expected.push(newcomer.0);
        let at_tie: Vec<u64> = std::iter::from_fn(|| restored.advance())
            .filter(|fired| fired.time.as_nanos() == TIE)
            .map(|fired| fired.event.0)
            .collect();
        prop_assert_eq!(at_tie, expected);
    }

    #[test]
    fn every_history_agrees_with_the_sorted_vector(operations in operations()) {
        let (mut calendar, mut oracle) = (Calendar::new(), Oracle::default());
        // Handles of all events ever, the fired and cancelled ones included.
        let mut handles: Vec<(Handle, u64)> = Vec::new();
        for operation in operations {
            match operation {
                Operation::Schedule { delay, class } => {
                    let seq = oracle.schedule(oracle.now + delay, class);
                    let delay = SimDuration::from_nanos(delay);
                    handles.push((calendar.schedule_in(delay, class, Tag(seq)).unwrap(), seq));
                }
                Operation::Cancel { which } if !handles.is_empty() => {
                    let (handle, seq) = handles[which.index(handles.len())];
                    let expected = oracle.cancel(seq);
                    prop_assert_eq!(calendar.is_pending(handle), expected);
                    prop_assert_eq!(calendar.cancel(handle), expected.then_some(Tag(seq)));
                    prop_assert_eq!(calendar.cancel(handle), None);
                }
                Operation::Cancel { .. } => {}
                Operation::Advance => {
                    let before = calendar.now();
                    let fired = calendar.advance();
                    let expected = oracle.advance();
                    prop_assert_eq!(
                        fired.map(|f| (f.time.as_nanos(), f.class, f.seq, f.event)),
                        expected.map(|(time, class, seq)| (time, class, seq, Tag(seq)))
                    );
                    prop_assert!(calendar.now() >= before);
                }
                Operation::SaveAndRestore => calendar = through_json(&calendar),
            }
            prop_assert_eq!(calendar.now(), SimTime::from_nanos(oracle.now));
            prop_assert_eq!(calendar.counts(), oracle.counts());
            prop_assert!(calendar.entries() <= 2 * oracle.pending.len());
            prop_assert_eq!(
                calendar.next_time(),
                oracle.pending.first().map(|&(time, _, _)| SimTime::from_nanos(time))
            );
        }
        while let Some((time, class, seq)) = oracle.advance() {
            let fired = calendar.advance().unwrap();
            prop_assert_eq!((fired.time.as_nanos(), fired.class, fired.seq), (time, class, seq));
        }
        prop_assert_eq!(calendar.advance(), None);
        prop_assert_eq!(calendar.entries(), 0);
    }
}

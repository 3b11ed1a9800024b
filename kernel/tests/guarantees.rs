//! The numbered guarantees of the kernel, one by one.

use fleetune_kernel::{
    Calendar, Class, KernelError, RestoreError, SimDuration, SimTime, Snapshot, TimeError,
};

use super::oracle::Tag;

fn at(nanos: u64) -> SimTime {
    SimTime::from_nanos(nanos)
}

fn drain(calendar: &mut Calendar<Tag>) -> Vec<u64> {
    std::iter::from_fn(|| calendar.advance()).map(|fired| fired.event.0).collect()
}

#[test]
fn at_one_instant_physics_comes_before_decisions() {
    let mut calendar = Calendar::new();
    for (tag, class) in (0..).zip(Class::ALL.into_iter().rev()) {
        calendar.schedule(at(5), class, Tag(tag)).unwrap();
    }
    assert_eq!(drain(&mut calendar), [5, 4, 3, 2, 1, 0]);
}

#[test]
fn an_event_born_at_the_present_instant_takes_its_place_among_the_pending() {
    let mut calendar = Calendar::new();
    calendar.schedule(at(5), Class::Decision, Tag(0)).unwrap();
    calendar.schedule(at(5), Class::Decision, Tag(1)).unwrap();
    assert_eq!(calendar.advance().unwrap().event, Tag(0));
    calendar.schedule(at(5), Class::Decision, Tag(2)).unwrap();
    calendar.schedule(at(5), Class::StateChange, Tag(3)).unwrap();
    assert_eq!(drain(&mut calendar), [3, 1, 2]);
}

/// 24 ties whose insertion is interleaved with earlier and later events, so that a heap's array
/// is far from firing order when it is saved.
#[test]
fn interleaved_ties_survive_save_and_restore_in_order() {
    let mut calendar = Calendar::new();
    for i in 0..24 {
        calendar.schedule(at(1_000), Class::Arrival, Tag(i)).unwrap();
        calendar.schedule(at(100 - i), Class::Arrival, Tag(100 + i)).unwrap();
        calendar.schedule(at(2_000 + (i * 7) % 5), Class::Arrival, Tag(200 + i)).unwrap();
    }
    for _ in 0..10 {
        calendar.advance().unwrap();
    }
    let text = serde_json::to_string(&calendar.save()).unwrap();
    let snapshot: Snapshot<Tag> = serde_json::from_str(&text).unwrap();
    let mut restored = Calendar::restore(snapshot).unwrap();
    // Both worlds go on to schedule another tie: it must come last among the 24.
    calendar.schedule(at(1_000), Class::Arrival, Tag(24)).unwrap();
    restored.schedule(at(1_000), Class::Arrival, Tag(24)).unwrap();
    let (there, here) = (drain(&mut calendar), drain(&mut restored));
    assert_eq!(there, here);
    let ties: Vec<u64> = here.into_iter().filter(|&tag| tag < 100).collect();
    assert_eq!(ties, (0..=24).collect::<Vec<_>>());
    assert_eq!(calendar.counts(), restored.counts());
}

#[test]
fn handles_survive_save_and_restore() {
    let mut calendar = Calendar::new();
    let handles: Vec<_> =
        (0..20).map(|i| calendar.schedule(at(10), Class::Timer, Tag(i)).unwrap()).collect();
    calendar.cancel(handles[3]).unwrap();
    let mut restored = Calendar::restore(calendar.save()).unwrap();
    assert_eq!(restored.cancel(handles[3]), None);
    assert_eq!(restored.cancel(handles[7]), Some(Tag(7)));
    // The freed slots are used again: neither old handle may reach the newcomers.
    restored.schedule(at(11), Class::Timer, Tag(77)).unwrap();
    restored.schedule(at(11), Class::Timer, Tag(33)).unwrap();
    assert_eq!(restored.cancel(handles[3]), None);
    assert_eq!(restored.cancel(handles[7]), None);
    assert_eq!(drain(&mut restored).len(), 20);
}

#[test]
fn an_event_can_be_cancelled_at_its_own_instant() {
    let mut calendar = Calendar::new();
    calendar.schedule(at(5), Class::Arrival, Tag(0)).unwrap();
    let deadline = calendar.schedule(at(5), Class::Timer, Tag(1)).unwrap();
    assert_eq!(calendar.advance().unwrap().event, Tag(0));
    assert_eq!(calendar.cancel(deadline), Some(Tag(1)));
    assert_eq!(calendar.advance(), None);
}

/// A heap of many levels, whose root is filled, sunk, risen to and compacted.
#[test]
fn a_large_calendar_fires_in_order() {
    let mut calendar = Calendar::new();
    let mut state = 1_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
        state >> 44
    };
    let mut handles: Vec<_> = (0..20_000)
        .map(|i| calendar.schedule(at(draw()), Class::Arrival, Tag(i)).unwrap())
        .collect();
    let mut pending = 20_000;
    for i in 0..60_000 {
        let fired = calendar.advance().unwrap();
        // Some events are followed by none, some by one and some by two.
        let next = [1, 0, 2, 1][(i % 4) as usize];
        for _ in 0..next {
            let later = SimDuration::from_nanos(draw());
            handles.push(calendar.schedule_in(later, Class::Arrival, Tag(20_000 + i)).unwrap());
        }
        pending = pending - 1 + next;
        let unlucky = handles.swap_remove(draw() as usize % handles.len());
        pending -= usize::from(calendar.cancel(unlucky).is_some());
        assert!(calendar.next_time() >= Some(fired.time) || pending == 0);
        assert!(calendar.entries() <= 2 * pending);
        if pending < 2 {
            break;
        }
    }
    let mut last = None;
    while let Some(fired) = calendar.advance() {
        let key = (fired.time, fired.class, fired.seq);
        assert!(last < Some(key), "{last:?} before {key:?}");
        last = Some(key);
        pending -= 1;
    }
    assert_eq!(pending, 0);
}

/// Two thirds of a large calendar are cancelled, here and there: it compacts itself on the way.
#[test]
fn what_a_compaction_leaves_fires_in_order() {
    let mut calendar = Calendar::new();
    let time = |i: u64| at(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
    let handles: Vec<_> =
        (0..3_000).map(|i| calendar.schedule(time(i), Class::Timer, Tag(i)).unwrap()).collect();
    for (i, handle) in handles.into_iter().enumerate() {
        if i % 3 != 1 {
            calendar.cancel(handle).unwrap();
        }
    }
    assert!(calendar.entries() < 2_000, "it has compacted itself");
    let mut expected: Vec<_> = (0..1_000).map(|i| (time(3 * i + 1), 3 * i + 1)).collect();
    expected.sort();
    let fired: Vec<_> =
        std::iter::from_fn(|| calendar.advance()).map(|fired| (fired.time, fired.seq)).collect();
    assert_eq!(fired, expected);
}

/// Every round sets a far deadline and cancels it: the calendar must not remember them.
#[test]
fn cancelled_deadlines_do_not_pile_up() {
    let mut calendar = Calendar::new();
    for i in 0..100 {
        calendar.schedule(at(1_000_000 + i), Class::StateChange, Tag(i)).unwrap();
    }
    for round in 0..10_000 {
        let deadline = calendar.schedule(at(500_000 + round), Class::Timer, Tag(round)).unwrap();
        calendar.cancel(deadline).unwrap();
        assert!(calendar.entries() <= 200);
    }
    assert_eq!(calendar.counts().pending, 100);
}

#[test]
fn the_past_is_refused() {
    let mut calendar = Calendar::new();
    calendar.schedule(at(5), Class::Arrival, Tag(0)).unwrap();
    calendar.advance().unwrap();
    let error = calendar.schedule(at(4), Class::Arrival, Tag(9)).unwrap_err();
    assert_eq!(error, KernelError::InThePast { entity: "tag 9".into(), at: at(4), now: at(5) });
    assert_eq!(calendar.counts().scheduled, 1);
}

#[test]
fn the_end_of_time_is_an_error_that_names_who_asked() {
    let mut calendar = Calendar::new();
    calendar.schedule(SimTime::MAX, Class::Arrival, Tag(0)).unwrap();
    calendar.advance().unwrap();
    let error =
        calendar.schedule_in(SimDuration::from_nanos(1), Class::Arrival, Tag(1)).unwrap_err();
    assert!(matches!(
        error,
        KernelError::Time { entity, source: TimeError::TooLong(_) } if entity == "tag 1"
    ));
}

#[test]
fn a_livelock_is_an_error_that_names_the_entity() {
    let mut calendar = Calendar::with_instant_cap(50);
    calendar.schedule(at(7), Class::Arrival, Tag(3)).unwrap();
    let error = (0..1_000).find_map(|_| {
        let event = calendar.advance().unwrap().event;
        calendar.schedule_in(SimDuration::ZERO, Class::Arrival, event).err()
    });
    let error = error.expect("no livelock lasts for a thousand events");
    assert_eq!(error, KernelError::Livelock { entity: "tag 3".into(), now: at(7), cap: 50 });
    assert_eq!(calendar.counts().fired, 51);
}

#[test]
fn a_crowd_at_one_instant_is_no_livelock() {
    let mut calendar = Calendar::with_instant_cap(2);
    for i in 0..10_000 {
        calendar.schedule(at(7), Class::StateChange, Tag(i)).unwrap();
    }
    for i in 0..10_000 {
        calendar.advance().unwrap();
        calendar.schedule(at(7), Class::Decision, Tag(10_000 + i)).unwrap();
    }
    assert_eq!(drain(&mut calendar), (10_000..20_000).collect::<Vec<_>>());
}

#[test]
fn a_livelock_is_still_found_after_save_and_restore() {
    let mut calendar = Calendar::with_instant_cap(50);
    calendar.schedule(at(7), Class::Arrival, Tag(3)).unwrap();
    let steps = (0..1_000).find(|_| {
        let event = calendar.advance().unwrap().event;
        let refused = calendar.schedule_in(SimDuration::ZERO, Class::Arrival, event).is_err();
        calendar = Calendar::restore(calendar.save()).unwrap();
        refused
    });
    assert_eq!(steps, Some(50));
}

/// Sequence numbers share a word with the class: the last one is refused, not wrapped.
#[test]
fn sequence_numbers_never_run_into_the_class() {
    let mut snapshot = saved();
    let limit = 1_u64 << 61;
    // As if a calendar had lived for that long.
    snapshot.next_seq = limit - 1;
    snapshot.fired = limit - 4;
    let mut calendar = Calendar::restore(snapshot.clone()).unwrap();
    calendar.schedule(at(11), Class::StateChange, Tag(8)).unwrap();
    let error = calendar.schedule(at(11), Class::StateChange, Tag(9)).unwrap_err();
    assert_eq!(error, KernelError::Full { entity: "tag 9".into() });
    // The last one is of the first class, so it comes before the older ones.
    let fired = calendar.advance().unwrap();
    assert_eq!((fired.class, fired.seq, fired.event), (Class::StateChange, limit - 1, Tag(8)));
    assert_eq!(drain(&mut calendar), [1, 2, 3]);

    snapshot.next_seq = limit + 5;
    snapshot.fired = limit + 2;
    snapshot.pending[2].seq = limit;
    let error = Calendar::restore(snapshot).unwrap_err();
    assert_eq!(error, RestoreError::Sequence { seq: limit });
}

fn saved() -> Snapshot<Tag> {
    let mut calendar = Calendar::new();
    for i in 0..4 {
        calendar.schedule(at(10 + i), Class::Arrival, Tag(i)).unwrap();
    }
    calendar.advance().unwrap();
    calendar.save()
}

#[test]
fn damaged_snapshots_are_refused() {
    type Damage = fn(&mut Snapshot<Tag>);
    let cases: [(Damage, RestoreError); 6] = [
        (|s| s.pending.swap(0, 1), RestoreError::Order { seq: 1 }),
        (|s| s.now = at(12), RestoreError::InThePast { seq: 1, time: at(11), now: at(12) }),
        (|s| s.pending[2].seq = 4, RestoreError::Sequence { seq: 4 }),
        (|s| s.pending[1].seq = 1, RestoreError::Sequence { seq: 1 }),
        (|s| s.pending[1].slot = 1, RestoreError::Slot { seq: 2, slot: 1 }),
        (
            |s| s.fired = 2,
            RestoreError::Counts { scheduled: 4, fired: 2, cancelled: 0, pending: 3 },
        ),
    ];
    for (damage, expected) in cases {
        let mut snapshot = saved();
        damage(&mut snapshot);
        assert_eq!(Calendar::restore(snapshot).unwrap_err(), expected);
    }
}

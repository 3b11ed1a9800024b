use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fleetune_devices::{Phase, PhaseKind, Precision, Workload};
use fleetune_units::{Bytes, Flops};

use super::{
    Every, Folder, Here, Recorder, Turn,
    file::Unusable,
    journal::{Journal, Misfit, Question},
};

fn work(flops: u128) -> Workload {
    let phase = Phase {
        kind: PhaseKind::Forward,
        precision: Precision::F32,
        flops: Flops::new(flops),
        traffic: Bytes::new(7),
    };
    Workload { phases: vec![phase], upload: Bytes::new(3), ..Workload::default() }
}

/// One that is there again costs two bytes or three, whatever it is.
#[test]
fn a_journal_gives_back_what_was_noted_in_order_and_nothing_else() {
    let mut journal = Journal::default();
    let works = [work(u128::MAX), work(5), work(u128::MAX), work(5), Workload::default()];
    works.iter().for_each(|work| journal.note_workload(work));
    let before = journal.bytes().len();
    journal.note_workload(&work(5));
    assert_eq!(journal.bytes().len(), before + 3);
    journal.note(Question::Evaluation, &(0.1_f64, f64::NAN));
    journal.note(Question::Reports, &vec![(3_u32, 0.5_f32)]);

    let mut read = Journal::written(journal.bytes().to_vec());
    for expected in works.iter().chain([&work(5)]) {
        assert_eq!(read.recall_workload().as_ref(), Ok(expected));
    }
    let (accuracy, loss) = read.recall::<(f64, f64)>(Question::Evaluation).unwrap();
    assert!(accuracy.to_bits() == 0.1_f64.to_bits() && loss.is_nan());
    assert_eq!(read.recall::<Vec<u64>>(Question::Examples), Err(Misfit), "reports are next");
    assert_eq!(read.recall(Question::Reports), Ok(vec![(3_u32, 0.5_f32)]));
    assert!(read.is_read());
    assert_eq!(read.recall_workload(), Err(Misfit), "nothing is left");
}

fn at(events: u64, rounds: u64) -> Here {
    Here { events, rounds, nanos: 1_000 * events }
}

#[test]
fn the_last_two_checkpoints_are_kept_and_damage_anywhere_is_found() {
    let place = tempfile::tempdir().unwrap();
    let open = |key: &str| Folder::open(place.path().join("cell"), key.to_owned()).unwrap();
    let folder = open("key");
    for events in [9, 10, 100] {
        folder.keep(at(events, 1), b"journal", &[events as u8; 5]).unwrap();
    }
    let files = folder.all().unwrap();
    let read = |path| folder.read(path).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!((read(&files[0]).here, read(&files[1]).here), (at(100, 1), at(10, 1)));
    assert_eq!(
        (&read(&files[0]).journal[..], &read(&files[0]).snapshot[..]),
        (&b"journal"[..], &[100; 5][..])
    );
    assert!(matches!(open("other").read(&files[0]), Err(Unusable::Foreign)));

    let whole = fs::read(&files[0]).unwrap();
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x10;
        for bytes in [&damaged[..], &whole[..byte]] {
            fs::write(&files[0], bytes).unwrap();
            assert!(matches!(folder.read(&files[0]), Err(Unusable::Damaged)), "byte {byte}");
        }
    }
    fs::write(&files[0], &whole).unwrap();
    assert_eq!(read(&files[0]).here, at(100, 1));
}

/// A recorder of three answers after four events, and one that goes on from it.
#[test]
fn whoever_goes_on_hears_the_same_and_takes_over_at_the_same_event() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path().to_owned(), "key".to_owned()).unwrap();
    let every = Every::Rounds(2.try_into().unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let recorder = |from| Recorder::new(folder.clone(), every, Arc::clone(&stop), from);
    let first = recorder(None);
    assert_eq!(first.examples(|| vec![1, 2]), [1, 2]);
    assert!(matches!(first.turn(at(1, 0)), Turn::GoOn), "no round is over");
    assert_eq!(first.work(|| Flops::new(12)).get(), 12);
    assert!(matches!(first.turn(at(2, 1)), Turn::Save), "the first is");
    first.keep(at(2, 1), b"1").unwrap();
    assert!(matches!(first.turn(at(3, 2)), Turn::GoOn));
    assert_eq!(first.workload(|| work(4)), work(4));
    assert!(matches!(first.turn(at(4, 3)), Turn::Save));
    first.keep(at(4, 3), b"servers").unwrap();

    let newest = || Some(folder.read(&folder.all().unwrap()[0]).unwrap());
    let again = recorder(newest());
    let unasked = || panic!("the journal knows");
    assert_eq!(again.examples(unasked), [1, 2]);
    assert!(matches!(again.turn(at(1, 0)), Turn::GoOn));
    assert_eq!(again.work(|| panic!("the journal knows")).get(), 12);
    assert_eq!(again.workload(|| panic!("the journal knows")), work(4));
    assert!(matches!(again.turn(at(4, 3)), Turn::TakeOver(bytes) if bytes == b"servers"));
    // Jobs are assigned once more, which is no new answer.
    assert_eq!(again.workload(|| work(9)), work(9));
    again.go_live();
    assert_eq!(again.workload(|| work(5)), work(5));
    assert!(matches!(again.turn(at(5, 5)), Turn::Save));
    again.keep(at(5, 5), b"later").unwrap();
    let third = recorder(newest());
    assert_eq!(
        (third.examples(Vec::new), third.work(|| Flops::ZERO)),
        (vec![1, 2], Flops::new(12))
    );
    let works = [third.workload(Workload::default), third.workload(Workload::default)];
    assert_eq!(works, [work(4), work(5)]);

    // Another question, another place, answers left over: it is another run's journal.
    let astray = |ask: &dyn Fn(&Recorder), here| {
        let other = recorder(newest());
        ask(&other);
        matches!(other.turn(here), Turn::Astray)
    };
    let other_question = |other: &Recorder| assert!(other.work(|| Flops::ZERO).is_zero());
    assert!(astray(&other_question, at(1, 0)));
    assert!(astray(&|_| (), at(5, 5)));
    let all = |other: &Recorder| {
        other.examples(Vec::new);
        other.work(|| Flops::ZERO);
        other.workload(Workload::default);
        other.workload(Workload::default);
    };
    assert!(astray(&all, at(5, 4)) && astray(&all, Here { nanos: 1, ..at(5, 5) }));
    assert!(!astray(&all, at(5, 5)));

    stop.store(true, Ordering::Relaxed);
    assert!(matches!(again.turn(at(6, 5)), Turn::SaveAndStop));
    assert!(matches!(recorder(newest()).turn(at(1, 0)), Turn::Stop), "nothing new was learnt");
}

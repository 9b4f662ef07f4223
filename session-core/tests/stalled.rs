//! When too many entries wait, insertions are refused, whoever holds them back; everything else goes on.
//!
//! A binary of its own, since what waits is counted over the whole process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use session_core::{Key, KeyHasher, Refusal, Table, pin, reclaim, waiting};

/// One test's guards hold back what another removes.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const WAITING_MAX: usize = if cfg!(miri) { 200 } else { 1_000 };
/// What threads may not have reported yet, twice over.
const SLACK: usize = 4 * 64;

/// Reclaims until nothing waits: a thread that has just ended may have left its batch.
fn assert_that_nothing_stays() {
    for _ in 0..1_000 {
        if waiting() == 0 {
            return;
        }
        reclaim();
        thread::yield_now();
    }
    panic!("{} wait although no guard is held", waiting());
}

fn key(name: usize) -> Key {
    Key::new(0, &name.to_be_bytes()).expect("eight bytes are few enough")
}

#[test]
fn reader_that_never_comes_back_holds_back_a_bounded_number_of_entries() {
    let _alone = alone();
    let hasher = KeyHasher::folded([19, 20]);
    let table = Arc::new(Table::with_capacity(100, hasher).with_waiting_max(WAITING_MAX));
    for name in 0..100 {
        table.insert(key(name), name).expect("nothing waits yet");
    }
    let (pinned, is_pinned) = mpsc::sync_channel(1);
    let (let_go, waits) = mpsc::sync_channel::<()>(0);
    let reader = thread::spawn(move || {
        let guard = pin();
        pinned.send(()).expect("the test waits");
        // It comes back at the end of the test only.
        let _ = waits.recv();
        drop(guard);
    });
    is_pinned.recv().expect("the reader takes its guard");

    let mut refused = 0;
    for round in 0..10 * WAITING_MAX {
        match table.replace(key(0), round) {
            Ok(_) => assert_eq!(refused, 0, "what is refused once stays refused"),
            Err(refusal) => {
                assert_eq!(refusal.value, round, "the value comes back");
                assert!(matches!(refusal.reason, Refusal::Stalled { waiting_max: WAITING_MAX }));
                assert!(
                    refusal.to_string().contains(&format!("allows {WAITING_MAX}:")),
                    "{refusal}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused >= 9 * WAITING_MAX - SLACK, "only {refused} were refused");
    assert!(waiting() >= WAITING_MAX && waiting() <= WAITING_MAX + SLACK, "{} wait", waiting());
    assert!(table.is_stalled());
    assert!(matches!(table.insert(key(500), 1), Err(refusal) if refusal.existing().is_none()));

    // Lookups, takes and removes go on.
    assert!((1..100).all(|name| table.handle(&key(name)).as_deref() == Some(&name)));
    assert!((1..50).all(|name| table.take(&key(name)).as_deref() == Some(&name)));
    assert!((50..100).all(|name| table.remove(&key(name))));
    assert_eq!(table.len(), 1);

    drop(let_go);
    reader.join().expect("the reader does not panic");
    table.insert(key(500), 1).expect("an insertion helps what is free now on its way out");
    (0..100).for_each(|_| reclaim());
    assert!(waiting() <= SLACK, "{} still wait", waiting());
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn who_changes_a_table_under_guards_of_its_own_alone_is_refused_and_loses_nothing() {
    /// Each that is refused tries hard before.
    const CALLS: usize = if cfg!(miri) { 2 * WAITING_MAX } else { 10 * WAITING_MAX };
    let _alone = alone();
    let hasher = KeyHasher::folded([25, 26]);
    let table = Table::with_capacity(100, hasher).with_waiting_max(WAITING_MAX);
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut refused = 0;
    for _ in 0..CALLS {
        // Short, so that the collector goes on; but each change ends where no value may be dropped.
        let _guard = pin();
        refused += usize::from(table.replace(key(0), Counted(dropped.clone())).is_err());
    }
    let stored = CALLS - refused;
    assert!(stored <= WAITING_MAX + SLACK, "{stored} were stored, and all but one wait");
    assert_eq!(dropped.load(Ordering::SeqCst), refused, "those that were given back");
    assert!(waiting() > WAITING_MAX, "{} wait", waiting());

    table.insert(key(1), Counted(dropped.clone())).expect("without a guard all that is free goes");
    assert_that_nothing_stays();
    assert_eq!(dropped.load(Ordering::SeqCst), refused + stored - 1);
}

#[test]
fn last_handles_dropped_under_a_guard_leave_values_that_wait_and_count() {
    let _alone = alone();
    let hasher = KeyHasher::folded([27, 28]);
    let table = Table::with_capacity(100, hasher).with_waiting_max(WAITING_MAX);
    let handles: Vec<_> = (0..2 * WAITING_MAX)
        .map(|name| {
            table.insert(key(name), name).map(drop).expect("nothing waits yet");
            table.take(&key(name)).expect("just stored")
        })
        .collect();
    while handles.iter().any(|handle| handle.is_held_by_table()) {
        reclaim();
    }
    // What only handles keep does not wait.
    assert_that_nothing_stays();
    let guard = pin();
    drop(handles);
    assert!(waiting() > 2 * WAITING_MAX - SLACK, "{} wait", waiting());
    assert!(table.insert(key(0), 0).is_err());
    drop(guard);
    table.insert(key(0), 0).expect("they go when there is no guard");
    assert_that_nothing_stays();
}

/// Notes the most that waited when one of its kind was dropped.
struct Watching(Arc<AtomicUsize>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_max(waiting(), Ordering::SeqCst);
    }
}

#[test]
fn entries_of_a_dropped_table_wait_only_where_a_guard_is_held() {
    let _alone = alone();
    let most = Arc::new(AtomicUsize::new(0));
    let filled = || {
        let table = Table::with_capacity(100, KeyHasher::folded([33, 34]));
        for name in 0..2 * WAITING_MAX {
            table.insert(key(name), Watching(most.clone())).map(drop).expect("nothing waits");
        }
        table
    };
    let (first, second) = (filled(), filled());
    drop(first);
    let most = most.load(Ordering::SeqCst);
    assert!(most <= SLACK, "{most} waited, for which other tables might have refused");
    let guard = pin();
    drop(second);
    assert!(waiting() > 2 * WAITING_MAX - SLACK, "{} wait", waiting());
    drop(guard);
    assert_that_nothing_stays();
}

#[test]
fn threads_that_only_read_and_then_stay_idle_leave_nothing_that_would_refuse() {
    const WAITING_MAX: usize = 300;
    const PINS: usize = if cfg!(miri) { 2 * 128 } else { 8 * 128 };
    let _alone = alone();
    let hasher = KeyHasher::folded([29, 30]);
    let table = Arc::new(Table::with_capacity(1_000, hasher).with_waiting_max(WAITING_MAX));
    let mut idle = vec![];
    for round in 0..8 {
        let (to_reader, turns) = mpsc::sync_channel::<()>(0);
        let (to_writer, read) = mpsc::sync_channel::<()>(0);
        let theirs = table.clone();
        let reader = thread::spawn(move || {
            let guard = pin();
            let _ = to_writer.send(());
            let _ = turns.recv();
            drop(guard);
            // Often enough for the collector to work here.
            for _ in 0..PINS {
                assert!(theirs.handle(&key(usize::MAX)).is_none());
                drop(pin());
            }
            let _ = to_writer.send(());
            let _ = turns.recv();
        });
        read.recv().expect("the reader takes its guard");
        let names = round * 100..round * 100 + 63;
        for name in names.clone() {
            table.insert(key(name), name).map(drop).expect("nothing waits for long");
        }
        // Half of the handles outlive their removal: the collector frees the entries of the others.
        let handles: Vec<_> = names.map(|name| table.take(&key(name)).expect("stored")).collect();
        let kept: Vec<_> = handles.into_iter().step_by(2).collect();
        reclaim();
        to_reader.send(()).expect("the reader waits");
        read.recv().expect("the reader answers");
        idle.push((reader, to_reader, kept));
    }
    assert_that_nothing_stays();
    table.insert(key(0), 0).expect("nothing waits");
    for (reader, to_reader, _) in idle {
        drop(to_reader);
        reader.join().expect("the reader only read");
    }
}

//! A reader that never comes back: what it holds back is bounded, and everything else goes on.
//!
//! A binary of its own, since what waits is counted over the whole process.

use std::sync::{Arc, mpsc};
use std::thread;

use session_core::{Key, KeyHasher, Refusal, Table, pin, reclaim, waiting};

const WAITING_MAX: usize = if cfg!(miri) { 200 } else { 1_000 };
/// What threads may not have reported yet, twice over.
const SLACK: usize = 4 * 64;

fn key(name: usize) -> Key {
    Key::new(0, &name.to_be_bytes()).expect("eight bytes are few enough")
}

#[test]
fn reader_that_never_comes_back_holds_back_a_bounded_number_of_entries() {
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

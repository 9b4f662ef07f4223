//! A table that was made far too small for what comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use session_core::{Key, KeyHasher, Table, pin};

const ENTRIES: u64 = if cfg!(miri) { 500 } else { 200_000 };

fn key(name: u64) -> Key {
    Key::new(0, &name.to_be_bytes()).expect("eight bytes are few enough")
}

/// Fills a table with `entries`, looks each up, goes over them, and removes them.
fn takes(table: Table<u64>, entries: u64) {
    for name in 0..entries {
        table.insert(key(name), name).expect("each key is new");
    }
    assert_eq!(table.len() as u64, entries);
    for name in 0..entries {
        assert_eq!(table.handle(&key(name)).as_deref(), Some(&name));
        assert!(table.handle(&key(name + entries)).is_none());
    }
    let sum: u64 = table.iter(&pin()).map(|entry| *entry).sum();
    assert_eq!(sum, entries * (entries - 1) / 2, "iteration meets every entry, and once");
    assert!((0..entries).all(|name| table.remove(&key(name))));
    assert!(table.is_empty());
}

#[test]
fn table_takes_any_number_of_entries() {
    takes(Table::with_capacity(0, KeyHasher::folded([13, 14])), ENTRIES);
}

#[test]
#[ignore = "takes a minute and 3 GiB: `cargo test --release -p session-core --test growth -- --ignored`"]
fn table_takes_ten_million_entries_made_for_them_or_not() {
    for capacity in [10_000_000, 0] {
        takes(Table::with_capacity(capacity, KeyHasher::folded([13, 14])), 10_000_000);
    }
}

#[test]
fn readers_miss_nothing_while_the_table_grows() {
    let table = Arc::new(Table::with_capacity(0, KeyHasher::folded([15, 16])));
    let stored = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (1..=2)
        .map(|seed: u64| {
            let (table, stored, done) = (table.clone(), stored.clone(), done.clone());
            thread::spawn(move || {
                let (mut state, mut looks) = (seed, 0_u64);
                while !done.load(Ordering::Relaxed) {
                    let stored = stored.load(Ordering::Acquire);
                    if stored == 0 {
                        continue;
                    }
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let name = (state >> 33) % stored;
                    let found = table.handle(&key(name));
                    assert_eq!(found.as_deref(), Some(&name), "{name} of {stored}");
                    looks += 1;
                }
                looks
            })
        })
        .collect();
    for name in 0..ENTRIES {
        table.insert(key(name), name).expect("each key is new");
        stored.store(name + 1, Ordering::Release);
    }
    done.store(true, Ordering::Relaxed);
    let looks: u64 = readers.into_iter().map(|reader| reader.join().expect("none is missed")).sum();
    assert!(looks > 0);
}

#[test]
fn writers_on_all_sides_of_growth_lose_nothing() {
    const WRITERS: u64 = 4;
    let table = Table::with_capacity(0, KeyHasher::folded([17, 18]));
    // A writer that the system stops under its guard holds back what the others take meanwhile.
    let table = Arc::new(table.with_waiting_max(usize::MAX));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let table = table.clone();
            thread::spawn(move || {
                for name in (writer..ENTRIES).step_by(WRITERS as usize) {
                    table.insert(key(name), name).expect("each key is new");
                    if name % 3 == 0 {
                        assert_eq!(table.take(&key(name)).as_deref(), Some(&name));
                    }
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().expect("no writer panics"));
    for name in 0..ENTRIES {
        assert_eq!(table.handle(&key(name)).is_some(), name % 3 != 0, "{name}");
    }
}

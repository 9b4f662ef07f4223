//! Real threads on few keys: what no interleaving may break, at full speed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use session_core::{Key, KeyHasher, Table, pin, reclaim};

const THREADS: u64 = 4;
const STEPS: u64 = if cfg!(miri) { 300 } else { 150_000 };
const KEYS: u64 = 24;

/// Belongs to one key, and can tell.
struct Value {
    name: u64,
    number: u64,
    check: u64,
    dropped: Arc<AtomicUsize>,
}

impl Value {
    fn assert_whole(&self, name: u64) {
        assert_eq!(self.name, name, "a lookup found another key's value");
        assert_eq!(self.check, self.name ^ self.number.rotate_left(17), "a value is torn or freed");
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.check = !self.check;
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Far too small, and it refuses nothing: who shares the machine may stop a thread under its guard for as long
/// as it takes the others to remove 100,000 entries.
fn crowded_table<V: Send + Sync + 'static>(secret: [u64; 2]) -> Table<V> {
    Table::with_capacity(2, KeyHasher::folded(secret)).with_waiting_max(usize::MAX)
}

fn key(name: u64) -> Key {
    Key::new((name % 2) as u16, &(name / 2).to_be_bytes()).expect("eight bytes are few enough")
}

/// A small generator with the seed of its thread, so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

struct Arena {
    table: Table<Value>,
    numbers: AtomicU64,
    dropped: Arc<AtomicUsize>,
}

impl Arena {
    fn value(&self, name: u64) -> Value {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let check = name ^ number.rotate_left(17);
        Value { name, number, check, dropped: self.dropped.clone() }
    }

    /// One thread's work; returns the numbers of the values that it got out of the table.
    fn work(&self, seed: u64) -> Vec<u64> {
        let mut dice = Dice(seed);
        let mut out = vec![];
        let mut kept = None;
        for _ in 0..STEPS {
            let name = dice.roll() % KEYS;
            match dice.roll() % 8 {
                0 => drop(self.table.insert(key(name), self.value(name))),
                1 => {
                    let (new, old) =
                        self.table.replace(key(name), self.value(name)).expect("nothing stalls");
                    new.assert_whole(name);
                    out.extend(old.map(|old| old.number));
                }
                2 => {
                    let taken = self.table.take(&key(name));
                    taken.iter().for_each(|taken| taken.assert_whole(name));
                    out.extend(taken.map(|taken| taken.number));
                }
                3 => {
                    kept = self.table.handle(&key(name)).map(|found| (found, name));
                }
                4 => {
                    if let Some((handle, name)) = &kept {
                        handle.assert_whole(*name);
                        out.extend(self.table.remove_exact(handle).then_some(handle.number));
                    }
                }
                5 if dice.roll() % 64 == 0 => {
                    let guard = pin();
                    let met = self.table.iter(&guard).inspect(|met| met.assert_whole(met.name));
                    assert!(met.count() < 2 * KEYS as usize);
                }
                _ => {
                    let guard = pin();
                    if let Some(found) = self.table.get(&key(name), &guard) {
                        found.assert_whole(name);
                    }
                }
            }
        }
        out
    }
}

#[test]
fn every_value_leaves_once_and_is_dropped_once() {
    let arena = Arc::new(Arena {
        // Long lists, with neighbours that come and go.
        table: crowded_table([5, 6]),
        numbers: AtomicU64::new(0),
        dropped: Arc::default(),
    });
    let start = Arc::new(Barrier::new(THREADS as usize));
    let threads: Vec<_> = (1..=THREADS)
        .map(|seed| {
            let (arena, start) = (arena.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                arena.work(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            })
        })
        .collect();

    let mut out = HashSet::new();
    for thread in threads {
        for number in thread.join().expect("no thread panics") {
            assert!(out.insert(number), "value {number} left the table twice");
        }
    }
    let guard = pin();
    let left: Vec<_> = arena.table.iter(&guard).map(|entry| entry.number).collect();
    drop(guard);
    assert_eq!(arena.table.len(), left.len());
    assert!(left.iter().all(|number| !out.contains(number)), "a value left and is still there");

    let arena = Arc::into_inner(arena).expect("all threads were joined");
    let (made, dropped) = (arena.numbers.load(Ordering::SeqCst) as usize, arena.dropped);
    drop(arena.table);
    for _ in 0..100_000 {
        if dropped.load(Ordering::SeqCst) == made {
            break;
        }
        reclaim();
        thread::yield_now();
    }
    assert_eq!(dropped.load(Ordering::SeqCst), made);
}

#[test]
fn readers_of_a_key_that_is_replaced_all_the_time_never_miss_it() {
    let table = Arc::new(crowded_table([7, 8]));
    table.replace(key(1), 0_u64).expect("nothing stalls");
    let done = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (table, done) = (table.clone(), done.clone());
            thread::spawn(move || {
                let mut last = 0;
                while done.load(Ordering::Relaxed) == 0 {
                    let guard = pin();
                    let found = *table.get(&key(1), &guard).expect("the key is always there");
                    assert!(found >= last, "a reader went back from {last} to {found}");
                    last = found;
                }
            })
        })
        .collect();
    for number in 1..=STEPS {
        let (_, old) = table.replace(key(1), number).expect("nothing stalls");
        assert_eq!(old.as_deref(), Some(&(number - 1)));
    }
    done.store(1, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().expect("no reader misses"));
}

#[test]
fn of_many_takers_of_one_key_one_wins() {
    let rounds = STEPS / 50;
    let table = Arc::new(Table::with_capacity(100, KeyHasher::folded([9, 10])));
    let start = Arc::new(Barrier::new(THREADS as usize + 1));
    let takers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (table, start) = (table.clone(), start.clone());
            thread::spawn(move || {
                let mut won = 0;
                for round in 0..rounds {
                    if round % 64 == 0 {
                        start.wait();
                    }
                    won += u64::from(table.take(&key(round)).is_some());
                }
                won
            })
        })
        .collect();
    for round in 0..rounds {
        if round % 64 == 0 {
            // The takers of the last batch may still be at it; they cannot see this one early.
            for name in round..(round + 64).min(rounds) {
                table.insert(key(name), name).expect("each key is new");
            }
            start.wait();
        }
    }
    let won: u64 = takers.into_iter().map(|taker| taker.join().expect("no taker panics")).sum();
    assert_eq!(won, rounds);
    assert!(table.is_empty());
}

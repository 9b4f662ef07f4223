//! One test for each thing that the table is required to do, named after it.
//!
//! What they promise stands in docs/guarantees.md, by the letter in each name; these are the short
//! forms, the other tests and the models go deeper.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use session_core::{Guard, Handle, Key, KeyHasher, Refusal, Table, pin, reclaim, settle, waiting};

const KEYS: u64 = if cfg!(miri) { 40 } else { 2_000 };

/// What waits is counted over the whole process, and a guard holds back all of it.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(name: u64) -> Key {
    Key::new(0x0304, &name.to_be_bytes()).expect("eight bytes are few enough")
}

fn table<V: Send + Sync>(entries: usize) -> Table<V> {
    Table::with_capacity(entries, KeyHasher::folded([31, 32]))
}

/// A thread that stands still under a guard until it is told to go on.
struct Stalled {
    go_on: mpsc::SyncSender<()>,
    thread: thread::JoinHandle<()>,
}

impl Stalled {
    /// `inside` is what it does under its guard before it stands still.
    fn begin(inside: impl FnOnce(&Guard) + Send + 'static) -> Stalled {
        let (arrived, has_arrived) = mpsc::sync_channel(0);
        let (go_on, waits) = mpsc::sync_channel::<()>(0);
        let thread = thread::spawn(move || {
            let guard = pin();
            inside(&guard);
            arrived.send(()).expect("the test waits for it");
            let _ = waits.recv();
        });
        has_arrived.recv().expect("the thread gets there");
        Stalled { go_on, thread }
    }

    fn end(self) {
        drop(self.go_on);
        self.thread.join().expect("it only stood still");
    }
}

#[test]
fn a1_stalled_thread_delays_nobody() {
    let _alone = alone();
    let table = Arc::new(table(0));
    table.insert(key(0), 0).expect("the table is empty");
    let theirs = table.clone();
    let stalled = Stalled::begin(move |guard| {
        assert_eq!(theirs.get(&key(0), guard).as_deref(), Some(&0));
    });
    // Every operation ends while the thread stands inside, also those that make the table grow.
    (1..KEYS).for_each(|name| drop(table.insert(key(name), name).expect("each key is new")));
    assert_eq!(table.iter(&pin()).count() as u64, KEYS);
    for name in 0..KEYS {
        let (_, old) = table.replace(key(name), name + 1).expect("few enough wait");
        assert_eq!(old.as_deref(), Some(&name));
        let handle = table.handle(&key(name)).expect("just stored");
        let left = match name % 3 {
            0 => table.take(&key(name)).is_some(),
            1 => table.remove(&key(name)),
            _ => table.remove_exact(&handle),
        };
        assert!(left);
    }
    assert!(table.is_empty());
    stalled.end();
}

#[test]
fn b1_one_entry_of_a_key_lives_and_b3_one_take_wins() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = if cfg!(miri) { 10 } else { 2_000 };
    let table = table(10);
    let (inserts, takes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let together = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    together.wait();
                    let inserted = table.insert(key(round), round).is_ok();
                    inserts.fetch_add(usize::from(inserted), Ordering::Relaxed);
                    together.wait();
                    let taken = table.take(&key(round)).is_some();
                    takes.fetch_add(usize::from(taken), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(inserts.into_inner() as u64, ROUNDS, "one insert wins each round");
    assert_eq!(takes.into_inner() as u64, ROUNDS, "one take wins each round");
    assert!(table.is_empty());
}

#[test]
fn c1_borrow_becomes_a_handle_that_c2_outlives_guard_and_table() {
    fn shared<T: Send + Sync>(handle: T) -> T {
        handle
    }
    let table = table(10);
    drop(table.insert(key(1), String::from("value")).expect("the table is empty"));
    let guard = pin();
    let borrow = table.get(&key(1), &guard).expect("just stored");
    assert!(table.remove(&key(1)));
    assert_eq!(*borrow, "value", "removed, and readable under the guard");
    let handle: Handle<String> = shared(borrow.to_handle());
    drop(guard);
    drop(table);
    let theirs = handle.clone();
    let read = thread::spawn(move || theirs.len()).join();
    assert_eq!(read.expect("it only reads"), 5);
    assert_eq!(*handle, "value");
}

#[test]
fn b4_replacement_shows_no_gap() {
    let table = table(10);
    table.insert(key(1), 0).expect("the table is empty");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let now = *table.handle(&key(1)).expect("the key is always there");
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        for number in 1..KEYS {
            // The bound on what waits may be reached: the old value stays then.
            let _ = table.replace(key(1), number);
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("the reader found it each time");
    });
}

/// Uses a table when it is dropped, and fails when its thread holds a guard then.
struct Foreign {
    table: Arc<Table<u64>>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // The last handle drops its value at once only where no guard is held; the collector holds one.
        let value = Arc::new(());
        drop(Handle::new(key(0), value.clone()));
        assert_eq!(Arc::strong_count(&value), 1, "dropped under a guard");
        self.table.replace(key(9), 9).expect("nothing stalls");
        reclaim();
        assert!(self.table.remove(&key(9)));
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn d1_foreign_code_runs_under_no_guard_and_d2_may_use_the_table() {
    let _alone = alone();
    let (inner, dropped) = (Arc::new(table(10)), Arc::new(AtomicUsize::new(0)));
    let outer = table(10);
    for name in 0..10 {
        let value = Foreign { table: inner.clone(), dropped: dropped.clone() };
        outer.insert(key(name), value).map(drop).expect("each key is new");
    }
    let guard = pin();
    (0..10).for_each(|name| assert!(outer.remove(&key(name))));
    for _ in 0..100 {
        reclaim();
        settle();
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 0, "not under a guard");
    drop(guard);
    for _ in 0..100_000 {
        if dropped.load(Ordering::SeqCst) == 10 {
            break;
        }
        reclaim();
        thread::yield_now();
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 10);
    assert!(inner.is_empty());
}

#[test]
fn e1_waiting_memory_is_bounded_and_counted() {
    const WAITING_MAX: usize = 300;
    /// What threads may not have reported, twice over.
    const SLACK: usize = 4 * 64;
    let _alone = alone();
    let table = table(10).with_waiting_max(WAITING_MAX);
    table.insert(key(1), 0).expect("the table is empty");
    let stalled = Stalled::begin(|_| ());
    let refused = (1..=4 * WAITING_MAX).find_map(|number| table.replace(key(1), number).err());
    let refused = refused.expect("past the bound it is refused");
    assert!(matches!(refused.reason, Refusal::Stalled { waiting_max: WAITING_MAX }));
    assert!(waiting() <= WAITING_MAX + SLACK, "{} wait", waiting());
    let last = *table.handle(&key(1)).expect("lookups go on");
    assert_eq!(refused.value, last + 1, "the value comes back");
    assert_eq!(table.take(&key(1)).as_deref(), Some(&last), "and so do takes");
    stalled.end();
    table.insert(key(2), 0).expect("nobody holds anything back any more");
}

#[test]
fn e3_keys_are_hashed_whole_under_a_secret() {
    let id = [7; 32];
    let hash =
        |secret, key: &Key| Table::<()>::with_capacity(1, KeyHasher::folded(secret)).hash(key);
    let whole = Key::new(1, &id).expect("32 bytes");
    let secret = [1 << 60, 1 << 3];
    let first = hash(secret, &whole);
    assert_eq!(hash(secret, &whole), first, "one secret, one hash");
    for bit in 0..64 {
        let flipped = [[secret[0] ^ 1 << bit, secret[1]], [secret[0], secret[1] ^ 1 << bit]];
        flipped.iter().for_each(|other| assert_ne!(hash(*other, &whole), first, "bit {bit}"));
    }
    for bit in 0..256 {
        let mut other = id;
        other[bit / 8] ^= 1 << (bit % 8);
        let other = Key::new(1, &other).expect("32 bytes");
        let changed = (hash(secret, &other) ^ first).count_ones();
        assert!((8..=56).contains(&changed), "bit {bit} of the id changes {changed} of the hash");
    }
    for (version, id_bytes) in [(2, 32), (1, 31), (0x0101, 32), (0, 0)] {
        let other = Key::new(version, &id[..id_bytes]).expect("32 bytes at most");
        assert_ne!(hash(secret, &other), first, "version {version}, {id_bytes} bytes");
    }
    let sip = || Table::<()>::with_capacity(1, KeyHasher::siphash(secret));
    assert_ne!(sip().hash(&whole), sip().hash(&whole), "each has a key of the system's besides");
}

#[test]
fn e2_table_takes_any_keys_and_grows_past_its_capacity() {
    let table = table(10);
    for name in 0..KEYS {
        // No prefix, suffix or length of the ids decides whether there is room.
        let id = [name.to_le_bytes(), [0; 8], [0; 8], name.to_be_bytes()].concat();
        let key = Key::new(0, &id).expect("32 bytes");
        table.insert(key, name).expect("there is always room");
        assert_eq!(table.handle(&key).as_deref(), Some(&name));
    }
    assert_eq!(table.len() as u64, KEYS);
}

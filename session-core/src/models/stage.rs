//! What a scenario stands on: a table of one bucket, actors on threads, and an engine.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(session_loom)]
pub(crate) use loom::{sync::Arc, thread};
#[cfg(not(session_loom))]
pub(crate) use std::{sync::Arc, thread};

use crate::reclaim::{self, Guard};
use crate::{Handle, Key, KeyHasher, LinkRefused, Table};

/// A value that knows whether it was dropped, and how often values were.
pub(crate) struct Value {
    pub(crate) number: u64,
    dropped: StdArc<AtomicUsize>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        self.number = u64::MAX;
    }
}

/// A key whose hash begins with `place`, and ends with four of its bits, those after the order's; keys of one place
/// collide in all 64 bits.
pub(crate) fn key(place: u8, name: u8) -> Key {
    let last = place >> 2 & 15;
    Key::new(7, &[place, 0, 0, 0, 0, 0, 0, last, name]).expect("nine bytes are few enough")
}

/// Runs one of two on a thread of its own; returns what both returned.
pub(crate) fn both<A, B: Send + 'static>(
    first: impl FnOnce() -> A,
    second: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let second = thread::spawn(second);
    let first = first();
    (first, second.join().expect("the scenario's thread does not panic"))
}

/// Runs two of three on threads of their own; returns what all returned.
pub(crate) fn three<A, B: Send + 'static, C: Send + 'static>(
    first: impl FnOnce() -> A,
    second: impl FnOnce() -> B + Send + 'static,
    third: impl FnOnce() -> C + Send + 'static,
) -> (A, B, C) {
    let (second, third) = (thread::spawn(second), thread::spawn(third));
    let first = first();
    let second = second.join().expect("the scenario's thread does not panic");
    (first, second, third.join().expect("the scenario's thread does not panic"))
}

/// A table of one bucket, and what makes guards for it.
pub(crate) struct Stage {
    table: Arc<Table<Value>>,
    dropped: StdArc<AtomicUsize>,
    #[cfg(crossbeam_loom)]
    collector: crossbeam_epoch::Collector,
}

impl Stage {
    fn of(table: Table<Value>) -> Stage {
        Stage {
            table: Arc::new(table),
            dropped: StdArc::default(),
            #[cfg(crossbeam_loom)]
            collector: crossbeam_epoch::Collector::new(),
        }
    }

    /// Someone who works on the table, to be moved into a thread.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            table: self.table.clone(),
            dropped: self.dropped.clone(),
            #[cfg(crossbeam_loom)]
            collector: self.collector.clone(),
            #[cfg(crossbeam_loom)]
            local: std::cell::OnceCell::new(),
        }
    }
}

pub(crate) struct Actor {
    pub(crate) table: Arc<Table<Value>>,
    dropped: StdArc<AtomicUsize>,
    #[cfg(crossbeam_loom)]
    collector: crossbeam_epoch::Collector,
    /// Made by the first work, in the thread that does it; an actor moves only before.
    #[cfg(crossbeam_loom)]
    local: std::cell::OnceCell<crossbeam_epoch::LocalHandle>,
}

#[cfg(crossbeam_loom)]
// SAFETY: scenarios move an actor into its thread before it has made its local handle.
unsafe impl Send for Actor {}

impl Actor {
    /// Works under one guard, and settles after it.
    pub(crate) fn under<T>(&self, work: impl FnOnce(&Guard) -> T) -> T {
        #[cfg(not(crossbeam_loom))]
        let result = work(&reclaim::pin());
        #[cfg(crossbeam_loom)]
        let result = {
            let local = self.local.get_or_init(|| self.collector.register());
            work(&Guard(crate::reclaim::EpochGuard::of(local)))
        };
        reclaim::settle();
        result
    }

    pub(crate) fn value(&self, number: u64) -> Value {
        Value { number, dropped: self.dropped.clone() }
    }

    /// Inserts; the number of the entry that is there if it could not.
    pub(crate) fn insert(&self, key: Key, number: u64) -> Result<(), u64> {
        self.under(|guard| {
            let inserted =
                self.table.insert_under(guard, self.table.hash(&key), key, self.value(number));
            inserted.map(drop).map_err(|refused| {
                assert_eq!(refused.value.number, number, "the value comes back");
                refused.existing().expect("nothing stalls in a model").number
            })
        })
    }

    /// Replaces; the number of the old entry.
    pub(crate) fn replace(&self, key: Key, number: u64) -> Option<u64> {
        self.under(|guard| {
            let (new, old) =
                self.table.replace_under(guard, self.table.hash(&key), key, self.value(number));
            assert_eq!(new.number, number);
            old.map(|old| old.number)
        })
    }

    /// Looks up; reads the value under the guard, and again by a handle after it.
    pub(crate) fn get(&self, key: Key) -> Option<u64> {
        let (number, handle) = self.under(|guard| {
            let borrow = self.table.get(&key, guard)?;
            Some((borrow.number, borrow.to_handle()))
        })?;
        assert_eq!(handle.number, number, "a handle reads what the borrow read");
        assert_eq!(*handle.key(), key);
        Some(number)
    }

    /// Looks up, reads under the guard, and takes no handle.
    pub(crate) fn peek(&self, key: Key) -> Option<u64> {
        self.under(|guard| self.table.get(&key, guard).map(|borrow| borrow.number))
    }

    pub(crate) fn take(&self, key: Key) -> Option<u64> {
        self.under(|guard| {
            self.table.take_under(guard, self.table.hash(&key), &key).map(|taken| taken.number)
        })
    }

    pub(crate) fn handle(&self, key: Key) -> Option<Handle<Value>> {
        self.under(|guard| self.table.get(&key, guard).map(|borrow| borrow.to_handle()))
    }

    pub(crate) fn remove_exact(&self, handle: &Handle<Value>) -> bool {
        self.under(|guard| self.table.remove_exact_under(guard, handle))
    }

    /// Links an entry that was made before; the number of the one that it replaced.
    pub(crate) fn link(&self, handle: &Handle<Value>) -> Result<Option<u64>, LinkRefused> {
        self.under(|guard| {
            let old = self.table.link_under(guard, self.table.hash(handle.key()), handle)?;
            Ok(old.map(|old| old.number))
        })
    }

    /// The numbers of all live entries.
    pub(crate) fn all(&self) -> Vec<u64> {
        self.under(|guard| self.table.iter(guard).map(|entry| entry.number).collect())
    }
}

/// Runs a scenario of `threads` threads under whichever engine this build has.
///
/// The scenario sets up the stage, may use it after all its threads were joined, and returns how
/// many values it made; then the stage is torn down, and each of them must have been dropped once.
pub(crate) fn scenario(threads: usize, body: impl Fn(&Stage) -> usize + Send + Sync + 'static) {
    on(Table::with_capacity, threads, body);
}

/// The same on a table with a sieve.
pub(crate) fn sieved(threads: usize, body: impl Fn(&Stage) -> usize + Send + Sync + 'static) {
    on(|_, hasher| Table::sieved(hasher), threads, body);
}

fn on(
    table: fn(usize, KeyHasher) -> Table<Value>,
    threads: usize,
    body: impl Fn(&Stage) -> usize + Send + Sync + 'static,
) {
    engine(threads, move || {
        #[cfg(all(session_loom, not(crossbeam_loom)))]
        reclaim::ghost::begin();
        let stage = Stage::of(table(0, KeyHasher::chosen()));
        let made = body(&stage);
        let dropped = stage.dropped.clone();
        drop(stage);
        #[cfg(all(session_loom, not(crossbeam_loom)))]
        reclaim::ghost::end();
        #[cfg(session_loom)]
        assert_eq!(dropped.load(Ordering::SeqCst), made, "every value is dropped, and once");
        (made, dropped)
    });
}

/// Tries random schedules: of every step alike, then of a few chosen preemptions (PCT), which finds
/// what needs one thread to stand still for long.
#[cfg(session_shuttle)]
fn engine<T>(threads: usize, body: impl Fn() -> T + Send + Sync + 'static) {
    use shuttle::scheduler::{PctScheduler, RandomScheduler};

    const PREEMPTIONS: usize = 3;
    let schedules = match std::env::var("SESSION_SHUTTLE_SCHEDULES") {
        Ok(text) => text.parse().expect("SESSION_SHUTTLE_SCHEDULES is a number"),
        Err(_) => 5_000,
    };
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    let body = StdArc::new(body);
    let start = std::time::Instant::now();
    let again = body.clone();
    let random = RandomScheduler::new(schedules);
    shuttle::Runner::new(random, config.clone()).run(move || drop(again()));
    let chosen = PctScheduler::new(PREEMPTIONS, schedules);
    shuttle::Runner::new(chosen, config).run(move || drop(body()));
    let milliseconds = start.elapsed().as_millis();
    eprintln!("SHUTTLE threads={threads} schedules={} ms={milliseconds}", 2 * schedules);
}

/// Explores the interleavings, and prints how many there were.
#[cfg(all(session_loom, not(session_shuttle)))]
fn engine<T>(threads: usize, body: impl Fn() -> T + Send + Sync + 'static) {
    let deep = std::env::var_os("SESSION_LOOM_DEEP").is_some();
    // The real collector has many more steps of its own than the ghost.
    let bound = match threads {
        _ if cfg!(crossbeam_loom) => 2,
        2 => 5,
        _ => 3,
    } + usize::from(deep);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.max_branches = 100_000;
    let explored = StdArc::new(AtomicUsize::new(0));
    let count = explored.clone();
    let start = std::time::Instant::now();
    builder.check(move || {
        count.fetch_add(1, Ordering::SeqCst);
        body();
    });
    let explored = explored.load(Ordering::SeqCst);
    let milliseconds = start.elapsed().as_millis();
    eprintln!("MODEL bound={bound} interleavings={explored} ms={milliseconds}");
    assert!(explored >= 10, "{explored} interleavings test nothing");
}

/// Real threads: the same body many times over.
#[cfg(not(session_loom))]
fn engine(
    _threads: usize,
    body: impl Fn() -> (usize, StdArc<AtomicUsize>) + Send + Sync + 'static,
) {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 2_000 };
    let rounds: Vec<_> = (0..ROUNDS).map(|_| body()).collect();
    // Other tests of this process hold guards now and then: ask until all is gone.
    for (made, dropped) in rounds {
        for _ in 0..100_000 {
            if dropped.load(Ordering::SeqCst) == made {
                break;
            }
            reclaim::reclaim();
            thread::yield_now();
        }
        assert_eq!(dropped.load(Ordering::SeqCst), made, "every value is dropped, and once");
    }
}

//! Reclamation for models: exact, immediate, and watching.
//!
//! An entry is freed at the earliest moment that the rule of epochs allows: as soon as no guard is
//! left that is older than its retirement. From then on every touch of it fails the model, as does
//! retiring or freeing it twice. The memory itself stays until the iteration ends, so a mistake is
//! a clean failure and not chaos.
//!
//! The books are plain `std` state: loom runs all threads of a model on one thread of the system,
//! so they add neither branches nor edges between the model's threads. The fences stand for those
//! of a real pin and a real retirement, and the read of a fresh atomic lets loom's clock tick, or
//! what was written just before the fence would count as published by it.

use core::ptr::NonNull;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence};

use crate::entry::{Header, Share};

static BOOKS: Mutex<Books> = Mutex::new(Books::new());

struct Books {
    clock: u64,
    /// Guards that are held: number and time taken.
    guards: BTreeMap<u64, u64>,
    /// Entries that wait, with the time of their retirement.
    retired: Vec<(usize, u64)>,
    /// Entries whose last reference is gone.
    freed: Vec<usize>,
    /// How many entries went through here in this iteration.
    retirements: usize,
}

impl Books {
    const fn new() -> Books {
        Books { clock: 0, guards: BTreeMap::new(), retired: vec![], freed: vec![], retirements: 0 }
    }

    fn open() -> MutexGuard<'static, Books> {
        BOOKS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Takes out the entries whose grace period is over.
    fn due(&mut self) -> Vec<usize> {
        let oldest = self.guards.values().copied().min().unwrap_or(u64::MAX);
        let mut due = vec![];
        self.retired.retain(|&(entry, at)| {
            let waits = at >= oldest;
            if !waits {
                due.push(entry);
            }
            waits
        });
        due
    }
}

pub(crate) struct Guard {
    number: u64,
}

pub(crate) fn pin() -> Guard {
    fence(SeqCst);
    AtomicUsize::new(0).load(Relaxed);
    let mut books = Books::open();
    let now = books.tick();
    books.guards.insert(now, now);
    Guard { number: now }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let due = {
            let mut books = Books::open();
            books.guards.remove(&self.number);
            books.due()
        };
        release_all(due);
    }
}

impl Guard {
    pub(crate) unsafe fn retire(&self, entry: NonNull<Header>) {
        fence(SeqCst);
        let address = entry.as_ptr().expose_provenance();
        let due = {
            let mut books = Books::open();
            let now = books.tick();
            let known = books.retired.iter().any(|&(other, _)| other == address);
            assert!(!known && !books.freed.contains(&address), "an entry was retired twice");
            books.retired.push((address, now));
            books.retirements += 1;
            books.due()
        };
        release_all(due);
    }
}

/// Outside of the books: releasing is a step of the model, and another thread may open them.
fn release_all(due: Vec<usize>) {
    if due.is_empty() {
        return;
    }
    // Stands for the hand-over from the thread that retired to the one that collects.
    fence(SeqCst);
    for address in due {
        if std::thread::panicking() {
            return;
        }
        let entry = NonNull::new(core::ptr::with_exposed_provenance_mut(address));
        // SAFETY: its grace period is over, and the table's reference is given up here, once.
        unsafe { super::release(entry.expect("no entry is at address zero"), Share::Table) };
    }
}

pub(crate) fn check(entry: NonNull<Header>) {
    let freed = Books::open().freed.contains(&entry.as_ptr().addr());
    assert!(!freed, "a freed entry was touched");
}

pub(crate) unsafe fn free(entry: NonNull<Header>) {
    let address = entry.as_ptr().expose_provenance();
    let mut books = Books::open();
    assert!(!books.freed.contains(&address), "an entry was freed twice");
    books.freed.push(address);
}

pub(crate) use free as bury;

/// Models retire a handful of entries, and nothing is refused in them.
pub(crate) fn waiting() -> usize {
    0
}

pub(crate) fn stays_stalled(_: usize) -> bool {
    false
}

pub(crate) unsafe fn after_fork() {}

pub(crate) fn reclaim() {}

pub(crate) fn settle() {}

/// Opens the books for one iteration of a model.
pub(crate) fn begin() {
    *Books::open() = Books::new();
}

/// Closes them after all threads were joined and all tables dropped: everything that was retired
/// must have been freed. Returns how many entries were retired.
pub(crate) fn end() -> usize {
    let books = std::mem::replace(&mut *Books::open(), Books::new());
    assert!(books.guards.is_empty(), "a guard was left");
    assert!(books.retired.is_empty(), "a retired entry was never released");
    for address in &books.freed {
        let entry = NonNull::new(core::ptr::with_exposed_provenance_mut(*address));
        // SAFETY: its last reference was released in this iteration, whose threads are all joined.
        unsafe { Header::free(entry.expect("no entry is at address zero")) };
    }
    books.retirements
}

#[cfg(test)]
mod tests {
    use crate::models::stage::{key, scenario, thread};

    /// The ghost itself must bite, or every model passes.
    #[test]
    #[should_panic(expected = "a freed entry was touched")]
    fn borrow_that_outlives_its_guard_is_noticed() {
        scenario(2, |stage| {
            let (a, b) = (stage.actor(), stage.actor());
            a.insert(key(1, 0), 10).expect("the table is empty");
            let writer = thread::spawn(move || b.take(key(1, 0)));
            let kept = a.under(|guard| a.table.get(&key(1, 0), guard).map(|found| found.pointer()));
            thread::yield_now();
            kept.into_iter().for_each(super::check);
            writer.join().expect("the writer does not panic");
            1
        });
    }
}

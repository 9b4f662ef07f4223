//! Freed entries whose values still have to be dropped: a stack for each stripe of threads.
//!
//! The collector pushes, whenever and on whatever thread it runs; a thread takes the whole stack
//! of its stripe when a call ends and it holds no guard. Pushing one and taking all cannot confuse
//! an entry with a later one at the same address, so the stack needs no protection of its own.

use core::ptr::NonNull;

use crate::blocks;
use crate::entry::Header;
use crate::link::{AtomicLink, Link, Order, Target};
use crate::sync::{Acquire, Relaxed, Release};

/// A stack of freed entries, linked through their own `next`.
#[repr(align(128))]
pub(crate) struct Graveyard {
    top: AtomicLink,
}

impl Graveyard {
    #[cfg(not(session_loom))]
    pub(crate) const fn new() -> Graveyard {
        Graveyard { top: AtomicLink::end() }
    }

    #[cfg(session_loom)]
    pub(crate) fn new() -> Graveyard {
        Graveyard { top: AtomicLink::new(Link::END) }
    }

    /// Adds an entry.
    ///
    /// # Safety
    ///
    /// * The entry's last reference was released, its grace period is over, and the caller does not
    ///   use it again.
    pub(crate) unsafe fn bury(&self, entry: NonNull<Header>) {
        // SAFETY: nobody else can reach the entry, and nobody has freed it.
        let header = unsafe { entry.as_ref() };
        // Relaxed: only a guess, which the exchange below checks.
        let mut top = self.top.load(Relaxed);
        loop {
            // Relaxed: published by the exchange below.
            header.next.store(top, Relaxed);
            let new = Link::to(entry, Order::NONE);
            // Release: publishes the entry, its link and the last writes of those who released it;
            // pairs with the swap in `empty`. Relaxed on failure: the value is only the next guess.
            match self.top.compare_exchange(top, new, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    /// Leaves what lies here to the process, neither dropped nor freed: in one that was forked off, and has one thread.
    #[cfg(not(session_loom))]
    pub(crate) fn abandon(&self) {
        // Relaxed: there is nobody to observe it.
        self.top.store(Link::END, Relaxed);
    }

    /// Whether nothing lies here, as far as this thread can see.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a look that saves the swap; what is missed now is found at the next call's end.
        self.top.load(Relaxed) == Link::END
    }

    /// Drops the value of every entry that lies here, and tells `freed` of how many. Runs foreign code.
    ///
    /// A value whose `drop` panics loses nobody else's: the panic goes on to the caller after the
    /// rest was put back.
    pub(crate) fn empty(&self, freed: fn(usize)) {
        if !self.is_empty() {
            // Acquire: observes the entries that `bury` published.
            let taken = self.top.swap(Link::END, Acquire);
            Taken { first: taken, back: self, freed: 0, tell: freed }.free_all();
            blocks::settle();
        }
    }
}

/// Entries on their way out; what is left when a value's `drop` panics goes back.
struct Taken<'a> {
    first: Link,
    back: &'a Graveyard,
    /// Those that were freed and not told of yet.
    freed: usize,
    tell: fn(usize),
}

/// So many are told of at once.
const TOLD: usize = 64;

impl Taken<'_> {
    fn free_all(mut self) {
        while let Some(entry) = self.next() {
            if self.freed == TOLD {
                (self.tell)(TOLD);
                self.freed = 0;
            }
            // Before it is: one whose value panics is freed all the same.
            self.freed += 1;
            // SAFETY: buried entries have no references left, and this one is ours alone.
            unsafe { Header::free(entry) };
        }
    }

    fn next(&mut self) -> Option<NonNull<Header>> {
        let Target::Entry(entry) = self.first.target()? else { return None };
        // SAFETY: it was buried, and only this thread has it now.
        let header = unsafe { entry.as_ref() };
        // Relaxed: observed by the swap that took the stack.
        self.first = header.next.load(Relaxed);
        Some(entry)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        (self.tell)(self.freed);
        while let Some(entry) = self.next() {
            // SAFETY: buried before, not freed since, and ours alone.
            unsafe { self.back.bury(entry) };
        }
    }
}

//! Reclamation by crossbeam-epoch, with one private collector for all tables of the process.
//!
//! A collector of our own: no other crate's guard can hold our garbage back, nor ours theirs.

use core::cell::Cell;
use core::ptr::NonNull;
use std::sync::LazyLock;

use crossbeam_epoch::{Collector, LocalHandle};

use crate::entry::Header;
#[cfg(not(session_loom))]
use crate::reclaim::graveyard::Graveyard;
use crate::stripe;
#[cfg(not(session_loom))]
use crate::stripe::STRIPES;

/// After so many retired entries a thread hands its batch to the collector, which moves the grace
/// period on and frees what is due.
///
/// A hand-over costs a few hundred nanoseconds; a batch keeps at most this many payloads waiting
/// with a thread that then falls idle.
const BATCH: u32 = 64;

static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

std::thread_local! {
    static LOCAL: LocalHandle = COLLECTOR.register();
    /// Entries retired since the last hand-over.
    static RETIRED: Cell<u32> = const { Cell::new(0) };
    /// Whether something was handed over since this thread last settled.
    static HANDED_OVER: Cell<bool> = const { Cell::new(false) };
}

#[cfg(not(session_loom))]
static GRAVEYARDS: [Graveyard; STRIPES] = [const { Graveyard::new() }; STRIPES];

pub(crate) struct Guard(crossbeam_epoch::Guard);

#[inline]
pub(crate) fn pin() -> Guard {
    // A thread whose locals are gone already (a destructor of another thread-local calls us) takes
    // part for this one guard.
    let guard = LOCAL.try_with(LocalHandle::pin);
    Guard(guard.unwrap_or_else(|_| COLLECTOR.register().pin()))
}

pub(crate) fn reclaim() {
    if is_pinned() {
        return;
    }
    // An entry is due two epochs after its batch was handed over; each hand-over moves on by one.
    for _ in 0..3 {
        pin().0.flush();
    }
    #[cfg(not(session_loom))]
    GRAVEYARDS.iter().for_each(Graveyard::empty);
}

#[inline]
pub(crate) fn settle() {
    #[cfg(not(session_loom))]
    if !is_pinned() {
        GRAVEYARDS[stripe::mine()].empty();
        // Now and then the others' too: what was buried by a thread that only reads, or has ended.
        if HANDED_OVER.take() {
            GRAVEYARDS.iter().for_each(Graveyard::empty);
        }
    }
}

/// Whether this thread holds a guard. Models bring their own collectors, and never ask.
#[inline]
fn is_pinned() -> bool {
    if cfg!(session_loom) {
        return false;
    }
    // A thread whose locals are gone is in the destructor of another thread-local. A guard that is
    // held there does not keep a value's `drop` from running: it protects as any other.
    LOCAL.try_with(LocalHandle::is_pinned).unwrap_or(false)
}

/// Frees an entry whose last reference was released: now, or when this thread's guard is gone.
///
/// # Safety
///
/// * `release` has returned true for `entry`, and it is not used again.
pub(crate) unsafe fn free(entry: NonNull<Header>) {
    if is_pinned() {
        // SAFETY: passed on from the caller.
        unsafe { bury(entry) };
    } else {
        // SAFETY: passed on from the caller.
        unsafe { Header::free(entry) };
    }
}

/// Leaves an entry whose last reference was released to the next call that settles.
///
/// # Safety
///
/// * `release` has returned true for `entry`, and it is not used again.
pub(crate) unsafe fn bury(entry: NonNull<Header>) {
    // SAFETY: passed on from the caller.
    unsafe { bury_in(stripe::mine(), entry) };
}

/// # Safety
///
/// * As for [`bury`].
unsafe fn bury_in(stripe: usize, entry: NonNull<Header>) {
    #[cfg(not(session_loom))]
    // SAFETY: passed on from the caller.
    unsafe {
        GRAVEYARDS[stripe].bury(entry);
    }
    // All threads of a model are one thread of the system: a graveyard of the stripe's would hide
    // from loom who hands what to whom. It has a model of its own.
    #[cfg(session_loom)]
    {
        let _ = stripe;
        // SAFETY: passed on from the caller.
        unsafe { Header::free(entry) };
    }
}

impl Guard {
    /// See [`super::Guard::retire`].
    #[inline]
    pub(crate) unsafe fn retire(&self, entry: NonNull<Header>) {
        let entry = Retired { entry, stripe: stripe::mine() };
        // SAFETY:
        // * The closure runs once no guard of this moment is left, when only handles and the
        //   table's reference, which it gives up, keep the entry.
        // * What it captures may be sent: a retired entry belongs to no thread.
        unsafe { self.0.defer_unchecked(move || release_retired(entry)) };
        if cfg!(session_loom) {
            return;
        }
        let retired = RETIRED.get() + 1;
        RETIRED.set(retired % BATCH);
        if retired == BATCH {
            self.0.flush();
            HANDED_OVER.set(true);
        }
    }
}

/// A retired entry on its way through the collector, which may work on any thread: on one that only
/// reads, and never settles, too. So the entry is buried with those of the thread that retired it.
struct Retired {
    entry: NonNull<Header>,
    stripe: usize,
}

// SAFETY: the values of a table are `Send + Sync`, and the collector only releases a reference.
unsafe impl Send for Retired {}

fn release_retired(retired: Retired) {
    // SAFETY: the table's own reference is given up here, once.
    if unsafe { Header::release(retired.entry) } {
        // SAFETY: `release` has returned true; under the collector's guard the value has to wait.
        unsafe { bury_in(retired.stripe, retired.entry) };
    }
}

#[cfg(crossbeam_loom)]
impl Guard {
    /// A guard of a model's own collector.
    pub(crate) fn of(local: &LocalHandle) -> Guard {
        Guard(local.pin())
    }

    /// Hands this thread's batch over.
    pub(crate) fn flush(&self) {
        self.0.flush();
    }
}

//! Reclamation by crossbeam-epoch, with one private collector for all tables of the process.
//!
//! A collector of our own: no other crate's guard can hold our garbage back, nor ours theirs.

use core::cell::{Cell, UnsafeCell};
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicIsize, AtomicPtr, Ordering};
use std::thread::AccessError;

use crossbeam_epoch::{Collector, LocalHandle};

use crate::entry::{Header, Share};
#[cfg(not(session_loom))]
use crate::reclaim::graveyard::Graveyard;
use crate::stripe;
#[cfg(not(session_loom))]
use crate::stripe::STRIPES;

/// After so many entries that were retired, or buried under a guard, a thread hands its batch to the collector, which
/// moves the grace period on and frees what is due.
///
/// A hand-over costs a few hundred nanoseconds; a batch keeps at most this many payloads waiting
/// with a thread that then falls idle.
const BATCH: usize = 64;

/// The collector of this process; null before the first use. Never freed: after a fork the parent's
/// is left as it is.
static COLLECTOR: AtomicPtr<Collector> = AtomicPtr::new(core::ptr::null_mut());

/// Entries that wait: retired or buried, and neither freed yet nor left to their handles.
///
/// Each thread reports those that come by the batch, and those that go at once. So the figure may be too low by a
/// batch of each thread, but is too high by no more than what is being freed just then: an idle thread never makes
/// for a refusal.
static WAITING: Padded<AtomicIsize> = Padded(AtomicIsize::new(0));

#[cfg(not(session_loom))]
static GRAVEYARDS: [Graveyard; STRIPES] = [const { Graveyard::new() }; STRIPES];

#[repr(align(128))]
struct Padded<T>(T);

std::thread_local! {
    static LOCAL: Local = Local::register();
    /// Whether something was handed over since this thread last settled, or left to it by a value that it is dropping.
    static HANDED_OVER: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread is dropping the values of graveyards.
    static SETTLES: Cell<bool> = const { Cell::new(false) };
}

/// A thread's part in the collector.
struct Local {
    /// Replaced after a fork only.
    handle: UnsafeCell<ManuallyDrop<LocalHandle>>,
    /// Entries that wait since this thread last handed over; the most there can be make a batch.
    batch: Cell<usize>,
    /// Those of the batch that are not in `WAITING`, nor counted out again: no more than there are in it.
    unreported: Cell<usize>,
}

impl Local {
    fn register() -> Local {
        let handle = ManuallyDrop::new(collector().register());
        Local { handle: UnsafeCell::new(handle), batch: Cell::new(0), unreported: Cell::new(0) }
    }

    #[inline]
    fn handle(&self) -> &LocalHandle {
        // SAFETY: only `renew` writes, on this very thread and while nobody borrows.
        unsafe { &*self.handle.get() }
    }

    /// Reports what this thread has not yet.
    fn report(&self) {
        self.batch.set(0);
        let unreported = self.unreported.replace(0);
        if unreported > 0 {
            report(unreported as isize);
        }
    }

    /// Begins anew with the collector of a process that was just forked off.
    fn renew(&self) {
        let new = ManuallyDrop::new(collector().register());
        // The old one is not dropped: it belongs to the parent's collector, whose other threads are not
        // here to make way.
        // SAFETY: `handle` lends for no longer than a call, and this is none of those.
        unsafe { *self.handle.get() = new };
        self.batch.set(0);
        self.unreported.set(0);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.report();
        // SAFETY: dropped once, here.
        unsafe { ManuallyDrop::drop(self.handle.get_mut()) };
    }
}

fn report(entries: isize) {
    // Relaxed: a figure; a refusal that comes one batch late harms nobody.
    WAITING.0.fetch_add(entries, Ordering::Relaxed);
}

/// Counts an entry that waits from now on; true when it fills the thread's batch, which is to be handed over.
#[inline]
fn count_in() -> bool {
    let is_batch = LOCAL.try_with(|local| {
        local.unreported.set(local.unreported.get() + 1);
        local.batch.set(local.batch.get() + 1);
        local.batch.get() >= BATCH
    });
    is_batch.unwrap_or_else(|_: AccessError| {
        report(1);
        true
    })
}

/// Counts entries that wait no longer: at once, since this thread may never come back. Those of its own that it has
/// not reported yet need not be.
fn count_out(entries: usize) {
    let rest = LOCAL.try_with(|local| {
        let unreported = local.unreported.get();
        local.unreported.set(unreported.saturating_sub(entries));
        entries.saturating_sub(unreported)
    });
    let rest = rest.unwrap_or(entries);
    if rest > 0 {
        report(-(rest as isize));
    }
}

fn collector() -> &'static Collector {
    // Acquire: observes the collector that the exchange below published.
    let there = COLLECTOR.load(Ordering::Acquire);
    // SAFETY: never freed once it is published.
    if let Some(there) = unsafe { there.as_ref() } {
        return there;
    }
    let new = Box::into_raw(Box::new(Collector::new()));
    let null = core::ptr::null_mut();
    // Release: publishes the collector. Acquire on failure: observes the other thread's.
    match COLLECTOR.compare_exchange(null, new, Ordering::Release, Ordering::Acquire) {
        // SAFETY: just made, published, and never freed.
        Ok(_) => unsafe { &*new },
        Err(there) => {
            // SAFETY: just made, and never published.
            drop(unsafe { Box::from_raw(new) });
            // SAFETY: not null, or the exchange would have succeeded; never freed.
            unsafe { &*there }
        }
    }
}

pub(crate) struct Guard(crossbeam_epoch::Guard);

#[inline]
pub(crate) fn pin() -> Guard {
    // A thread whose locals are gone already (a destructor of another thread-local calls us) takes
    // part for this one guard.
    let guard = LOCAL.try_with(|local| local.handle().pin());
    Guard(guard.unwrap_or_else(|_: AccessError| collector().register().pin()))
}

/// How many entries wait, as far as threads have reported.
#[inline]
pub(crate) fn waiting() -> usize {
    // Relaxed: see `report`. An entry may be counted out by one thread before another reports it.
    WAITING.0.load(Ordering::Relaxed).max(0) as usize
}

/// Tries to free what is due, unless that is no longer needed; whether it still is then.
#[cold]
pub(crate) fn stays_stalled(waiting_max: usize) -> bool {
    // Each time frees up to eight batches, the first after two, unless a guard is held for long.
    for _ in 0..10 {
        pin().hand_over();
        settle();
        if waiting() <= waiting_max {
            return false;
        }
    }
    true
}

/// # Safety
///
/// * As for [`super::after_fork`]: no other thread takes part in the collector that is left.
pub(crate) unsafe fn after_fork() {
    assert!(!is_pinned(), "after_fork was called under a guard");
    let new = Box::into_raw(Box::new(Collector::new()));
    // Relaxed, both: there is one thread. The parent's collector is left, with what waits there.
    COLLECTOR.store(new, Ordering::Relaxed);
    WAITING.0.store(0, Ordering::Relaxed);
    #[cfg(not(session_loom))]
    GRAVEYARDS.iter().for_each(Graveyard::abandon);
    // A thread whose locals are gone registers for each guard, and so with the new one.
    let _ = LOCAL.try_with(Local::renew);
}

pub(crate) fn reclaim() {
    if is_pinned() {
        return;
    }
    // An entry is due two epochs after its batch was handed over; each hand-over moves on by one.
    for _ in 0..3 {
        pin().hand_over();
    }
    settle();
}

#[inline]
pub(crate) fn settle() {
    #[cfg(not(session_loom))]
    if !is_pinned() && (HANDED_OVER.get() || !GRAVEYARDS[stripe::mine()].is_empty()) {
        empty_graveyards();
    }
}

/// Drops the values in this thread's graveyard, and now and then in the others' too: what was buried by a thread
/// that only reads, or has ended.
///
/// A value's `drop` that comes back here leaves what there is to the call that runs it: values of which each
/// removes the next would else need a stack as deep as they are many.
#[cfg(not(session_loom))]
fn empty_graveyards() {
    if SETTLES.replace(true) {
        HANDED_OVER.set(true);
        return;
    }
    let _settling = Settling;
    loop {
        if HANDED_OVER.take() {
            GRAVEYARDS.iter().for_each(|graveyard| graveyard.empty(count_out));
        } else {
            GRAVEYARDS[stripe::mine()].empty(count_out);
        }
        // Only what was left by these very values: another thread may bury for ever.
        if !HANDED_OVER.get() {
            return;
        }
    }
}

/// The thread settles until this is dropped, also by the panic of a value's `drop`.
struct Settling;

impl Drop for Settling {
    fn drop(&mut self) {
        SETTLES.set(false);
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
    LOCAL.try_with(|local| local.handle().is_pinned()).unwrap_or(false)
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
    if !cfg!(session_loom) && count_in() {
        pin().hand_over();
    }
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
        if !cfg!(session_loom) && count_in() {
            self.hand_over();
        }
    }

    /// Hands this thread's batch to the collector, which frees what is due.
    #[cold]
    fn hand_over(&self) {
        self.0.flush();
        HANDED_OVER.set(true);
        // Only now: what of its own the thread has counted out meanwhile is not reported at all.
        let _ = LOCAL.try_with(Local::report);
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
    if unsafe { Header::release(retired.entry, Share::Table) } {
        // It goes on waiting.
        // SAFETY: `release` has returned true; under the collector's guard the value has to wait.
        unsafe { bury_in(retired.stripe, retired.entry) };
    } else if !cfg!(session_loom) {
        count_out(1);
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

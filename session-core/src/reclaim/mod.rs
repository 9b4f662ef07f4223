//! When an entry that left the table is freed, and on whose back.
//!
//! An entry that was unlinked is *retired*: it waits until every guard that was held at that moment
//! is gone (the grace period, by crossbeam-epoch). Then the table's own reference is released. If it
//! was the last one, the entry is *buried*: it goes to the graveyard of the thread that unlinked it, and
//! its value is dropped when a call that changes a table next ends on a thread that holds no guard. So a
//! value's `drop`, which is foreign code, runs neither inside the collector nor under a guard nor
//! half-way through a change.
//!
//! Models run on one of two reclaimers: `ghost`, which frees at the earliest moment that the rules
//! allow and notices every touch after that, or this very one on loom's atomics.

use core::ptr::NonNull;

use crate::entry::{Header, Held, Share};

#[cfg(any(not(session_loom), crossbeam_loom))]
mod epoch;
#[cfg(any(not(session_loom), crossbeam_loom))]
use epoch as chosen;

#[cfg(all(session_loom, not(crossbeam_loom)))]
pub(crate) mod ghost;
#[cfg(all(session_loom, not(crossbeam_loom)))]
use ghost as chosen;

mod graveyard;
#[cfg(crossbeam_loom)]
pub(crate) use epoch::Guard as EpochGuard;
#[cfg(session_loom)]
pub(crate) use graveyard::Graveyard;

/// Keeps everything that was borrowed under it readable.
///
/// While any guard is held, nothing that is removed from any table of the process can be freed:
/// hold it for a lookup, not over waiting, and not over code that you do not know. It belongs to
/// its thread.
pub struct Guard(pub(crate) chosen::Guard);

/// Takes a guard: a few nanoseconds, one write to a line of this thread's own. At each 128th the collector works, and
/// may write to its own and release what up to eight batches of 64 removals hold, which takes microseconds.
///
/// # Examples
///
/// ```
/// use session_core::{Key, KeyHasher, Table, pin};
///
/// let table = Table::with_capacity(100, KeyHasher::folded([1, 2]));
/// let key = Key::new(0, b"id").expect("at most 32 bytes");
/// table.replace(key, String::from("value")).expect("nothing stalls");
///
/// let guard = pin();
/// let borrow = table.get(&key, &guard).expect("just stored");
/// table.remove(&key);
/// assert_eq!(*borrow, "value"); // removed, and readable while the guard is held
/// ```
#[inline]
pub fn pin() -> Guard {
    Guard(chosen::pin())
}

/// Helps what was retired on its way out.
///
/// Moves the grace period on as far as the guards of other threads allow, then drops the values of
/// all entries that are free by then, whoever removed them. One call frees some 1,500 entries: after
/// a long stall it takes several. What another thread has retired but not yet handed over (at most
/// 64 entries a thread) stays until that thread removes more, or ends. Does nothing under a guard of
/// this thread. In a value's `drop` it drops no other: the call that runs that one goes on with those, so do not
/// wait for them there.
///
/// Runs foreign code: the `drop` of values.
pub fn reclaim() {
    chosen::reclaim();
}

/// Returns how many entries wait to be freed, over all tables of the process: that were removed or replaced, or left
/// behind under a guard by their last handle or their table.
///
/// One waits until its value was dropped, unless it has handles. Each thread reports in batches of 64 what comes, and
/// at once what goes: so the figure may be too low by up to 63 a thread, and is never too high for long.
pub fn waiting() -> usize {
    chosen::waiting()
}

/// Whether more than `waiting_max` entries wait to be freed, also after an attempt to free some.
#[inline]
pub(crate) fn is_stalled(waiting_max: usize) -> bool {
    waiting() > waiting_max && chosen::stays_stalled(waiting_max)
}

/// Begins anew in a process that was just forked off: call it in the child, before anything else here.
///
/// A guard that another thread of the parent held at the fork would hold back everything in the
/// child, for ever, since that thread is not there to drop it. A child with a fresh collector is
/// free of it. What waited to be freed in the parent at the fork stays in the child's memory, unfreed
/// and its values not dropped.
///
/// Fork where no other thread is inside of any call of this crate, nor ends after it has used it, since that goes
/// on until its thread-locals are gone: before threads are started, as servers that fork workers do. Else a thread of
/// the child may wait, when it ends, for one that is not there. Draw fresh secrets for the tables that the child makes.
///
/// # Panics
///
/// When this thread holds a guard.
///
/// # Safety
///
/// * This process was forked off, and has one thread: another's guard, taken before, would not keep
///   what it borrows from being freed after.
pub unsafe fn after_fork() {
    // SAFETY: passed on from the caller.
    unsafe { chosen::after_fork() };
}

/// Drops the values that wait for this thread to let go of its guard: those that were freed while it
/// held one. Does nothing while it holds one, nor in a value's `drop`: the call that runs that one goes on
/// with what comes by it.
///
/// Every call that changes a table ends with this. Call it after work under a guard of your own
/// that must not be interrupted by the `drop` of values, when it no longer matters.
///
/// Runs foreign code: the `drop` of values, of any table. A panic in one reaches the caller, and
/// loses no other value.
#[inline]
pub fn settle() {
    chosen::settle();
}

impl Guard {
    /// Lets go of an entry that was taken out of its list: after the grace period the table's
    /// reference is released.
    ///
    /// # Safety
    ///
    /// * `entry` is not reachable from any bucket any more, and was reachable when this guard's
    ///   thread found it.
    /// * It is retired once, by the thread that unlinked it.
    #[inline]
    pub(crate) unsafe fn retire(&self, entry: NonNull<Header>) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.retire(entry) };
    }

    /// Borrows an entry for as long as the guard is held.
    ///
    /// # Safety
    ///
    /// * `entry` was read under this guard, from a bucket's word or from the link of an entry that
    ///   this guard keeps.
    #[inline]
    pub(crate) unsafe fn borrow(&self, entry: NonNull<Header>) -> Held<'_> {
        touched(entry);
        // SAFETY: it was reachable at a moment after this guard was taken, so it was retired later
        // than that, if at all, and is not freed before the guard is dropped.
        unsafe { Held::new(entry) }
    }
}

/// Releases one reference; drops the value if it was the last, at once where that is allowed.
///
/// # Safety
///
/// * The caller gives up this share of `entry` and does not use it again.
pub(crate) unsafe fn release(entry: NonNull<Header>, share: Share) {
    touched(entry);
    // SAFETY: passed on from the caller.
    if unsafe { Header::release(entry, share) } {
        // SAFETY: `release` has returned true, and nobody else holds the entry.
        unsafe { chosen::free(entry) };
    }
}

/// Releases one reference; if it was the last, the value is dropped when this thread next settles.
///
/// # Safety
///
/// * The caller gives up this share of `entry` and does not use it again.
pub(crate) unsafe fn release_later(entry: NonNull<Header>, share: Share) {
    touched(entry);
    // SAFETY: passed on from the caller.
    if unsafe { Header::release(entry, share) } {
        // SAFETY: `release` has returned true, and nobody else holds the entry.
        unsafe { chosen::bury(entry) };
    }
}

/// Tells the ghost that an entry is being read; outside of its models it is nothing.
#[inline(always)]
pub(crate) fn touched(entry: NonNull<Header>) {
    #[cfg(all(session_loom, not(crossbeam_loom)))]
    ghost::check(entry);
    let _ = entry;
}

//! An entry: one line of header that the table works with, and the value behind it.
//!
//! The header knows no type: the table's lists, the reclaimer and the graveyard move headers, and
//! only making, reading and freeing an entry know its value.
//!
//! An entry lives through four states. *Private*: made, reachable by nobody else. *Live*: in its
//! bucket's list, its link not marked gone. *Gone*: its link marked; readers that already stand on
//! it read on, nobody finds it any more; whoever takes it out of the list retires it, once.
//! *Free*: the table's reference was released after the grace period, the last handle was dropped,
//! and the value with it.
//!
//! Invariant: `references` counts one for the table from the making until after the grace period,
//! and one for each handle. So a borrow, which only a guard protects, can always become a handle.

use core::marker::PhantomData;
#[cfg(not(session_loom))]
use core::mem::size_of;
use core::ptr::NonNull;

use crate::key::Key;
use crate::link::{AtomicLink, Link};
use crate::sync::{Acquire, AtomicU32, Canary, Relaxed, Release, fence};

/// The part of an entry that knows no type: 64 bytes.
#[repr(C, align(16))]
pub(crate) struct Header {
    /// The next entry of the bucket, written by whoever inserts, removes or replaces after this
    /// one. When the entry is free, the graveyard's link.
    pub(crate) next: AtomicLink,
    /// The key's hash: the list's order. Never changes.
    pub(crate) hash: u64,
    /// Drops the value and frees the memory of this very entry. Never changes.
    free: unsafe fn(NonNull<Header>),
    /// How many hold the entry: the table, and each handle.
    references: AtomicU32,
    /// Never changes.
    key: Key,
    canary: Canary,
}

#[cfg(not(session_loom))]
const _: () = assert!(size_of::<Header>() == 64, "a header fills one cache line");

/// A handle count past this is a leak, not a use: the process ends, as with `std::sync::Arc`.
const REFERENCES_MAX: u32 = u32::MAX / 2;

/// A header with its value.
#[repr(C)]
struct Entry<V> {
    header: Header,
    value: V,
}

/// Makes a private entry that is counted once for the table and `handles` times more.
pub(crate) fn make<V: Send + Sync + 'static>(
    key: Key,
    hash: u64,
    value: V,
    handles: u32,
) -> NonNull<Header> {
    let header = Header {
        next: AtomicLink::new(Link::END),
        hash,
        free: free::<V>,
        references: AtomicU32::new(1 + handles),
        key,
        canary: Canary::new(),
    };
    NonNull::from(Box::leak(Box::new(Entry { header, value }))).cast()
}

/// Takes a private entry apart and gives its value back.
///
/// # Safety
///
/// * `entry` was made by [`make`] with this `V`.
/// * No other thread has ever been able to reach it, and it is not used again.
pub(crate) unsafe fn unmake<V>(entry: NonNull<Header>) -> V {
    // SAFETY: `make` leaked this very box, and the caller alone knows of it.
    let entry = unsafe { Box::from_raw(entry.cast::<Entry<V>>().as_ptr()) };
    entry.value
}

/// Drops value and memory: what [`Header::free`] points to.
///
/// # Safety
///
/// * `entry` was made by [`make`] with this `V`.
/// * Its count has reached zero, and it is not used again.
unsafe fn free<V>(entry: NonNull<Header>) {
    // SAFETY: `make` leaked this very box, and a count of zero leaves nobody but us.
    drop(unsafe { Box::from_raw(entry.cast::<Entry<V>>().as_ptr()) });
}

/// Returns where the value of an entry stands.
///
/// # Safety
///
/// * `entry` was made by [`make`] with this `V`, and has not been freed.
pub(crate) unsafe fn value<V>(entry: NonNull<Header>) -> NonNull<V> {
    let entry = entry.cast::<Entry<V>>().as_ptr();
    // SAFETY: the entry is alive, so the field lies in its allocation.
    let value = unsafe { &raw mut (*entry).value };
    // SAFETY: a field of an allocated entry is not at address zero.
    unsafe { NonNull::new_unchecked(value) }
}

/// An entry that something keeps: a guard, a handle, or the one thread that made it.
///
/// It carries the pointer that the entry was made with, which, other than a reference to the
/// header, reaches the value too.
pub(crate) struct Held<'h> {
    entry: NonNull<Header>,
    keeper: PhantomData<&'h Header>,
}

impl<'h> Held<'h> {
    /// # Safety
    ///
    /// * `entry` is not freed for as long as `'h`.
    #[inline]
    pub(crate) unsafe fn new(entry: NonNull<Header>) -> Held<'h> {
        Held { entry, keeper: PhantomData }
    }

    #[inline]
    pub(crate) fn pointer(self) -> NonNull<Header> {
        self.entry
    }

    #[inline]
    pub(crate) fn header(self) -> &'h Header {
        // SAFETY: `new` was promised that the entry lives for `'h`.
        unsafe { self.entry.as_ref() }
    }
}

impl Clone for Held<'_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Held<'_> {}

impl Header {
    #[inline]
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Tells loom that the entry is being read.
    #[inline(always)]
    pub(crate) fn touch(&self) {
        self.canary.touch();
    }

    #[inline]
    pub(crate) fn is(&self, hash: u64, key: &Key) -> bool {
        self.touch();
        self.hash == hash && self.key == *key
    }

    /// Counts one more handle.
    #[inline]
    pub(crate) fn acquire(&self) {
        // Relaxed: whoever counts one more holds the entry already, by a handle or under a guard
        // that keeps the table's own reference; nothing need be seen or published.
        let before = self.references.fetch_add(1, Relaxed);
        if before > REFERENCES_MAX {
            std::process::abort();
        }
    }

    /// Counts one reference less; true when it was the last, and the caller must free the entry.
    ///
    /// Takes a pointer: while this call returns, another thread may free the entry already, which a
    /// reference that is an argument would forbid.
    ///
    /// # Safety
    ///
    /// * The caller gives up one reference to `entry` and does not use it again, except to free it.
    #[inline]
    #[must_use]
    pub(crate) unsafe fn release(entry: NonNull<Header>) -> bool {
        // SAFETY: the reference that is given up keeps the entry until it is counted out.
        let references = unsafe { &(*entry.as_ptr()).references };
        // Release: publishes this holder's last reads to whoever frees; pairs with the fence below.
        if references.fetch_sub(1, Release) != 1 {
            return false;
        }
        // Acquire: observes every other holder's release before the value is dropped.
        fence(Acquire);
        true
    }

    /// How many hold the entry at this moment.
    pub(crate) fn references(&self) -> u32 {
        // Relaxed: a figure for tests and for people; nothing is decided by it.
        self.references.load(Relaxed)
    }

    /// Drops the value and frees the entry. Runs foreign code, the value's own `drop`.
    ///
    /// # Safety
    ///
    /// * [`release`](Header::release) has returned true for `entry`, and it is not used again.
    pub(crate) unsafe fn free(entry: NonNull<Header>) {
        // SAFETY: nobody has freed it yet, or `release` would not have returned true.
        let header = unsafe { entry.as_ref() };
        header.canary.bury();
        let free = header.free;
        // SAFETY: passed on from the caller; `free` was chosen by `make` for this entry's value.
        unsafe { free(entry) };
    }
}

//! An entry: one line of header that the table works with, and behind it the value and its bytes.
//!
//! The header knows no type: the table's lists, the reclaimer and the graveyard move headers, and
//! only making, reading and freeing an entry know its value.
//!
//! The bytes are what a value has of its own length: they stand in the entry, where they never move, and are
//! overwritten when it is freed.
//!
//! An entry lives through four states. *Private*: made, in no list, reachable by its maker or by
//! handles alone. *Live*: in its bucket's list, its link not marked gone. *Gone*: its link marked; readers that already stand on
//! it read on, nobody finds it any more; whoever takes it out of the list retires it, once.
//! *Free*: the table's reference was released after the grace period, the last handle was dropped,
//! and the value with it.
//!
//! Invariant: `references` holds the table's share from before the entry is linked until after the
//! grace period, and counts one for each handle. So a borrow, which only a guard protects, can
//! always become a handle.
//!
//! Invariant: an entry is linked once in its life, by the one thread that claimed its link: readers
//! may stand on it, and read that link, long after it was unlinked.

use core::marker::PhantomData;
use core::mem::{align_of, offset_of, size_of};
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use std::alloc::Layout;

use crate::blocks::{self, Origin};
use crate::key::Key;
use crate::link::{AtomicLink, Link, can_lead_to};
use crate::sync::{Acquire, AtomicU32, Canary, Relaxed, Release, fence};

/// The part of an entry that knows no type: 64 bytes.
#[repr(C, align(16))]
pub(crate) struct Header {
    /// The next entry of the bucket, written by whoever inserts, removes or replaces after this
    /// one. When the entry is free, the graveyard's link.
    pub(crate) next: AtomicLink,
    /// The key's hash in its table: the list's order. Written before the entry is linked, by who
    /// links it, and read by those who found it linked; it publishes nothing.
    hash: AtomicU64,
    /// Drops the value and frees the memory of this very entry. Never changes.
    free: unsafe fn(NonNull<Header>),
    /// How many handles there are, the table's share, and whether the link is claimed.
    references: AtomicU32,
    /// Never changes.
    key: Key,
    canary: Canary,
}

#[cfg(not(session_loom))]
const _: () = assert!(size_of::<Header>() == 64, "a header fills one cache line");

/// In `references`: the table holds the entry.
const TABLE: u32 = 1 << 31;
/// In `references`: the entry is linked, was, or is about to be. Never taken back.
const CLAIMED: u32 = 1 << 30;
/// In `references`: how many handles there are.
const HANDLES: u32 = CLAIMED - 1;

/// A handle count past this is a leak, not a use: the process ends, as with `std::sync::Arc`.
const HANDLES_MAX: u32 = HANDLES / 2;

/// One reference of an entry: what is given up when it is released.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Share {
    Handle = 1,
    Table = TABLE,
}

/// A header with its value; its bytes follow.
#[repr(C)]
struct Entry<V> {
    header: Header,
    value: V,
    /// Never changes.
    size: Size,
}

/// How many bytes an entry has, and in the highest bit where its memory is from.
#[derive(Clone, Copy)]
struct Size(u32);

impl Size {
    const BYTES_MAX: usize = (STORED - 1) as usize;

    fn bytes(self) -> usize {
        (self.0 & !STORED) as usize
    }

    fn origin(self) -> Origin {
        if self.0 & STORED == 0 { Origin::Allocator } else { Origin::Store }
    }
}

/// In `Size`: the memory is the store's.
const STORED: u32 = 1 << 31;

impl<V> Entry<V> {
    /// Where the bytes begin. They are overwritten by whole words, so this is a multiple of a word's size.
    const BYTES: usize = offset_of!(Entry<V>, size) + size_of::<Size>();

    /// The memory of an entry with `length` bytes.
    fn layout(length: usize) -> Layout {
        let size = (Self::BYTES + length.next_multiple_of(WORD)).max(size_of::<Self>());
        let layout = Layout::from_size_align(size, align_of::<Self>());
        layout.expect("less than 2 GiB, and what a value has")
    }
}

const WORD: usize = size_of::<u32>();

/// Makes a private entry, counted for one handle.
///
/// # Panics
///
/// When there are 2 GiB of `bytes` or more, or where the allocator gives memory that links cannot lead to.
#[inline]
pub(crate) fn make<V: Send + Sync + 'static>(key: Key, value: V, bytes: &[u8]) -> NonNull<Header> {
    if bytes.len() > Size::BYTES_MAX {
        panic!("{} bytes for one entry; {} is what there can be", bytes.len(), Size::BYTES_MAX)
    }
    let header = Header {
        next: AtomicLink::new(Link::END),
        hash: AtomicU64::new(0),
        free: free::<V>,
        references: AtomicU32::new(Share::Handle as u32),
        key,
        canary: Canary::new(),
    };
    let (block, origin) = blocks::allocate(Entry::<V>::layout(bytes.len()));
    let stored = if origin == Origin::Store { STORED } else { 0 };
    let size = Size(bytes.len() as u32 | stored);
    // The block is lost then: one that goes back is what this thread would get next.
    assert!(can_lead_to(block.addr().get()), "allocators give addresses of less than 48 bits");
    let entry = block.cast::<Entry<V>>();
    // SAFETY: the block is of this layout, and nobody else's.
    unsafe { entry.write(Entry { header, value, size }) };
    let place = block.as_ptr().wrapping_add(Entry::<V>::BYTES);
    // SAFETY: the block has room for so many bytes there, which are nobody else's.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    entry.cast()
}

/// Takes a private entry apart and gives its value back.
///
/// # Safety
///
/// * `entry` was made by [`make`] with this `V`.
/// * No other thread has ever been able to reach it, and it is not used again.
pub(crate) unsafe fn unmake<V>(entry: NonNull<Header>) -> V {
    let block = Block(entry.cast::<Entry<V>>());
    // SAFETY: passed on from the caller.
    let value = unsafe { value::<V>(block.0.cast()) };
    // SAFETY: `make` wrote it, and the caller alone knows of it; it is not read again.
    unsafe { value.read() }
}

/// The memory of an entry whose value is gone, or about to go: given back also when that panics, with
/// key and bytes overwritten, since they can be all that it takes to resume.
struct Block<V>(NonNull<Entry<V>>);

impl<V> Drop for Block<V> {
    fn drop(&mut self) {
        let entry = self.0.as_ptr();
        // SAFETY: `make` wrote the field, which is no part of the value.
        let size = unsafe { (*entry).size };
        // SAFETY: the memory is an entry's, so the field lies in it.
        let key = unsafe { &raw mut (*entry).header.key };
        // Volatile, all: nobody reads it, and a plain write would be left out.
        // SAFETY: the field lies in memory that nobody else uses.
        unsafe { key.write_volatile(Key::EMPTY) };
        let words = entry.cast::<u8>().wrapping_add(Entry::<V>::BYTES).cast::<u32>();
        for word in 0..size.bytes().div_ceil(WORD) {
            let word = words.wrapping_add(word);
            // SAFETY: the layout has room for so many bytes there, rounded up to whole words.
            unsafe { word.write_volatile(0) };
        }
        let layout = Entry::<V>::layout(size.bytes());
        // SAFETY: `make` got it for this layout; whoever makes a `Block` gives it back.
        unsafe { blocks::free(self.0.cast(), layout, size.origin()) };
    }
}

/// Drops value and memory, and wipes key and bytes: what [`Header::free`] points to.
///
/// # Safety
///
/// * `entry` was made by [`make`] with this `V`.
/// * Its count has reached zero, and it is not used again.
unsafe fn free<V>(entry: NonNull<Header>) {
    let block = Block(entry.cast::<Entry<V>>());
    // SAFETY: passed on from the caller.
    let value = unsafe { value::<V>(block.0.cast()) };
    // SAFETY: `make` wrote it, and a count of zero leaves nobody but us.
    unsafe { value.drop_in_place() };
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

/// Borrows the bytes of an entry.
///
/// # Safety
///
/// * `entry` was made by [`make`] with this `V`, and is not freed for as long as `'h`.
#[inline]
pub(crate) unsafe fn bytes<'h, V>(entry: NonNull<Header>) -> &'h [u8] {
    let entry = entry.cast::<Entry<V>>();
    // SAFETY: the entry is alive, and the field never changes.
    let length = unsafe { (*entry.as_ptr()).size }.bytes();
    let first = entry.as_ptr().cast::<u8>().wrapping_add(Entry::<V>::BYTES);
    // SAFETY: `make` wrote so many bytes there, in the same allocation; they never change.
    unsafe { core::slice::from_raw_parts(first, length) }
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

    /// The hash in the table that the entry is linked in.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        // Relaxed: whoever asks found the entry linked, which observes the hash too.
        self.hash.load(Relaxed)
    }

    #[inline]
    pub(crate) fn is(&self, hash: u64, key: &Key) -> bool {
        self.touch();
        self.hash() == hash && self.key == *key
    }

    /// Claims the right to link the entry, in a table in which its hash is `hash`, and takes the
    /// table's share; true for the one caller in the life of an entry.
    #[must_use]
    pub(crate) fn claim(&self, hash: u64) -> bool {
        // Relaxed, all: decides who links, and the linking publishes all that there is.
        let mut now = self.references.load(Relaxed);
        loop {
            if now & CLAIMED != 0 {
                return false;
            }
            let claimed = now | TABLE | CLAIMED;
            match self.references.compare_exchange(now, claimed, Relaxed, Relaxed) {
                Ok(_) => break,
                Err(seen) => now = seen,
            }
        }
        // Relaxed: published by the linking.
        self.hash.store(hash, Relaxed);
        true
    }

    /// [`claim`](Header::claim) of an entry that its maker alone knows of: without an exchange.
    #[inline]
    pub(crate) fn claim_private(&self, hash: u64) {
        // Relaxed, both: published by the linking.
        self.references.store(TABLE | CLAIMED | Share::Handle as u32, Relaxed);
        self.hash.store(hash, Relaxed);
    }

    /// Counts one more handle.
    #[inline]
    pub(crate) fn acquire(&self) {
        // Relaxed: whoever counts one more holds the entry already, by a handle or under a guard
        // that keeps the table's own reference; nothing need be seen or published.
        let before = self.references.fetch_add(1, Relaxed);
        if before & HANDLES > HANDLES_MAX {
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
    /// * The caller gives up this share of `entry` and does not use it again, except to free it.
    #[inline]
    #[must_use]
    pub(crate) unsafe fn release(entry: NonNull<Header>, share: Share) -> bool {
        // SAFETY: the reference that is given up keeps the entry until it is counted out.
        let references = unsafe { &(*entry.as_ptr()).references };
        // Release: publishes this holder's last reads to whoever frees; pairs with the fence below.
        if references.fetch_sub(share as u32, Release) & !CLAIMED != share as u32 {
            return false;
        }
        // Acquire: observes every other holder's release before the value is dropped.
        fence(Acquire);
        true
    }

    /// How many handles there are at this moment.
    pub(crate) fn handles(&self) -> u32 {
        // Relaxed: a figure for tests and for people; nothing is decided by it.
        self.references.load(Relaxed) & HANDLES
    }

    /// Whether the table holds the entry, although it may have been removed.
    pub(crate) fn is_held_by_table(&self) -> bool {
        // Relaxed: as above.
        self.references.load(Relaxed) & TABLE != 0
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

#[cfg(all(test, not(session_loom)))]
mod tests {
    use crate::{Handle, Key, KeyHasher, Table, pin, reclaim};

    /// What a value asks of its alignment, and what it has of its own, makes no difference to the bytes behind it.
    fn keeps<V: Clone + PartialEq + core::fmt::Debug + Send + Sync + 'static>(value: V) {
        let table = Table::with_capacity(10, KeyHasher::folded([1, 2]));
        for length in [0, 1, 3, 4, 5, 63, 64, 500, 2_000] {
            let bytes: Vec<u8> = (0..length).map(|number| number as u8).collect();
            let key = Key::new(0, &[7]).expect("one byte");
            let handle = Handle::with_bytes(key, value.clone(), &bytes);
            table.link(&handle).expect("it was never linked");
            assert_eq!((&*handle, handle.bytes()), (&value, &bytes[..]));
            drop(handle);
            let found = table.get(&key, &pin()).map(|found| found.to_handle());
            let found = found.expect("just linked");
            assert!(table.remove(&key));
            reclaim();
            assert_eq!((&*found, found.bytes()), (&value, &bytes[..]));
        }
    }

    #[test]
    fn bytes_stand_behind_values_of_any_kind() {
        keeps(());
        keeps(7_u8);
        keeps([7_u8; 33]);
        keeps(7_u128);
        keeps(Box::new(String::from("value")));
    }
}

//! What an entry costs beyond its id and its value, allocator included.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::{Key, KeyHasher, Table};

/// The most bytes an entry may cost beyond id and value.
const OVERHEAD_BYTES_MAX: usize = 128;
const VALUE_BYTES: usize = 104;
/// What may be left when all entries are gone: what threads keep, and a chunk.
const LEFT_BYTES_MAX: usize = 4 << 20;
const ID_BYTES: usize = 32;

struct Counting;

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// What a block costs in glibc's malloc: a word in front, rounded up to 16 bytes, at least 32.
fn cost(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: passes everything on to the system's allocator, and counts without allocating.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(cost(layout), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(cost(layout), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(cost(layout), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Fills a table made for `capacity` with `entries`; returns the bytes an entry costs beyond its own.
fn overhead_bytes(capacity: usize, entries: usize) -> usize {
    while session_core::waiting() > 0 {
        session_core::reclaim();
    }
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    let table = Table::with_capacity(capacity, KeyHasher::folded([23, 24]));
    for name in 0..entries {
        let mut id = [0; ID_BYTES];
        id[..8].copy_from_slice(&name.to_ne_bytes());
        let key = Key::new(0, &id).expect("32 bytes are few enough");
        table.insert(key, [0_u8; VALUE_BYTES]).expect("each key is new");
    }
    let bytes = LIVE_BYTES.load(Ordering::Relaxed) - before;
    assert_eq!(table.len(), entries);
    bytes / entries - ID_BYTES - VALUE_BYTES
}

#[test]
#[cfg_attr(miri, ignore = "too many entries for Miri; `cargo xtask test` runs it")]
fn entry_costs_at_most_128_bytes_beyond_id_and_value() {
    // The small ones first: of a large one's memory a little is kept for the next.
    for (capacity, entries) in
        [(20_480, 20_480), (0, 20_480), (1_000_000, 1_000_000), (0, 1_000_000)]
    {
        let overhead = overhead_bytes(capacity, entries);
        println!("{entries} entries in a table made for {capacity}: {overhead} bytes each");
        assert!(overhead <= OVERHEAD_BYTES_MAX, "{overhead} bytes an entry at {entries}");
    }
    while session_core::waiting() > 0 {
        session_core::reclaim();
    }
    let left = LIVE_BYTES.load(Ordering::Relaxed);
    assert!(left < LEFT_BYTES_MAX, "{left} bytes are left when all tables are gone");
}

//! Bytes a session beyond its id and payload, and bytes that wait to be freed. Run by
//! `cargo xtask bench`.
//!
//! Counts what is held of the allocator, its own rounding included: what a size costs in glibc's malloc.
//! OpenSSL is told to allocate through the same counter.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use session_bench::events::{Event, Figure, tell};
use session_bench::ids::Series;
use session_bench::peers::{OURS, PEERS};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// A word in front, rounded up to 16 bytes, at least 32.
fn cost(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

// SAFETY: passes everything on to the system's allocator, and counts without allocating.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(cost(layout.size()), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(cost(layout.size()), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(cost(layout.size()), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[cfg(feature = "openssl")]
mod openssl_blocks {
    //! OpenSSL's blocks: each has its length in the 16 bytes before it.

    use std::alloc::{Layout, alloc, dealloc};
    use std::ffi::{c_char, c_int, c_void};

    const FRONT: usize = 16;

    unsafe extern "C" {
        fn CRYPTO_set_mem_functions(
            malloc: unsafe extern "C" fn(usize, *const c_char, c_int) -> *mut c_void,
            realloc: unsafe extern "C" fn(*mut c_void, usize, *const c_char, c_int) -> *mut c_void,
            free: unsafe extern "C" fn(*mut c_void, *const c_char, c_int),
        ) -> c_int;
    }

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes + FRONT, FRONT).expect("blocks are small")
    }

    unsafe extern "C" fn malloc(bytes: usize, _: *const c_char, _: c_int) -> *mut c_void {
        if bytes == 0 {
            return std::ptr::null_mut();
        }
        // SAFETY: the layout is never empty.
        let block = unsafe { alloc(layout(bytes)) };
        assert!(!block.is_null(), "no memory for OpenSSL");
        // SAFETY: the block begins with room for it, aligned for it.
        unsafe { block.cast::<usize>().write(bytes) };
        // The front is no cost of OpenSSL's.
        super::HELD.fetch_sub(FRONT, super::Ordering::Relaxed);
        // SAFETY: inside of the block.
        unsafe { block.add(FRONT) }.cast()
    }

    unsafe extern "C" fn free(block: *mut c_void, _: *const c_char, _: c_int) {
        if block.is_null() {
            return;
        }
        // SAFETY: `malloc` made it so.
        let start = unsafe { block.cast::<u8>().sub(FRONT) };
        // SAFETY: `malloc` wrote it.
        let bytes = unsafe { start.cast::<usize>().read() };
        super::HELD.fetch_add(FRONT, super::Ordering::Relaxed);
        // SAFETY: `malloc` allocated it with this layout.
        unsafe { dealloc(start, layout(bytes)) };
    }

    unsafe extern "C" fn realloc(
        block: *mut c_void,
        bytes: usize,
        file: *const c_char,
        line: c_int,
    ) -> *mut c_void {
        // SAFETY: no precondition.
        let new = unsafe { malloc(bytes, file, line) };
        if !block.is_null() && !new.is_null() {
            // SAFETY: as in `free`.
            let start = unsafe { block.cast::<u8>().sub(FRONT) };
            // SAFETY: as in `free`.
            let old = unsafe { start.cast::<usize>().read() };
            // SAFETY: both are at least as long as the shorter length.
            unsafe { block.cast::<u8>().copy_to_nonoverlapping(new.cast(), old.min(bytes)) };
        }
        // SAFETY: passed on from the caller.
        unsafe { free(block, file, line) };
        new
    }

    pub(crate) fn count() {
        // SAFETY: three functions that keep malloc's promises.
        let accepted = unsafe { CRYPTO_set_mem_functions(malloc, realloc, free) };
        assert_eq!(accepted, 1, "OpenSSL has allocated before it was told how");
    }
}

const SESSIONS: u64 = 100_000;
/// How many come and go before what waits is weighed.
const TAKEN: u64 = 10_000;
const STORED: Series = Series::Random(0);
const NEWCOMERS: Series = Series::Random(1);

fn main() {
    #[cfg(feature = "openssl")]
    openssl_blocks::count();
    let only = std::env::var("SESSION_BENCH_ROWS").unwrap_or_default();
    let candidates: Vec<_> =
        OURS.iter().chain(PEERS).filter(|peer| name(peer.name).contains(&only)).collect();
    if std::env::var_os("SESSION_BENCH_LIST").is_some() {
        candidates.iter().for_each(|peer| println!("{}", name(peer.name)));
        return;
    }
    tell(&Event::Plan(candidates.len()));
    for candidate in candidates {
        tell(&Event::Begin(&name(candidate.name)));
        // What a library or a thread makes once, and keeps, belongs to no session.
        drop((candidate.roomy)(10));
        let before = held();
        let peer = (candidate.roomy)(SESSIONS as usize);
        peer.put(STORED, 0, SESSIONS);
        let filled = held();
        peer.puts_and_takes(NEWCOMERS, 0, TAKEN);
        let waiting = held().saturating_sub(filled);
        let own_bytes = 32 + candidate.payload_bytes;
        let a_session = (filled - before) as f64 / SESSIONS as f64 - own_bytes as f64;
        say("memory_a_session", candidate.name, a_session);
        say("memory_waiting", candidate.name, waiting as f64);
    }
}

fn name(peer: &str) -> String {
    format!("memory/{SESSIONS}/1/{peer}")
}

fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

fn say(question: &str, peer: &str, value: f64) {
    let (size, threads, unit) = (SESSIONS as usize, 1, "B");
    tell(&Event::Figure(Figure {
        question,
        peer,
        size,
        threads,
        value,
        low: value,
        high: value,
        wall: None,
        unit,
    }));
}

//! What a session costs beyond id, id context and payload: table, order and allocator included.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use session_cache::{
    IdContext, NewSession, Payload, ProtocolVersion, Seconds, SessionCache, SessionId,
};

const ID_CONTEXT: &[u8] = &[b'c'; 32];
const PAYLOAD_BYTES: usize = 134;
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

/// `timeouts`: over how many seconds expiries are spread; each takes a list of its own in the order.
fn overhead_bytes(sessions: usize, timeouts: u64) -> usize {
    while session_core::waiting() > 0 {
        session_core::reclaim();
    }
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    let cache = SessionCache::builder().sessions_max(sessions).bytes_max(0).build().unwrap();
    let view = cache.context(IdContext::new(ID_CONTEXT).unwrap());
    for number in 0..sessions {
        let mut id = [0; ID_BYTES];
        id[..8].copy_from_slice(&number.to_ne_bytes());
        let id = SessionId::new(&id).unwrap();
        let payload = Payload::from(vec![7; PAYLOAD_BYTES]);
        let new = NewSession::new(ProtocolVersion::TLS12, id, payload)
            .with_timeout(Seconds(3_600 + number as u64 % timeouts));
        view.insert(new).expect("nothing stalls");
    }
    let bytes = LIVE_BYTES.load(Ordering::Relaxed) - before;
    assert_eq!(cache.len(), sessions);
    bytes / sessions - ID_BYTES - ID_CONTEXT.len() - PAYLOAD_BYTES
}

#[test]
fn session_costs_at_most_192_bytes_beyond_id_context_and_payload() {
    for (sessions, timeouts) in
        [(20_480, 300), (20_480, 7_200), (1_000_000, 300), (1_000_000, 7_200)]
    {
        let overhead = overhead_bytes(sessions, timeouts);
        println!("{sessions} sessions over {timeouts} s: {overhead} bytes each");
        // Under a sanitizer entries are the allocator's alone, which aligns them in a way of its own.
        let most = if cfg!(session_sanitize) { 208 } else { 192 };
        assert!(overhead <= most, "{overhead} bytes a session at {sessions} over {timeouts} s");
    }
}

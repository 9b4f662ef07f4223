//! What a session costs beyond id, id context and payload: table, order and allocator included.
//!
//! A session lies in whole lines of 64 bytes, so what is left over of the last one depends on the sizes of what is
//! stored: one size alone would say nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use session_cache::{
    IdContext, NewSession, Payload, ProtocolVersion, Seconds, SessionCache, SessionId,
};

const ID_BYTES: usize = 32;

/// What is stored, beside ids.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    context_bytes: usize,
    payload_bytes: usize,
}

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
fn overhead_bytes(sessions: usize, timeouts: u64, sizes: Sizes) -> usize {
    let Sizes { context_bytes, payload_bytes } = sizes;
    while session_core::waiting() > 0 {
        session_core::reclaim();
    }
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    let cache = SessionCache::builder().sessions_max(sessions).bytes_max(0).build().unwrap();
    let view = cache.context(IdContext::new(&[b'c'; 32][..context_bytes]).unwrap());
    for number in 0..sessions {
        let mut id = [0; ID_BYTES];
        id[..8].copy_from_slice(&number.to_ne_bytes());
        let id = SessionId::new(&id).unwrap();
        let payload = Payload::from(vec![7; payload_bytes]);
        let new = NewSession::new(ProtocolVersion::TLS12, id, payload)
            .with_timeout(Seconds(3_600 + number as u64 % timeouts));
        view.insert(new).expect("nothing stalls");
    }
    let bytes = LIVE_BYTES.load(Ordering::Relaxed) - before;
    assert_eq!(cache.len(), sessions);
    bytes / sessions - ID_BYTES - context_bytes - payload_bytes
}

#[test]
fn session_costs_at_most_280_bytes_beyond_id_context_and_payload_and_224_in_the_mean() {
    // Over one line by eights.
    let payloads = || (136..136 + 64).step_by(8);
    let small = [300, 7_200].into_iter().flat_map(|timeouts| {
        [0, 32].into_iter().flat_map(move |context_bytes| {
            payloads().map(move |payload_bytes| {
                (20_480, timeouts, Sizes { context_bytes, payload_bytes })
            })
        })
    });
    let large = [300, 7_200]
        .map(|timeouts| (1_000_000, timeouts, Sizes { context_bytes: 32, payload_bytes: 134 }));
    let overheads: Vec<usize> = small
        .chain(large)
        .map(|(sessions, timeouts, sizes)| {
            let overhead = overhead_bytes(sessions, timeouts, sizes);
            println!("{sessions} sessions over {timeouts} s, {sizes:?}: {overhead} bytes each");
            overhead
        })
        .collect();
    let most = overheads.iter().copied().max().unwrap();
    let mean = overheads.iter().sum::<usize>() / overheads.len();
    println!("{mean} bytes in the mean, {most} at most");
    assert!(most <= 280, "{most} bytes a session");
    assert!(mean <= 224, "{mean} bytes a session in the mean");
}

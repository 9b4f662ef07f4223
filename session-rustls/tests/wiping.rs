//! What stays behind in memory: an allocator that reads every block as it is freed.
//!
//! The allocator serves the whole test binary, so only one test here may use the markers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::server::StoresServerSessions;
use session_cache::{IdContext, ProtocolVersion, SessionCache, SessionId};
use session_rustls::ServerSessions;

/// What the value is made of: a pattern that no program makes by itself.
const VALUE_MARKER: [u8; 16] = *b"\xD1secret-value\x1D!!";

/// What the key is made of. The table itself may leave an id behind, which has been on the wire.
const KEY_MARKER: [u8; 16] = *b"\xD1secret-key\x1D!!!!";

/// A length that no block has but the payload of the test's session (and what wraps it).
const VALUE_BYTES: usize = 4_099;

/// Freed blocks in which a part of a value was found.
static VALUES_LEFT: AtomicUsize = AtomicUsize::new(0);

/// Freed blocks in which a key was found.
static KEYS_LEFT: AtomicUsize = AtomicUsize::new(0);

/// Freed blocks that can only have been the value: of its length and a little more.
static VALUES_FREED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Blocks that this thread has asked for.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Reader;

// SAFETY:
// - every call goes on to `System` with the same arguments;
// - between, no memory is asked for and nothing unwinds.
unsafe impl GlobalAlloc for Reader {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // Zeroed, so that the reader below never sees what nobody wrote.
        // SAFETY: the caller's own obligation, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives up a block of this layout, all of it initialised by `alloc`.
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        for (marker, found) in [(VALUE_MARKER, &VALUES_LEFT), (KEY_MARKER, &KEYS_LEFT)] {
            if bytes.windows(marker.len()).any(|window| window == marker) {
                found.fetch_add(1, Ordering::SeqCst);
            }
        }
        if (VALUE_BYTES..VALUE_BYTES + 256).contains(&layout.size()) {
            VALUES_FREED.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: the caller's own obligation, passed on.
        unsafe { System.dealloc(block, layout) }
    }
    // `realloc` is the trait's: alloc, copy, dealloc, so that it is read too.
}

#[global_allocator]
static READER: Reader = Reader;

/// A value full of markers, in its spare capacity too: as rustls leaves it after growing a `Vec`.
fn value_with_spare_capacity() -> Vec<u8> {
    let mut value = Vec::with_capacity(2 * VALUE_BYTES);
    value.extend(VALUE_MARKER.iter().cycle().take(value.capacity()));
    value.truncate(VALUE_BYTES);
    value
}

fn left_behind() -> (usize, usize) {
    (KEYS_LEFT.load(Ordering::SeqCst), VALUES_LEFT.load(Ordering::SeqCst))
}

#[test]
fn no_unwiped_copy_of_a_key_or_a_value_stays_behind() {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&KEY_MARKER);
    let query = SessionId::new(&key).unwrap();
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let sessions = ServerSessions::new(Arc::clone(&cache), IdContext::EMPTY);

    assert!(sessions.put(key, value_with_spare_capacity()));
    assert_eq!(left_behind(), (0, 0), "put wipes what it was given");

    assert!(!sessions.put([KEY_MARKER; 3].concat(), value_with_spare_capacity()));
    assert_eq!(left_behind(), (0, 0), "a refused put wipes what it was given");

    let copy = sessions.get(query.as_bytes()).unwrap();
    assert_eq!((copy.len(), copy.capacity()), (VALUE_BYTES, VALUE_BYTES));
    drop(zeroize::Zeroizing::new(copy));

    let freed = VALUES_FREED.load(Ordering::SeqCst);
    assert!(cache.context(IdContext::EMPTY).remove(ProtocolVersion::UNKNOWN, &query));
    reclaim_what_was_removed(&sessions, freed);
    assert_eq!(left_behind().1, 0, "a reclaimed session was wiped");

    drop(value_with_spare_capacity());
    assert_eq!(left_behind().1, 1, "the reader sees what was not wiped");
}

/// A removed session is reclaimed after some more removals by the same thread.
fn reclaim_what_was_removed(sessions: &ServerSessions, freed: usize) {
    for n in 0_u32..100_000 {
        if VALUES_FREED.load(Ordering::SeqCst) > freed {
            return;
        }
        assert!(sessions.put(n.to_be_bytes().to_vec(), b"another".to_vec()));
        assert!(sessions.take(&n.to_be_bytes()).is_some());
    }
    panic!("the payload was never freed");
}

#[test]
fn query_that_is_not_answered_allocates_nothing() {
    let cache = Arc::new(SessionCache::builder().build().unwrap());
    let sessions = ServerSessions::new(cache, IdContext::EMPTY);
    let keys = [0, 1, 31, 32, 33, 65_535].map(|bytes| vec![0xA5; bytes]);
    // The first use of a thread's own parts of the table may allocate, whatever the key.
    assert_eq!(sessions.take(&keys[3]), None);
    let before = ALLOCATIONS.with(Cell::get);
    for key in &keys {
        assert_eq!(sessions.get(key), None);
        assert_eq!(sessions.take(key), None);
    }
    assert_eq!(ALLOCATIONS.with(Cell::get), before);
}

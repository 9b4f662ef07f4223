//! No payload and no id is ever left in a block that goes back to the allocator.
//!
//! This file has an allocator of its own that looks through every block it gets back, so it has one test.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_cache::{
    IdContext, ManualClock, NewSession, Payload, ProtocolVersion, Rules, Seconds, SessionCache,
    SessionId, UnixTime,
};

/// What payloads are full of, and nothing else is.
static MARK: [u8; 16] = *b"\x9dsecret\xc3secret\xe1\xb7";
/// What ids begin with.
static ID_MARK: [u8; 16] = *b"\x9dan id\xc3an id\xe1\xb7\x02\x8f";
/// So many that the entries are the allocator's, and not kept for reuse.
const PAYLOAD_BYTES: usize = 1_232;
/// How long a block is that holds an entry with its payload: the one that was taken last when the first was made.
static ENTRY_BYTES: AtomicUsize = AtomicUsize::new(0);
static LAST_BYTES: AtomicUsize = AtomicUsize::new(0);

static MARKED_BLOCKS: AtomicUsize = AtomicUsize::new(0);
static FREED_ENTRIES: AtomicUsize = AtomicUsize::new(0);

struct Inspector;

// SAFETY: every call goes to the system's allocator with the caller's layout; blocks are looked at before
// they are given back, and not kept.
unsafe impl GlobalAlloc for Inspector {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LAST_BYTES.store(layout.size(), Ordering::Relaxed);
        // Zeroed, so that a block can be read whole whatever its user wrote.
        // SAFETY: the caller's promise about `layout` is the one asked for here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of `layout`, initialised by `alloc` and no longer used.
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        if bytes.windows(MARK.len()).any(|window| window == MARK || window == ID_MARK) {
            MARKED_BLOCKS.fetch_add(1, Ordering::Relaxed);
        }
        if layout.size() == ENTRY_BYTES.load(Ordering::Relaxed) {
            FREED_ENTRIES.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are those asked for here.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static INSPECTOR: Inspector = Inspector;

fn marked(count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        bytes.extend_from_slice(&MARK);
    }
    bytes
}

/// A payload from a vector whose spare capacity is full of secrets too.
fn payload() -> Payload<'static> {
    let mut bytes = marked(PAYLOAD_BYTES * 3 - PAYLOAD_BYTES * 3 % MARK.len());
    bytes.truncate(PAYLOAD_BYTES);
    Payload::from(bytes)
}

/// Never on the heap but in the cache.
fn id(number: u64) -> SessionId {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&ID_MARK);
    bytes[16..].copy_from_slice(&number.to_be_bytes());
    SessionId::new(&bytes).unwrap()
}

fn session(number: u64) -> NewSession<'static> {
    NewSession::new(ProtocolVersion::TLS13, id(number), payload())
        .with_timeout(Seconds(10 + number % 50))
}

/// Makes sessions leave in every way there is, and returns how many were stored.
fn play(cache: &SessionCache, clock: &ManualClock) -> usize {
    let view = cache.context(IdContext::EMPTY);
    let mut stored = 0;
    for number in 0..200u64 {
        let id = id(number);
        view.insert(session(number)).expect("nothing stalls");
        stored += 1;
        match number % 6 {
            0 => drop(view.take(ProtocolVersion::TLS13, &id).unwrap()),
            1 => assert!(view.remove(ProtocolVersion::TLS13, &id)),
            2 => {
                assert_eq!(
                    view.insert(session(number)).expect("nothing stalls").payload().len(),
                    PAYLOAD_BYTES
                );
                stored += 1;
            }
            3 => {
                clock.advance(Seconds(100));
                assert!(view.lookup(ProtocolVersion::TLS13, &id).is_none());
            }
            _ => {}
        }
    }
    cache.set_sessions_max(5).unwrap();
    assert!(cache.flush(UnixTime(0)) > 0);
    for number in 0..5 {
        view.insert(session(number)).expect("nothing stalls");
        stored += 1;
    }
    stored
}

/// What has left is wiped in the end, and what somebody holds when he lets go of it.
fn leave_and_be_wiped(rules: Rules) {
    let clock = ManualClock::new(UnixTime(1_000));
    let cache = SessionCache::builder().rules(rules).sessions_max(20).clock(clock.clone());
    let cache = cache.build().unwrap();
    let stored = play(&cache, &clock);
    let kept = cache.context(IdContext::EMPTY).insert(session(1_000)).expect("nothing stalls");
    drop(cache);
    for _ in 0..1_000 {
        session_core::reclaim();
    }
    assert!(kept.payload().starts_with(&MARK), "wiped while a handle holds it");
    assert_eq!(FREED_ENTRIES.load(Ordering::Relaxed), stored, "entries freed of those stored");
    drop(kept);
    assert_eq!(FREED_ENTRIES.swap(0, Ordering::Relaxed), stored + 1);
}

/// What is evicted or replaced is wiped as more comes, with no help and no other call.
fn keep_up() {
    for ids in [1_000, 10] {
        let cache = SessionCache::builder().sessions_max(20).build().unwrap();
        let before = FREED_ENTRIES.load(Ordering::Relaxed);
        for number in 0..1_000 {
            cache.context(IdContext::EMPTY).insert(session(number % ids)).expect("nothing stalls");
        }
        let wiped = FREED_ENTRIES.load(Ordering::Relaxed) - before;
        assert!(wiped > 500, "{wiped} of about 980 entries wiped meanwhile");
        drop(cache);
        for _ in 0..1_000 {
            session_core::reclaim();
        }
        FREED_ENTRIES.fetch_sub(1_000, Ordering::Relaxed);
    }
}

#[test]
fn r4_no_block_goes_back_with_a_payload_or_an_id_in_it() {
    // The inspector sees what it is there to see.
    drop(black_box(marked(64)));
    drop(black_box(Vec::from(ID_MARK)));
    assert_eq!(MARKED_BLOCKS.swap(0, Ordering::Relaxed), 2);

    let session = session(0).build(IdContext::EMPTY, UnixTime(0));
    let bytes = LAST_BYTES.load(Ordering::Relaxed);
    assert!(bytes > PAYLOAD_BYTES, "{bytes} bytes for an entry with a payload of {PAYLOAD_BYTES}");
    ENTRY_BYTES.store(bytes, Ordering::Relaxed);
    drop(session);
    assert_eq!(FREED_ENTRIES.swap(0, Ordering::Relaxed), 1);

    for rules in [Rules::DOCUMENTED, Rules::OPENSSL] {
        leave_and_be_wiped(rules);
    }
    keep_up();
    assert_eq!(MARKED_BLOCKS.load(Ordering::Relaxed), 0, "blocks freed with a secret in them");
}

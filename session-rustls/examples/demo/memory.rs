//! Bytes a session: what a full store holds of the heap, counted by the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::server::StoresServerSessions;

use crate::client::Client;
use crate::identity::Identity;
use crate::options::Version;
use crate::server::Server;

/// Sessions in the store that is measured: the cache's default size.
pub(crate) const MEASURED_SESSIONS: usize = 20_480;

/// Whether the allocator counts. It does only while nothing else runs, so that it costs the
/// handshakes nothing.
static COUNTING: AtomicBool = AtomicBool::new(false);

/// Bytes that were asked for and not given back since `COUNTING` was set.
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, which can count.
pub(crate) struct Counted;

// SAFETY:
// - every call goes on to `System` with the same arguments;
// - counting asks for no memory and does not unwind.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's own obligation, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's own obligation, passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes as isize - layout.size() as isize);
        // SAFETY: the caller's own obligation, passed on.
        unsafe { System.realloc(block, layout, bytes) }
    }
}

fn count(bytes: isize) {
    // Relaxed: one thread measures, and no other runs meanwhile.
    if COUNTING.load(Ordering::Relaxed) {
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A session as rustls hands it over: its bytes, and the capacity of their block.
#[derive(Debug)]
struct Sample {
    key: Vec<u8>,
    value: Vec<u8>,
    value_capacity: usize,
}

/// Stores nothing but the first session that it is given.
#[derive(Debug, Default)]
struct Sampler(OnceLock<Sample>);

impl StoresServerSessions for Sampler {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let value_capacity = value.capacity();
        self.0.set(Sample { key, value, value_capacity }).is_ok()
    }

    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Measures a store: makes one with room for [`MEASURED_SESSIONS`], fills it with what rustls
/// stores for a connection of this version, and divides what it then holds by their number.
pub(crate) fn bytes_per_session(
    identity: &Identity,
    version: Version,
    make: impl FnOnce(usize) -> Result<Arc<dyn StoresServerSessions>, Box<dyn Error>>,
) -> Result<u64, Box<dyn Error>> {
    let sampler = Arc::new(Sampler::default());
    {
        let server = Server::start(identity.server(Arc::clone(&sampler) as _)?, 1)?;
        Client::new(identity, version)?.connect(server.address())?;
    }
    let sample = sampler.0.get().ok_or("rustls stored no session")?;

    LIVE_BYTES.store(0, Ordering::Relaxed);
    COUNTING.store(true, Ordering::Relaxed);
    let store = make(MEASURED_SESSIONS);
    if let Ok(store) = &store {
        fill(store.as_ref(), sample);
    }
    COUNTING.store(false, Ordering::Relaxed);
    drop(store?);
    Ok(LIVE_BYTES.load(Ordering::Relaxed).unsigned_abs() as u64 / MEASURED_SESSIONS as u64)
}

fn fill(store: &dyn StoresServerSessions, sample: &Sample) {
    for number in 0..MEASURED_SESSIONS {
        let mut key = sample.key.clone();
        // Numbers in the place of random bytes: no two alike, which is all that matters here.
        key[..size_of::<usize>()].copy_from_slice(&number.to_ne_bytes());
        let mut value = Vec::with_capacity(sample.value_capacity);
        value.extend_from_slice(&sample.value);
        store.put(key, value);
    }
}

//! The whole of session-cache: limit, expiry, id context, statistics, the clock.

use session_cache::{
    CacheMode, Eviction, IdContext, ManualClock, NewSession, NotStored, Payload, ProtocolVersion,
    Seconds, SessionCache, SessionId,
};

use super::Peer;
use crate::ids::{Id, PAYLOAD};

/// A cache with one id context.
pub struct OurCache {
    cache: SessionCache,
    context: IdContext,
}

const DAY: Seconds = Seconds(86_400);

#[inline]
fn session_id(id: &Id) -> SessionId {
    SessionId::new(&id.0).expect("an id of 32 bytes is short enough")
}

impl OurCache {
    /// Makes one whose time is the caller's, and the choice of who goes.
    pub fn with(size: usize, clock: ManualClock, eviction: Eviction) -> OurCache {
        let builder = SessionCache::builder().sessions_max(size).bytes_max(0);
        // What has expired is flushed when a question says so.
        let mode = CacheMode::SERVER | CacheMode::NO_AUTO_CLEAR;
        let builder = builder.clock(clock).eviction(eviction).mode(mode);
        OurCache::built(builder.build().expect("the sizes of the benches are in range"))
    }

    fn built(cache: SessionCache) -> OurCache {
        OurCache { cache, context: IdContext::new(b"bench").expect("five bytes") }
    }

    /// Stores a session that expires in so many seconds.
    pub fn put_for(&self, id: &Id, timeout: Seconds) {
        self.store(id, timeout);
    }

    fn store(&self, id: &Id, timeout: Seconds) {
        let view = self.cache.context(self.context);
        loop {
            let payload = Payload::borrowed(&PAYLOAD);
            let session = NewSession::new(ProtocolVersion::UNKNOWN, session_id(id), payload);
            match view.insert(session.with_timeout(timeout)) {
                Ok(_) => return,
                // A thread that the system has stopped holds a guard: its turn comes.
                Err(NotStored::Stalled) => std::thread::yield_now(),
                Err(refusal) => panic!("{refusal}"),
            }
        }
    }

    /// Removes what has expired, and says how many.
    pub fn flush_expired(&self) -> usize {
        self.cache.flush_expired()
    }
}

impl Peer for OurCache {
    const NAME: &'static str = "session-cache";
    const IS_BOUNDED: bool = true;

    fn new(size: usize) -> OurCache {
        let builder = SessionCache::builder().sessions_max(size).bytes_max(0);
        OurCache::built(builder.build().expect("the sizes of the benches are in range"))
    }

    fn put(&self, id: &Id) {
        self.store(id, DAY);
    }

    fn take(&self, id: &Id) -> bool {
        let view = self.cache.context(self.context);
        view.take(ProtocolVersion::UNKNOWN, &session_id(id)).is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let view = self.cache.context(self.context);
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = view.lookup(ProtocolVersion::UNKNOWN, &session_id(&id));
            if let Some(session) = session {
                seen(session.payload());
                found += 1;
            }
        }
        found
    }
}

/// The same, told the time at each lookup instead of asking its clock: what the clock costs is the
/// difference.
pub struct OurCacheTold(OurCache);

impl Peer for OurCacheTold {
    const NAME: &'static str = "session-cache, told the time";
    const IS_BOUNDED: bool = false;

    fn new(size: usize) -> OurCacheTold {
        OurCacheTold(Peer::new(size))
    }

    fn put(&self, id: &Id) {
        Peer::put(&self.0, id);
    }

    fn take(&self, id: &Id) -> bool {
        Peer::take(&self.0, id)
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let view = self.0.cache.context(self.0.context);
        let now = self.0.cache.now();
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = view.lookup_at(ProtocolVersion::UNKNOWN, &session_id(&id), now);
            if let Some(session) = session {
                seen(session.payload());
                found += 1;
            }
        }
        found
    }
}

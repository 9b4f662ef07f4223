//! Ours and the peers, each by its best call for the job.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use foldhash::fast::RandomState;
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use session_cache::{
    IdContext, NewSession, Payload, ProtocolVersion, Seconds, SessionCache, SessionId,
};
use session_core::{Key, KeyHasher, Table};

pub(crate) type Id = [u8; 32];

/// What a session weighs: the DER of one without a peer certificate.
const PAYLOAD: [u8; 134] = [0x5a; 134];

pub(crate) trait Peer {
    const NAME: &'static str;

    fn new(size: usize) -> Self;

    fn put(&self, id: &Id);

    /// Makes something owned of what it finds, and drops it.
    fn lookup(&self, id: &Id) -> bool;

    fn take(&self, id: &Id) -> bool;
}

/// One in, one out: the oldest leaves, by the peer's own policy where it has one.
pub(crate) trait Bounded: Peer {
    fn put_at_capacity(&self, id: &Id);
}

/// The bare table of session-core.
pub(crate) struct OurTable(Table<[u8; 134]>);

fn key(id: &Id) -> Key {
    Key::new(0, id).expect("an id of 32 bytes is short enough")
}

impl Peer for OurTable {
    const NAME: &'static str = "session-core";

    fn new(size: usize) -> OurTable {
        OurTable(Table::with_capacity(size, KeyHasher::folded([1, 2])))
    }

    fn put(&self, id: &Id) {
        self.0.replace(key(id), PAYLOAD).expect("no guard is held for long");
    }

    fn lookup(&self, id: &Id) -> bool {
        self.0.handle(&key(id)).is_some()
    }

    fn take(&self, id: &Id) -> bool {
        self.0.take(&key(id)).is_some()
    }
}

/// The whole of session-cache: limit, expiry, id context, statistics, the clock.
pub(crate) struct OurCache {
    cache: SessionCache,
    context: IdContext,
}

fn session_id(id: &Id) -> SessionId {
    SessionId::new(id).expect("an id of 32 bytes is short enough")
}

impl Peer for OurCache {
    const NAME: &'static str = "session-cache";

    fn new(size: usize) -> OurCache {
        let cache = SessionCache::builder()
            .sessions_max(size)
            .timeout(Seconds(86_400))
            .build()
            .expect("the sizes of the benches are in range");
        OurCache { cache, context: IdContext::new(b"bench").expect("five bytes") }
    }

    fn put(&self, id: &Id) {
        let payload = Payload::copy_from(&PAYLOAD);
        let session = NewSession::new(ProtocolVersion::UNKNOWN, session_id(id), payload);
        self.cache.context(self.context).insert(session).expect("no guard is held for long");
    }

    fn lookup(&self, id: &Id) -> bool {
        let view = self.cache.context(self.context);
        view.lookup(ProtocolVersion::UNKNOWN, &session_id(id)).is_some()
    }

    fn take(&self, id: &Id) -> bool {
        let view = self.cache.context(self.context);
        view.take(ProtocolVersion::UNKNOWN, &session_id(id)).is_some()
    }
}

impl Bounded for OurCache {
    fn put_at_capacity(&self, id: &Id) {
        self.put(id);
    }
}

type Order = Mutex<VecDeque<Id>>;

/// A hash map behind one lock; bounded by a queue of ids under the same lock.
pub(crate) struct Locked {
    map: Mutex<HashMap<Id, Arc<[u8; 134]>, RandomState>>,
    order: Order,
}

impl Peer for Locked {
    const NAME: &'static str = "Mutex<HashMap>";

    fn new(size: usize) -> Locked {
        let map = HashMap::with_capacity_and_hasher(size, RandomState::default());
        Locked { map: Mutex::new(map), order: Order::default() }
    }

    fn put(&self, id: &Id) {
        self.map.lock().expect("nothing panics").insert(*id, Arc::new(PAYLOAD));
    }

    fn lookup(&self, id: &Id) -> bool {
        self.map.lock().expect("nothing panics").get(id).cloned().is_some()
    }

    fn take(&self, id: &Id) -> bool {
        self.map.lock().expect("nothing panics").remove(id).is_some()
    }
}

impl Bounded for Locked {
    fn put_at_capacity(&self, id: &Id) {
        let mut order = self.order.lock().expect("nothing panics");
        self.put(id);
        let oldest = one_out(&mut order, id);
        oldest.map(|oldest| self.take(&oldest));
    }
}

/// The queue of a peer that has no bound of its own. Begins with no eviction, so that what is there
/// stays, and holds as many newcomers as make the order cost what it costs.
fn one_out(order: &mut VecDeque<Id>, id: &Id) -> Option<Id> {
    order.push_back(*id);
    if order.len() > 1_024 { order.pop_front() } else { None }
}

/// A sharded map; bounded by a queue of ids behind a lock.
pub(crate) struct Dashmap {
    map: dashmap::DashMap<Id, Arc<[u8; 134]>, RandomState>,
    order: Order,
}

impl Peer for Dashmap {
    const NAME: &'static str = "dashmap";

    fn new(size: usize) -> Dashmap {
        let map = dashmap::DashMap::with_capacity_and_hasher(size, RandomState::default());
        Dashmap { map, order: Order::default() }
    }

    fn put(&self, id: &Id) {
        self.map.insert(*id, Arc::new(PAYLOAD));
    }

    fn lookup(&self, id: &Id) -> bool {
        self.map.get(id).map(|found| found.clone()).is_some()
    }

    fn take(&self, id: &Id) -> bool {
        self.map.remove(id).is_some()
    }
}

impl Bounded for Dashmap {
    fn put_at_capacity(&self, id: &Id) {
        self.put(id);
        let oldest = one_out(&mut self.order.lock().expect("nothing panics"), id);
        oldest.map(|oldest| self.take(&oldest));
    }
}

/// The cache that rustls comes with.
pub(crate) struct Rustls(Arc<ServerSessionMemoryCache>);

impl Peer for Rustls {
    const NAME: &'static str = "rustls";

    fn new(size: usize) -> Rustls {
        // It holds one less than it is told.
        Rustls(ServerSessionMemoryCache::new(size + 1))
    }

    fn put(&self, id: &Id) {
        self.0.put(id.to_vec(), PAYLOAD.to_vec());
    }

    fn lookup(&self, id: &Id) -> bool {
        self.0.get(id).is_some()
    }

    fn take(&self, id: &Id) -> bool {
        self.0.take(id).is_some()
    }
}

impl Bounded for Rustls {
    fn put_at_capacity(&self, id: &Id) {
        self.put(id);
    }
}

//! dashmap: a map in shards, each behind a lock.

use dashmap::DashMap;
use foldhash::fast::FixedState;

use super::{HASHER, Peer, Value, value};
use crate::ids::Id;

pub(crate) struct Dashmap(DashMap<Id, Value, FixedState>);

impl Peer for Dashmap {
    const NAME: &'static str = "dashmap";

    fn new(size: usize) -> Dashmap {
        Dashmap(DashMap::with_capacity_and_hasher(size, HASHER))
    }

    fn put(&self, id: &Id) {
        self.0.insert(*id, value());
    }

    fn take(&self, id: &Id) -> bool {
        self.0.remove(id).is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = self.0.get(&id).map(|session| Value::clone(&session));
            if let Some(session) = session {
                seen(&*session);
                found += 1;
            }
        }
        found
    }
}

//! quick_cache: a cache in shards with a policy near S3-FIFO.

use foldhash::fast::FixedState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::{HASHER, Peer, Value, value};
use crate::ids::Id;

pub(crate) struct QuickCache(Cache<Id, Value, UnitWeighter, FixedState>);

fn cache(size: usize, bound: usize) -> QuickCache {
    let lifecycle = DefaultLifecycle::default();
    QuickCache(Cache::with(size, bound as u64, UnitWeighter, HASHER, lifecycle))
}

impl Peer for QuickCache {
    const NAME: &'static str = "quick_cache";
    const IS_BOUNDED: bool = true;

    fn new(size: usize) -> QuickCache {
        cache(size, size)
    }

    fn roomy(size: usize) -> QuickCache {
        cache(size, 2 * size)
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
            if let Some(session) = self.0.get(&id) {
                seen(&*session);
                found += 1;
            }
        }
        found
    }
}

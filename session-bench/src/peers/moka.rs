//! moka: a cache with W-TinyLFU, its bookkeeping deferred to whoever calls.

use foldhash::fast::FixedState;
use moka::sync::Cache;

use super::{HASHER, Peer, Value, value};
use crate::ids::Id;

pub(crate) struct Moka(Cache<Id, Value, FixedState>);

impl Peer for Moka {
    const NAME: &'static str = "moka";
    const IS_BOUNDED: bool = true;

    fn new(size: usize) -> Moka {
        let builder = Cache::builder().max_capacity(size as u64).initial_capacity(size);
        Moka(builder.build_with_hasher(HASHER))
    }

    fn roomy(size: usize) -> Moka {
        let builder = Cache::builder().max_capacity(2 * size as u64).initial_capacity(size);
        Moka(builder.build_with_hasher(HASHER))
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

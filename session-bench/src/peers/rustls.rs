//! The cache that a rustls server comes with.

use std::sync::Arc;

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};

use super::Peer;
use crate::ids::{Id, PAYLOAD};

pub(crate) struct Rustls(Arc<ServerSessionMemoryCache>);

impl Peer for Rustls {
    const NAME: &'static str = "rustls";
    const IS_BOUNDED: bool = true;

    fn new(size: usize) -> Rustls {
        // It holds one less than it is told.
        Rustls(ServerSessionMemoryCache::new(size + 1))
    }

    fn put(&self, id: &Id) {
        self.0.put(id.0.to_vec(), PAYLOAD.to_vec());
    }

    fn take(&self, id: &Id) -> bool {
        self.0.take(&id.0).is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            if let Some(session) = self.0.get(&id.0) {
                seen(&session);
                found += 1;
            }
        }
        found
    }
}

//! scc: a map in locked buckets, and an index whose readers take no lock.

use foldhash::fast::FixedState;
use scc::{Guard, HashIndex, HashMap};

use super::{HASHER, Peer, Value, value};
use crate::ids::Id;

pub(crate) struct SccMap(HashMap<Id, Value, FixedState>);

impl Peer for SccMap {
    const NAME: &'static str = "scc HashMap";

    fn new(size: usize) -> SccMap {
        SccMap(HashMap::with_capacity_and_hasher(size, HASHER))
    }

    fn put(&self, id: &Id) {
        self.0.upsert_sync(*id, value());
    }

    fn take(&self, id: &Id) -> bool {
        self.0.remove_sync(id).is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = self.0.read_sync(&id, |_, session| session.clone());
            if let Some(session) = session {
                seen(&*session);
                found += 1;
            }
        }
        found
    }
}

pub(crate) struct SccIndex(HashIndex<Id, Value, FixedState>);

impl Peer for SccIndex {
    const NAME: &'static str = "scc HashIndex";
    const LENDS: bool = true;

    fn new(size: usize) -> SccIndex {
        SccIndex(HashIndex::with_capacity_and_hasher(size, HASHER))
    }

    fn put(&self, id: &Id) {
        if let Err((id, value)) = self.0.insert_sync(*id, value()) {
            match self.0.entry_sync(id) {
                scc::hash_index::Entry::Occupied(mut entry) => entry.update(value),
                scc::hash_index::Entry::Vacant(entry) => drop(entry.insert_entry(value)),
            }
        }
    }

    fn take(&self, id: &Id) -> bool {
        self.0.remove_sync(id)
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            let session = self.0.peek_with(&id, |_, session| session.clone());
            if let Some(session) = session {
                seen(&*session);
                found += 1;
            }
        }
        found
    }

    #[inline]
    fn lookups_held(&self, mut next: impl FnMut(&mut Id) -> bool) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        let guard = Guard::new();
        while next(&mut id) {
            found += u64::from(self.0.peek(&id, &guard).is_some());
        }
        found
    }
}

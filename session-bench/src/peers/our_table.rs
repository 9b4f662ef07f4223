//! The bare table of session-core.

use session_core::{Key, KeyHasher, Table, pin};

use super::Peer;
use crate::ids::{Id, PAYLOAD};

/// No expiry, no bound, no context: what all of session-cache stands on.
pub struct OurTable(Table<[u8; PAYLOAD.len()]>);

#[inline]
fn key(id: &Id) -> Key {
    Key::new(0, &id.0).expect("an id of 32 bytes is short enough")
}

impl Peer for OurTable {
    const NAME: &'static str = "session-core";
    const LENDS: bool = true;

    fn new(size: usize) -> OurTable {
        OurTable(Table::with_capacity(size, KeyHasher::folded([1, 2])))
    }

    fn put(&self, id: &Id) {
        let mut value = PAYLOAD;
        // Refused while a thread that the system has stopped holds a guard: its turn comes.
        while let Err(refused) = self.0.replace(key(id), value) {
            value = refused.value;
            std::thread::yield_now();
        }
    }

    fn take(&self, id: &Id) -> bool {
        self.0.take(&key(id)).is_some()
    }

    #[inline]
    fn lookups(&self, mut next: impl FnMut(&mut Id) -> bool, mut seen: impl FnMut(&[u8])) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        while next(&mut id) {
            if let Some(session) = self.0.handle(&key(&id)) {
                seen(&*session);
                found += 1;
            }
        }
        found
    }

    #[inline]
    fn lookups_held(&self, mut next: impl FnMut(&mut Id) -> bool) -> u64 {
        let (mut id, mut found) = (Id::default(), 0);
        let guard = pin();
        while next(&mut id) {
            found += u64::from(self.0.get(&key(&id), &guard).is_some());
        }
        found
    }
}
